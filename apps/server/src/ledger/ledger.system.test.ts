import { append, rootOf, verifyConsistency } from "@latchkey/core/shared/merkle";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";
import { record } from "./index.ts";
import { allEntriesAfter } from "./ledger.store.ts";
import { sha256 } from "./sha256.ts";

const SIZE = 60;
let installation: Installation;
beforeAll(async () => {
  installation = await Installation.start();
  await installation.database.transaction(async (tx) => {
    for (let n = 0; n < SIZE; n++)
      await record(tx, {
        type: n % 2 === 0 ? "test.even" : "test.odd",
        subject: `thing/${n % 3}`,
        project: n % 10 === 9 ? "other" : "main",
        actor: { id: "ada", kind: "person", name: "Ada" },
        data: { n },
      });
  });
  await until("all is signed", async () => (await installation.owner.getSystem({})).ledger.signedSize === SIZE);
});
afterAll(() => installation.close());

const list = (query: NonNullable<Parameters<Installation["owner"]["listLedger"]>[0]["query"]>) =>
  installation.owner.listLedger({ query });

describe("the server's pool", () => {
  it("is not the owner's: PostgreSQL keeps it from changing entries, and the system page says so", async () => {
    const { ledger } = await installation.owner.getSystem({});
    expect(ledger).toMatchObject({ protectedByRoles: true, remedy: null });
  });
});

describe("reading the ledger", () => {
  it("pages through all entries of the own project, newest first, none twice", async () => {
    const seen: number[] = [];
    for (let cursor: string | null = null; ; ) {
      const page = await list({ limit: 7, ...(cursor === null ? {} : { cursor }) });
      seen.push(...page.items.map((e) => e.sequence));
      if (page.next === null) break;
      cursor = page.next;
    }
    const own = Array.from({ length: SIZE }, (_, n) => n).filter((n) => n % 10 !== 9);
    expect(seen).toEqual(own.reverse());
  });

  it("finds entries by type and by subject", async () => {
    const even = await list({ type: "test.even", subject: "thing/0", limit: 200 });
    expect(even.items.map((e) => e.data.n)).toEqual([54, 48, 42, 36, 30, 24, 18, 12, 6, 0]);
  });

  it("shows one entry, and hides those of other projects", async () => {
    const get = (sequence: string) => installation.owner.getLedgerEntry({ params: { project: "main", sequence } });
    expect(await get("4")).toMatchObject({ sequence: 4, type: "test.even", actor: { name: "Ada" }, data: { n: 4 } });
    expect(await problemOf(get("9"))).toMatchObject({ status: 404, code: "LK_NOT_FOUND" });
    expect(await problemOf(get("9999"))).toMatchObject({ status: 404 });
    const proof = (sequence: string) => installation.owner.getLedgerProof({ params: { project: "main", sequence } });
    expect(await problemOf(proof("9"))).toMatchObject({ status: 404 });
    expect((await proof("4")).checkpoint.size).toBe(SIZE);
  });

  it("names the field that is not a number", async () => {
    const bad = installation.owner.getLedgerEntry({ params: { project: "main", sequence: "first" } });
    expect(await problemOf(bad)).toMatchObject({ status: 400, fields: [{ field: "sequence" }] });
    expect(await problemOf(list({ cursor: "newest" }))).toMatchObject({ status: 400, fields: [{ field: "cursor" }] });
  });
});

describe("a proof that the ledger begins with a smaller one", () => {
  const ask = (from: number, to?: number) =>
    installation.owner.getLedgerConsistency({ params: { project: "main" }, query: { from, ...(to ? { to } : {}) } });
  const bytes = (hash: string) => Buffer.from(hash, "hex");

  it("holds for any two sizes, and its roots are those of the entries' own hashes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: SIZE }), fc.integer({ min: 1, max: SIZE }), async (a, b) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        const found = await ask(from, to);
        expect([found.from.size, found.to.size]).toEqual([from, to]);
        const proof = found.proof.map(bytes);
        const [old, now] = [bytes(found.from.rootHash), bytes(found.to.rootHash)];
        expect(verifyConsistency(sha256, from, to, old, now, proof)).toBe(true);
        const leaves = (await allEntriesAfter(installation.database.db, -1, from)).map((row) => row.leaf_hash);
        const peaks = leaves.reduce<Uint8Array[]>((grown, leaf, i) => append(sha256, i, grown, leaf).peaks, []);
        expect(found.from.rootHash).toBe(Buffer.from(rootOf(sha256, peaks)).toString("hex"));
      }),
      { numRuns: 40 },
    );
  });

  it("goes up to the signed checkpoint when no larger size is named", async () => {
    const { to, checkpoint } = await ask(7);
    expect(to).toEqual({ size: checkpoint.size, rootHash: checkpoint.rootHash });
  });

  it("is refused for sizes that make no sense, and for what nobody signed", async () => {
    expect(await problemOf(ask(9, 5))).toMatchObject({ status: 400, fields: [{ field: "from" }] });
    expect(await problemOf(ask(0))).toMatchObject({ status: 400, fields: [{ field: "from" }] });
    expect(await problemOf(ask(1, SIZE + 1_000))).toMatchObject({ status: 404 });
    expect(await problemOf(ask(SIZE + 1_000))).toMatchObject({ status: 404 });
  });
});

/** Does what a superuser of the database could: changes behind the triggers' back. */
async function tamper(...statements: string[]): Promise<void> {
  await installation.database.owner.transaction(async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx);
    for (const statement of statements) await sql.raw(statement).execute(tx);
  });
}

describe("verifying the ledger", () => {
  const verify = () => installation.owner.verifyLedger({});
  it("finds it whole and signed", async () => {
    expect(await verify()).toMatchObject({ ok: true, size: SIZE, firstBadSequence: null });
  });

  it.each([
    [
      "a changed entry",
      [`update ledger_entry set canonical = replace(canonical, 'Ada', 'Eve') where sequence = 17`],
      { firstBadSequence: 17, words: expect.stringContaining("Entry 17 was changed") },
    ],
    [
      "a changed entry whose hash was made to fit",
      [
        `update ledger_entry set canonical = replace(canonical, 'Ada', 'Eve') where sequence = 17`,
        `update ledger_entry set leaf_hash = sha256('\\x00'::bytea || convert_to(canonical, 'UTF8')) where sequence = 17`,
      ],
      { words: expect.stringContaining("do not have the root that was signed") },
    ],
    [
      "a missing entry",
      [`delete from ledger_entry where sequence = 30`],
      { firstBadSequence: 30, words: expect.stringContaining("Entry 30 is missing") },
    ],
    [
      "a missing first entry",
      [`delete from ledger_entry where sequence = 0`],
      { firstBadSequence: 0, words: expect.stringContaining("Entry 0 is missing") },
    ],
    ["a removed tail", [`delete from ledger_entry where sequence >= 50`], { firstBadSequence: 50 }],
    [
      "a removed tail, with the tree cut to fit",
      [`delete from ledger_entry where sequence >= 50`, `update ledger_tree set size = 50`],
      { words: expect.stringMatching(/signed/) },
    ],
    [
      "two entries that changed places",
      [
        `update ledger_entry a set canonical = b.canonical, leaf_hash = b.leaf_hash from ledger_entry b
           where (a.sequence, b.sequence) in ((20, 21), (21, 20))`,
      ],
      { words: expect.stringContaining("do not have the root") },
    ],
  ])("finds %s", async (_, statements, found) => {
    await tamper("create table kept_entry as table ledger_entry", "create table kept_tree as table ledger_tree");
    await tamper(...statements);
    try {
      expect(await verify()).toMatchObject({ ok: false, ...found });
    } finally {
      await tamper(
        "truncate ledger_entry",
        "insert into ledger_entry table kept_entry",
        "update ledger_tree set size = (select size from kept_tree), peaks = (select peaks from kept_tree)",
        "drop table kept_entry, kept_tree",
      );
    }
    expect((await verify()).ok).toBe(true);
  });
});

describe("somebody who did something and looks into the ledger then", () => {
  it("finds it there, each time", async () => {
    const own = await Installation.start();
    for (let n = 0; n < 30; n++) {
      const name = `token ${n}`;
      await own.owner.createToken({ body: { name, role: "viewer" } });
      const { items } = await own.owner.listLedger({ query: { limit: 1 } });
      expect(items[0]?.data).toMatchObject({ name });
    }
    await own.close();
  });
});
