/** Intervals at 95 %: the normal distribution's 97.5 % quantile. */
const Z = 1.959963984540054;
const OUTSIDE_EACH = 0.025;

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Wilson's score interval at 95 % for a share of `hits` in `n` (E. B. Wilson, 1927; recommended for small n by Brown, Cai and
 * DasGupta, "Interval Estimation for a Binomial Proportion", Statistical Science 16, 2001). Unlike the textbook's it has a
 * width at 0 % and never leaves 0 to 1. Null when there is nothing to take a share of.
 */
export function wilsonInterval(hits: number, n: number): Interval | null {
  if (!(n > 0) || hits < 0 || hits > n) return null;
  const p = hits / n;
  const middle = (p + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z / (1 + (Z * Z) / n)) * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  return { low: hits === 0 ? 0 : Math.max(0, middle - half), high: hits === n ? 1 : Math.min(1, middle + half) };
}

/**
 * The q-quantile (0..1) of values that are sorted upwards, linear between neighbours: type 7 of Hyndman and Fan (1996), as in
 * PostgreSQL's percentile_cont, R and NumPy. Null of no values.
 */
export function quantile(sorted: ArrayLike<number>, q: number): number | null {
  const n = sorted.length;
  if (n === 0) return null;
  const at = Math.min(1, Math.max(0, q)) * (n - 1);
  const below = Math.floor(at);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.min(n - 1, below + 1)] ?? Number.NaN;
  return low === high ? low : low + (high - low) * (at - below);
}

/** Up to so many values the binomial distribution is summed exactly; beyond, the normal one is close enough. */
const EXACT_UP_TO = 200;

/** Ranks (the smallest value has 1) between which a quantile lies. */
export interface RankInterval {
  readonly low: number;
  readonly high: number;
  /** The probability that the quantile does lie between them: at least 95 % for an exact one. */
  readonly coverage: number;
}

/**
 * Between which of n values, by rank, the q-quantile of what they are drawn from lies with 95 % – without any assumption of a
 * shape: the number of values below a quantile is binomial (David and Nagaraja, "Order Statistics", 3rd edition, 7.1). At most
 * 2.5 % are left out on each side. Null when n is too small for 95 %, as it is for a median of fewer than six.
 */
export function quantileRanks(n: number, q: number): RankInterval | null {
  if (!(n > 0) || !(q > 0 && q < 1)) return null;
  if (n > EXACT_UP_TO) {
    const spread = Z * Math.sqrt(n * q * (1 - q));
    // Half a rank more on either side, as counts are whole numbers: with it 95 % are held for every n.
    const low = Math.floor(n * q - spread + 0.5);
    const high = Math.ceil(n * q + spread + 0.5);
    return low >= 1 && high <= n ? { low, high, coverage: 1 - 2 * OUTSIDE_EACH } : null;
  }
  // P(value of rank r lies above the quantile) = P(at most r - 1 of n are below it).
  let [low, high, atMost] = [0, 0, 0];
  let [leftOutLow, reached] = [0, 0];
  for (let k = 0; k < n && high === 0; k += 1) {
    atMost += binomial(n, k, q);
    if (atMost <= OUTSIDE_EACH) [low, leftOutLow] = [k + 1, atMost];
    if (atMost >= 1 - OUTSIDE_EACH) [high, reached] = [k + 1, atMost];
  }
  return low >= 1 && high > low ? { low, high, coverage: reached - leftOutLow } : null;
}

/** The probability of exactly k of n, by logarithms so that it neither over- nor underflows. */
function binomial(n: number, k: number, p: number): number {
  let log = k * Math.log(p) + (n - k) * Math.log(1 - p);
  for (let i = 1; i <= k; i += 1) log += Math.log((n - k + i) / i);
  return Math.exp(log);
}

/** The interval at 95 % of the q-quantile of values that are sorted upwards; null when they are too few for one. */
export function quantileInterval(sorted: ArrayLike<number>, q: number): Interval | null {
  const ranks = quantileRanks(sorted.length, q);
  const low = ranks ? sorted[ranks.low - 1] : undefined;
  const high = ranks ? sorted[ranks.high - 1] : undefined;
  return low === undefined || high === undefined ? null : { low, high };
}
