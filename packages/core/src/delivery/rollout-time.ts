/**
 * A rollout's own time: what it has been watched for. Bake times, the maximum and the holdback are counted in it, so
 * that a clock that is set forward, an outage of the server, or another server's clock can't pass unwatched time off
 * as watched, and a clock that is set back can't make a rollout wait for the same hour again.
 */
export interface RolloutTime {
  /** Rollout time, anchored at the wall clock of its creation, milliseconds. */
  readonly atMs: number;
  /** The wall clock when it was last moved on. */
  readonly seenMs: number;
}

/** Looks come every 2 s, and on a busy machine every few: more than this between two inputs was not watched. */
export const GAP_MS_MAX = 10_000;

/** Moved on to a wall clock's `nowMs`: by what has passed since, at least nothing and at most one gap. */
export function moveOn(time: RolloutTime, nowMs: number): RolloutTime {
  const passedMs = Math.min(Math.max(0, nowMs - time.seenMs), GAP_MS_MAX);
  return { atMs: time.atMs + passedMs, seenMs: nowMs };
}
