/**
 * A token bucket: so many requests a second for as long as one likes, and a reserve for when many come at once. Time is
 * an argument, in milliseconds of any clock that does not go back.
 */
export interface Rate {
  readonly perSecond: number;
  /** The reserve: what an untouched bucket holds. At least 1. */
  readonly burst: number;
}
export interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}
export interface Taken {
  readonly allowed: boolean;
  readonly bucket: Bucket;
  /** Whole requests that would be allowed now. */
  readonly remaining: number;
  /** When the next one is allowed: 0 when it is allowed now. */
  readonly waitMs: number;
  /** When the bucket holds its whole reserve again, if nobody takes anything. */
  readonly fullInMs: number;
}

/** What sums of parts of a millisecond may be off by: a wait that was announced must be long enough. */
const ROUNDING = 1e-6;

/** A bucket that nobody has taken from. */
export const untouched = (rate: Rate, nowMs: number): Bucket => ({ tokens: rate.burst, atMs: nowMs });

/** Takes one request out, if there is one. Those that are refused cost nothing. */
export function take(rate: Rate, bucket: Bucket, nowMs: number): Taken {
  const passedMs = Math.max(0, nowMs - bucket.atMs);
  const filled = Math.min(rate.burst, bucket.tokens + (passedMs * rate.perSecond) / 1_000);
  const allowed = filled >= 1 - ROUNDING;
  const tokens = allowed ? Math.max(0, filled - 1) : filled;
  const msUntil = (wanted: number) => Math.ceil((Math.max(0, wanted - tokens) * 1_000) / rate.perSecond);
  return {
    allowed,
    bucket: { tokens, atMs: Math.max(nowMs, bucket.atMs) },
    remaining: Math.floor(tokens + ROUNDING),
    waitMs: tokens >= 1 - ROUNDING ? 0 : msUntil(1),
    fullInMs: msUntil(rate.burst),
  };
}

/** Whether it holds its whole reserve: then it need not be kept. */
export const isFull = (rate: Rate, bucket: Bucket, nowMs: number): boolean =>
  bucket.tokens + (Math.max(0, nowMs - bucket.atMs) * rate.perSecond) / 1_000 >= rate.burst;
