import type { Answer } from "@latchkey/api/client";
import { rootOf } from "@latchkey/core/shared/merkle";
import type { CopiedRow, Copies } from "../platform/copy-rows.ts";
import type { Executor } from "../platform/database.ts";
import { bearsSignature } from "./checkpoints.ts";
import { type LedgerKeyRow, ledgerKeys } from "./keys.store.ts";
import { allCheckpoints, type CheckpointRow, eachEntry, entriesEnd, readTree } from "./ledger.store.ts";
import { nodeText, sha256, sha256Text } from "./sha256.ts";

type Verdict = Answer<"verifyLedger">;

/**
 * Walks the whole ledger: numbers without a gap, every leaf's hash, the root of the tree, and of every checkpoint the
 * root and the signature.
 */
export async function verifyLedger({ db, copyOut }: Copies & { readonly db: Executor }): Promise<Verdict> {
  const tree = await readTree(db);
  const walk = new Walk(await allCheckpoints(db), await ledgerKeys(db));
  const all = { after: -1, last: (await entriesEnd(db)) - 1 };
  await eachEntry({ copyOut }, all, (row) => walk.take(row));
  return walk.conclude(tree.size);
}

/** What was read of the ledger so far. */
class Walk {
  size = 0;
  /** As strings of 32 characters: of a million entries two million hashes are made, and Buffers cost three times as much. */
  #peaks: string[] = [];
  #signed = 0;
  #fault: Verdict | null = null;
  readonly #checkpoints: readonly CheckpointRow[];
  readonly #keys: readonly LedgerKeyRow[];

  constructor(checkpoints: readonly CheckpointRow[], keys: readonly LedgerKeyRow[]) {
    this.#checkpoints = checkpoints;
    this.#keys = keys;
  }

  #root(): string {
    const peaks = this.#peaks.map((hash) => Buffer.from(hash, "latin1"));
    return Buffer.from(rootOf(sha256, peaks)).toString("hex");
  }
  /** Whether it can go on behind this entry. */
  take({ bytes, starts, ends }: CopiedRow): boolean {
    const [number = 0, entry = 0, recorded = 0] = starts;
    const sequence = bytes.readUInt32BE(number) * 2 ** 32 + bytes.readUInt32BE(number + 4);
    if (sequence !== this.size) return this.#found(this.size, `Entry ${this.size} is missing.`);
    // A leaf's hash is of a zero and the entry (RFC 6962): the byte before it was its length's, and is done with.
    bytes[entry - 1] = 0;
    const leaf = sha256Text(bytes.subarray(entry - 1, ends[1]));
    if (bytes.toString("latin1", recorded, ends[2]) !== leaf)
      return this.#found(sequence, `Entry ${sequence} was changed: its bytes do not have the recorded hash.`);
    return this.#append(leaf);
  }

  /** What `append` of core/shared/merkle does, without its copies. */
  #append(leaf: string): boolean {
    let hash = leaf;
    for (let index = this.size; index % 2 === 1; index = (index - 1) / 2)
      hash = nodeText(this.#peaks.pop() ?? "", hash);
    this.#peaks.push(hash);
    this.size += 1;
    const checkpoint = this.#checkpoints[this.#signed];
    if (checkpoint?.size !== this.size) return true;
    const wrong = faultOf(checkpoint, this.#root(), this.#keys);
    if (wrong) return this.#found(this.size - 1, wrong);
    this.#signed += 1;
    return true;
  }

  #found(firstBadSequence: number, words: string): false {
    this.#fault = { ok: false, size: this.size, rootHash: "", words, firstBadSequence };
    return false;
  }

  conclude(treeSize: number): Verdict {
    const size = this.size;
    const beyond = this.#checkpoints[this.#signed];
    if (!this.#fault && size < treeSize)
      this.#found(size, `The tree has ${treeSize} leaves, but entries end at ${size}.`);
    else if (!this.#fault && beyond)
      this.#found(size, `A checkpoint of ${beyond.size} entries was signed, but there are ${size}.`);
    if (this.#fault) return this.#fault;
    const last = this.#checkpoints.at(-1);
    const words = last ? `, and the first ${last.size} are those that were signed (${this.#signed} checkpoints)` : "";
    const changes = this.#keys
      .slice(1)
      .map((key, i) => ` Checkpoints below ${key.from_size} bear the earlier key ${this.#keys[i]?.public_key}.`);
    return {
      ok: true,
      size,
      rootHash: this.#root(),
      words: `${size} entries, none missing or changed${words}.${changes.join("")}`,
      firstBadSequence: null,
    };
  }
}

/** A checkpoint must bear the key that was in use at its size. */
function faultOf(checkpoint: CheckpointRow, rootHash: string, keys: readonly LedgerKeyRow[]): string | null {
  if (checkpoint.root_hash.toString("hex") !== rootHash)
    return `The first ${checkpoint.size} entries do not have the root that was signed.`;
  const key = keys.filter((k) => k.from_size <= checkpoint.size).at(-1);
  if (!key || !bearsSignature(key.public_key, checkpoint.note, checkpoint.size, checkpoint.root_hash))
    return `The checkpoint of ${checkpoint.size} entries does not bear the signature of this ledger's key.`;
  return null;
}
