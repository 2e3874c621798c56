import { attributeReader } from "./attribute.ts";
import { cbor } from "./cbor.ts";
import { parseInstant } from "./instants.ts";
import type { EvaluationContext, HashVersion, ServeRollout } from "./model.ts";
import { murmur3, murmur3OfBytes } from "./murmur3.ts";

/** Shares are counted in thousandths of a percent: that many buckets. */
export const BUCKETS = 100_000;
const HASHES = 2 ** 32;

/** The bucket of who asks, 0 to 99,999; null without the attribute that decides it. */
export type BucketOf = (context: EvaluationContext) => number | null;

/** How a salt and a key become a bucket: the flag's hash version, or Unleash's for variants, which has another seed. */
export type Hashing = HashVersion | "unleash-variants";
export const variantHash = (version: HashVersion): Hashing => (version === "unleash" ? "unleash-variants" : version);

/**
 * As flagd's second version has it, `(hash * buckets) >> 32` over the salt and the key (flagd, fractional operation): every
 * bucket has the same share, to one part in 43,000. The product stays below 2^53. The third version hashes the same text in
 * CBOR. Unleash counts in hundredths, variants in thousandths (unleash-client, strategy/util): theirs are the last of ours.
 */
export function bucketOf(by: string, salt: string, hashing: Hashing): BucketOf {
  const bucket = bucketing(salt, hashing);
  const read = attributeReader(by);
  return (context) => {
    const value = read(context);
    if (typeof value === "string" && value !== "") return bucket(value);
    if (typeof value === "number" && Number.isFinite(value)) return bucket(String(value));
    return null;
  };
}

/** What the seed of Unleash's variants is, so that who gets a rollout and who gets a variant is not the same. */
const UNLEASH_VARIANT_SEED = 86_028_157;
function bucketing(salt: string, hashing: Hashing): (key: string) => number {
  if (hashing === "flagd-2") {
    const hash = murmur3(salt);
    return (key) => Math.floor((hash(key) * BUCKETS) / HASHES);
  }
  if (hashing === "flagd-3") return (key) => Math.floor((murmur3OfBytes(cbor(salt + key)) * BUCKETS) / HASHES);
  const [seed, parts] = hashing === "unleash" ? [0, 100] : [UNLEASH_VARIANT_SEED, 1_000];
  const width = BUCKETS / parts;
  return (key) => ((murmur3OfBytes(lowBytes(`${salt}:${key}`), seed) % parts) + 1) * width - 1;
}
/** unleash-client hashes the lower half of each UTF-16 unit. Letters of ASCII are the same in all of Unleash's clients. */
const lowBytes = (text: string): number[] => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i) & 0xff);

/** A percentage in buckets. */
export const bucketsIn = (percent: number): number => Math.round(percent * (BUCKETS / 100));

/** The percentage of a rollout at a moment: between the ends of a ramp by time on a straight line. */
export function percentAt(serve: ServeRollout, nowMs: number): number {
  const { ramp, percent } = serve;
  if (ramp?.kind !== "time") return percent;
  const [from, until] = [parseInstant(ramp.from), parseInstant(ramp.until)];
  if (from === null || until === null || nowMs <= from) return percent;
  if (nowMs >= until) return ramp.toPercent;
  return percent + ((ramp.toPercent - percent) * (nowMs - from)) / (until - from);
}

export type Arm = "treated" | "control";
/**
 * Buckets of each arm at a percentage. The arms are mirrors: bucket b of the treated has 99,999 - b in the control, so that
 * both are always equally large. Beyond half the control shrinks, and the treated that are compared shrink with it.
 */
export const armBuckets = (percent: number): number => {
  const treated = bucketsIn(percent);
  return Math.min(treated, BUCKETS - treated);
};
/** A bucket's distance from the nearer end: below `armBuckets` it is compared. */
export const depthOf = (bucket: number): number => Math.min(bucket, BUCKETS - 1 - bucket);

/** Where somebody stands in a rollout: of the treated or the control that are compared, or neither. */
export function armOf(bucket: number, percent: number): Arm | "neither" {
  if (depthOf(bucket) >= armBuckets(percent)) return "neither";
  return bucket < BUCKETS / 2 ? "treated" : "control";
}
