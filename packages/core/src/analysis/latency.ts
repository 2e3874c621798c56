import { bucketOf, countOf, type Histogram, LN_GROWTH } from "../shared/histogram.ts";
import { seeded } from "../shared/random.ts";
import { lnErrorsHarm } from "./errors.ts";

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
export const LAMBDAS = [1, 3, 9, 27] as const;
/**
 * Bets on the share of slow answers. Three answers in a hundred ten times as slow make d 0.02 to 0.03, and 75 answers per arm
 * make s 0.02 at the p99 and 0.04 at the p95: the best bets are 25 and 12. A gross excess (d = 0.15) wants 6.
 */
export const TAIL_LAMBDAS = [6, 25] as const;
/** d of shares is at least -1: this bet keeps a tenth of the stake in the worst case. */
const SHARE_LINEAR_MAX = 0.9;

/**
 * The canary's histogram as if it were (1 + margin) times faster: H0 "at most so much slower" becomes "not slower". A margin
 * that is no whole number of buckets puts the right share of each bucket's answers one further, by lot (`seed`): 5 % are
 * 1.13 buckets. Rounded to one, releases that were slower by just the margin were blamed in 21 % of runs.
 */
export function speedUp(canary: Histogram, margin: number, seed: number): Histogram {
  const random = seeded(seed);
  const shift = Math.log1p(margin) / LN_GROWTH;
  const whole = Math.floor(shift);
  const out: Record<string, number> = {};
  for (const bucket of Object.keys(canary)
    .map(Number)
    .sort((x, y) => x - y)) {
    const count = canary[bucket] ?? 0;
    // Rounded by lot, up as often as the fraction says: the right share in the mean.
    const further = shift > whole ? Math.min(count, Math.floor(count * (shift - whole) + random())) : 0;
    if (count > further) out[bucket - whole] = (out[bucket - whole] ?? 0) + count - further;
    if (further > 0) out[bucket - whole - 1] = (out[bucket - whole - 1] ?? 0) + further;
  }
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

/**
 * P(a canary's answer takes longer than a baseline's) - 1/2, in [-1/2, 1/2]: Mann & Whitney's U (1947) over all pairs. Answers
 * of one bucket are put into an order by lot (`seed`), so that under H0 every order of all answers is equally likely and U
 * is symmetric about its mean whatever the sizes of the arms. With ties counted by halves it is not: of a canary with few
 * requests and two kinds of answers, most would lean to the commoner kind.
 */
export function lean(baseline: Histogram, canary: Histogram, seed: number): number {
  const random = seeded(seed);
  const buckets = [...new Set([...Object.keys(baseline), ...Object.keys(canary)])].map(Number).sort((a, b) => a - b);
  let [before, won] = [0, 0];
  for (const bucket of buckets) {
    const b = baseline[bucket] ?? 0;
    let [c, left] = [canary[bucket] ?? 0, b];
    won += c * before;
    while (c > 0 && left > 0) {
      if (random() * (c + left) < left) left -= 1;
      else {
        won += b - left;
        c -= 1;
      }
    }
    // None of the baseline's is left: those of the canary that are come after all of them.
    won += c * (b - left);
    before += b;
  }
  return won / (countOf(baseline) * countOf(canary)) - 0.5;
}

/**
 * ln e of a bet on a d that is symmetric about 0, or leans below it, under H0: tanh is odd, so 1 + tanh(lambda d) has mean 1
 * for any lambda.
 */
const lnRankBet = (d: number, lambda: number): number => Math.log1p(Math.tanh(lambda * d));

/** ln e of a bet on a d of which only the mean is known (at most 0 under H0): 1 + lambda d, unless the arms could be swapped. */
export function lnBet(d: number, lambda: number, w: number, linearMax: number): number {
  return w === 0.5 ? lnRankBet(d, lambda) : Math.log1p(Math.min(linearMax, lambda) * d);
}

export const leanOf = (baseline: Histogram, canary: Histogram, margin: number, floorMs: number, seed: number): number =>
  lean(raiseToFloor(baseline, floorMs), raiseToFloor(speedUp(canary, margin, seed), floorMs), seed);

/** ln e per lambda against H0: the canary is at most `margin` slower (stochastic order). `seed` breaks ties. */
export function lnLatencyHarm(
  baseline: Histogram,
  canary: Histogram,
  margin: number,
  floorMs: number,
  seed: number,
): number[] {
  const d = leanOf(baseline, canary, margin, floorMs, seed);
  return LAMBDAS.map((lambda) => lnRankBet(d, lambda));
}

/** ln e per lambda against H0: the canary is at least `margin` slower. `seed` breaks ties. */
export function lnLatencySafe(
  baseline: Histogram,
  canary: Histogram,
  margin: number,
  floorMs: number,
  seed: number,
): number[] {
  const d = leanOf(baseline, canary, margin, floorMs, seed);
  return LAMBDAS.map((lambda) => lnRankBet(-d, lambda));
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

/** A share of slow answers that is larger by less than this is no harm: from 1 to 1.5 % above the baseline's p99. */
export const SLOW_HARM_RATIO = 0.005;
/** A stall that begins now is no part of the measured clumps yet: no look may win more than this. */
const SLOW_WIN_MAX = Math.LN2;

/**
 * ln e against "no more answers are slow than on the baseline, within the margin": the errors' test of counts (errors.ts),
 * tempered by the size of the clumps that slow answers come in, and capped, which only makes an e-value smaller.
 */
export function lnSlowHarm(psi: number, w: number, n: number, kc: number, kb: number, clump: number): number {
  return Math.min(SLOW_WIN_MAX, lnErrorsHarm(psi, w, n, kc, kb, SLOW_HARM_RATIO) / clump);
}

/**
 * ln e per lambda for "slower than the threshold bucket", the canary sped up by the margin: d is the share of such answers
 * in the canary's less that in the baseline's. The threshold is of earlier batches. `seed`: see `speedUp`.
 */
export function lnTailHarm(
  w: number,
  baseline: Histogram,
  canary: Histogram,
  thresholdBucket: number,
  margin: number,
  seed: number,
): number[] {
  const fast = speedUp(canary, margin, seed);
  const d = above(fast, thresholdBucket) / countOf(fast) - above(baseline, thresholdBucket) / countOf(baseline);
  return TAIL_LAMBDAS.map((lambda) => lnBet(d, lambda, w, SHARE_LINEAR_MAX));
}
