import { attributeReader, type Bag } from "./condition.ts";
import { instantOf } from "./instant.ts";
import type { Flag, ServeRollout, ServeSplit } from "./model.ts";
import { type HashPrefix, murmur3, prefixOf } from "./murmur3.ts";

/** A bucket is one of so many: a percent has three digits behind the point. */
export const BUCKETS = 100_000;
export const bucketsOf = (percent: number): number => Math.round(percent * 1_000);

/** No bucket: the user lacks the attribute that decides it. */
export const NO_BUCKET = -1;

/**
 * What is hashed of an attribute. Nothing for what is missing, empty, 0, false or no single value: it tells no two users apart,
 * and flagd's JSON logic takes it for missing as well.
 */
export function bucketKey(value: unknown): string | null {
  if (typeof value === "string") return value === "" ? null : value;
  if (typeof value === "number") return value !== 0 && Number.isFinite(value) ? String(value) : null;
  return value === true ? "true" : null;
}

/** From a context to a bucket from 0 to 99,999, or `NO_BUCKET`. */
export function bucketing(flag: Pick<Flag, "salt" | "hashVersion">, by: string): (context: Bag) => number {
  const read = attributeReader(by);
  const prefix: HashPrefix = prefixOf(flag.hashVersion === "unleash" ? `${flag.salt}:` : flag.salt);
  const place =
    flag.hashVersion === "unleash"
      ? // Unleash knows whole percents only: `hash % 100 + 1 <= percent`.
        (hash: number) => (hash % 100) * 1_000
      : // `(hash * total) >> 32`, exact in a double: 2^32 times 100,000 is below 2^53.
        (hash: number) => Math.floor((hash * BUCKETS) / 4_294_967_296);
  return (context) => {
    const key = bucketKey(read(context));
    return key === null ? NO_BUCKET : place(murmur3(key, prefix));
  };
}

/** The variants of a split, each with the bucket below which it ends. */
export function edgesOf(split: ServeSplit): { variant: string; end: number }[] {
  let end = 0;
  return split.shares.map((share) => {
    end += bucketsOf(share.percent);
    return { variant: share.variant, end };
  });
}

/** How many buckets are treated at a second since 1970: a time ramp goes on by itself, anything else stands. */
export function treatedAt(serve: ServeRollout): (second: number) => number {
  const start = bucketsOf(serve.percent);
  if (serve.ramp?.kind !== "time") return () => start;
  const { from, until, rise } = timeRampOf(serve, serve.ramp);
  return (second) => {
    if (second < from) return start;
    if (second >= until) return start + rise;
    return start + Math.trunc((rise * (second - from)) / (until - from));
  };
}

/** A time ramp in whole seconds and buckets. */
export function timeRampOf(serve: ServeRollout, ramp: { from: string; until: string; toPercent: number }) {
  return {
    from: secondFrom(ramp.from),
    until: secondFrom(ramp.until),
    rise: bucketsOf(ramp.toPercent) - bucketsOf(serve.percent),
  };
}

/** The first whole second at or after an instant. The evaluation's clock, like flagd's, has seconds. */
export const secondFrom = (instant: string): number => Math.ceil((instantOf(instant) ?? Number.NaN) / 1_000);

export type Arm = "treatment" | "control" | "outside";
/** `on | off | control`: the control is as large as the treatment and at the far end, so nobody crosses as it grows to half. */
export function armOf(bucket: number, treated: number): Arm {
  if (bucket < treated) return "treatment";
  return bucket >= BUCKETS - treated ? "control" : "outside";
}
