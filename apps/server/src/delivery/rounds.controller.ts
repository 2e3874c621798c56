import type { Clock } from "../platform/clock.ts";
import type { Lease } from "../platform/leases.ts";
import type { Loop } from "../platform/loop.ts";
import type { LoopWatch } from "../platform/loop-watch.ts";

/** Without a deployment under way only the processes are tended at each tick; the rest is looked at this often, or when woken. */
const IDLE_ROUND_MS = 1_000;

/** What a round calls, in this order. */
export interface Parts {
  readonly lease: Pick<Lease, "held">;
  /** Answers whether there was anything under way. */
  readonly deployments: { tick(): Promise<boolean> };
  readonly rollouts: { tick(news: boolean): Promise<void> };
  readonly target: { tend(): Promise<void> };
  /** Hears that the loop goes round. */
  readonly watch: Pick<LoopWatch, "sign">;
}

/** Runs the delivery controllers while this server holds the lease: one server of several at a time. */
export function runRounds(loop: Loop, clock: Clock, parts: Parts): void {
  let underWay = true;
  let roundAt = 0;
  loop.run(async (news, woken) => {
    parts.watch.sign();
    if (!parts.lease.held()) return;
    if (!underWay && !woken && clock.monotonic() - roundAt < IDLE_ROUND_MS) return parts.target.tend();
    roundAt = clock.monotonic();
    underWay = await parts.deployments.tick();
    parts.watch.sign();
    await parts.rollouts.tick(news);
  });
}
