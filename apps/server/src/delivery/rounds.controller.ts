import type { Logger } from "pino";
import type { Clock } from "../platform/clock.ts";
import type { Lease } from "../platform/leases.ts";
import type { LoopWatch } from "../platform/loop-watch.ts";

const TICK_MS = 200;
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

/** One round at a time, at least every 200 ms, sooner when woken. A round that fails is logged; the next is due. */
export class Loop {
  readonly #log: Logger;
  readonly #clock: Clock;
  #wake: (() => void) | null = null;
  #news = false;
  #woken = false;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  wake(news = false): void {
    this.#news ||= news;
    this.#woken = true;
    this.#wake?.();
  }

  run(round: (news: boolean, woken: boolean) => Promise<void>): void {
    this.#done = this.#rounds(round);
  }

  async #rounds(round: (news: boolean, woken: boolean) => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      const [news, woken] = [this.#news, this.#woken];
      this.#news = false;
      this.#woken = false;
      try {
        await round(news, woken);
      } catch (error) {
        this.#log.error({ err: error }, "a round of the delivery controllers failed");
      }
      if (this.#stopped) return;
      await new Promise<void>((resolve) => {
        const callOff = this.#clock.after(this.#news ? 10 : TICK_MS, resolve);
        this.#wake = () => {
          callOff();
          resolve();
        };
      });
      this.#wake = null;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#done;
  }
}
