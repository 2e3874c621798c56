import { seeded } from "@latchkey/core/shared/random";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHttp, listen } from "../platform/http.ts";
import { listenForNotifications } from "../platform/notifications.ts";
import { RateLimits } from "../platform/rate-limits.ts";
import { authenticator, idempotency, issue } from "../security/access.controller.ts";
import { EventStream } from "../testing/event-stream.ts";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";
import { record } from "./index.ts";
import { LedgerStream, STREAM_CLIENTS_MAX } from "./stream.routes.ts";
import { StreamRing } from "./stream-ring.ts";
import { openSubjects } from "./subjects.ts";

let installation: Installation;
let size = 0;
beforeAll(async () => {
  installation = await Installation.start();
  await happen(1);
});
afterAll(() => installation.close());

async function happen(times: number, project = "main", padding = ""): Promise<void> {
  await installation.database.transaction(async (tx) => {
    for (let i = 0; i < times; i++)
      await record(tx, {
        type: "test.happened",
        subject: "thing/1",
        project,
        actor: { id: "ada", kind: "person", name: "Ada" },
        data: { padding },
      });
  });
  size += times;
  await until("all is numbered", async () => (await installation.owner.getSystem({})).ledger.size === size);
}
const open = (headers: Record<string, string> = {}, query = "", options: { reads?: boolean } = {}) =>
  new EventStream(
    `${installation.url}/api/v1/stream${query}`,
    { authorization: `Bearer ${installation.secretIn("cli.token")}`, ...headers },
    options,
  ).opened();
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** The stream of another server on the same database: it numbers nothing itself. */
async function anotherServer(
  o: { stalledMs?: number; clientsMax?: number; ring?: StreamRing; listens?: boolean } = {},
) {
  const { database } = installation;
  const log = pino({ level: "silent" });
  const authenticate = authenticator(database);
  const subjects = openSubjects(database, Buffer.alloc(32));
  const limits = new RateLimits({ readsPerSecond: 300, writesPerSecond: 20 });
  const http = createHttp({
    log,
    authenticate,
    idempotency: idempotency(database),
    onRefusal: () => {},
    openSealed: subjects.open,
    limits,
  });
  const stream = new LedgerStream({ database, log, authenticate, subjects, ...o });
  stream.register(http);
  const notifications = o.listens === false ? null : listenForNotifications(database.url, log);
  let reconnects = 0;
  notifications?.on("ledger", () => stream.wake());
  notifications?.on("routing", () => {
    reconnects += 1;
  });
  return {
    stream,
    notifications,
    reconnects: () => reconnects,
    url: `${await listen(http, { host: "127.0.0.1", port: 0 })}/api/v1/stream`,
    authorization: `Bearer ${installation.secretIn("cli.token")}`,
    stop: async () => {
      stream.stop();
      await notifications?.stop();
      await http.close();
    },
  };
}

/** A client that comes back after what it had. */
class Comer {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #from: number;
  readonly #before: number[] = [];
  #stream: EventStream | null = null;

  private constructor(url: string, headers: Record<string, string>, from: number) {
    this.#url = url;
    this.#headers = headers;
    this.#from = from;
  }
  static async at(url: string, headers: Record<string, string>, from: number): Promise<Comer> {
    const comer = new Comer(url, headers, from);
    await comer.comeBack();
    return comer;
  }
  get sequences(): readonly number[] {
    return [...this.#before, ...(this.#stream?.sequences ?? [])];
  }
  get last(): number {
    return this.#stream?.sequences.at(-1) ?? this.#before.at(-1) ?? this.#from;
  }
  leave(): void {
    this.#before.push(...(this.#stream?.sequences ?? []));
    this.#stream?.close();
    this.#stream = null;
  }
  async comeBack(): Promise<void> {
    const headers = { ...this.#headers, "last-event-id": String(this.last) };
    this.#stream = await new EventStream(this.#url, headers).opened();
    if (this.#stream.status !== 200) throw new Error(`It was answered ${this.#stream.status}.`);
  }
}

describe("the stream of the ledger", () => {
  it("sends entries as they come, in order, from now on", async () => {
    const from = size;
    const stream = await open();
    await happen(3);
    await until("three entries came", () => stream.sequences.length === 3);
    expect(stream.sequences).toEqual(range(from, from + 3));
    expect(JSON.parse(stream.events[0]?.data ?? "")).toMatchObject({ sequence: from, type: "test.happened" });
    stream.close();
  });

  it("goes on after Last-Event-ID with nothing missing and nothing twice, over more than one batch", async () => {
    const from = size;
    const first = await open();
    await happen(5);
    await until("some came", () => first.sequences.length > 0);
    first.close();
    const last = first.sequences.at(-1) ?? 0;
    await happen(450);
    const second = await open({ "last-event-id": String(last) });
    await happen(5);
    await until("all came", () => second.sequences.at(-1) === size - 1);
    expect([...first.sequences, ...second.sequences]).toEqual(range(from, size));
    second.close();
  });

  it("begins after the entry that is asked for", async () => {
    const stream = await open({}, `?after=${size - 4}`);
    await until("three came", () => stream.sequences.length === 3);
    expect(stream.sequences).toEqual(range(size - 3, size));
    stream.close();
  });

  it("keeps projects apart", async () => {
    const other = await issue(installation.database.db, {
      project: "other",
      name: "theirs",
      role: "viewer",
      kind: "token",
      ms: 60_000,
    });
    const ours = await open();
    const theirs = await open({ authorization: `Bearer ${other.secret}` });
    const from = size;
    await happen(2, "other");
    await happen(2, "main");
    await until("both have theirs", () => ours.sequences.length === 2 && theirs.sequences.length === 2);
    expect(theirs.sequences).toEqual(range(from, from + 2));
    expect(ours.sequences).toEqual(range(from + 2, from + 4));
    const refused = await open({ authorization: `Bearer ${other.secret}` }, "?project=main");
    expect(refused.status).toBe(403);
    for (const stream of [ours, theirs, refused]) stream.close();
  });

  it("refuses who is unknown, and who may not read the ledger", async () => {
    const unknown = await open({ authorization: "Bearer lk_nobody-knows-this-secret" });
    expect(unknown.status).toBe(401);
    const gateway = await open({ authorization: `Bearer ${installation.secretIn("gateway.token")}` });
    expect(gateway.status).toBe(403);
    await until("a problem came", () => gateway.body.includes("LK_FORBIDDEN"));
  });

  it("sends a long history of large entries to a client that reads, in one go", async () => {
    const from = size;
    await happen(60, "main", "x".repeat(60_000));
    const stream = await open({ "last-event-id": String(from - 1) });
    await until("all came", () => stream.sequences.length === 60 || stream.ended);
    expect(stream.sequences).toEqual(range(from, from + 60));
    stream.close();
  });

  it("goes on from now for a number beyond the newest, as a client has it after a restore", async () => {
    const from = size;
    const stream = await open({ "last-event-id": "999999999" });
    await happen(3);
    await until("they came", () => stream.sequences.length === 3);
    expect(stream.sequences).toEqual(range(from, from + 3));
    stream.close();
  });

  it("cuts off a client that does not read; it comes back and has missed nothing", async () => {
    const server = await anotherServer({ stalledMs: 300 });
    const from = size;
    const slow = await new EventStream(server.url, { authorization: server.authorization }, { reads: false }).opened();
    // More than the kernel's buffers of one connection take.
    for (let i = 0; i < 8; i++) await happen(50, "main", "x".repeat(50_000));
    await until("the slow client was cut off", () => server.stream.clientCount === 0);
    expect(server.stream.figures.dropped).toEqual({ stalled: 1, revoked: 0, failed: 0 });
    slow.read();
    await until("it has noticed", () => slow.ended);
    const got = slow.sequences;
    expect(got).toEqual(range(from, from + got.length));
    expect(got.length).toBeLessThan(400);
    // It comes back to the server that is patient: 300 ms are short for a busy machine.
    const again = await open({ "last-event-id": String(from + got.length - 1) });
    await until("the rest came", () => again.sequences.at(-1) === size - 1);
    expect([...got, ...again.sequences]).toEqual(range(from, from + 400));
    again.close();
    await server.stop();
  });

  it("sends the entries that another server numbered, with LISTEN and without", async () => {
    for (const listens of [true, false]) {
      const server = await anotherServer({ listens });
      const from = size;
      const stream = await new EventStream(server.url, { authorization: server.authorization }).opened();
      await happen(3);
      await until("they came", () => stream.sequences.length === 3);
      expect(stream.sequences).toEqual(range(from, from + 3));
      stream.close();
      await server.stop();
    }
  });

  it("goes on after PostgreSQL ended the connection that listens", async () => {
    const server = await anotherServer({ listens: true });
    await until("it listens", () => server.notifications?.connected());
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query like 'listen%'`.execute(installation.database.db);
    await until("it listens again", () => server.reconnects() > 1 && server.notifications?.connected());
    await server.stop();
  });

  it("takes its clients and no more, and tells the next one so", async () => {
    const server = await anotherServer({ clientsMax: 2 });
    const headers = { authorization: server.authorization };
    const taken = [
      await new EventStream(server.url, headers).opened(),
      await new EventStream(server.url, headers).opened(),
    ];
    const refused = await new EventStream(server.url, headers).opened();
    expect(refused.status).toBe(429);
    await until("a problem came", () => refused.body.includes("The stream has its 2 clients."));
    expect(server.stream.figures.refused).toBe(1);
    taken[0]?.close();
    await until("a place is free", () => server.stream.clientCount === 1);
    const next = await new EventStream(server.url, headers).opened();
    expect(next.status).toBe(200);
    for (const stream of [...taken, next]) stream.close();
    await server.stop();
  });

  it("gives each of 2,000 clients every entry once and in order, however often it comes and goes", async () => {
    // A ring of 40 entries: who comes back late finds its place only in the database.
    const server = await anotherServer({ ring: new StreamRing({ entriesMax: 40 }) });
    const chance = seeded(20_260_101);
    const from = size;
    const headers = { authorization: server.authorization };
    const all = await Promise.all(
      Array.from({ length: STREAM_CLIENTS_MAX }, () => Comer.at(server.url, headers, from - 1)),
    );
    expect(server.stream.clientCount).toBe(STREAM_CLIENTS_MAX);
    const refused = await new EventStream(server.url, headers).opened();
    expect(refused.status).toBe(429);
    refused.close();
    for (let round = 0; round < 6; round++) {
      const leaving = all.filter(() => chance() < 0.1);
      for (const comer of leaving) comer.leave();
      await happen(1 + Math.floor(chance() * 30));
      await until("the places are free", () => server.stream.clientCount <= STREAM_CLIENTS_MAX - leaving.length);
      await Promise.all(leaving.map((comer) => comer.comeBack()));
    }
    await until("all have all", () => all.every((comer) => comer.last === size - 1));
    const wanted = range(from, size).join();
    expect(all.filter((comer) => comer.sequences.join() !== wanted)).toEqual([]);
    for (const comer of all) comer.leave();
    await server.stop();
  }, 240_000);
});
