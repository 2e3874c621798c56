import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "./canonical-json.ts";
import {
  append,
  consistencyProof,
  type Hash,
  inclusionProof,
  leafHash,
  peaksOf,
  rootOf,
  type Sha256,
  verifyConsistency,
  verifyInclusion,
  wholeRoot,
} from "./merkle.ts";

const sha256: Sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const hex = (hash: Hash) => Buffer.from(hash).toString("hex");

/** The definition of RFC 6962, section 2.1, word by word: the oracle. */
function oracle(entries: readonly Uint8Array[]): Hash {
  if (entries.length === 0) return sha256();
  if (entries.length === 1) return sha256(new Uint8Array([0]), entries[0] ?? new Uint8Array());
  const k = splitOf(entries.length);
  return sha256(new Uint8Array([1]), oracle(entries.slice(0, k)), oracle(entries.slice(k)));
}

/** PATH(m, D[n]) of section 2.1.1. */
function oraclePath(m: number, entries: readonly Uint8Array[]): Hash[] {
  if (entries.length === 1) return [];
  const k = splitOf(entries.length);
  return m < k
    ? [...oraclePath(m, entries.slice(0, k)), oracle(entries.slice(k))]
    : [...oraclePath(m - k, entries.slice(k)), oracle(entries.slice(0, k))];
}
/** SUBPROOF(m, D[n], b) of section 2.1.2; PROOF(m, D[n]) is the one with b true. */
function oracleProof(m: number, entries: readonly Uint8Array[], b = true): Hash[] {
  if (m === entries.length) return b ? [] : [oracle(entries)];
  const k = splitOf(entries.length);
  return m <= k
    ? [...oracleProof(m, entries.slice(0, k), b), oracle(entries.slice(k))]
    : [...oracleProof(m - k, entries.slice(k), false), oracle(entries.slice(0, k))];
}
/** The largest power of two smaller than n. */
function splitOf(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

function build(entries: readonly Uint8Array[]) {
  const nodes = new Map<string, Hash>();
  let peaks: Hash[] = [];
  entries.forEach((entry, size) => {
    const grown = append(sha256, size, peaks, leafHash(sha256, entry));
    for (const node of grown.nodes) nodes.set(`${node.level}/${node.index}`, node.hash);
    peaks = grown.peaks;
  });
  return { nodes, peaks, read: (level: number, index: number) => nodes.get(`${level}/${index}`) ?? new Uint8Array() };
}

/** The inputs of the certificate-transparency project's test vectors and their published roots. */
const INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map(
  (h) => new Uint8Array(Buffer.from(h, "hex")),
);
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/** Hashes inside of that tree, as its published proofs name them. */
const [LEAF1, N23, N4TO7, LEAF4, N67, N45] = [
  "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
  "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
  "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
  "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
  "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
  "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
] as const;
const [LEAF0 = "", N01 = "", , N0TO3 = ""] = ROOTS;

describe("the tree of RFC 6962", () => {
  it.each([
    [0, 1, []],
    [0, 8, [LEAF1, N23, N4TO7]],
    [5, 8, [LEAF4, N67, N0TO3]],
    [2, 3, [N01]],
    [1, 5, [LEAF0, N23, LEAF4]],
  ] as const)("has the published inclusion proof of leaf %i in %i", (index, size, published) => {
    const tree = build(INPUTS.slice(0, size));
    const proof = inclusionProof(sha256, tree.read, index, size);
    expect(proof.map(hex)).toEqual(published);
    const leaf = leafHash(sha256, INPUTS[index] ?? new Uint8Array());
    const root = Buffer.from(ROOTS[size - 1] ?? "", "hex");
    expect(verifyInclusion(sha256, leaf, index, size, proof, root)).toBe(true);
  });
  it.each([
    [1, 1, []],
    [1, 8, [LEAF1, N23, N4TO7]],
    [6, 8, [N45, N67, N0TO3]],
    [2, 5, [N23, LEAF4]],
  ] as const)("has the published consistency proof of %i in %i", (from, to, published) => {
    const proof = consistencyProof(sha256, build(INPUTS).read, from, to);
    expect(proof.map(hex)).toEqual(published);
    const root = (size: number) => Buffer.from(ROOTS[size - 1] ?? "", "hex");
    expect(verifyConsistency(sha256, from, to, root(from), root(to), proof)).toBe(true);
  });
  it("has the proofs of the recursive definitions, for every entry and every smaller size", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 4 }), { minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.nat(),
        (entries, a, b) => {
          const tree = build(entries);
          const index = a % entries.length;
          const path = inclusionProof(sha256, tree.read, index, entries.length);
          expect(path.map(hex)).toEqual(oraclePath(index, entries).map(hex));
          const smaller = 1 + (b % entries.length);
          const proof = consistencyProof(sha256, tree.read, smaller, entries.length);
          expect(proof.map(hex)).toEqual(oracleProof(smaller, entries).map(hex));
        },
      ),
    );
  });

  it("has whole subtrees whose root is that of their leaves", () => {
    for (let level = 0; level <= 5; level++) {
      const entries = Array.from({ length: 2 ** level }, (_, i) => new Uint8Array([level, i]));
      const leaves = entries.map((entry) => leafHash(sha256, entry));
      expect(hex(wholeRoot(sha256, leaves))).toBe(hex(oracle(entries)));
    }
    expect(() => wholeRoot(sha256, [])).toThrow(RangeError);
  });

  it("has the published roots", () => {
    expect(hex(rootOf(sha256, []))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const built = INPUTS.map((_, i) => hex(rootOf(sha256, build(INPUTS.slice(0, i + 1)).peaks)));
    expect(built).toEqual(ROOTS);
  });
  it("agrees with the recursive definition, and every leaf's proof leads to the root", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 8 }), { minLength: 1, maxLength: 70 }),
        fc.nat(),
        (entries, pick) => {
          const tree = build(entries);
          const root = rootOf(sha256, tree.peaks);
          expect(hex(root)).toBe(hex(oracle(entries)));
          expect(peaksOf(entries.length)).toHaveLength(tree.peaks.length);
          const index = pick % entries.length;
          const proof = inclusionProof(sha256, tree.read, index, entries.length);
          const leaf = leafHash(sha256, entries[index] ?? new Uint8Array());
          expect(verifyInclusion(sha256, leaf, index, entries.length, proof, root)).toBe(true);
          const wrong = leafHash(sha256, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9]));
          expect(verifyInclusion(sha256, wrong, index, entries.length, proof, root)).toBe(false);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("consistency of two sizes", () => {
  const SIZES = 40;
  const entries = Array.from({ length: SIZES }, (_, i) => new Uint8Array([i, i * 3]));
  const roots = Array.from({ length: SIZES + 1 }, (_, n) => rootOf(sha256, build(entries.slice(0, n)).peaks));
  const root = (n: number): Hash => roots[n] ?? new Uint8Array();
  const tree = build(entries);

  it("is proved for every pair of sizes", () => {
    for (let now = 0; now <= SIZES; now++)
      for (let old = 0; old <= now; old++) {
        const proof = consistencyProof(sha256, tree.read, old, now);
        expect(verifyConsistency(sha256, old, now, root(old), root(now), proof), `${old} in ${now}`).toBe(true);
      }
  });

  it("is not proved of another beginning, another end, or by a proof that was touched", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: SIZES - 1 }), fc.nat(), fc.nat(), fc.nat(), (old, more, at, bit) => {
        const now = old + 1 + (more % (SIZES - old));
        const proof = consistencyProof(sha256, tree.read, old, now);
        const wrong = root((old + 1) % SIZES);
        expect(verifyConsistency(sha256, old, now, wrong, root(now), proof)).toBe(false);
        if (now !== old + 1) expect(verifyConsistency(sha256, old, now, root(old), wrong, proof)).toBe(false);
        expect(verifyConsistency(sha256, old, now, root(old), root(now), proof.slice(1))).toBe(false);
        expect(verifyConsistency(sha256, old, now, root(old), root(now), [...proof, root(1)])).toBe(false);
        const touched = proof.map((hash) => Uint8Array.from(hash));
        const hash = touched[at % touched.length];
        if (hash) hash[bit % 32] = (hash[bit % 32] ?? 0) ^ (1 << (bit % 8));
        expect(verifyConsistency(sha256, old, now, root(old), root(now), touched)).toBe(false);
      }),
    );
  });
});

describe("canonical JSON", () => {
  it("does not depend on the order of keys, and reads back", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
  it("refuses what is not JSON", () => {
    expect(() => canonicalJson({ a: Number.NaN })).toThrow(RangeError);
  });
});
