/** Sums of exponentials without overflow: evidence grows far beyond what a double holds. */
export function logSumExp(values: readonly number[]): number {
  let max = Number.NEGATIVE_INFINITY;
  for (const v of values) if (v > max) max = v;
  if (max === Number.NEGATIVE_INFINITY) return max;
  let sum = 0;
  for (const v of values) sum += Math.exp(v - max);
  return max + Math.log(sum);
}

/** Stands for minus infinity in states that are stored as JSON; exp of it is 0 in double precision. */
export const LN_ZERO = -1e9;
export const bounded = (ln: number): number =>
  Number.isFinite(ln) ? Math.max(LN_ZERO, Math.min(1e9, ln)) : ln > 0 ? 1e9 : LN_ZERO;

/** ln of the weighted average of e-values given by their logs. Weights add up to 1. */
export function lnAverage(lns: readonly number[], weights: readonly number[]): number {
  return bounded(logSumExp(lns.map((ln, i) => ln + Math.log(weights[i] ?? 0))));
}

/** The same where all weigh alike. */
export const lnMean = (lns: readonly number[]): number =>
  lnAverage(
    lns,
    lns.map(() => 1 / lns.length),
  );
