import { bucketOf, countOf, type Histogram, LN_GROWTH } from "../shared/histogram.ts";

/** Latency by ranks within a batch: valid for any distribution, drifting or not, as long as arms are exchangeable under H0. */

/** Bets on how strongly the canary's ranks lean up (harm) or down (safe). */
export const LAMBDAS = [0.6, 1.2, 2.4] as const;

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

/** Pooled mid-ranks in [0, 1], one row per bucket, in the order of the buckets (so that sums always come out the same). */
function scored(baseline: Histogram, canary: Histogram): Scored[] {
  const total = countOf(baseline) + countOf(canary);
  const buckets = [...new Set([...Object.keys(baseline), ...Object.keys(canary)])].map(Number).sort((a, b) => a - b);
  let before = 0;
  return buckets.map((bucket) => {
    const c = canary[bucket] ?? 0;
    const all = c + (baseline[bucket] ?? 0);
    const score = (before + all / 2) / total;
    before += all;
    return { score, canary: c, all };
  });
}

/**
 * ln e = lambda S_c - min( n_c ln mean e^(lambda a), lambda S_all + n_b ln mean e^(-lambda a) ), where S sums scores and
 * means are over the pool: the canary's scores are a sample without replacement, whose exponential moment is at most
 * that of one with replacement (Hoeffding 1963, theorem 4); the second bound is the same for the baseline's complement.
 * For scores that are 0 or 1, with k ones: also k ln((n_c e^lambda + n_b) / N).
 */
function lnExchangeable(rows: readonly Scored[], lambda: number, binary: boolean): number {
  let nc = 0;
  let n = 0;
  let sumCanary = 0;
  let sumAll = 0;
  let up = 0;
  let down = 0;
  for (const { score, canary, all } of rows) {
    nc += canary;
    n += all;
    sumCanary += canary * score;
    sumAll += all * score;
    up += all * Math.exp(lambda * score);
    down += all * Math.exp(-lambda * score);
  }
  const nb = n - nc;
  const bounds = [nc * Math.log(up / n), lambda * sumAll + nb * Math.log(down / n)];
  if (binary) bounds.push(sumAll * Math.log((nc * Math.exp(lambda) + nb) / n));
  return lambda * sumCanary - Math.min(...bounds);
}

/** ln e per lambda against H0: the canary is at most `margin` slower (stochastic order). */
export function lnLatencyHarm(baseline: Histogram, canary: Histogram, margin: number, floorMs: number): number[] {
  const rows = scored(raiseToFloor(baseline, floorMs), raiseToFloor(speedUp(canary, margin), floorMs));
  return LAMBDAS.map((lambda) => lnExchangeable(rows, lambda, false));
}

/** ln e per lambda against H0: the canary is at least `margin` slower. */
export function lnLatencySafe(baseline: Histogram, canary: Histogram, margin: number, floorMs: number): number[] {
  const rows = scored(raiseToFloor(baseline, floorMs), raiseToFloor(speedUp(canary, margin), floorMs));
  return LAMBDAS.map((lambda) => lnExchangeable(rows, -lambda, false));
}

/** How many lie in buckets above `bucket`. */
export function above(h: Histogram, bucket: number): number {
  let n = 0;
  for (const k in h) if (Number(k) > bucket) n += h[k] ?? 0;
  return n;
}

/** ln e per lambda for "slower than the threshold bucket", the canary sped up by the margin. The threshold is of earlier batches. */
export function lnTailHarm(baseline: Histogram, canary: Histogram, thresholdBucket: number, margin: number): number[] {
  const fast = speedUp(canary, margin);
  const kc = above(fast, thresholdBucket);
  const kb = above(baseline, thresholdBucket);
  const nc = countOf(fast);
  const nb = countOf(baseline);
  const rows: Scored[] = [
    { score: 0, canary: nc - kc, all: nc - kc + nb - kb },
    { score: 1, canary: kc, all: kc + kb },
  ];
  return LAMBDAS.map((lambda) => lnExchangeable(rows, lambda, true));
}
