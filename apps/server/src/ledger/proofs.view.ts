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
import type { Executor } from "../platform/database.ts";
import type { Signer } from "./checkpoints.ts";
import { presentCheckpoint, presentEntry } from "./ledger.view.ts";
import { type NodeAddress, type Nodes, type ProofParts, readProofParts } from "./proofs.store.ts";
import { sha256 } from "./sha256.ts";

const hex = (hash: Uint8Array): string => Buffer.from(hash).toString("hex");

/** Entry, audit path and checkpoint; null while no checkpoint covers the entry yet. */
export async function viewProof(
  db: Executor,
  signer: Signer,
  sequence: number,
): Promise<Answer<"getLedgerProof"> | null> {
  const make = (read: NodeReader, size: number) =>
    sequence < size ? inclusionProof(sha256, read, sequence, size) : null;
  const { checkpoint, entry, nodes } = await partsFor(db, make, sequence);
  const proof = checkpoint && make(readerOf(nodes), checkpoint.size);
  if (!entry || !checkpoint || !proof) return null;
  if (!verifyInclusion(sha256, entry.leaf_hash, sequence, checkpoint.size, proof, checkpoint.root_hash))
    throw new Error(`the proof of entry ${sequence} does not lead to the signed root`);
  return {
    entry: presentEntry(entry),
    canonical: entry.canonical,
    leafHash: hex(entry.leaf_hash),
    proof: proof.map(hex),
    checkpoint: presentCheckpoint(checkpoint, signer),
  };
}

/** That the first `from` entries are the beginning of the first `to`; null while no checkpoint covers them. */
export async function viewConsistency(
  db: Executor,
  signer: Signer,
  from: number,
  to: number | undefined,
): Promise<Answer<"getLedgerConsistency"> | null> {
  const make = (read: NodeReader, newest: number) => {
    const size = to ?? newest;
    if (from > size || size > newest) return null;
    const root = (end: number) =>
      rootOf(
        sha256,
        coverOf(0, end).map((node) => read(node.level, node.index)),
      );
    return { size, oldRoot: root(from), newRoot: root(size), proof: consistencyProof(sha256, read, from, size) };
  };
  const { checkpoint, nodes } = await partsFor(db, make, null);
  const made = checkpoint && make(readerOf(nodes), checkpoint.size);
  if (!checkpoint || !made) return null;
  const { size, oldRoot, newRoot, proof } = made;
  if (!verifyConsistency(sha256, from, size, oldRoot, newRoot, proof))
    throw new Error(`the ledger of ${size} entries does not begin with that of ${from}`);
  return {
    from: { size: from, rootHash: hex(oldRoot) },
    to: { size, rootHash: hex(newRoot) },
    proof: proof.map(hex),
    checkpoint: presentCheckpoint(checkpoint, signer),
  };
}

/** Of the newest checkpoint that was seen: most often it is the newest still, and one question is enough. */
const sizeSeen = new WeakMap<Executor, number>();

/** Whatever `make` reads under the newest checkpoint, with that. */
async function partsFor(
  db: Executor,
  make: (read: NodeReader, size: number) => unknown,
  sequence: number | null,
): Promise<ProofParts> {
  for (let size = sizeSeen.get(db) ?? 0; ; ) {
    const parts = await readProofParts(db, readBy(make, size), sequence);
    if (parts.checkpoint === null || parts.checkpoint.size === size) return parts;
    size = parts.checkpoint.size;
    sizeSeen.set(db, size);
  }
}

/** Runs `make` once to see which nodes it reads. */
function readBy(make: (read: NodeReader, size: number) => unknown, size: number): NodeAddress[] {
  const wanted = new Map<string, NodeAddress>();
  make((level, index) => {
    wanted.set(`${level}/${index}`, { level, index });
    return new Uint8Array(32);
  }, size);
  return [...wanted.values()];
}

const readerOf =
  (nodes: Nodes): NodeReader =>
  (level, index) => {
    const node = nodes.get(`${level}/${index}`);
    if (!node) throw new Error(`the ledger has no node ${level}/${index}`);
    return node;
  };
