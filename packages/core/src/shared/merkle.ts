/**
 * Merkle tree of RFC 6962, section 2.1, over leaf hashes. SHA-256 comes in as an argument: this package has no I/O
 * and no platform. A node of level L and index I covers leaves [I * 2^L, (I + 1) * 2^L); only whole ones are stored.
 */
export type Hash = Uint8Array;
export type Sha256 = (...parts: readonly Uint8Array[]) => Hash;

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

/** MTH({d}) = SHA-256(0x00 || d). */
export const leafHash = (sha256: Sha256, entry: Uint8Array): Hash => sha256(LEAF, entry);
/** SHA-256(0x01 || left || right). */
export const nodeHash = (sha256: Sha256, left: Hash, right: Hash): Hash => sha256(NODE, left, right);

export interface StoredNode {
  readonly level: number;
  readonly index: number;
  readonly hash: Hash;
}

/** The whole subtrees that make up a tree of `size` leaves, largest first: one per set bit of the size. */
export function peaksOf(size: number): { level: number; index: number }[] {
  const peaks: { level: number; index: number }[] = [];
  let start = 0;
  for (let level = 52; level >= 0; level--) {
    const width = 2 ** level;
    if (size - start < width) continue;
    peaks.push({ level, index: start / width });
    start += width;
  }
  return peaks;
}

/** Appends a leaf to a tree given by its peaks' hashes (largest first); answers the new nodes and peaks. */
export function append(
  sha256: Sha256,
  size: number,
  peaks: readonly Hash[],
  leaf: Hash,
): { nodes: StoredNode[]; peaks: Hash[] } {
  const stack = [...peaks];
  const nodes: StoredNode[] = [{ level: 0, index: size, hash: leaf }];
  let hash = leaf;
  let index = size;
  for (let level = 0; index % 2 === 1; level++) {
    const left = stack.pop();
    if (!left) throw new Error("the peaks do not fit the size");
    hash = nodeHash(sha256, left, hash);
    index = (index - 1) / 2;
    nodes.push({ level: level + 1, index, hash });
  }
  stack.push(hash);
  return { nodes, peaks: stack };
}

/** The root of a tree given by its peaks. The empty tree's root is SHA-256 of nothing. */
export function rootOf(sha256: Sha256, peaks: readonly Hash[]): Hash {
  const last = peaks.at(-1);
  if (!last) return sha256();
  return peaks.slice(0, -1).reduceRight((right, left) => nodeHash(sha256, left, right), last);
}

/** The root of a whole subtree, given by its leaves' hashes: two to some power of them. */
export function wholeRoot(sha256: Sha256, leaves: readonly Hash[]): Hash {
  const [first, ...others] = leaves;
  if (!first) throw new RangeError("a whole subtree has leaves");
  if (others.length === 0) return first;
  const half = leaves.length / 2;
  return nodeHash(sha256, wholeRoot(sha256, leaves.slice(0, half)), wholeRoot(sha256, leaves.slice(half)));
}

/** Reads stored nodes; a node that is not there is an error of the store. */
export type NodeReader = (level: number, index: number) => Hash;

/** PATH(m, D[n]) of RFC 6962, section 2.1.1: the audit path of leaf `index` in a tree of `size`, leaf's side first. */
export function inclusionProof(sha256: Sha256, read: NodeReader, index: number, size: number): Hash[] {
  if (index < 0 || index >= size) throw new RangeError(`leaf ${index} is not in a tree of ${size}`);
  return path(sha256, read, index, 0, size);
}

function path(sha256: Sha256, read: NodeReader, index: number, start: number, width: number): Hash[] {
  if (width === 1) return [];
  const k = largestPowerBelow(width);
  if (index - start < k) return [...path(sha256, read, index, start, k), subtree(sha256, read, start + k, width - k)];
  return [...path(sha256, read, index, start + k, width - k), subtree(sha256, read, start, k)];
}

/** The root of leaves [start, start + width); `start` is a multiple of every whole part's width by construction. */
function subtree(sha256: Sha256, read: NodeReader, start: number, width: number): Hash {
  const level = Math.log2(width);
  if (Number.isInteger(level)) return read(level, start / width);
  const k = largestPowerBelow(width);
  return nodeHash(sha256, subtree(sha256, read, start, k), subtree(sha256, read, start + k, width - k));
}

function largestPowerBelow(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** Does the path lead from the leaf to the root? RFC 9162, section 2.1.3.2. */
export function verifyInclusion(
  sha256: Sha256,
  leaf: Hash,
  index: number,
  size: number,
  proof: readonly Hash[],
  root: Hash,
): boolean {
  if (index < 0 || index >= size) return false;
  let fn = index;
  let sn = size - 1;
  let hash = leaf;
  for (const step of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sha256, step, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else hash = nodeHash(sha256, hash, step);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && hash.length === root.length && hash.every((byte, i) => byte === root[i]);
}

/** PROOF(m, D[n]) of RFC 6962, section 2.1.2: that the tree of `newSize` begins with the tree of `oldSize`. */
export function consistencyProof(sha256: Sha256, read: NodeReader, oldSize: number, newSize: number): Hash[] {
  if (oldSize < 0 || oldSize > newSize) throw new RangeError(`a tree of ${newSize} has no beginning of ${oldSize}`);
  if (oldSize === 0 || oldSize === newSize) return [];
  return subproof(sha256, read, oldSize, 0, newSize, true);
}

/** `whole` says that the old tree is a whole subtree of what was looked at so far: its root is known and left out. */
function subproof(sha256: Sha256, read: NodeReader, old: number, start: number, width: number, whole: boolean): Hash[] {
  if (old === width) return whole ? [] : [subtree(sha256, read, start, width)];
  const k = largestPowerBelow(width);
  if (old <= k) return [...subproof(sha256, read, old, start, k, whole), subtree(sha256, read, start + k, width - k)];
  return [...subproof(sha256, read, old - k, start + k, width - k, false), subtree(sha256, read, start, k)];
}

const equal = (a: Hash, b: Hash): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Does the proof show that the new root's tree begins with the old one's? RFC 9162, section 2.1.4.2. */
export function verifyConsistency(
  sha256: Sha256,
  oldSize: number,
  newSize: number,
  oldRoot: Hash,
  newRoot: Hash,
  proof: readonly Hash[],
): boolean {
  if (oldSize < 0 || oldSize > newSize) return false;
  if (oldSize === 0) return proof.length === 0 && equal(oldRoot, sha256());
  if (oldSize === newSize) return proof.length === 0 && equal(oldRoot, newRoot);
  const path = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : [...proof];
  const first = path.shift();
  if (!first) return false;
  let fn = oldSize - 1;
  let sn = newSize - 1;
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  let fr = first;
  let sr = first;
  for (const step of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      fr = nodeHash(sha256, step, fr);
      sr = nodeHash(sha256, step, sr);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else sr = nodeHash(sha256, sr, step);
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && equal(fr, oldRoot) && equal(sr, newRoot);
}

const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));

/** The fewest whole subtrees that cover the leaves [start, end), from left to right. */
export function coverOf(start: number, end: number): { level: number; index: number }[] {
  const cover: { level: number; index: number }[] = [];
  for (let at = start; at < end; ) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level += 1;
    cover.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return cover;
}
