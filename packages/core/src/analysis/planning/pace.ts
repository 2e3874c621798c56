import { quantileOf } from "./search.ts";

/** How fast changes come, and how long the rollout of one takes: measured in one environment. */
export interface PaceInput {
  /** Of rollouts that were judged to their end, from their beginning until the next one could begin, ms. */
  readonly rolloutTimesMs: readonly number[];
  /** What the steps take at least, ms: it stands in before any rollout was judged. */
  readonly leastMs: number;
  /** When the newest changes were asked for, ms; only the week before `nowMs` counts. */
  readonly askedAtMs: readonly number[];
  readonly nowMs: number;
  /** How many changes one rollout may carry. */
  readonly maximumChanges: number;
}

export interface Pace {
  /** Median, or what the steps take at least; and how many rollouts it is of, 0 when none was. */
  readonly rolloutMs: number;
  readonly rollouts: number;
  /** How many changes were asked for, and how many that makes a day; null with fewer than two. */
  readonly changes: number;
  readonly changesPerDay: number | null;
  /** How many a day can go out one after the other, and with as many in each rollout as may be. */
  readonly alonePerDay: number;
  readonly batchedPerDay: number;
  /** A single rollout takes longer than it takes for the next change to come. */
  readonly outpaced: boolean;
}

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** Shorter than any rollout: two gateways acknowledge within a second or so. */
const ROLLOUT_MIN_MS = 1_000;

/** What a service can ship in a day, alone and in batches, and whether changes come faster than that. */
export function paceOf(input: PaceInput): Pace {
  const { rolloutTimesMs, leastMs, nowMs, maximumChanges } = input;
  const rolloutMs = Math.max(ROLLOUT_MIN_MS, quantileOf(rolloutTimesMs, 0.5) ?? leastMs);
  const asked = input.askedAtMs.filter((at) => at > nowMs - WEEK_MS && at <= nowMs);
  // Up to now, not to the newest: a week ago many came in an hour, and none since.
  const spanMs = nowMs - asked.reduce((a, b) => Math.min(a, b), nowMs);
  const changesPerDay = asked.length < 2 || spanMs === 0 ? null : ((asked.length - 1) * DAY_MS) / spanMs;
  const alonePerDay = DAY_MS / rolloutMs;
  return {
    rolloutMs,
    rollouts: rolloutTimesMs.length,
    changes: asked.length,
    changesPerDay,
    alonePerDay,
    batchedPerDay: alonePerDay * maximumChanges,
    outpaced: changesPerDay !== null && changesPerDay > alonePerDay,
  };
}
