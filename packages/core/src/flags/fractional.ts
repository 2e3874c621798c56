import { cbor } from "./cbor.ts";
import { murmur3, murmur3OfBytes, utf8 } from "./murmur3.ts";

/** flagd's hashing: of the text's UTF-8 bytes, or of the value in CBOR (flagd, ADR "fractional-non-string-rand-units"). */
export type FlagdHash = "flagd-2" | "flagd-3";

const ofText = murmur3();
/** More weight than an int32 holds is refused by flagd. */
const WEIGHT_MAX = 2 ** 31 - 1;

/**
 * flagd's `fractional`: what stands first is hashed when it is no list; else the flag's key with `targetingKey`. Each list is
 * a variant and a weight (1 unless told; below 0 counts as 0). Null where that cannot be done: then the default variant holds.
 */
export function fractional(
  args: readonly unknown[],
  o: { readonly hash: FlagdHash; readonly flagKey: string; readonly targetingKey: unknown },
): unknown {
  const [first] = args;
  const isGiven = o.hash === "flagd-2" ? typeof first === "string" : first !== null && !Array.isArray(first);
  const hash = isGiven ? hashOf(first, o.hash) : implicitHash(o);
  if (args.length === 0 || hash === null) return null;
  const buckets = isGiven ? args.slice(1) : args;
  let total = 0;
  for (const bucket of buckets) {
    if (!isBucket(bucket)) return null;
    total += weightOf(bucket);
  }
  if (total > WEIGHT_MAX) return null;
  const at = scaled(hash, total);
  let sum = 0;
  for (const bucket of buckets) {
    sum += weightOf(bucket as readonly unknown[]);
    if (sum > at) return (bucket as readonly unknown[])[0] ?? null;
  }
  return null;
}

const hashOf = (value: unknown, hash: FlagdHash): number =>
  hash === "flagd-2" ? ofText(String(value)) : murmur3OfBytes(cbor(value));

function implicitHash(o: {
  readonly hash: FlagdHash;
  readonly flagKey: string;
  readonly targetingKey: unknown;
}): number | null {
  const { flagKey, targetingKey, hash } = o;
  if (!targetingKey) return null;
  if (hash === "flagd-2") return murmur3OfBytes(utf8(`${flagKey}${String(targetingKey)}`));
  return typeof targetingKey === "string" ? murmur3OfBytes(cbor([flagKey, targetingKey])) : null;
}

function isBucket(bucket: unknown): bucket is readonly unknown[] {
  if (!Array.isArray(bucket) || bucket.length === 0 || bucket.length > 2) return false;
  const [variant, weight] = bucket as readonly unknown[];
  if (variant !== null && !["string", "number", "boolean"].includes(typeof variant)) return false;
  return bucket.length === 1 || Number.isInteger(weight);
}
const weightOf = (bucket: readonly unknown[]): number => (bucket.length === 1 ? 1 : Math.max(0, Number(bucket[1])));

/** `(hash * total) >> 32`: up to 2^21 the product is a whole double, above that it takes a longer number. */
const scaled = (hash: number, total: number): number =>
  total <= 2 ** 21 ? Math.floor((hash * total) / 2 ** 32) : Number((BigInt(hash) * BigInt(total)) >> 32n);
