import { bucketOf, countOf, type Histogram, LN_GROWTH } from "../shared/histogram.ts";

/**
 * Latency by ranks within a batch: valid for any distribution, drifting or not. The unit of evidence is the batch, not the
 * request: a stall of one process (a collection, a neighbour who takes the processor) slows all that it holds at once, so
 * requests of one moment are no independent witnesses. Measured: a test by requests blamed two healthy releases of two
 * on a machine whose cores others used as well.
 */

/**
 * Bets on how strongly the ranks lean. Where the mean ranks of the arms differ by d, with spread s from batch to batch, the
 * best bet is d / (d^2 + s^2). A slowdown by 15 % makes d 0.08 at a spread of ln latency of 0.5, and 0.03 at 1.2; two
 * seconds of 75 requests a second make s 0.05, stalls twice that: between 3 and 12. A gross slowdown (d = 0.4) wants 2.
 */
export const LAMBDAS = [1, 3, 9] as const;
/**
 * Bets on the share of slow answers. Three answers in a hundred ten times as slow make d 0.02 to 0.03, and 75 answers per arm
 * make s 0.02 at the p99 and 0.04 at the p95: the best bets are 25 and 12. A gross excess (d = 0.15) wants 6.
 */
export const TAIL_LAMBDAS = [6, 25] as const;
/** d of ranks is at least -1/2, of shares -1: these bets keep a tenth of the stake in the worst case. */
const RANK_LINEAR_MAX = 1.8;
const SHARE_LINEAR_MAX = 0.9;

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

/** Mean rank of the canary's answers less that of the baseline's, in [-1/2, 1/2]. */
function lean(rows: readonly Scored[]): number {
  let nc = 0;
  let n = 0;
  let sumCanary = 0;
  let sum = 0;
  for (const { score, canary, all } of rows) {
    nc += canary;
    n += all;
    sumCanary += score * canary;
    sum += score * all;
  }
  return sumCanary / nc - (sum - sumCanary) / (n - nc);
}

/**
 * ln e of a bet on d, whose mean is at most 0 under H0. With equal shares the arms could be swapped, so that d is
 * symmetric, and 1 + tanh(lambda d) has mean 1 for any lambda (tanh is odd). With others only the mean is known: the bet is
 * 1 + lambda d (Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2023).
 */
function lnBet(d: number, lambda: number, w: number, linearMax: number): number {
  return w === 0.5 ? Math.log1p(Math.tanh(lambda * d)) : Math.log1p(Math.min(linearMax, lambda) * d);
}

/** Mean rank of the canary's values less that of the baseline's, in [-1/2, 1/2]; both have some. */
export const rankLean = (baseline: Histogram, canary: Histogram): number => lean(scored(baseline, canary));

const leanOf = (baseline: Histogram, canary: Histogram, margin: number, floorMs: number): number =>
  lean(scored(raiseToFloor(baseline, floorMs), raiseToFloor(speedUp(canary, margin), floorMs)));

/** ln e per lambda against H0: the canary is at most `margin` slower (stochastic order). */
export function lnLatencyHarm(
  w: number,
  baseline: Histogram,
  canary: Histogram,
  margin: number,
  floorMs: number,
): number[] {
  const d = leanOf(baseline, canary, margin, floorMs);
  return LAMBDAS.map((lambda) => lnBet(d, lambda, w, RANK_LINEAR_MAX));
}

/** ln e per lambda against H0: the canary is at least `margin` slower. */
export function lnLatencySafe(
  w: number,
  baseline: Histogram,
  canary: Histogram,
  margin: number,
  floorMs: number,
): number[] {
  const d = leanOf(baseline, canary, margin, floorMs);
  return LAMBDAS.map((lambda) => lnBet(-d, lambda, w, RANK_LINEAR_MAX));
}

/** How many lie in buckets above `bucket`. */
export function above(h: Histogram, bucket: number): number {
  let n = 0;
  for (const k in h) if (Number(k) > bucket) n += h[k] ?? 0;
  return n;
}

/** How slow answers come in clumps: what is remembered of the arms' differences above the threshold, batch by batch. */
export interface Clumps {
  readonly batches: number;
  /** Sums of d^2, and of what d^2 would be if slow answers came one by one: p (1 / n_c + 1 / n_b), p of both arms. */
  readonly squares: number;
  readonly expected: number;
}
export const startClumps: Clumps = { batches: 0, squares: 0, expected: 0 };

export function stepClumps(c: Clumps, nc: number, kc: number, nb: number, kb: number): Clumps {
  const p = (kc + kb) / (nc + nb);
  return {
    batches: c.batches + 1,
    squares: c.squares + (kc / nc - kb / nb) ** 2,
    expected: c.expected + p * (1 / nc + 1 / nb),
  };
}

/** Clumps that have been seen too seldom to be measured are taken for this large. */
const CLUMP_UNKNOWN = 3;
const CLUMP_BATCHES = 8;

/**
 * The size of the clumps: how much more the arms differ than if slow answers came one by one. What slows both arms is no
 * part of it; a canary that is slower only makes it larger. The mean of e^(1/size) stays at most 1 when each clump falls on
 * one arm as a whole. Known before the batch it is used on.
 */
export function clumpSize(c: Clumps): number {
  const measured = c.expected > 0 ? c.squares / c.expected : CLUMP_UNKNOWN;
  return c.batches < CLUMP_BATCHES ? Math.max(CLUMP_UNKNOWN, measured) : Math.max(1, measured);
}

/**
 * ln e per lambda for "slower than the threshold bucket", the canary sped up by the margin: d is the share of such answers
 * in the canary's less that in the baseline's. The threshold is of earlier batches.
 */
export function lnTailHarm(
  w: number,
  baseline: Histogram,
  canary: Histogram,
  thresholdBucket: number,
  margin: number,
): number[] {
  const fast = speedUp(canary, margin);
  const d = above(fast, thresholdBucket) / countOf(fast) - above(baseline, thresholdBucket) / countOf(baseline);
  return TAIL_LAMBDAS.map((lambda) => lnBet(d, lambda, w, SHARE_LINEAR_MAX));
}
