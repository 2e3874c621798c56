import { isAllowed } from "@latchkey/core/security/authorisation";
import type { FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Authenticate, Principal } from "../platform/auth.ts";
import type { Transactions } from "../platform/database.ts";
import { authorise, type Http } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { entriesAfter } from "./ledger.store.ts";
import { presentEntry } from "./ledger.view.ts";
import { drained, type StreamClient, Turns } from "./stream-client.ts";
import { CHUNK_CHARACTERS, type StreamRing } from "./stream-ring.ts";
import { StreamTail, streamText } from "./stream-tail.ts";
import type { Subjects } from "./subjects.ts";

/**
 * Server-sent events of the ledger as it grows (see @latchkey/api/stream). One reader takes the ledger's end in once and
 * hands it to all (stream-tail); who is too far behind for that reads the database until it is not.
 */
/** A client has 144 KiB waiting at worst (64, the entry that went over it, Node's 16): 288 MiB for all. Beyond, another server takes more. */
export const STREAM_CLIENTS_MAX = 2_000;
/** Entries that one catch-up query looks at: small ones, 300 characters each, fill one write to a socket. */
const CATCH_UP_BATCH = 200;
/** Of the pool's 12 connections: a crowd that comes back must leave the API its own. */
const CATCH_UP_AT_ONCE = 4;
const HEARTBEAT_MS = 15_000;
/** A client that takes nothing for this long is cut off; it comes back with Last-Event-ID and misses nothing. */
const STALLED_MS = 10_000;

interface Client extends StreamClient {
  readonly request: FastifyRequest;
}

/** What a server did with its clients since it started, for /metrics and the health page. */
export interface StreamFigures {
  readonly clients: number;
  readonly clientsMax: number;
  /** Clients that wait for their turn to read the database. */
  readonly catchingUp: number;
  readonly refused: number;
  readonly dropped: { readonly stalled: number; readonly revoked: number; readonly failed: number };
  /** Newest states that were not sent to a client because it was behind: the next one counts. */
  readonly statesSkipped: number;
}

export interface LedgerStreamOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly authenticate: Authenticate;
  /** What sealed parts say, for those who watch. */
  readonly subjects: Subjects;
  readonly stalledMs?: number;
  readonly clientsMax?: number;
  readonly ring?: StreamRing;
}

export class LedgerStream {
  readonly #o: LedgerStreamOptions;
  readonly #clientsMax: number;
  readonly #tail: StreamTail;
  readonly #turns = new Turns(CATCH_UP_AT_ONCE);
  /** Ephemeral events go out in the order they were published in. */
  #published: Promise<void> = Promise.resolve();
  readonly #clients = new Set<Client>();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #dropped = { stalled: 0, revoked: 0, failed: 0 };
  #opening = 0;
  #refused = 0;
  #statesSkipped = 0;

  constructor(o: LedgerStreamOptions) {
    this.#o = o;
    this.#clientsMax = o.clientsMax ?? STREAM_CLIENTS_MAX;
    this.#tail = new StreamTail({
      database: o.database,
      log: o.log,
      subjects: o.subjects,
      ...(o.ring ? { ring: o.ring } : {}),
      hasReaders: () => this.#clients.size > 0,
      handOn: () => {
        for (const client of this.#clients) this.#handOn(client);
      },
    });
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
  }

  get clientCount(): number {
    return this.#clients.size;
  }
  get figures(): StreamFigures {
    return {
      clients: this.#clients.size,
      clientsMax: this.#clientsMax,
      catchingUp: this.#turns.waiting,
      refused: this.#refused,
      dropped: { ...this.#dropped },
      statesSkipped: this.#statesSkipped,
    };
  }

  register(http: Http): void {
    http.get<{ Querystring: Record<string, string | undefined> }>("/api/v1/stream", async (request, reply) => {
      const own = (await authorise(http, request, "ledger.read", null, "streams")).project;
      const project = request.query.project ?? own;
      if (project !== own) await authorise(http, request, "ledger.read", project, "streams");
      const from = request.headers["last-event-id"] ?? request.query.after;
      const last = await this.#place(typeof from === "string" && /^\d{1,15}$/.test(from) ? Number(from) : null);
      if (request.raw.destroyed) return reply.hijack();
      reply.hijack();
      const response = reply.raw;
      // What was set on the way here (the rate limit's state) goes out too.
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) response.setHeader(name, value);
      response.writeHead(200, {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
        "x-request-id": request.id,
      });
      response.write(": the ledger as it grows\n\n");
      const client: Client = { request, response, project, last, busy: false };
      this.#clients.add(client);
      response.on("close", () => this.#clients.delete(client));
      this.#handOn(client);
      this.#tail.wake();
    });
  }

  /** Where a client begins, when there is a place for it. Those who are on their way in count. */
  async #place(from: number | null): Promise<number> {
    if (this.#clients.size + this.#opening >= this.#clientsMax) {
      this.#refused += 1;
      throw new ProblemError("LK_TOO_MANY", {
        detail: `The stream has its ${this.#clientsMax} clients.`,
        remedy: "Close some, or run another server on the same database: each has as many.",
        retryAfterMs: HEARTBEAT_MS,
      });
    }
    this.#opening += 1;
    try {
      return await this.#tail.begin(from);
    } finally {
      this.#opening -= 1;
    }
  }

  /** A stream must not outlive its credential: whoever may not read any longer is cut off. Each credential is asked for once. */
  async recheck(): Promise<void> {
    const asked = new Map<string, Promise<Principal | null | "unknown">>();
    for (const client of [...this.#clients]) {
      const { authorization = "", cookie = "" } = client.request.headers;
      const credential = `${authorization}\n${cookie}`;
      const found = asked.get(credential) ?? this.#o.authenticate(client.request).catch(() => "unknown" as const);
      asked.set(credential, found);
      const principal = await found;
      if (principal === "unknown") continue;
      if (principal && isAllowed(principal.role, "ledger.read", principal.project, client.project)) continue;
      this.#dropped.revoked += 1;
      this.#clients.delete(client);
      client.response.end();
    }
  }

  /** New entries were committed. */
  wake(): void {
    this.#tail.wake();
  }

  /** An event that may be dropped: only the newest state counts. Skipped for clients that are behind. */
  publish(event: string, project: string, data: unknown): void {
    if (this.#clients.size === 0) return;
    const json = JSON.stringify(data);
    this.#published = this.#published
      .then(async () => {
        const text = Buffer.from(`event: ${event}\ndata: ${await this.#o.subjects.open(json)}\n\n`, "utf8");
        for (const client of this.#clients) {
          if (client.project !== project) continue;
          if (client.response.writableNeedDrain) this.#statesSkipped += 1;
          else client.response.write(text);
        }
      })
      .catch((error: unknown) => this.#o.log.warn({ err: error }, "an event could not be shown to those who watch"));
  }

  /** Sends what a client has not had yet: at once from the ring where its socket takes it, otherwise as it can. */
  #handOn(client: Client): void {
    if (client.busy) return;
    const newest = this.#tail.newest;
    while (newest !== null && client.last < newest && !client.response.writableNeedDrain) {
      const chunk = this.#tail.ring.after(client.last, client.project);
      if (!chunk) break;
      if (chunk.bytes) client.response.write(chunk.bytes);
      client.last = chunk.upTo;
    }
    if (newest !== null && client.last < newest) void this.#catchUp(client);
  }

  async #catchUp(client: Client): Promise<void> {
    client.busy = true;
    try {
      while (client.last < (this.#tail.newest ?? -1)) {
        const end = await drained(client.response, this.#o.stalledMs ?? STALLED_MS);
        if (end === "stalled") this.#drop(client, "stalled");
        if (end !== "took") return;
        const chunk = this.#tail.ring.after(client.last, client.project) ?? (await this.#read(client));
        if (client.response.writableEnded) return;
        if (chunk.bytes) client.response.write(chunk.bytes);
        client.last = chunk.upTo;
      }
    } catch (error) {
      this.#o.log.warn({ err: error }, "the stream could not be carried on; the client will come back");
      this.#drop(client, "failed");
    } finally {
      client.busy = false;
    }
  }

  /** A part of what a client has not had, from the database. */
  async #read(client: Client): Promise<{ bytes: Buffer | null; upTo: number }> {
    return this.#turns.take(async () => {
      if (client.response.destroyed) return { bytes: null, upTo: client.last };
      const newest = this.#tail.newest ?? -1;
      const { db } = this.#o.database;
      const { rows, complete } = await entriesAfter(db, client.project, client.last, CATCH_UP_BATCH, CHUNK_CHARACTERS);
      const texts: string[] = [];
      for (const row of rows)
        texts.push(streamText(row.sequence, await this.#o.subjects.open(JSON.stringify(presentEntry(row)))));
      const upTo = rows.at(-1)?.sequence ?? client.last;
      return {
        bytes: rows.length === 0 ? null : Buffer.from(texts.join(""), "utf8"),
        // What was committed before the question and is not in the answer is another project's.
        upTo: complete ? Math.max(upTo, newest) : upTo,
      };
    });
  }

  #drop(client: Client, why: "stalled" | "failed"): void {
    this.#dropped[why] += 1;
    this.#clients.delete(client);
    client.response.destroy();
  }

  async #beat(): Promise<void> {
    if (this.#clients.size === 0) return;
    await this.recheck();
    const newest = this.#tail.newest;
    if (newest === null) return;
    for (const { response } of this.#clients)
      if (!response.writableNeedDrain) response.write(`event: heartbeat\ndata: {"newest":${newest}}\n\n`);
  }

  stop(): void {
    clearInterval(this.#heartbeat);
    this.#tail.stop();
    for (const client of this.#clients) client.response.end();
    this.#clients.clear();
  }
}
