import type { Answer } from "@latchkey/api/client";
import { rootOf } from "@latchkey/core/shared/merkle";
import { sql } from "kysely";
import type { Executor } from "../platform/database.ts";
import { ORIGIN, type Signer } from "./checkpoints.ts";
import { type CheckpointRow, type EntryRow, newestCheckpoint, readTree } from "./ledger.store.ts";
import { sha256 } from "./sha256.ts";

export type LedgerEntry = Answer<"getLedgerEntry">;

export function presentEntry(row: EntryRow): LedgerEntry {
  const { specversion: _, ...entry } = JSON.parse(row.canonical) as LedgerEntry & { specversion: string };
  return { ...entry, leafHash: row.leaf_hash.toString("hex") };
}

export async function viewCheckpoint(db: Executor, signer: Signer): Promise<Answer<"getCheckpoint"> | null> {
  const row = await newestCheckpoint(db);
  return row && presentCheckpoint(row, signer);
}

export const presentCheckpoint = (row: CheckpointRow, signer: Signer): Answer<"getCheckpoint"> => ({
  origin: ORIGIN,
  size: row.size,
  rootHash: row.root_hash.toString("hex"),
  note: row.note,
  publicKey: signer.publicKey,
});

/** How many entries there are, and how many of them a signed checkpoint covers. */
export async function ledgerStanding(db: Executor): Promise<{ size: number; signedSize: number }> {
  const tree = await readTree(db);
  return { size: tree.size, signedSize: (await newestCheckpoint(db))?.size ?? 0 };
}

/** Where the ledger ends: what a backup says of it. */
export async function ledgerHead(db: Executor): Promise<{ size: number; rootHash: string; checkpoint: string | null }> {
  const tree = await readTree(db);
  const rootHash = Buffer.from(rootOf(sha256, tree.peaks)).toString("hex");
  return { size: tree.size, rootHash, checkpoint: (await newestCheckpoint(db))?.note ?? null };
}

/** Counted no further than this: more is "too many" whatever the number, and counting must not make it worse. */
const OUTBOX_COUNTED = 100_000;

/** What was recorded and has no number yet, and how long the oldest of it waits. */
export async function outboxStanding(db: Executor): Promise<{ length: number; oldestS: number }> {
  const found = await sql<{ length: string; oldest: number | null }>`select
    (select count(*) from (select 1 from ledger_outbox limit ${OUTBOX_COUNTED}) as counted) as length,
    (select extract(epoch from now() - written_at)::float8 from ledger_outbox order by position limit 1) as oldest`.execute(
    db,
  );
  const row = found.rows[0];
  return { length: Number(row?.length ?? 0), oldestS: Math.max(0, row?.oldest ?? 0) };
}
