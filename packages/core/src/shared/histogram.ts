/**
 * The one histogram scheme of Latchkey: OpenTelemetry's exponential histogram at scale 4
 * (OTLP metrics data model, "ExponentialHistogram"; base = 2^(2^-4) ~ 1.0443), kept sparse.
 * Bucket i holds values in (base^i, base^(i+1)]. Counts are exact and merging is addition.
 * Values are milliseconds; anything at or below 0.001 ms falls into the bucket of 0.001.
 */
export type Histogram = { readonly [bucket: string]: number };

/** ln(base) at scale 4: ln 2 / 16. */
export const LN_GROWTH = Math.LN2 / 16;
const SMALLEST_MS = 0.001;

/** The bucket of a value in milliseconds. */
export function bucketOf(valueMs: number): number {
  const v = Number.isFinite(valueMs) && valueMs > SMALLEST_MS ? valueMs : SMALLEST_MS;
  // A power of the base is the inclusive upper end of its bucket; the epsilon absorbs rounding of log.
  return Math.ceil(Math.log(v) / LN_GROWTH - 1e-9) - 1;
}

/** The geometric middle of a bucket in milliseconds: the value an observation in it is taken for. */
export function bucketMiddleMs(bucket: number): number {
  return Math.exp((bucket + 0.5) * LN_GROWTH);
}

export function countOf(h: Histogram): number {
  let n = 0;
  for (const k in h) n += h[k] ?? 0;
  return n;
}

export function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  const out: Record<string, number> = { ...a };
  for (const k in b) out[k] = (out[k] ?? 0) + (b[k] ?? 0);
  return out;
}

/** b - a, bucket by bucket, for cumulative counts; never below zero. */
export function subtractHistogram(later: Histogram, earlier: Histogram): Histogram {
  const out: Record<string, number> = {};
  for (const k in later) {
    const d = (later[k] ?? 0) - (earlier[k] ?? 0);
    if (d > 0) out[k] = d;
  }
  return out;
}

/** The q-quantile (0..1) in milliseconds, or null when there is nothing to take it of. */
export function quantileMs(h: Histogram, q: number): number | null {
  const n = countOf(h);
  return n === 0 ? null : (ranksMs(h, [Math.ceil(q * n)])[0] ?? null);
}

/** The values in milliseconds at these ranks, the smallest being 1, in one walk through the buckets. Of none there is no value. */
export function ranksMs(h: Histogram, ranks: readonly number[]): readonly (number | null)[] {
  const buckets = Object.keys(h)
    .map(Number)
    .sort((x, y) => x - y);
  const upTo: number[] = [];
  let seen = 0;
  for (const b of buckets) {
    seen += h[b] ?? 0;
    upTo.push(seen);
  }
  return ranks.map((rank) => {
    const bucket = buckets[upTo.findIndex((count) => count >= Math.max(1, rank))];
    return bucket === undefined ? null : bucketMiddleMs(bucket);
  });
}
