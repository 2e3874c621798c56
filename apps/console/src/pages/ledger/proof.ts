import { type Hash, leafHash, nodeHash, type Sha256, verifyInclusion } from "@latchkey/core/shared/merkle";
import { sha256 as sha256Of } from "@noble/hashes/sha2.js";
import type { LedgerProof } from "../../api/types.ts";

/**
 * Checks a proof of the ledger here, in the browser, without the server's word for anything but the public key: the
 * entry's bytes give the leaf, the path leads from it to the root, and the root is the one that was signed.
 */
export const sha256: Sha256 = (...parts) => {
  const hash = sha256Of.create();
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
export function unhex(text: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new Error("not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
export const unbase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** One rung on the way up: what is hashed with what, and what comes of it. */
export interface Rung {
  readonly side: "left" | "right";
  readonly sibling: string;
  readonly result: string;
}

/** The path from leaf to root, as RFC 9162, section 2.1.3.2, walks it. */
export function climb(leaf: Hash, index: number, size: number, proof: readonly Hash[]): Rung[] {
  const rungs: Rung[] = [];
  let fn = index;
  let sn = size - 1;
  let hash = leaf;
  for (const step of proof) {
    const left = fn % 2 === 1 || fn === sn;
    hash = left ? nodeHash(sha256, step, hash) : nodeHash(sha256, hash, step);
    rungs.push({ side: left ? "left" : "right", sibling: hex(step), result: hex(hash) });
    if (left)
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return rungs;
}

/** A checkpoint's note: what was signed, its parts, and the signature. Null when it does not look like one. */
export function readNote(note: string): {
  text: string;
  origin: string;
  size: number;
  root: Uint8Array;
  keyHash: Uint8Array;
  signature: Uint8Array;
} | null {
  const split = note.indexOf("\n\n");
  const text = note.slice(0, split + 1);
  const [origin, size, root] = text.split("\n");
  const found = /^— (\S+) (\S+)$/m.exec(note.slice(split + 2));
  if (split < 0 || !origin || !size || !root || !found?.[2] || found[1] !== origin) return null;
  const signed = unbase64(found[2]);
  return {
    text,
    origin,
    size: Number(size),
    root: unbase64(root),
    keyHash: signed.slice(0, 4),
    signature: signed.slice(4),
  };
}

/** True or false; null where this browser has no Ed25519 (or the page is not served securely). */
export async function verifySignature(
  publicKey: Uint8Array,
  text: string,
  signature: Uint8Array,
): Promise<boolean | null> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return null;
  try {
    const key = await subtle.importKey("raw", new Uint8Array(publicKey), { name: "Ed25519" }, false, ["verify"]);
    return await subtle.verify({ name: "Ed25519" }, key, new Uint8Array(signature), new TextEncoder().encode(text));
  } catch {
    return null;
  }
}

export interface Checked {
  readonly leafOk: boolean;
  readonly entryOk: boolean;
  readonly pathOk: boolean;
  readonly noteOk: boolean;
  readonly signatureOk: boolean | null;
  readonly rungs: readonly Rung[];
  readonly leaf: string;
}

/** The bytes that were hashed must say the same as the entry that is shown. */
function saysTheSame(proof: LedgerProof): boolean {
  const told = JSON.parse(proof.canonical) as Record<string, unknown>;
  const { leafHash: _, ...shown } = proof.entry;
  const sorted = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(sorted)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([k, v]) => [k, sorted(v)]),
          )
        : value;
  const { specversion: __, ...rest } = told;
  return JSON.stringify(sorted(rest)) === JSON.stringify(sorted(shown));
}

export async function check(proof: LedgerProof): Promise<Checked> {
  const leaf = leafHash(sha256, new TextEncoder().encode(proof.canonical));
  const path = proof.proof.map(unhex);
  const { checkpoint, entry } = proof;
  const root = unhex(checkpoint.rootHash);
  const note = readNote(checkpoint.note);
  const publicKey = unbase64(checkpoint.publicKey);
  const keyHash = sha256(new TextEncoder().encode(`${checkpoint.origin}\n`), new Uint8Array([1]), publicKey).slice(
    0,
    4,
  );
  const noteOk =
    note !== null &&
    note.size === checkpoint.size &&
    hex(note.root) === hex(root) &&
    hex(note.keyHash) === hex(keyHash);
  return {
    leafOk: hex(leaf) === proof.leafHash,
    entryOk: saysTheSame(proof),
    pathOk: verifyInclusion(sha256, leaf, entry.sequence, checkpoint.size, path, root),
    noteOk,
    signatureOk: note ? await verifySignature(publicKey, note.text, note.signature) : false,
    rungs: climb(leaf, entry.sequence, checkpoint.size, path),
    leaf: hex(leaf),
  };
}

/** What the checks amount to, in a sentence that claims no more than they show. */
export function conclusion(c: Checked, sequence: number, size: number): { ok: boolean; words: string } {
  if (!c.leafOk || !c.entryOk)
    return { ok: false, words: "The entry that is shown is not the one that was hashed: do not trust it." };
  if (!c.pathOk)
    return { ok: false, words: "The path does not lead to the root: the entry is not in the signed ledger." };
  if (!c.noteOk || c.signatureOk === false)
    return { ok: false, words: "The root is not the one that was signed: do not trust this checkpoint." };
  const what = `Entry ${sequence} is, unchanged, number ${sequence} of the ${size} entries that were`;
  if (c.signatureOk === null)
    return { ok: true, words: `${what} hashed into this root. This browser can't check the signature on it.` };
  return {
    ok: true,
    words: `${what} signed. Changing it, or any before it, would change the root and break the signature.`,
  };
}
