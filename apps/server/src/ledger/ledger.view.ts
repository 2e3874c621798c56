import type { Answer } from "@latchkey/api/client";
import {
  consistencyProof,
  coverOf,
  inclusionProof,
  type NodeReader,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from "@latchkey/core/shared/merkle";
import { sql } from "kysely";
import type { Executor } from "../platform/database.ts";
import { ORIGIN, type Signer } from "./checkpoints.ts";
import { type EntryRow, findEntry, newestCheckpoint, readNodes, readTree } from "./ledger.store.ts";
import { sha256 } from "./sha256.ts";

export type LedgerEntry = Answer<"getLedgerEntry">;

export function presentEntry(row: EntryRow): LedgerEntry {
  const { specversion: _, ...entry } = JSON.parse(row.canonical) as LedgerEntry & { specversion: string };
  return { ...entry, leafHash: row.leaf_hash.toString("hex") };
}

export async function viewCheckpoint(db: Executor, signer: Signer): Promise<Answer<"getCheckpoint"> | null> {
  const row = await newestCheckpoint(db);
  return (
    row && {
      origin: ORIGIN,
      size: row.size,
      rootHash: row.root_hash.toString("hex"),
      note: row.note,
      publicKey: signer.publicKey,
    }
  );
}

/** Entry, audit path and checkpoint; null while no checkpoint covers the entry yet. */
export async function viewProof(
  db: Executor,
  signer: Signer,
  sequence: number,
): Promise<Answer<"getLedgerProof"> | null> {
  const [entry, checkpoint] = await Promise.all([findEntry(db, sequence), viewCheckpoint(db, signer)]);
  if (!entry || !checkpoint || sequence >= checkpoint.size) return null;
  const make = (read: NodeReader) => inclusionProof(sha256, read, sequence, checkpoint.size);
  const proof = make(await readerFor(db, make));
  if (
    !verifyInclusion(sha256, entry.leaf_hash, sequence, checkpoint.size, proof, Buffer.from(checkpoint.rootHash, "hex"))
  ) {
    throw new Error(`the proof of entry ${sequence} does not lead to the signed root`);
  }
  return {
    entry: presentEntry(entry),
    canonical: entry.canonical,
    leafHash: entry.leaf_hash.toString("hex"),
    proof: proof.map((h) => Buffer.from(h).toString("hex")),
    checkpoint,
  };
}

/** That the first `from` entries are the beginning of the first `to`; null while no checkpoint covers them. */
export async function viewConsistency(
  db: Executor,
  signer: Signer,
  from: number,
  to: number | undefined,
): Promise<Answer<"getLedgerConsistency"> | null> {
  const checkpoint = await viewCheckpoint(db, signer);
  const size = to ?? checkpoint?.size ?? 0;
  if (!checkpoint || from > size || size > checkpoint.size) return null;
  const make = (read: NodeReader) => ({
    from: rootOf(
      sha256,
      coverOf(0, from).map((node) => read(node.level, node.index)),
    ),
    to: rootOf(
      sha256,
      coverOf(0, size).map((node) => read(node.level, node.index)),
    ),
    proof: consistencyProof(sha256, read, from, size),
  });
  const { from: oldRoot, to: newRoot, proof } = make(await readerFor(db, make));
  if (!verifyConsistency(sha256, from, size, oldRoot, newRoot, proof))
    throw new Error(`the ledger of ${size} entries does not begin with that of ${from}`);
  const hex = (hash: Uint8Array) => Buffer.from(hash).toString("hex");
  return {
    from: { size: from, rootHash: hex(oldRoot) },
    to: { size, rootHash: hex(newRoot) },
    proof: proof.map(hex),
    checkpoint,
  };
}

/** Runs `make` once to see which nodes it reads, and answers a reader that has them, from one query. */
async function readerFor(db: Executor, make: (read: NodeReader) => unknown): Promise<NodeReader> {
  const wanted = new Map<string, { level: number; index: number }>();
  make((level, index) => {
    wanted.set(`${level}/${index}`, { level, index });
    return new Uint8Array(32);
  });
  const nodes = await readNodes(db, [...wanted.values()]);
  return (level, index) => {
    const node = nodes.get(`${level}/${index}`);
    if (!node) throw new Error(`the ledger has no node ${level}/${index}`);
    return node;
  };
}

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
