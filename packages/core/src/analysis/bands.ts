import { bucketMiddleMs, countOf, type Histogram, quantileMs } from "../shared/histogram.ts";

/** 95 % bands for people; no decision is made on them. */
const Z = 1.959964; // the 0.975 quantile of the normal distribution

export interface Band {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}
const NONE: Band = { value: null, low: null, high: null };

/** Wilson score interval (Wilson 1927) of k in n. */
export function wilson(k: number, n: number): Band {
  if (n <= 0) return NONE;
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
  if (n <= 0) return NONE;
  const root = Math.sqrt(k + 0.375);
  const at = (shift: number) => Math.max(0, Math.max(0, root + shift) ** 2 - 0.375) / n;
  return { value: k / n, low: at(-Z / 2), high: at(Z / 2) };
}

/** The q-quantile with the band of its order statistics: ranks n q ± Z sqrt(n q (1 - q)). */
export function quantileBand(h: Histogram, q: number): Band {
  const n = countOf(h);
  if (n === 0) return NONE;
  const half = Z * Math.sqrt(n * q * (1 - q));
  const at = (rank: number) => quantileMs(h, Math.min(1, Math.max(1 / n, rank / n)));
  return { value: quantileMs(h, q), low: at(Math.floor(n * q - half)), high: at(Math.ceil(n * q + half) + 1) };
}

/** The bucket of the q-quantile, or null without data. */
export function quantileBucket(h: Histogram, q: number): number | null {
  const value = quantileMs(h, q);
  if (value === null) return null;
  for (const k in h) if (bucketMiddleMs(Number(k)) === value) return Number(k);
  return null;
}
