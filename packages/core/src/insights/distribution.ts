import { type Interval, quantile, quantileInterval, quantileRanks } from "./intervals.ts";

/**
 * Durations of which quantiles are asked: exact while they are few, and a sketch with logarithmic buckets beyond. The sketch is
 * DDSketch (Masson, Rim and Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", VLDB
 * 2019): every value is kept as the middle of its bucket, at most 1 % away from it, and merging is adding counts. shared/histogram is
 * no choice here, because its buckets, which OpenTelemetry prescribes, are 4.4 % wide.
 */
export const RELATIVE_ERROR = 0.01;
const GROWTH = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LN_GROWTH = Math.log(GROWTH);
/** Below a millisecond no duration of ours means anything: it is kept as zero. From here to a century are 1,500 buckets. */
const SMALLEST = 1;

/** How many values are kept as they are, unless said otherwise: 8 kB of them, about what a full sketch takes. */
export const EXACT_UP_TO = 1000;

export type DistributionJson =
  | { readonly exact: readonly number[]; readonly upTo: number | null }
  | {
      readonly buckets: readonly (readonly [bucket: number, count: number])[];
      readonly zero: number;
      readonly upTo: number;
    };

export class Distribution {
  #values: number[] = [];
  #sorted: Float64Array | null = null;
  /** Counts by bucket; null while all values are kept. */
  #buckets: number[] | null = null;
  #zero = 0;
  #count = 0;
  #exactUpTo: number;

  /** `exactUpTo`: with more values than these it becomes a sketch; Infinity keeps them all, 0 none. */
  constructor(exactUpTo = EXACT_UP_TO) {
    this.#exactUpTo = exactUpTo;
    if (exactUpTo <= 0) this.#buckets = [];
  }

  get count(): number {
    return this.#count;
  }
  get isExact(): boolean {
    return this.#buckets === null;
  }

  /** Takes in a duration in milliseconds. Throws a RangeError for one that is negative or no number: that is a bug of the caller. */
  add(value: number): void {
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw new RangeError(`${value} is no duration.`);
    this.#count += 1;
    this.#sorted = null;
    if (this.#buckets) this.#sketch(value);
    else {
      this.#values.push(value);
      this.#shrink();
    }
  }

  /** A new one with the values of both. Which of them comes first makes no difference. */
  merge(other: Distribution): Distribution {
    const merged = new Distribution(this.#exactUpTo);
    merged.absorb(this);
    merged.absorb(other);
    return merged;
  }

  /** Takes in all values of another, which stays as it is: what a sum of many is made with. */
  absorb(other: Distribution): void {
    this.#exactUpTo = Math.min(this.#exactUpTo, other.#exactUpTo);
    this.#sorted = null;
    this.#count += other.#count;
    this.#zero += other.#zero;
    if (other.#buckets || this.#count > this.#exactUpTo) this.#toSketch();
    if (this.#buckets) for (const value of other.#values) this.#sketch(value);
    else for (const value of other.#values) this.#values.push(value);
    other.#buckets?.forEach((count, bucket) => {
      if (count > 0) this.#addTo(bucket, count);
    });
  }

  /** The q-quantile (0..1) in milliseconds, linear between neighbours (intervals.ts); null of nothing. */
  quantile(q: number): number | null {
    if (!this.#buckets) return quantile(this.#inOrder(), q);
    if (this.#count === 0) return null;
    const at = Math.min(1, Math.max(0, q)) * (this.#count - 1);
    const below = Math.floor(at);
    const [low = 0, high = low] = this.#atRanks([below + 1, Math.min(this.#count, below + 2)]);
    return low + (high - low) * (at - below);
  }

  /** Where the q-quantile of what these were drawn from lies with 95 %; null of too few. */
  interval(q: number): Interval | null {
    if (!this.#buckets) return quantileInterval(this.#inOrder(), q);
    const ranks = quantileRanks(this.#count, q);
    if (!ranks) return null;
    const [low = 0, high = low] = this.#atRanks([ranks.low, ranks.high]);
    return { low, high };
  }

  toJson(): DistributionJson {
    const upTo = this.#exactUpTo;
    if (!this.#buckets) return { exact: [...this.#inOrder()], upTo: Number.isFinite(upTo) ? upTo : null };
    const buckets = [...this.#buckets.entries()].filter(([, count]) => count > 0);
    return { buckets, zero: this.#zero, upTo };
  }

  static fromJson(json: DistributionJson): Distribution {
    const read = new Distribution(json.upTo ?? Number.POSITIVE_INFINITY);
    if ("exact" in json) {
      read.#values = [...json.exact];
      read.#count = json.exact.length;
      return read;
    }
    read.#toSketch();
    for (const [bucket, count] of json.buckets) {
      read.#addTo(bucket, count);
      read.#count += count;
    }
    read.#zero = json.zero;
    read.#count += json.zero;
    return read;
  }

  #inOrder(): Float64Array {
    this.#sorted ??= Float64Array.from(this.#values).sort();
    return this.#sorted;
  }
  #shrink(): void {
    if (!this.#buckets && this.#values.length > this.#exactUpTo) this.#toSketch();
  }
  #toSketch(): void {
    if (this.#buckets) return;
    this.#buckets = [];
    for (const value of this.#values) this.#sketch(value);
    this.#values = [];
    this.#sorted = null;
  }
  #sketch(value: number): void {
    if (value < SMALLEST) this.#zero += 1;
    else this.#addTo(Math.ceil(Math.log(value) / LN_GROWTH), 1);
  }
  #addTo(bucket: number, count: number): void {
    if (!this.#buckets) return;
    while (this.#buckets.length <= bucket) this.#buckets.push(0);
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + count;
  }
  /** The values at these ranks, which must rise; the smallest value has rank 1. */
  #atRanks(ranks: readonly number[]): number[] {
    const found: number[] = [];
    let seen = this.#zero;
    while (found.length < ranks.length && (ranks[found.length] ?? 0) <= seen) found.push(0);
    for (const [bucket, count] of (this.#buckets ?? []).entries()) {
      seen += count;
      while (found.length < ranks.length && (ranks[found.length] ?? 0) <= seen)
        found.push((2 * Math.exp(bucket * LN_GROWTH)) / (1 + GROWTH));
      if (found.length === ranks.length) break;
    }
    return found;
  }
}
