import { bucketMiddleMs, countOf, type Histogram, quantileMs, ranksMs } from "../shared/histogram.ts";

/** 95 % bands for people; no decision is made on them. */
const Z = 1.959964; // the 0.975 quantile of the normal distribution

export interface Band {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}
export const NO_BAND: Band = { value: null, low: null, high: null };

/** Wilson score interval (Wilson 1927) of k in n. */
export function wilson(k: number, n: number): Band {
  if (n <= 0) return NO_BAND;
  const p = Math.min(1, k / n);
  const centre = p + (Z * Z) / (2 * n);
  const half = Z * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  const scale = 1 + (Z * Z) / n;
  return { value: p, low: Math.max(0, (centre - half) / scale), high: Math.min(1, (centre + half) / scale) };
}

/**
 * Band of a Poisson rate, k events in n: sqrt(k + 3/8) is about normal with standard deviation 1/2 (Anscombe 1948), so its
 * ends are (sqrt(k + 3/8) ± Z/2)^2 - 3/8.
 */
export function poissonBand(k: number, n: number): Band {
  if (n <= 0) return NO_BAND;
  const root = Math.sqrt(k + 0.375);
  const at = (shift: number) => Math.max(0, Math.max(0, root + shift) ** 2 - 0.375) / n;
  return { value: k / n, low: at(-Z / 2), high: at(Z / 2) };
}

/** The q-quantile with the band of its order statistics: ranks n q ± Z sqrt(n q (1 - q)). */
export const quantileBand = (h: Histogram, q: number): Band => quantileBands(h, [q])[0] ?? NO_BAND;

/** The same of several quantiles, in one walk through the buckets. */
export function quantileBands(h: Histogram, qs: readonly number[]): readonly Band[] {
  const n = countOf(h);
  if (n === 0) return qs.map(() => NO_BAND);
  // By way of a share of all, as recorded reports were reckoned: a replay must come to the very same value.
  const rankOf = (share: number): number => Math.ceil(Math.min(1, Math.max(1 / n, share)) * n);
  const ranks = qs.flatMap((q) => {
    const half = Z * Math.sqrt(n * q * (1 - q));
    return [Math.ceil(q * n), rankOf(Math.floor(n * q - half) / n), rankOf((Math.ceil(n * q + half) + 1) / n)];
  });
  const values = ranksMs(h, ranks);
  return qs.map((_, i) => {
    const [value = null, low = null, high = null] = values.slice(3 * i, 3 * i + 3);
    return { value, low, high };
  });
}

/** The bucket of the q-quantile, or null without data. */
export function quantileBucket(h: Histogram, q: number): number | null {
  const value = quantileMs(h, q);
  if (value === null) return null;
  for (const k in h) if (bucketMiddleMs(Number(k)) === value) return Number(k);
  return null;
}
