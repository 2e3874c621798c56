import { append, inclusionProof, leafHash, rootOf } from "@latchkey/core/shared/merkle";
import { beforeAll, describe, expect, it } from "vitest";
import type { LedgerProof } from "../../api/types.ts";
import { check, conclusion, hex, readNote, sha256, unhex } from "./proof.ts";

const ORIGIN = "latchkey/ledger";
const SIZE = 11;
const INDEX = 6;
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** A small ledger as the server makes it: canonical entries, their tree, and a signed note. */
async function ledger(): Promise<LedgerProof> {
  const entries = Array.from({ length: SIZE }, (_, sequence) => ({ sequence, type: "delivery.rollout.created" }));
  const canonicals = entries.map((e) => JSON.stringify({ ...e, specversion: "1.0" }));
  const nodes = new Map<string, Uint8Array>();
  let peaks: Uint8Array[] = [];
  canonicals.forEach((text, i) => {
    const added = append(sha256, i, peaks, leafHash(sha256, utf8(text)));
    peaks = added.peaks;
    for (const n of added.nodes) nodes.set(`${n.level}/${n.index}`, n.hash);
  });
  const root = rootOf(sha256, peaks);
  const read = (level: number, index: number): Uint8Array => nodes.get(`${level}/${index}`) ?? new Uint8Array();
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const key = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const text = `${ORIGIN}\n${SIZE}\n${base64(root)}\n`;
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, new Uint8Array(utf8(text))));
  const keyHash = sha256(utf8(`${ORIGIN}\n`), new Uint8Array([1]), key).slice(0, 4);
  const leaf = hex(leafHash(sha256, utf8(canonicals[INDEX] ?? "")));
  return {
    entry: { ...entries[INDEX], leafHash: leaf },
    canonical: canonicals[INDEX] ?? "",
    leafHash: leaf,
    proof: inclusionProof(sha256, read, INDEX, SIZE).map(hex),
    checkpoint: {
      origin: ORIGIN,
      size: SIZE,
      rootHash: hex(root),
      note: `${text}\n— ${ORIGIN} ${base64(new Uint8Array([...keyHash, ...signature]))}\n`,
      publicKey: base64(key),
    },
  } as unknown as LedgerProof;
}

describe("a proof checked in the browser", () => {
  let proof: LedgerProof;
  beforeAll(async () => {
    proof = await ledger();
  });
  const verdictOn = async (changed: LedgerProof) => conclusion(await check(changed), INDEX, SIZE).ok;

  it("holds for what the ledger has, up to the signature", async () => {
    const checked = await check(proof);
    expect(checked).toMatchObject({ leafOk: true, entryOk: true, pathOk: true, noteOk: true, signatureOk: true });
    expect(checked.rungs.at(-1)?.result).toBe(proof.checkpoint.rootHash);
    expect(checked.rungs).toHaveLength(proof.proof.length);
  });

  it("fails for bytes that were changed", async () => {
    expect(await verdictOn({ ...proof, canonical: proof.canonical.replace("created", "deleted") })).toBe(false);
  });

  it("fails when the entry that is shown is not the one that was hashed", async () => {
    expect(await verdictOn({ ...proof, entry: { ...proof.entry, type: "delivery.rollout.promoted" } })).toBe(false);
  });

  it("fails for another path, another root, another key", async () => {
    const { checkpoint } = proof;
    const flipped = proof.proof.map((h, i) => (i === 0 ? h.replace(/^./, (c) => (c === "0" ? "1" : "0")) : h));
    expect(await verdictOn({ ...proof, proof: flipped })).toBe(false);
    expect(await verdictOn({ ...proof, checkpoint: { ...checkpoint, rootHash: "00".repeat(32) } })).toBe(false);
    const other = await ledger();
    expect(await verdictOn({ ...proof, checkpoint: { ...checkpoint, publicKey: other.checkpoint.publicKey } })).toBe(
      false,
    );
  });

  it("fails for a note that was signed for another size", async () => {
    const { checkpoint } = proof;
    const note = checkpoint.note.replace(`\n${SIZE}\n`, `\n${SIZE + 1}\n`);
    expect(await verdictOn({ ...proof, checkpoint: { ...checkpoint, note } })).toBe(false);
  });
});

it("claims no more than it checked where there is no Ed25519", () => {
  const checked = { leafOk: true, entryOk: true, pathOk: true, noteOk: true, signatureOk: null, rungs: [], leaf: "" };
  expect(conclusion(checked, 1, 2).words).toContain("can't check the signature");
});

it("reads no note from what is none", () => {
  expect(readNote("hello")).toBeNull();
  expect(() => unhex("xyz")).toThrow("hexadecimal");
});
