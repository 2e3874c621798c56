import { attributeReader } from "./conditions.ts";
import { parseInstant } from "./instants.ts";
import type { EvaluationContext, ServeRollout } from "./model.ts";
import { murmur3 } from "./murmur3.ts";

/** Shares are counted in thousandths of a percent: that many buckets. */
export const BUCKETS = 100_000;
const HASHES = 2 ** 32;

/** The bucket of who asks, 0 to 99,999; null without the attribute that decides it. */
export type BucketOf = (context: EvaluationContext) => number | null;

/**
 * As flagd's second version has it, `(hash * buckets) >> 32` over the salt and the key (flagd, fractional operation): every
 * bucket has the same share, to one part in 43,000. The product stays below 2^53.
 */
export function bucketOf(by: string, salt: string): BucketOf {
  const hash = murmur3(salt);
  const read = attributeReader(by);
  return (context) => {
    const value = read(context);
    if (typeof value === "string" && value !== "") return Math.floor((hash(value) * BUCKETS) / HASHES);
    if (typeof value === "number" && Number.isFinite(value))
      return Math.floor((hash(String(value)) * BUCKETS) / HASHES);
    return null;
  };
}

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
