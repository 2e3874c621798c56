import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import type { Clock } from "../platform/clock.ts";
import type { ClientKey, ClientKeys } from "./client-keys.ts";
import type { FlagSets } from "./sets.ts";

/**
 * Each has a socket and a few hundred bytes; more ask another server, or poll. A page's key is no secret: whoever opens streams with
 * it takes no place that servers need to hear at once that a flag was turned off.
 */
const MOST = { all: 2_000, browsers: 1_500 } as const;
/** Proxies close what is silent for a minute. */
const HEARTBEAT_MS = 20_000;

interface Client {
  readonly response: ServerResponse;
  readonly key: ClientKey;
}

/** Server-sent events that say when flags changed (OFREP ADR 0008): who hears one asks again. */
export class FlagStreams {
  readonly #clients = new Set<Client>();
  readonly #keys: ClientKeys;
  readonly #clock: Clock;
  readonly #most: { readonly all: number; readonly browsers: number };
  readonly #off: () => void;
  #browsers = 0;
  #callOff = () => {};

  constructor(o: {
    readonly sets: Pick<FlagSets, "onChange">;
    /** Those of the keys that are good: one may have been revoked by another server. */
    readonly goodOf: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
    readonly keys: ClientKeys;
    readonly clock: Clock;
    readonly most?: { readonly all: number; readonly browsers: number };
  }) {
    this.#most = o.most ?? MOST;
    this.#keys = o.keys;
    this.#clock = o.clock;
    this.#off = o.sets.onChange((project) => {
      this.#tell(project);
      // Whoever can't be looked at now is looked at when the next thing changes, or refused when the ticket has ended.
      void this.#dropRevoked(project, o.goodOf).catch(() => {});
    });
    this.#beat();
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Where a key's clients listen: relative to the server, so that it holds behind any name. */
  addressFor(key: ClientKey, path: string): string {
    return `${path}?ticket=${this.#keys.ticketFor(key, this.#clock.now())}`;
  }

  /** False when there is no place left. */
  open(key: ClientKey, request: IncomingMessage, reply: FastifyReply): boolean {
    const isPage = key.kind === "browser";
    if (this.#clients.size >= this.#most.all || (isPage && this.#browsers >= this.#most.browsers)) return false;
    reply.hijack();
    const response = reply.raw;
    // When it ends, so does its connection: kept for another request it would hold up a server that stops.
    response.shouldKeepAlive = false;
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) response.setHeader(name, value);
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    // Who comes back may have missed one: it asks once.
    response.write("retry: 1000\n\n");
    request.socket.setNoDelay(true);
    const client = { response, key };
    this.#clients.add(client);
    if (isPage) this.#browsers += 1;
    response.once("close", () => {
      this.#clients.delete(client);
      if (isPage) this.#browsers -= 1;
    });
    return true;
  }

  /** Ends the streams of keys that are good no more. */
  drop(id: string): void {
    for (const client of this.#clients) if (client.key.id === id) client.response.end();
  }

  async #dropRevoked(project: string, goodOf: (ids: readonly string[]) => Promise<ReadonlySet<string>>): Promise<void> {
    const ids = new Set([...this.#clients].filter(({ key }) => key.project === project).map(({ key }) => key.id));
    if (ids.size === 0) return;
    const good = await goodOf([...ids]);
    for (const id of ids) if (!good.has(id)) this.drop(id);
  }

  stop(): void {
    this.#off();
    this.#callOff();
    for (const { response } of this.#clients) response.end();
    this.#clients.clear();
  }

  #tell(project: string): void {
    const text = `event: message\ndata: ${JSON.stringify({ type: "refetchEvaluation" })}\n\n`;
    for (const client of this.#clients) if (client.key.project === project) this.#send(client, text);
  }

  #send(client: Client, text: string): void {
    // Who has not taken the last event yet will ask again anyway.
    if (!client.response.writableNeedDrain) client.response.write(text);
  }

  #beat(): void {
    this.#callOff = this.#clock.after(HEARTBEAT_MS, () => {
      for (const client of this.#clients) this.#send(client, ": here\n\n");
      this.#beat();
    });
  }
}
