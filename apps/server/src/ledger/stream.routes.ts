import type { ServerResponse } from "node:http";
import { isAllowed } from "@latchkey/core/security/authorisation";
import type { FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Authenticate } from "../platform/auth.ts";
import type { Database } from "../platform/database.ts";
import { authorise, type Http } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { entriesAfter, readTree } from "./ledger.store.ts";
import { presentEntry } from "./ledger.view.ts";
import type { Subjects } from "./subjects.ts";

/** Server-sent events of the ledger as it grows (see @latchkey/api/stream). */
const CLIENTS_MAX = 500;
const BATCH = 200;
const HEARTBEAT_MS = 15_000;
/** A client that takes nothing for this long is cut off; it comes back with Last-Event-ID and misses nothing. */
const STALLED_MS = 10_000;

interface Client {
  readonly request: FastifyRequest;
  readonly response: ServerResponse;
  readonly project: string;
  last: number;
  busy: boolean;
  again: boolean;
}

export class LedgerStream {
  readonly #database: Database;
  readonly #log: Logger;
  readonly #authenticate: Authenticate;
  readonly #open: Subjects["open"];
  readonly #stalledMs: number;
  /** Ephemeral events go out in the order they were published in. */
  #published: Promise<void> = Promise.resolve();
  readonly #clients = new Set<Client>();
  readonly #heartbeat: NodeJS.Timeout;

  constructor(o: {
    database: Database;
    log: Logger;
    authenticate: Authenticate;
    open: Subjects["open"];
    stalledMs?: number;
  }) {
    this.#database = o.database;
    this.#authenticate = o.authenticate;
    this.#open = o.open;
    this.#stalledMs = o.stalledMs ?? STALLED_MS;
    this.#log = o.log;
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  register(http: Http): void {
    http.get<{ Querystring: Record<string, string | undefined> }>("/api/v1/stream", async (request, reply) => {
      const own = (await authorise(http, request, "ledger.read")).project;
      const project = request.query.project ?? own;
      if (project !== own) await authorise(http, request, "ledger.read", project);
      if (this.#clients.size >= CLIENTS_MAX)
        throw new ProblemError("LK_TOO_MANY", { detail: `The stream has its ${CLIENTS_MAX} clients.` });
      const from = request.headers["last-event-id"] ?? request.query.after;
      const tree = await readTree(this.#database.db);
      // A number beyond the newest is from before a restore: what is recorded from now on must not wait for it.
      const last =
        typeof from === "string" && /^\d{1,15}$/.test(from) ? Math.min(Number(from), tree.size - 1) : tree.size - 1;
      reply.hijack();
      const response = reply.raw;
      response.writeHead(200, {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
        "x-request-id": request.id,
      });
      response.write(": the ledger as it grows\n\n");
      const client: Client = { request, response, project, last, busy: false, again: false };
      this.#clients.add(client);
      response.on("close", () => this.#clients.delete(client));
      void this.#pump(client);
    });
  }

  /** A stream must not outlive its credential: whoever may not read any longer is cut off. */
  async recheck(): Promise<void> {
    for (const client of [...this.#clients]) {
      const good = await this.#mayRead(client.request, client.project).catch(() => true);
      if (!good) client.response.end();
    }
  }

  async #mayRead(request: FastifyRequest, project: string): Promise<boolean> {
    const principal = await this.#authenticate(request);
    return principal !== null && isAllowed(principal.role, "ledger.read", principal.project, project);
  }

  /** New entries were committed. */
  wake(): void {
    for (const client of this.#clients) void this.#pump(client);
  }

  /** An event that may be dropped: only the newest state counts. Skipped for clients that are behind. */
  publish(event: string, project: string, data: unknown): void {
    if (this.#clients.size === 0) return;
    const json = JSON.stringify(data);
    this.#published = this.#published
      .then(async () => {
        const text = `event: ${event}\ndata: ${await this.#open(json)}\n\n`;
        for (const client of this.#clients)
          if (client.project === project && !client.response.writableNeedDrain) client.response.write(text);
      })
      .catch((error: unknown) => this.#log.warn({ err: error }, "an event could not be shown to those who watch"));
  }

  async #pump(client: Client): Promise<void> {
    if (client.busy) {
      client.again = true;
      return;
    }
    client.busy = true;
    try {
      do {
        client.again = false;
        for (;;) {
          const rows = await entriesAfter(this.#database.db, client.project, client.last, BATCH);
          for (const row of rows) {
            const shown = await this.#open(JSON.stringify(presentEntry(row)));
            client.response.write(`id: ${row.sequence}\nevent: ledger\ndata: ${shown}\n\n`);
            client.last = row.sequence;
            // A long history is sent as fast as it is read, and never piles up here.
            if (!(await drained(client.response, this.#stalledMs))) {
              client.response.destroy();
              return;
            }
          }
          if (rows.length < BATCH) break;
        }
      } while (client.again);
    } catch (error) {
      this.#log.warn({ err: error }, "the stream could not be carried on; the client will come back");
      client.response.destroy();
    } finally {
      client.busy = false;
    }
  }

  async #beat(): Promise<void> {
    if (this.#clients.size === 0) return;
    await this.recheck();
    const { size } = await readTree(this.#database.db).catch(() => ({ size: 0 }));
    for (const client of this.#clients) client.response.write(`event: heartbeat\ndata: {"newest":${size - 1}}\n\n`);
  }

  stop(): void {
    clearInterval(this.#heartbeat);
    for (const client of this.#clients) client.response.end();
  }
}

/** Resolves once the client has taken what was written: false when it went away or took nothing for too long. */
function drained(response: ServerResponse, stalledMs: number): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  if (!response.writableNeedDrain) return Promise.resolve(true);
  return new Promise((resolve) => {
    const finish = (took: boolean) => {
      clearTimeout(timer);
      response.off("drain", onDrain).off("close", onClose);
      resolve(took);
    };
    const onDrain = () => finish(true);
    const onClose = () => finish(false);
    const timer = setTimeout(onClose, stalledMs);
    response.once("drain", onDrain).once("close", onClose);
  });
}
