import { createHash } from "node:crypto";
import { join } from "node:path";
import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import { verifyInclusion } from "@latchkey/core/shared/merkle";
import fc from "fast-check";
import { sql } from "kysely";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../platform/clock.ts";
import { ANSWERS, type Executor, openDatabase, type Run } from "../platform/database.ts";
import { setIdSource } from "../platform/ids.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { until } from "../testing/until.ts";
import { checkpoint, openSigner } from "./checkpoints.ts";
import { allEntriesAfter, readTree } from "./ledger.store.ts";
import { viewConsistency, viewProof } from "./proofs.view.ts";
import { onRecord, record } from "./record.ts";
import { drainOnce, numbered, startSequencer } from "./sequencer.ts";
import { sha256 } from "./sha256.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase();
});
afterEach(() => database.drop());

const happened = (n: number) => ({
  type: "test.happened",
  subject: `thing/${n}`,
  project: "main",
  actor: { id: "ada", kind: "person", name: "Ada" },
  data: { n },
});
const entries = async () =>
  (await allEntriesAfter(database.db, -1, 10_000)).map((row) => {
    const { id, sequence, data } = JSON.parse(row.canonical) as { id: string; sequence: number; data: { n: number } };
    return { id, sequence, n: data.n };
  });
async function drainAll(): Promise<void> {
  while ((await drainOnce(database)) > 0);
}

describe("the sequencer", () => {
  it("numbers what was committed and knows nothing of what was rolled back", async () => {
    await database.transaction((tx) => record(tx, happened(1)));
    const failed = database.transaction(async (tx) => {
      await record(tx, happened(2));
      throw new Error("the change failed");
    });
    await expect(failed).rejects.toThrow("the change failed");
    await database.transaction((tx) => record(tx, happened(3)));
    await drainAll();
    expect((await entries()).map(({ sequence, n }) => [sequence, n])).toEqual([
      [0, 1],
      [1, 3],
    ]);
  });

  it("keeps the order in which servers wrote, though the clock of the second is behind and its ids sort first", async () => {
    const at = (now: number) => setIdSource({ now: () => now, random: () => new Uint8Array(8) });
    try {
      at(2_000);
      await database.transaction((tx) => record(tx, happened(1)));
      at(1_000);
      await database.transaction((tx) => record(tx, happened(2)));
    } finally {
      setIdSource(null);
    }
    await drainAll();
    expect((await entries()).map((e) => e.n)).toEqual([1, 2]);
  });

  it("keeps the order in which one transaction recorded", async () => {
    await database.transaction(async (tx) => {
      for (let n = 0; n < 700; n++) await record(tx, happened(n));
    });
    await drainAll();
    expect((await entries()).map((e) => e.n)).toEqual(Array.from({ length: 700 }, (_, n) => n));
  });

  it("undoes the change, too, when what is recorded can't be written", async () => {
    await sql`create table thing (n int primary key)`.execute(database.owner.db);
    await sql`grant all on thing to public`.execute(database.owner.db);
    await sql`alter table ledger_outbox add constraint broken check (envelope not like '%thing/2%')`.execute(
      database.owner.db,
    );
    const change = (n: number) =>
      database.transaction(async (tx) => {
        await sql`insert into thing values (${n})`.execute(tx);
        await record(tx, happened(n));
        await record(tx, happened(n + 10));
      });
    // The second fails, and its connection goes on with the third.
    await change(1);
    await expect(change(2)).rejects.toThrow("broken");
    await change(3);
    await drainAll();
    expect((await entries()).map((e) => e.n)).toEqual([1, 11, 3, 13]);
    expect((await sql<{ n: number }>`select n from thing order by n`.execute(database.db)).rows).toEqual([
      { n: 1 },
      { n: 3 },
    ]);
  });

  it("numbers entries in their canonical form, whatever is in them", async () => {
    const text = fc.string({ unit: "binary" });
    const looksLikeMembers = fc.constantFrom(',"schemaVersion":1', '","source":"x', "\\", '"sequence":7,');
    const any = fc.oneof(text, looksLikeMembers);
    const event = fc.record({
      type: any,
      subject: any,
      project: any,
      source: any,
      data: fc.dictionary(any, fc.jsonValue()),
    });
    fc.assert(
      fc.property(event, fc.nat(), ({ data, ...names }, sequence) => {
        const envelope = {
          ...names,
          id: "evt_1",
          schemaVersion: 1,
          specversion: "1.0",
          data: { schemaVersion: 2, ...data },
        };
        const recordedAt = "2026-01-01T00:00:00.000Z";
        const whole = canonicalJson({ ...envelope, sequence, recordedAt });
        expect(numbered(canonicalJson(envelope), sequence, recordedAt)).toBe(whole);
      }),
    );
  });

  it("loses and doubles nothing with two sequencers beside writers that fail now and then", async () => {
    const other = openDatabase(database.url);
    const committed: string[] = [];
    let writing = true;
    const write = async (writer: number) => {
      for (let n = 0; n < 40; n++) {
        await database
          .transaction(async (tx) => {
            const ids = [await record(tx, happened(writer * 100 + n)), await record(tx, happened(writer * 100 + n))];
            if (n % 5 === 4) throw new Error("rolled back");
            return ids;
          })
          .then((ids) => committed.push(...ids))
          .catch((error: Error) => expect(error.message).toBe("rolled back"));
      }
    };
    const sequence = async (through: typeof other) => {
      while (writing || (await drainOnce(through)) > 0) await drainOnce(through);
    };
    const sequencers = [sequence(database), sequence(other)];
    await Promise.all([0, 1, 2, 3].map(write));
    writing = false;
    await Promise.all(sequencers);
    await drainAll();
    await other.close();
    const numbered = await entries();
    expect(numbered.map((e) => e.sequence)).toEqual(Array.from({ length: 4 * 32 * 2 }, (_, i) => i));
    expect(numbered.map((e) => e.id).sort()).toEqual(committed.sort());
    expect((await readTree(database.db)).size).toBe(numbered.length);
  });

  it("leaves all as it was when its transaction fails, and goes on afterwards", async () => {
    await database.transaction((tx) => record(tx, happened(1)));
    await sql`alter table ledger_tree add constraint broken check (size = 0)`.execute(database.owner.db);
    await expect(drainOnce(database)).rejects.toThrow("broken");
    expect(await entries()).toEqual([]);
    await sql`alter table ledger_tree drop constraint broken`.execute(database.owner.db);
    await drainAll();
    expect((await entries()).map((e) => e.n)).toEqual([1]);
  });

  it.each([
    ["ledger_entry", "sequence"],
    ["ledger_node", "level"],
    ["ledger_checkpoint", "size"],
    ["ledger_key", "n"],
  ])("%s refuses to be changed, shortened or emptied, by its owner too", async (table, column) => {
    for (const change of [`update ${table} set ${column} = 1`, `delete from ${table}`, `truncate ${table}`])
      await expect(sql.raw(change).execute(database.owner.db), change).rejects.toThrow("the ledger is append-only");
  });
});

/** A clock that stands: what is called after a time is called by `pass`. */
class StandingClock implements Clock {
  readonly #due = new Set<() => void>();
  now = () => 0;
  monotonic = () => 0;
  after = (_ms: number, fn: () => void) => {
    this.#due.add(fn);
    return () => void this.#due.delete(fn);
  };
  get waiting(): boolean {
    return this.#due.size > 0;
  }
  pass(): void {
    const due = [...this.#due];
    this.#due.clear();
    for (const fn of due) fn();
  }
}

describe("the sequencer's rounds", () => {
  const silent = pino({ level: "silent" });
  const write = (n: number) => database.transaction((tx) => record(tx, happened(n)));
  const numbered = (count: number) =>
    until(`${count} entries are numbered`, async () => (await entries()).length === count);

  it("number the first entry at once, and gather what comes until the next round", async () => {
    const clock = new StandingClock();
    const sequencer = startSequencer(database, silent, () => {}, clock);
    const off = onRecord(() => sequencer.wake());
    await until("it is idle", () => clock.waiting);
    await write(1);
    await numbered(1);
    await until("it keeps its distance", () => clock.waiting);
    await write(2);
    await write(3);
    expect((await entries()).length).toBe(1);
    clock.pass();
    await numbered(3);
    off();
    await sequencer.stop();
  });

  it("see what is committed while one of them looks and finds nothing", async () => {
    const clock = new StandingClock();
    let looks = 0;
    // Answers as the database does, a moment later: meanwhile an entry is committed.
    const db: Executor = Object.assign(Object.create(database.db) as Executor, {
      [ANSWERS]: async (name: string, args: never[], run: Run) => {
        const answer = await run(database.db, ...args);
        looks += 1;
        if (name === "outboxIsEmpty" && looks === 1) await write(1);
        return answer;
      },
    });
    const woken: { wake: () => void } = { wake: () => {} };
    const off = onRecord(() => woken.wake());
    const sequencer = startSequencer({ db, transaction: database.transaction }, silent, () => {}, clock);
    woken.wake = sequencer.wake;
    await numbered(1);
    off();
    await sequencer.stop();
  });
});

/** Merkle Tree Hash of RFC 6962, section 2.1, word by word. */
function treeHash(leaves: readonly Buffer[]): Buffer {
  const hash = (...parts: Buffer[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
  if (leaves.length === 0) return hash();
  if (leaves.length === 1) return hash(Buffer.from([0]), leaves[0] ?? Buffer.alloc(0));
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return hash(Buffer.from([1]), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

describe("proofs", () => {
  it("lead from every entry to the signed root, for trees of every size up to 20 and some larger ones", async () => {
    const dir = temporaryDirectory();
    const signer = openSigner(join(dir, "ledger.key"));
    const sizes = [...Array.from({ length: 20 }, (_, i) => i + 1), 31, 32, 33, 64, 100];
    let size = 0;
    for (const wanted of sizes) {
      await database.transaction(async (tx) => {
        for (; size < wanted; size++) await record(tx, happened(size));
      });
      await drainAll();
      await checkpoint(database, signer);
      const leaves = (await allEntriesAfter(database.db, -1, 1_000)).map((e) => Buffer.from(e.canonical, "utf8"));
      const root = treeHash(leaves);
      // Of the larger trees only some entries: the ends and what lies around the whole subtrees' borders.
      const picked = leaves.map((_, i) => i).filter((i) => wanted <= 20 || i % 16 < 2 || i === wanted - 1);
      for (const i of picked) {
        const view = await viewProof(database.db, signer, i);
        expect(view?.checkpoint.rootHash).toBe(root.toString("hex"));
        const leaf = createHash("sha256")
          .update(Buffer.from([0]))
          .update(view?.canonical ?? "")
          .digest();
        expect(view?.leafHash).toBe(leaf.toString("hex"));
        const path = view?.proof.map((h) => Buffer.from(h, "hex")) ?? [];
        expect(verifyInclusion(sha256, leaf, i, wanted, path, root)).toBe(true);
      }
    }
    removeDirectory(dir);
  });

  it("hold for entries that were numbered beside an older server, which needs all nodes, and for those after it", async () => {
    const dir = temporaryDirectory();
    const signer = openSigner(join(dir, "ledger.key"));
    const levels = async () =>
      (
        await sql<{ n: number }>`select count(*)::int as n from ledger_node group by level order by level`.execute(
          database.db,
        )
      ).rows.map((row) => row.n);
    let size = 0;
    for (const lowest of [0, 4]) {
      await sql`update ledger_tree set lowest_level = ${lowest}`.execute(database.owner.db);
      await database.transaction(async (tx) => {
        for (let i = 0; i < 32; i++) await record(tx, happened(size + i));
      });
      size += 32;
      await drainAll();
      expect(await levels()).toEqual(lowest === 0 ? [32, 16, 8, 4, 2, 1] : [32, 16, 8, 4, 4, 2, 1]);
    }
    await checkpoint(database, signer);
    // Each is checked against the signed root before it is answered.
    for (let i = 0; i < size; i++) expect((await viewProof(database.db, signer, i))?.checkpoint.size).toBe(size);
    for (let from = 1; from <= size; from++)
      expect(await viewConsistency(database.db, signer, from, undefined)).not.toBeNull();
    removeDirectory(dir);
  });

  it("are there only for entries that a signed checkpoint covers", async () => {
    const dir = temporaryDirectory();
    const signer = openSigner(join(dir, "ledger.key"));
    await database.transaction((tx) => record(tx, happened(0)));
    await drainAll();
    expect(await viewProof(database.db, signer, 0)).toBeNull();
    await checkpoint(database, signer);
    await database.transaction((tx) => record(tx, happened(1)));
    await drainAll();
    expect(await viewProof(database.db, signer, 0)).not.toBeNull();
    expect(await viewProof(database.db, signer, 1)).toBeNull();
    removeDirectory(dir);
  });
});
