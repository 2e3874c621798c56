import { isAtRisk } from "@latchkey/core/delivery/rollout";
import { activeRollouts, countDecisions } from "../apps/server/src/delivery/rollouts.store.ts";
import type { Era } from "./oracle.ts";
import type { World } from "./world.ts";

/** platform/leases.ts: a lease that is not renewed is good for so long. */
export const LEASE_MS = 6_000;
/** rollback-policy.ts, where a service says nothing. */
const DEAD_MAN_MS = 300_000;
/**
 * platform/loop-watch.ts, 60 s, by a clock that may go 5 % slower, and the time of a question that was under way. Later than
 * that whose loop hangs asks for no lease.
 */
const HANGS_MS = 66_000;

interface AtRisk {
  readonly rolloutId: string;
  /** It had so many decisions when somebody began to watch again. */
  readonly decisions: number;
  readonly era: number;
}

/** Sees who watches: how long nobody held the lease, and whether a server holds on to it whose loop hangs. */
export class Watch {
  readonly #world: World;
  #goodUntilMs: number;
  /** The longest time that nobody held it, so far. */
  longestMs = 0;
  readonly atRisk: AtRisk[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#goodUntilMs = world.startMs;
  }

  /** A server holds the lease from now on, or still. */
  onHeld(): void {
    const { nowMs } = this.#world.timeline;
    const vacantMs = nowMs - this.#goodUntilMs;
    this.#goodUntilMs = nowMs + LEASE_MS;
    this.longestMs = Math.max(this.longestMs, vacantMs);
    if (vacantMs < DEAD_MAN_MS) return;
    void this.#noteAtRisk(this.#world.oracle.era);
  }

  async #noteAtRisk(era: number): Promise<void> {
    const { directly } = this.#world;
    for (const { id, baseline_release_id, machine } of await activeRollouts(directly))
      if (baseline_release_id !== null && isAtRisk(machine))
        this.atRisk.push({ rolloutId: id, decisions: await countDecisions(directly, id), era });
  }

  /** A server asks for the lease. */
  onAsked(name: string, hangsSinceMs: number | null): void {
    if (hangsSinceMs === null) return;
    const hangsMs = this.#world.timeline.nowMs - hangsSinceMs;
    if (hangsMs > HANGS_MS)
      this.#world.oracle.violate(
        `${name} asks for the lease although its loop has hung for ${Math.round(hangsMs / 1_000)} s.`,
      );
  }
}

/** What shows a canary to more people, decided by the evidence and not by a person. */
const ONWARD = ["advanced", "promoted", "held_back", "completed"];

/** A canary that nobody watched for too long is taken back before it goes on. Enforced: rollouts.controller.ts `#leaveUnwatched`. */
export function* unwatchedGoesBack({ rollouts, world }: Era): Iterable<string> {
  for (const { rolloutId, decisions, era } of world.watch.atRisk) {
    if (era !== world.oracle.era) continue;
    const seen = rollouts.find((r) => r.row.id === rolloutId);
    if (!seen) continue;
    const first = seen.decisions
      .slice(decisions)
      .find((d) => d.decision.toState !== d.decision.fromState || d.decision.kind === "advanced");
    if (first && first.decision.actor.kind === "system" && ONWARD.includes(first.decision.kind))
      yield `Rollout ${rolloutId} goes on (${first.decision.words}) after nobody had watched it.`;
  }
}

/** Nothing is taken back for want of somebody who watches while somebody does. Enforced: platform/leases.ts, the database's clock. */
export function* watchedIsNotUnwatched({ rollouts, world }: Era): Iterable<string> {
  // By the database's clock, in whole seconds.
  if (world.watch.longestMs > DEAD_MAN_MS - 1_000) return;
  for (const { row, decisions } of rollouts)
    if (decisions.some((d) => d.decision.words.includes("Nobody watched it for")))
      yield `Rollout ${row.id} was taken back as unwatched, but nobody was away for longer than ${Math.round(world.watch.longestMs / 1_000)} s.`;
}
