import { createHmac, timingSafeEqual } from "node:crypto";
import { type Bucket, type Rate, take, untouched } from "@latchkey/core/shared/token-bucket";
import type { FastifyRequest } from "fastify";
import type { Transactions } from "../platform/database.ts";
import { findClientKey, findClientKeyById } from "./keys.store.ts";

export interface ClientKey {
  readonly id: string;
  readonly project: string;
  readonly environment: string;
  readonly kind: "server" | "browser";
  readonly hash: Buffer;
}
/** A key is looked up once a second: a revocation on another server is seen that late. */
const KEPT_MS = 1_000;
const KEPT_MAX = 10_000;
/** One core answers about 10,000 a second: a key may have all of it for a moment, and a fifth for long. */
const RATE: Rate = { perSecond: 20_000, burst: 40_000 };
/** Each may bring 1,000 exposures or events, which are written before the answer. */
const REPORT_RATE: Rate = { perSecond: 50, burst: 200 };
/** A stream is opened with it within this time: it stands in an address, which logs may keep. */
const TICKET_MS = 24 * 3_600_000;

/** Who asks for flags: by the key that comes with a request, or by a ticket for a stream. */
export class ClientKeys {
  readonly #database: Transactions;
  readonly #now: () => number;
  readonly #kept = new Map<string, { readonly until: number; readonly key: ClientKey | null }>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #reports = new Map<string, Bucket>();

  constructor(database: Transactions, now: () => number = () => performance.now()) {
    this.#database = database;
    this.#now = now;
  }

  async of(request: Pick<FastifyRequest, "headers">): Promise<ClientKey | null> {
    const { authorization } = request.headers;
    const given = authorization?.startsWith("Bearer ") ? authorization.slice(7).trim() : request.headers["x-api-key"];
    if (typeof given !== "string" || given === "" || given.length > 200) return null;
    const kept = this.#kept.get(given);
    if (kept && kept.until > this.#now()) return kept.key;
    const row = await findClientKey(this.#database.db, given);
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(given, { until: this.#now() + KEPT_MS, key: row });
    return row;
  }

  /** A key of this server was revoked. */
  forget(): void {
    this.#kept.clear();
  }

  /** How long to wait; 0 when it may ask. */
  within(key: ClientKey): number {
    return this.#take(this.#buckets, RATE, key);
  }

  /** The same for reports of exposures and events. */
  mayReport(key: ClientKey): number {
    return this.#take(this.#reports, REPORT_RATE, key);
  }

  #take(buckets: Map<string, Bucket>, rate: Rate, key: ClientKey): number {
    const now = this.#now();
    if (buckets.size > KEPT_MAX) buckets.clear();
    const { bucket, allowed, waitMs } = take(rate, buckets.get(key.id) ?? untouched(rate, now), now);
    buckets.set(key.id, bucket);
    return allowed ? 0 : Math.max(1, waitMs);
  }

  /** Stands for the key in an address: an EventSource can send no header. */
  ticketFor(key: ClientKey, nowMs: number): string {
    const until = nowMs + TICKET_MS;
    return `${key.id}.${until}.${sign(key, until)}`;
  }

  async byTicket(ticket: string, nowMs: number): Promise<ClientKey | null> {
    const [id = "", until = "", mac = ""] = ticket.split(".");
    if (!/^flk_[0-9a-f]{32}$/.test(id) || !(Number(until) > nowMs) || Number(until) > nowMs + 2 * TICKET_MS)
      return null;
    const key = await findClientKeyById(this.#database.db, id);
    if (!key) return null;
    const expected = Buffer.from(sign(key, Number(until)));
    const given = Buffer.from(mac);
    return given.length === expected.length && timingSafeEqual(given, expected) ? key : null;
  }
}
const sign = (key: ClientKey, until: number): string =>
  createHmac("sha256", key.hash).update(`flag stream\n${key.id}\n${until}`).digest("base64url");
