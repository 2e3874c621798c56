import type { StoredNode } from "@latchkey/core/shared/merkle";
import { sql } from "kysely";
import { type CopiedRow, type Copies, eachRow } from "../platform/copy-rows.ts";
import { type Executor, operation } from "../platform/database.ts";
import { announce } from "../platform/notifications.ts";
import { askPrepared, sendWithCommit } from "../platform/postgres-driver.ts";

export interface EntryRow {
  readonly sequence: number;
  readonly canonical: string;
  readonly leaf_hash: Buffer;
}
interface RawEntry {
  readonly sequence: string;
  readonly canonical: string;
  readonly leaf_hash: Buffer;
}
const typed = (row: RawEntry): EntryRow => ({ ...row, sequence: Number(row.sequence) });

export const writeOutbox = operation(
  "writeOutbox",
  (tx: Executor, id: string, envelope: string): Promise<void> =>
    sendWithCommit(tx, sql`insert into ledger_outbox (id, envelope) values (${id}, ${envelope})`),
);

export interface Tree {
  readonly size: number;
  /** Hashes of the whole subtrees that it is made of, largest first. */
  readonly peaks: readonly Uint8Array[];
}
export interface OutboxRow {
  readonly id: string;
  readonly envelope: string;
  readonly written_at: Date;
}

export interface Drained {
  readonly tree: Tree;
  /** Of the nodes that are written. While older servers live, all are. */
  readonly lowestLevel: number;
  readonly taken: readonly OutboxRow[];
}
interface TreeRow {
  readonly size: string;
  readonly peaks: Buffer[];
  readonly lowest_level: number;
}

/**
 * Locks the tree, then takes a batch out of the outbox, in the order it was written in: what one row's lock made wait for
 * another comes after it, whatever the servers' clocks (and so the ids) say. One statement, because each one more would
 * cost every round a way to PostgreSQL and back. Nothing is taken before the lock is had: what to delete is looked up
 * beside the locked row. Who waited for the lock sees the outbox as it was before, and passes by what is gone.
 */
export const drainOutbox = operation("drainOutbox", async (tx: Executor, limit: number): Promise<Drained> => {
  const question = sql<(OutboxRow & { size: null }) | TreeRow>`
      with tree as materialized (select size, peaks, lowest_level from ledger_tree for update),
      next as materialized (select o.place from tree, lateral (
        select ctid as place from ledger_outbox where tree.size >= 0 order by position limit ${limit}) as o),
      taken as (delete from ledger_outbox where ctid = any(array(select place from next)) returning id, envelope, written_at, position)
      select null as id, null as envelope, null as written_at, null as position, size, peaks, lowest_level from tree
      union all select id, envelope, written_at, position, null, null, null from taken order by position nulls first`;
  const [first, ...rows] = (await askPrepared(tx, question)).rows;
  if (first?.size == null) throw new Error("the ledger has no tree");
  const taken = (rows as OutboxRow[]).map(({ id, envelope, written_at }) => ({ id, envelope, written_at }));
  return { tree: treeOf(first), lowestLevel: first.lowest_level, taken };
});
export const outboxIsEmpty = operation("outboxIsEmpty", async (db: Executor): Promise<boolean> => {
  return (await sql`select 1 from ledger_outbox order by position limit 1`.execute(db)).rows.length === 0;
});
/** The place of the newest that waits for its number; null where none does. */
export const outboxEnd = operation("outboxEnd", async (db: Executor): Promise<string | null> => {
  const asked = sql<{ position: string }>`select position from ledger_outbox order by position desc limit 1`;
  return (await asked.execute(db)).rows[0]?.position ?? null;
});
export const waitsForNumber = operation("waitsForNumber", async (db: Executor, upTo: string): Promise<boolean> => {
  return (await sql`select 1 from ledger_outbox where position <= ${upTo} limit 1`.execute(db)).rows.length > 0;
});

const treeOf = (row: { size: string; peaks: Buffer[] } | undefined): Tree => ({
  size: Number(row?.size ?? 0),
  peaks: row?.peaks ?? [],
});
export const lockTree = operation("lockTree", async (tx: Executor): Promise<Tree> => {
  const found = await sql<{ size: string; peaks: Buffer[] }>`select size, peaks from ledger_tree for update`.execute(
    tx,
  );
  return treeOf(found.rows[0]);
});
export const readTree = operation("readTree", async (db: Executor): Promise<Tree> => {
  return treeOf(
    (await sql<{ size: string; peaks: Buffer[] }>`select size, peaks from ledger_tree`.execute(db)).rows[0],
  );
});

/** A block of 16 entries is two pages or three, and 15 hashes: less than what it costs to write and find their nodes. */
export const NODE_LEVEL_MIN = 4;

export interface NewEntry {
  readonly sequence: number;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly project: string;
  readonly canonical: string;
  readonly leafHash: Uint8Array;
}
/** One statement: see `drainOutbox`. */
export const appendEntries = operation(
  "appendEntries",
  async (tx: Executor, entries: readonly NewEntry[], nodes: readonly StoredNode[], tree: Tree): Promise<void> => {
    const append = sql`with entries as (
      insert into ledger_entry (sequence, id, type, subject, project, canonical, leaf_hash)
      select * from unnest(${entries.map((e) => e.sequence)}::bigint[], ${entries.map((e) => e.id)}::text[], ${entries.map((e) => e.type)}::text[],
        ${entries.map((e) => e.subject)}::text[], ${entries.map((e) => e.project)}::text[], ${entries.map((e) => e.canonical)}::text[], ${entries.map((e) => e.leafHash)}::bytea[])
    ), nodes as (
      insert into ledger_node (level, index, hash)
      select * from unnest(${nodes.map((n) => n.level)}::int[], ${nodes.map((n) => n.index)}::bigint[], ${nodes.map((n) => n.hash)}::bytea[])
    ), tree as (
      update ledger_tree set size = ${tree.size}, peaks = ${[...tree.peaks]}::bytea[]
    ) ${announce("ledger")}`;
    await askPrepared(tx, append);
  },
);

/** What a project has after a number: so many entries at most, and no more characters than asked for (one entry at least). */
export const entriesAfter = operation(
  "entriesAfter",
  async (
    db: Executor,
    project: string,
    after: number,
    limit: number,
    characters: number,
  ): Promise<{ rows: EntryRow[]; complete: boolean }> => {
    const found = await sql<RawEntry & { found: string }>`select sequence, canonical, leaf_hash, found from (
      select sequence, canonical, leaf_hash, count(*) over () as found,
        sum(length(canonical)) over (order by sequence) - length(canonical) as before
      from (select sequence, canonical, leaf_hash from ledger_entry
        where sequence > ${after} and project = ${project} order by sequence limit ${limit}) as next) as counted
    where before < ${characters} order by sequence`.execute(db);
    const all = Number(found.rows[0]?.found ?? 0);
    return { rows: found.rows.map(typed), complete: all < limit && found.rows.length === all };
  },
);
export const allEntriesAfter = operation(
  "allEntriesAfter",
  async (db: Executor, after: number, limit: number): Promise<EntryRow[]> => {
    const found =
      await sql<RawEntry>`select sequence, canonical, leaf_hash from ledger_entry where sequence > ${after} order by sequence limit ${limit}`.execute(
        db,
      );
    return found.rows.map(typed);
  },
);
/** The number behind the last entry's. */
export const entriesEnd = operation("entriesEnd", async (db: Executor): Promise<number> => {
  const found = await sql<{
    end: number;
  }>`select coalesce(max(sequence) + 1, 0)::float8 as end from ledger_entry`.execute(db);
  return found.rows[0]?.end ?? 0;
});

/** So many at once: below the statements' time limit on any machine. */
const COPIED_AT_ONCE = 20_000;

/**
 * Calls `take` for every entry behind `after` up to `last`, in order, until it answers false: number, exact bytes, recorded
 * hash.
 */
export async function eachEntry(
  from: Copies,
  range: { readonly after: number; readonly last: number },
  take: (row: CopiedRow) => boolean,
): Promise<void> {
  let goesOn = true;
  for (let after = range.after; goesOn && after < range.last; after += COPIED_AT_ONCE) {
    const last = Math.min(range.last, after + COPIED_AT_ONCE);
    const rows = from.copyOut(
      `select sequence, canonical, leaf_hash from ledger_entry where sequence > ${after} and sequence <= ${last} order by sequence`,
    );
    await eachRow(rows, (row) => (goesOn = take(row)));
  }
}
export const entriesBefore = operation(
  "entriesBefore",
  async (
    db: Executor,
    project: string,
    filter: { before: number; type?: string | undefined; subject?: string | undefined; limit: number },
  ): Promise<EntryRow[]> => {
    const found = await sql<RawEntry>`select sequence, canonical, leaf_hash from ledger_entry
    where project = ${project} and sequence < ${filter.before}
      and (${filter.type ?? null}::text is null or type like ${`${filter.type ?? ""}%`})
      and (${filter.subject ?? null}::text is null or subject = ${filter.subject ?? null})
    order by sequence desc limit ${filter.limit}`.execute(db);
    return found.rows.map(typed);
  },
);
export const findEntry = operation("findEntry", async (db: Executor, sequence: number): Promise<EntryRow | null> => {
  const found =
    await sql<RawEntry>`select sequence, canonical, leaf_hash from ledger_entry where sequence = ${sequence}`.execute(
      db,
    );
  return found.rows[0] ? typed(found.rows[0]) : null;
});
export const sequencesOf = operation(
  "sequencesOf",
  async (db: Executor, ids: readonly string[]): Promise<Map<string, number>> => {
    if (ids.length === 0) return new Map();
    const found = await sql<{
      id: string;
      sequence: string;
    }>`select id, sequence from ledger_entry where id = any(${[...ids]})`.execute(db);
    return new Map(found.rows.map((row) => [row.id, Number(row.sequence)]));
  },
);
export interface CheckpointRow {
  readonly size: number;
  readonly root_hash: Buffer;
  readonly note: string;
}
export const newestCheckpoint = operation("newestCheckpoint", async (db: Executor): Promise<CheckpointRow | null> => {
  const found = await sql<{
    size: string;
    root_hash: Buffer;
    note: string;
  }>`select size, root_hash, note from ledger_checkpoint order by size desc limit 1`.execute(db);
  const row = found.rows[0];
  return row ? { ...row, size: Number(row.size) } : null;
});
/** Every checkpoint, the smallest first. */
export const allCheckpoints = operation("allCheckpoints", async (db: Executor): Promise<CheckpointRow[]> => {
  const found = await sql<{
    size: string;
    root_hash: Buffer;
    note: string;
  }>`select size, root_hash, note from ledger_checkpoint order by size`.execute(db);
  return found.rows.map((row) => ({ ...row, size: Number(row.size) }));
});
export const saveCheckpoint = operation("saveCheckpoint", async (db: Executor, row: CheckpointRow): Promise<void> => {
  await sql`insert into ledger_checkpoint (size, root_hash, note) values (${row.size}, ${row.root_hash}, ${row.note}) on conflict do nothing`.execute(
    db,
  );
});
