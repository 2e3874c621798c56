import { bucketOf, countOf, type Histogram, LN_GROWTH } from "../shared/histogram.ts";

/** Latency by ranks within a batch: valid for any distribution, drifting or not, as long as routing tosses its coin for each request. */

/** Bets on how strongly the canary's ranks lean up (harm). */
export const LAMBDAS = [0.6, 1.2, 2.4] as const;
/**
 * Bets on how strongly they lean down (safe). Where mean ranks differ by d, a bet grows by (1 - w)(lambda d - lambda^2 / 24)
 * per canary request, most at lambda = 12 d. For lognormal answers of spread sigma and the margin m, d is
 * ln(1 + m) / (2 sqrt(pi) sigma): with m = 15 % lambda should be 1.9 at sigma = 0.25 and 0.24 at sigma = 2. A busy
 * machine has sigma above 1, where the bets for harm would all lose.
 */
export const SAFE_LAMBDAS = [0.25, 0.5, 1, 2] as const;

/** The canary's histogram as if it were (1 + margin) times faster: H0 "at most so much slower" becomes "not slower". */
export function speedUp(canary: Histogram, margin: number): Histogram {
  const bins = Math.round(Math.log1p(margin) / LN_GROWTH);
  const out: Record<string, number> = {};
  for (const k in canary) out[Number(k) - bins] = (out[Number(k) - bins] ?? 0) + (canary[k] ?? 0);
  return out;
}

/** Everything below the floor in the floor's bucket: a monotone map of both arms, so exchangeability holds as before. */
export function raiseToFloor(h: Histogram, floorMs: number): Histogram {
  if (floorMs <= 0) return h;
  const floor = bucketOf(floorMs);
  const out: Record<string, number> = {};
  for (const k in h) {
    const bucket = Math.max(floor, Number(k));
    out[bucket] = (out[bucket] ?? 0) + (h[k] ?? 0);
  }
  return out;
}

interface Scored {
  readonly score: number;
  readonly canary: number;
  readonly all: number;
}

/** Pooled mid-ranks in [-1/2, 1/2], one row per bucket, in the order of the buckets (so that sums always come out the same). */
function scored(baseline: Histogram, canary: Histogram): Scored[] {
  const total = countOf(baseline) + countOf(canary);
  const buckets = [...new Set([...Object.keys(baseline), ...Object.keys(canary)])].map(Number).sort((a, b) => a - b);
  let before = 0;
  return buckets.map((bucket) => {
    const c = canary[bucket] ?? 0;
    const all = c + (baseline[bucket] ?? 0);
    const score = (before + all / 2) / total - 0.5;
    before += all;
    return { score, canary: c, all };
  });
}

/**
 * ln e = lambda S_c - sum over the pool of ln(1 - w + w e^(lambda a)), where S_c sums the canary's scores. Under H0 the
 * answers do not depend on the coin that gave each request its arm, so that given the pool the mean of e is exactly 1.
 * Scores have mean 0 in the pool: a share that is not quite w cancels out to first order. The canary being even quicker
 * than H0 allows only lowers e: raising one of its answers raises its own score and lowers the others'.
 */
function lnCoin(rows: readonly Scored[], lambda: number, w: number): number {
  let ln = 0;
  for (const { score, canary, all } of rows)
    ln += lambda * score * canary - all * Math.log1p(w * Math.expm1(lambda * score));
  return ln;
}

/** ln e per lambda against H0: the canary is at most `margin` slower (stochastic order). */
export function lnLatencyHarm(
  w: number,
  baseline: Histogram,
  canary: Histogram,
  margin: number,
  floorMs: number,
): number[] {
  const rows = scored(raiseToFloor(baseline, floorMs), raiseToFloor(speedUp(canary, margin), floorMs));
  return LAMBDAS.map((lambda) => lnCoin(rows, lambda, w));
}

/** ln e per lambda against H0: the canary is at least `margin` slower. */
export function lnLatencySafe(
  w: number,
  baseline: Histogram,
  canary: Histogram,
  margin: number,
  floorMs: number,
): number[] {
  const rows = scored(raiseToFloor(baseline, floorMs), raiseToFloor(speedUp(canary, margin), floorMs));
  return SAFE_LAMBDAS.map((lambda) => lnCoin(rows, -lambda, w));
}

/** How many lie in buckets above `bucket`. */
export function above(h: Histogram, bucket: number): number {
  let n = 0;
  for (const k in h) if (Number(k) > bucket) n += h[k] ?? 0;
  return n;
}

/** ln e per lambda for "slower than the threshold bucket", the canary sped up by the margin. The threshold is of earlier batches. */
export function lnTailHarm(
  w: number,
  baseline: Histogram,
  canary: Histogram,
  thresholdBucket: number,
  margin: number,
): number[] {
  const fast = speedUp(canary, margin);
  const kc = above(fast, thresholdBucket);
  const k = kc + above(baseline, thresholdBucket);
  const nc = countOf(fast);
  const n = nc + countOf(baseline);
  const share = k / n;
  const rows: Scored[] = [
    { score: -share, canary: nc - kc, all: n - k },
    { score: 1 - share, canary: kc, all: k },
  ];
  return LAMBDAS.map((lambda) => lnCoin(rows, lambda, w));
}
