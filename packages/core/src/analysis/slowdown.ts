import { bucketOf, countOf, type Histogram, LN_GROWTH } from "../shared/histogram.ts";
import { type Bounds, EFFECT_ALPHA } from "./effect.ts";
import { lnMean } from "./log-space.ts";

/**
 * By how much the canary's answers take longer, as a confidence sequence: the factors that the judge's rank tests (see
 * latency.ts) have not excluded, on a grid of whole buckets. A factor is excluded from below by "slower than by it", from
 * above by "not as slow as it", each at alpha / 2.
 */

/** Buckets (5 % each) by which the canary is sped up before it is compared: from less than half to seven times the time. */
export const SHIFTS = [
  -20, -14, -10, -7, -5, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40,
] as const;

/** Bets on small and on gross differences; see `LAMBDAS` of latency.ts. Two of four, as each is kept for every shift. */
const BETS = [4, 16] as const;

/** ln e per shift and bet: that the canary is slower than by the shift, and that it is faster. */
export interface Slowdown {
  readonly slower: readonly (readonly number[])[];
  readonly faster: readonly (readonly number[])[];
}

const none = SHIFTS.map(() => BETS.map(() => 0));
export const startSlowdown: Slowdown = { slower: none, faster: none };

/**
 * P(canary's answer > baseline's) + P(equal) / 2 - 1/2 for each shift: the difference of the arms' mean pooled mid-ranks
 * (Mann & Whitney 1947), which is what `latency.ts` bets on. One pass over the baseline serves all shifts.
 */
export function leansOf(baseline: Histogram, canary: Histogram, floorMs: number): number[] {
  const floor = floorMs > 0 ? bucketOf(floorMs) : Number.NEGATIVE_INFINITY;
  const rows = Object.keys(baseline)
    .map((k): [number, number] => [Math.max(floor, Number(k)), baseline[k] ?? 0])
    .sort(([a], [b]) => a - b);
  const canaryRows = Object.keys(canary).map((k): [number, number] => [Number(k), canary[k] ?? 0]);
  canaryRows.sort(([a], [b]) => a - b);
  const pairs = countOf(baseline) * countOf(canary);
  return SHIFTS.map((shift) => {
    let [at, before, won] = [0, 0, 0];
    for (const [bucket, count] of canaryRows) {
      const own = Math.max(floor, bucket - shift);
      while (at < rows.length && (rows[at]?.[0] ?? 0) < own) before += rows[at++]?.[1] ?? 0;
      let equal = 0;
      for (let i = at; i < rows.length && rows[i]?.[0] === own; i++) equal += rows[i]?.[1] ?? 0;
      won += count * (before + equal / 2);
    }
    return won / pairs - 0.5;
  });
}

/** To four digits: nothing is decided on them, and the state is written at every look. */
const short = (ln: number): number => Math.round(ln * 1e4) / 1e4;

/** Takes a batch in that has answers of both arms. */
export function stepSlowdown(s: Slowdown, baseline: Histogram, canary: Histogram, floorMs: number): Slowdown {
  const leans = leansOf(baseline, canary, floorMs);
  const step = (lns: Slowdown["slower"], sign: 1 | -1) =>
    lns.map((row, i) => row.map((ln, j) => short(ln + Math.log1p(Math.tanh((BETS[j] ?? 1) * sign * (leans[i] ?? 0))))));
  return { slower: step(s.slower, 1), faster: step(s.faster, -1) };
}

const excluded = (lns: readonly number[] | undefined): boolean =>
  lns !== undefined && lnMean(lns) >= Math.log(2 / EFFECT_ALPHA);

/** Bounds of the relative slowdown: 0.1 is "takes 10 % longer", -0.1 "10 % less". Null where the data exclude nothing. */
export function slowdownBounds(s: Slowdown): Bounds | null {
  const lower = SHIFTS.findLastIndex((_, i) => excluded(s.slower[i]));
  const upper = SHIFTS.findIndex((_, i) => excluded(s.faster[i]));
  if (lower === -1 && upper === -1) return null;
  const factor = (i: number) => Math.expm1((SHIFTS[i] ?? 0) * LN_GROWTH);
  return { low: lower === -1 ? -1 : factor(lower), high: upper === -1 ? Number.POSITIVE_INFINITY : factor(upper) };
}
