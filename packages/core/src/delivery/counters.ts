import type { ArmCounts } from "../analysis/types.ts";
import { addCounts } from "../analysis/units.ts";
import { type Histogram, subtractHistogram } from "../shared/histogram.ts";
import { compareGenerations, type Generation, generationKey } from "./generation.ts";

/**
 * From the gateways' cumulative counters to what is new since the last look. Counters only grow within a boot of
 * a gateway, so a lost report loses nothing: the next one holds its counts as well.
 */
export interface Cumulative {
  /** Identity of the row: gateway, boot, generation, release and route class. */
  readonly key: string;
  readonly generation: Generation;
  readonly releaseId: string;
  readonly routeClass: string;
  readonly requests: number;
  readonly errors: number;
  readonly latency: Histogram;
  readonly pageViews: number;
  readonly pageErrors: number;
  /** Absent where the gateway is one that doesn't tell visitors apart. */
  readonly unitErrors?: number;
  readonly unitPageErrors?: number;
}

/** What earlier looks have already taken in, by counter key. */
export type Taken = { readonly [key: string]: Omit<Cumulative, "key" | "generation" | "releaseId" | "routeClass"> };

export interface GenerationDelta {
  readonly generation: Generation;
  readonly baseline: ArmCounts;
  readonly canary: ArmCounts;
}

export const NO_COUNTS: ArmCounts = { requests: 0, errors: 0, latency: {}, pageViews: 0, pageErrors: 0 };

/** What is remembered of a counter that was taken in. */
export const takenOf = (counter: Cumulative): Taken[string] => {
  const { requests, errors, latency, pageViews, pageErrors, unitErrors, unitPageErrors } = counter;
  return {
    ...{ requests, errors, latency, pageViews, pageErrors },
    ...(unitErrors === undefined ? {} : { unitErrors }),
    ...(unitPageErrors === undefined ? {} : { unitPageErrors }),
  };
};

/** Growth of one counter since it was last taken in. A page may report its error after the look that counted its view: both only ever grow. */
export function growthOf(now: Cumulative, before: Taken[string] | undefined): ArmCounts {
  if (!before) return now;
  const up = (a: number, b: number) => Math.max(0, a - b);
  return {
    requests: up(now.requests, before.requests),
    errors: up(now.errors, before.errors),
    latency: subtractHistogram(now.latency, before.latency),
    pageViews: up(now.pageViews, before.pageViews),
    pageErrors: up(now.pageErrors, before.pageErrors),
    // What was taken in before units were told had every error in it.
    ...(now.unitErrors === undefined ? {} : { unitErrors: up(now.unitErrors, before.unitErrors ?? before.errors) }),
    ...(now.unitPageErrors === undefined
      ? {}
      : { unitPageErrors: up(now.unitPageErrors, before.unitPageErrors ?? before.pageErrors) }),
  };
}

/** Assets follow their document and cost next to nothing: they say little and would drown what does. */
const isJudged = (counter: Cumulative): boolean => counter.routeClass !== "asset";

/** What of a counter's growth is judged. Only API requests are routed by themselves for certain. */
function countedOf(counter: Cumulative, grown: ArmCounts): ArmCounts {
  const { requests, errors, latency, pageViews, pageErrors, unitErrors, unitPageErrors } = grown;
  const judged = isJudged(counter);
  const byVisitor = judged && counter.routeClass !== "api";
  return {
    // A script that came as HTML is counted on its asset's row: page figures count whatever the class.
    ...(judged ? { requests, errors, latency } : { requests: 0, errors: 0, latency: {} }),
    ...{ pageViews, pageErrors },
    ...(unitErrors === undefined
      ? {}
      : {
          unitErrors: judged ? unitErrors : 0,
          unitPageErrors: unitPageErrors ?? pageErrors,
          visitorRequests: byVisitor ? requests : 0,
          visitorErrors: byVisitor ? errors : 0,
        }),
  };
}

/**
 * What is new, one delta per generation (each has one routing share), oldest first, and what is taken in with it.
 * Generations without news are left out.
 */
export function takeDeltas(
  counters: readonly Cumulative[],
  taken: Taken,
  canaryReleaseId: string,
): { deltas: readonly GenerationDelta[]; taken: Taken } {
  const byGeneration = new Map<string, { generation: Generation; baseline: ArmCounts; canary: ArmCounts }>();
  const nextTaken: Record<string, Taken[string]> = {};
  for (const counter of counters) {
    nextTaken[counter.key] = takenOf(counter);
    const counted = countedOf(counter, growthOf(counter, taken[counter.key]));
    if (counted.requests + counted.errors + counted.pageViews + counted.pageErrors === 0) continue;
    const entry = byGeneration.get(generationKey(counter.generation)) ?? {
      generation: counter.generation,
      baseline: NO_COUNTS,
      canary: NO_COUNTS,
    };
    if (counter.releaseId === canaryReleaseId) entry.canary = addCounts(entry.canary, counted);
    else entry.baseline = addCounts(entry.baseline, counted);
    byGeneration.set(generationKey(counter.generation), entry);
  }
  const deltas = [...byGeneration.values()].sort((a, b) => compareGenerations(a.generation, b.generation));
  return { deltas, taken: nextTaken };
}
