import { wholeRoot } from "@latchkey/core/shared/merkle";
import { type RawBuilder, sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import { askPrepared } from "../platform/postgres-driver.ts";
import { type CheckpointRow, type EntryRow, NODE_LEVEL_MIN } from "./ledger.store.ts";
import { sha256 } from "./sha256.ts";

export interface NodeAddress {
  readonly level: number;
  readonly index: number;
}
/** By `level/index`. One that is missing is left out. */
export type Nodes = ReadonlyMap<string, Uint8Array>;

interface PartRow {
  /** A node's level, or one of these. */
  readonly level: number;
  readonly index: string;
  readonly hash: Buffer;
  readonly text: string | null;
}
const LEAF = -1;
const ENTRY = -2;
const CHECKPOINT = -3;

const isStored = ({ level }: NodeAddress): boolean => level >= NODE_LEVEL_MIN;
const leavesOf = ({ level, index }: NodeAddress): number[] =>
  Array.from({ length: 2 ** level }, (_, i) => index * 2 ** level + i);

/** The nodes that are stored, and the leaves of those below, which are made of them. */
function partsOf(wanted: readonly NodeAddress[]): RawBuilder<PartRow> {
  const stored = wanted.filter(isStored);
  const leaves = wanted.filter((w) => !isStored(w)).flatMap(leavesOf);
  return sql<PartRow>`select n.level, n.index, n.hash, null as text from ledger_node n
      join unnest(${stored.map((w) => w.level)}::int[], ${stored.map((w) => w.index)}::bigint[]) as w(level, index) using (level, index)
    union all select ${LEAF}::int, sequence, leaf_hash, null from ledger_entry where sequence = any(${leaves}::bigint[])`;
}

function nodesIn(rows: readonly PartRow[], wanted: readonly NodeAddress[]): Nodes {
  const found = new Map<string, Uint8Array>(rows.map((row) => [`${row.level}/${row.index}`, row.hash]));
  for (const node of wanted.filter((w) => !isStored(w))) {
    const leaves = leavesOf(node).flatMap((n) => found.get(`${LEAF}/${n}`) ?? []);
    if (leaves.length === 2 ** node.level) found.set(`${node.level}/${node.index}`, wholeRoot(sha256, leaves));
  }
  return found;
}

export const readNodes = operation(
  "readNodes",
  async (db: Executor, wanted: readonly NodeAddress[]): Promise<Nodes> =>
    nodesIn((await partsOf(wanted).execute(db)).rows, wanted),
);

export interface ProofParts {
  readonly checkpoint: CheckpointRow | null;
  readonly entry: EntryRow | null;
  readonly nodes: Nodes;
}
/** The newest checkpoint, an entry and nodes, all in one question: each one more would cost as much as the proof itself. */
export const readProofParts = operation(
  "readProofParts",
  async (db: Executor, wanted: readonly NodeAddress[], sequence: number | null): Promise<ProofParts> => {
    const question = sql<PartRow>`${partsOf(wanted)}
      union all select ${ENTRY}::int, sequence, leaf_hash, canonical from ledger_entry where sequence = ${sequence}::bigint
      union all (select ${CHECKPOINT}::int, size, root_hash, note from ledger_checkpoint order by size desc limit 1)`;
    const { rows } = await askPrepared(db, question);
    const rowOf = (level: number) => rows.find((row) => row.level === level);
    const checkpoint = rowOf(CHECKPOINT);
    const entry = rowOf(ENTRY);
    return {
      checkpoint: checkpoint
        ? { size: Number(checkpoint.index), root_hash: checkpoint.hash, note: checkpoint.text ?? "" }
        : null,
      entry: entry ? { sequence: Number(entry.index), canonical: entry.text ?? "", leaf_hash: entry.hash } : null,
      nodes: nodesIn(rows, wanted),
    };
  },
);

/** Hashes of one level of the tree, the leaves' or one that is stored, in order; throws where one is missing. */
export const readNodeRange = operation(
  "readNodeRange",
  async (db: Executor, level: number, from: number, count: number): Promise<Buffer[]> => {
    const range =
      level === 0
        ? sql<{ hash: Buffer }>`select leaf_hash as hash from ledger_entry
            where sequence >= ${from} and sequence < ${from + count} order by sequence`
        : sql<{ hash: Buffer }>`select hash from ledger_node
            where level = ${level} and index >= ${from} and index < ${from + count} order by index`;
    const found = await range.execute(db);
    if (found.rows.length !== count) throw new Error(`the ledger lacks nodes of level ${level} from ${from}`);
    return found.rows.map((row) => row.hash);
  },
);
