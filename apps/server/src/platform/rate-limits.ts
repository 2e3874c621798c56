import { type Bucket, isFull, type Rate, take, untouched } from "@latchkey/core/shared/token-bucket";
import type { Principal } from "./auth.ts";

/**
 * How often who may ask: a token bucket for each principal and each address, in this server's memory. Two servers on
 * one database allow twice as much; a restart begins anew. Nothing of it is a promise to anybody but the database.
 */
export type LimitName = "reads" | "writes" | "streams" | "gateway" | "anonymous";

/** The defaults, and what they are made of, stand in packages/config/src/server.ts. */
export interface RateLimitsConfig {
  readonly readsPerSecond: number;
  readonly writesPerSecond: number;
}

/** Two seconds' worth, 600: 50 open pages (12 questions each) that all ask anew after a server was restarted. */
const READS_BURST_S = 2;
/** A script that goes through a whole page of a list (200 items) writes once for each. */
const WRITES_BURST_S = 10;
/**
 * 100 gateways that share a token report once a second each and ask for the table as often while a rollout moves: 200 a
 * second, and as much again. A whole fleet that comes back at once asks 10 times each at most.
 */
const GATEWAY: Rate = { perSecond: 400, burst: 1_000 };
/** All 2,000 that have a place come back at once, by one token at worst, and once more within 10 s when the line breaks again. */
const STREAMS: Rate = { perSecond: 200, burst: 4_000 };
/**
 * By address, for who is nobody yet: wrong credentials and tries to sign in. An office behind one address has a handful
 * a minute. (A secret has 256 bits: guessing is hopeless at any rate; the limit is for the database and the log.)
 */
const ANONYMOUS: Rate = { perSecond: 2, burst: 60 };

/** About 200 bytes each: 2 MiB. Those beyond share one bucket, so that many addresses do not make many allowances. */
const BUCKETS_MAX = 10_000;
const SHARED = "(all others)";

export interface Standing {
  readonly limit: LimitName;
  readonly rate: Rate;
  readonly allowed: boolean;
  readonly remaining: number;
  readonly waitMs: number;
  readonly fullInMs: number;
}

export class RateLimits {
  readonly rates: Readonly<Record<LimitName, Rate>>;
  readonly #now: () => number;
  readonly #bucketsMax: number;
  readonly #buckets = new Map<string, { readonly rate: Rate; bucket: Bucket }>();
  readonly #limited: Record<LimitName, number> = { reads: 0, writes: 0, streams: 0, gateway: 0, anonymous: 0 };

  constructor(config: RateLimitsConfig, o: { now?: () => number; bucketsMax?: number } = {}) {
    this.#now = o.now ?? (() => performance.now());
    this.#bucketsMax = o.bucketsMax ?? BUCKETS_MAX;
    this.rates = {
      reads: { perSecond: config.readsPerSecond, burst: config.readsPerSecond * READS_BURST_S },
      writes: { perSecond: config.writesPerSecond, burst: config.writesPerSecond * WRITES_BURST_S },
      streams: STREAMS,
      gateway: GATEWAY,
      anonymous: ANONYMOUS,
    };
  }

  /** A request of somebody known: a read or a write, if it is nothing else. */
  ofPrincipal(principal: Principal, method: string, as?: LimitName): Standing {
    if (principal.role === "gateway") return this.#take("gateway", principal.id);
    return this.#take(as ?? (method === "GET" || method === "HEAD" ? "reads" : "writes"), principal.id);
  }

  /** A request of nobody known: a wrong credential, none, or a try to sign in. */
  ofAddress(address: string): Standing {
    return this.#take("anonymous", networkOf(address));
  }

  /** Requests that were refused since this server started. */
  get limited(): Readonly<Record<LimitName, number>> {
    return { ...this.#limited };
  }
  get buckets(): number {
    return this.#buckets.size;
  }

  #take(limit: LimitName, who: string): Standing {
    const now = this.#now();
    const rate = this.rates[limit];
    const key = this.#keyFor(`${limit}/${who}`, limit, now);
    const { bucket, ...taken } = take(rate, this.#buckets.get(key)?.bucket ?? untouched(rate, now), now);
    this.#buckets.set(key, { rate, bucket });
    if (!taken.allowed) this.#limited[limit] += 1;
    return { limit, rate, ...taken };
  }

  /** A full bucket says the same as none: those are let go when there are too many. */
  #keyFor(key: string, limit: LimitName, now: number): string {
    if (this.#buckets.has(key) || this.#buckets.size < this.#bucketsMax) return key;
    for (const [known, { rate, bucket }] of this.#buckets) if (isFull(rate, bucket, now)) this.#buckets.delete(known);
    return this.#buckets.size < this.#bucketsMax ? key : `${limit}/${SHARED}`;
  }
}

/** A customer has at least a /64 of IPv6 (RFC 6177): single addresses of it are nobody in particular. */
function networkOf(address: string): string {
  if (!address.includes(":") || address.startsWith("::ffff:")) return address;
  const [head = "", tail = ""] = address.split("::", 2);
  const first = head === "" ? [] : head.split(":");
  const last = tail === "" ? [] : tail.split(":");
  const middle = address.includes("::") ? Math.max(0, 8 - first.length - last.length) : 0;
  return [...first, ...Array.from({ length: middle }, () => "0"), ...last].slice(0, 4).join(":");
}

/** RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers): the reserve, and until when it is whole. */
export function rateLimitHeaders(s: Standing): Readonly<Record<string, string>> {
  const window = Math.ceil(s.rate.burst / s.rate.perSecond);
  return {
    "ratelimit-policy": `"${s.limit}";q=${s.rate.burst};w=${window}`,
    ratelimit: `"${s.limit}";r=${s.remaining};t=${Math.ceil(s.fullInMs / 1_000)}`,
  };
}
