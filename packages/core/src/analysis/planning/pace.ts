import { quantileOf } from "./search.ts";
import { timeWords } from "./words.ts";

/** How fast changes come, and how long the rollout of one takes: measured in one environment. */
export interface PaceInput {
  /** Of rollouts that were judged to their end, from their beginning until the next one could begin, ms. */
  readonly rolloutTimesMs: readonly number[];
  /** What a rollout is expected to take, ms: it stands in before any was judged. */
  readonly expectedMs: number;
  /** When the newest changes were asked for, ms; only the week before `nowMs` counts. */
  readonly askedAtMs: readonly number[];
  readonly nowMs: number;
  /** How many changes one rollout may carry. */
  readonly maximumChanges: number;
}

export interface Pace {
  /** Median, or what is expected; and how many rollouts it is of, 0 when none was. */
  readonly rolloutMs: number;
  readonly rollouts: number;
  /** How many changes were asked for, and how many that makes a day; null with fewer than two. */
  readonly changes: number;
  readonly changesPerDay: number | null;
  /** How many a day can go out one after the other, and with as many in each rollout as may be. */
  readonly alonePerDay: number;
  readonly batchedPerDay: number;
  readonly maximumChanges: number;
  /** A single rollout takes longer than it takes for the next change to come. */
  readonly outpaced: boolean;
}

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** Shorter than any rollout: two gateways acknowledge within a second or so. */
const ROLLOUT_MIN_MS = 1_000;

/** What a service can ship in a day, alone and in batches, and whether changes come faster than that. */
export function paceOf(input: PaceInput): Pace {
  const { rolloutTimesMs, expectedMs, nowMs, maximumChanges } = input;
  const rolloutMs = Math.max(ROLLOUT_MIN_MS, quantileOf(rolloutTimesMs, 0.5) ?? expectedMs);
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
    maximumChanges,
    outpaced: changesPerDay !== null && changesPerDay > alonePerDay,
  };
}

const rate = (perDay: number): string =>
  perDay >= 100 ? Math.round(perDay).toLocaleString("en-GB") : String(Number(perDay.toPrecision(2)));

/** Whether to ship in batches, with the figures behind it: one sentence each. `when` is as configured. */
export function paceWords(pace: Pace, when: "off" | "auto" | "always"): string[] {
  const took = timeWords(pace.rolloutMs);
  const of =
    pace.rollouts === 0
      ? `No rollout was judged yet; one is expected to take about ${took}.`
      : `Half of the last ${pace.rollouts} rollouts kept the environment busy for less than ${took}.`;
  const came =
    pace.changesPerDay === null
      ? "Too few changes were asked for in the last 7 days to say how fast they come."
      : `${pace.changes} changes were asked for of late: about ${rate(pace.changesPerDay)} a day.`;
  const can = `One after the other, about ${rate(pace.alonePerDay)} changes a day can go out; with up to ${pace.maximumChanges} in each rollout, about ${rate(pace.batchedPerDay)}.`;
  return [of, came, can, adviceWords(pace, when)];
}

function adviceWords({ outpaced, changesPerDay, batchedPerDay }: Pace, when: "off" | "auto" | "always"): string {
  if (when === "off")
    return outpaced
      ? "Changes come faster than rollouts end, and batches are off: those that wait become more and more. Set strategy.batch.when to auto."
      : "Batches are off; at this pace they are not needed.";
  if (changesPerDay !== null && changesPerDay > batchedPerDay)
    return "That is more than batches can carry: raise strategy.batch.maximumChanges, or shorten the rollouts.";
  if (outpaced)
    return "Changes come faster than rollouts end: those that ask for it (--if-busy batch) go out together.";
  return when === "always"
    ? "At this pace each could go out alone; those that ask for it (--if-busy batch) go out together all the same."
    : "At this pace each goes out alone, also those that ask for a batch: a rollout that goes wrong then names its change.";
}
