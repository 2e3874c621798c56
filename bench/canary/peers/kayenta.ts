import type { ArmCounts } from "@latchkey/core/analysis/types";
import { bucketMiddleMs } from "@latchkey/core/shared/histogram";
import type { Peer } from "./peer.ts";

/**
 * A judge like Kayenta's (spinnaker/kayenta, NetflixACAJudge, MannWhitneyClassifier and MannWhitney, Apache-2.0; read, not run):
 * each metric is a list of points in time per arm; a confidence interval of the Hodges-Lehmann shift by the normal
 * approximation of the Mann-Whitney statistic with corrections for ties and continuity (as R's wilcox.test does). A metric is
 * "High" when the interval's lower end is above a quarter of the estimate; one critical metric that is High fails the canary.
 * Points of 5 s here, at least 50 of them, judged every 5 minutes over all that was seen, against as much baseline.
 */
const JUDGE_EVERY_MS = 300_000;
const POINTS_MIN = 50;
const CONFIDENCE_Z = 2.326348; // the 0.99 quantile of the normal distribution: 98 %, two-sided
const TOLERANCE = 0.25;
/** Its root finder stops within this, in the metric's unit: small shifts of small metrics are not resolved. */
const ROOT_WITHIN = 1e-4;

/** Sorted ascending. */
type Sorted = readonly number[];
const ascending = (values: readonly number[]): Sorted => [...values].sort((a, b) => a - b);

/**
 * How far the rank sum of `x - shift` among itself and y lies from its mean, in standard deviations: continuity corrected by a
 * half, variance corrected for ties. NaN when all are tied.
 */
export function zAtShift(x: Sorted, y: Sorted, shift: number): number {
  const [m, n] = [x.length, y.length];
  let [i, j, ranks, ties] = [0, 0, 0, 0];
  while (i < m || j < n) {
    const value = Math.min(i < m ? (x[i] ?? 0) - shift : Number.POSITIVE_INFINITY, y[j] ?? Number.POSITIVE_INFINITY);
    const [fromI, fromJ] = [i, j];
    while (i < m && (x[i] ?? 0) - shift === value) i++;
    while (j < n && y[j] === value) j++;
    const tied = i - fromI + j - fromJ;
    ranks += (i - fromI) * (fromI + fromJ + (tied + 1) / 2);
    ties += tied ** 3 - tied;
  }
  const d = ranks - (m * (m + 1)) / 2 - (m * n) / 2;
  const variance = ((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1)));
  return (d - Math.sign(d) * 0.5) / Math.sqrt(variance);
}

/**
 * Where z falls to `target`, by halving: z falls with the shift, in steps. Of the two ends that are left, the one whose z is nearer, as
 * root finders answer: it matters where most points are alike, as error ratios of 0 are.
 */
function shiftAt(x: Sorted, y: Sorted, target: number, within: number): number {
  let low = (x[0] ?? 0) - (y.at(-1) ?? 0);
  let high = (x.at(-1) ?? 0) - (y[0] ?? 0);
  if (zAtShift(x, y, low) <= target) return low;
  if (zAtShift(x, y, high) >= target) return high;
  while (high - low > within) {
    const middle = (low + high) / 2;
    if (zAtShift(x, y, middle) > target) low = middle;
    else high = middle;
  }
  return zAtShift(x, y, low) - target <= target - zAtShift(x, y, high) ? low : high;
}

/** The Hodges-Lehmann shift of x against y with its interval. */
export function shiftOf(xs: readonly number[], ys: readonly number[], z = CONFIDENCE_Z, within = ROOT_WITHIN) {
  const [x, y] = [ascending(xs), ascending(ys)];
  return { low: shiftAt(x, y, z, within), estimate: shiftAt(x, y, 0, within), high: shiftAt(x, y, -z, within) };
}

/** "High": the canary's points lie above the baseline's beyond the tolerance. Points that are all alike say nothing. */
export function isHigh(canary: readonly number[], baseline: readonly number[]): boolean {
  if (canary.length < POINTS_MIN || baseline.length < POINTS_MIN) return false;
  const first = canary[0];
  if (canary.every((v) => v === first) && baseline.every((v) => v === first)) return false;
  const { low, estimate } = shiftOf(canary, baseline);
  return low > TOLERANCE * Math.abs(estimate);
}

function meanMs({ latency, requests }: ArmCounts): number {
  let sum = 0;
  for (const bucket in latency) sum += bucketMiddleMs(Number(bucket)) * (latency[bucket] ?? 0);
  return sum / requests;
}

export const kayenta: Peer = {
  name: "Kayenta-like",
  equalBaseline: true,
  start: () => {
    const points = {
      canary: { errors: [] as number[], ms: [] as number[] },
      baseline: { errors: [] as number[], ms: [] as number[] },
    };
    return (look) => {
      for (const arm of ["canary", "baseline"] as const) {
        // A ratio of nothing is no number, and Kayenta leaves it out.
        if (look[arm].requests === 0) continue;
        points[arm].errors.push(look[arm].errors / look[arm].requests);
        points[arm].ms.push(meanMs(look[arm]));
      }
      if (look.atMs % JUDGE_EVERY_MS !== 0) return null;
      const { canary, baseline } = points;
      return isHigh(canary.errors, baseline.errors) || isHigh(canary.ms, baseline.ms) ? "roll_back" : null;
    };
  },
};
