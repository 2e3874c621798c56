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
  /** Null while all values are kept. */
  #buckets: Map<number, number> | null = null;
  #zero = 0;
  #count = 0;
  readonly #exactUpTo: number;

  /** `exactUpTo`: with more values than these it becomes a sketch; Infinity keeps them all, 0 none. */
  constructor(exactUpTo = EXACT_UP_TO) {
    this.#exactUpTo = exactUpTo;
    if (exactUpTo <= 0) this.#buckets = new Map();
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
    if (this.#buckets) this.#sketch(value, 1);
    else {
      this.#values.push(value);
      this.#shrink();
    }
  }

  /** A new one with the values of both. Which of them comes first makes no difference. */
  merge(other: Distribution): Distribution {
    const merged = new Distribution(Math.min(this.#exactUpTo, other.#exactUpTo));
    for (const part of [this, other]) {
      if (part.#buckets) merged.#toSketch();
      for (const value of part.#values) {
        if (merged.#buckets) merged.#sketch(value, 1);
        else merged.#values.push(value);
      }
      for (const [bucket, count] of part.#buckets ?? []) merged.#addTo(bucket, count);
      merged.#zero += part.#zero;
      merged.#count += part.#count;
    }
    merged.#shrink();
    return merged;
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
    return { buckets: [...this.#buckets].sort(([a], [b]) => a - b), zero: this.#zero, upTo };
  }

  static fromJson(json: DistributionJson): Distribution {
    const read = new Distribution(json.upTo ?? Number.POSITIVE_INFINITY);
    if ("exact" in json) {
      for (const value of json.exact) read.add(value);
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
    this.#buckets = new Map();
    for (const value of this.#values) this.#sketch(value, 1);
    this.#values = [];
    this.#sorted = null;
  }
  #sketch(value: number, count: number): void {
    if (value < SMALLEST) this.#zero += count;
    else this.#addTo(Math.ceil(Math.log(value) / LN_GROWTH), count);
  }
  #addTo(bucket: number, count: number): void {
    this.#buckets?.set(bucket, (this.#buckets.get(bucket) ?? 0) + count);
  }
  /** The values at these ranks, which must rise; the smallest value has rank 1. */
  #atRanks(ranks: readonly number[]): number[] {
    const found: number[] = [];
    let seen = this.#zero;
    while (found.length < ranks.length && (ranks[found.length] ?? 0) <= seen) found.push(0);
    for (const [bucket, count] of [...(this.#buckets ?? [])].sort(([a], [b]) => a - b)) {
      seen += count;
      while (found.length < ranks.length && (ranks[found.length] ?? 0) <= seen)
        found.push((2 * Math.exp(bucket * LN_GROWTH)) / (1 + GROWTH));
      if (found.length === ranks.length) break;
    }
    return found;
  }
}
