import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHttp } from "../platform/http.ts";
import { authenticator, idempotency, issue } from "../security/access.controller.ts";
import { EventStream } from "../testing/event-stream.ts";
import { Installation } from "../testing/installation.ts";
import { until } from "../testing/until.ts";
import { record } from "./index.ts";
import { LedgerStream } from "./stream.routes.ts";
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
    const { database } = installation;
    const log = pino({ level: "silent" });
    const authenticate = authenticator(database);
    const { open: openSealed } = openSubjects(database, Buffer.alloc(32));
    const http = createHttp({ log, authenticate, idempotency: idempotency(database), onRefusal: () => {}, openSealed });
    const stream = new LedgerStream({ database, log, authenticate, open: openSealed, stalledMs: 300 });
    stream.register(http);
    const url = `${await http.listen({ host: "127.0.0.1", port: 0 })}/api/v1/stream`;
    const authorization = `Bearer ${installation.secretIn("cli.token")}`;
    const from = size;
    const slow = await new EventStream(url, { authorization }, { reads: false }).opened();
    // More than the kernel's buffers of one connection take.
    for (let i = 0; i < 8; i++) await happen(50, "main", "x".repeat(50_000));
    stream.wake();
    await until("the slow client was cut off", () => stream.clientCount === 0);
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
    stream.stop();
    await http.close();
  });
});
