import { createHash, createPublicKey, verify } from "node:crypto";
import type { Answer } from "@latchkey/api/client";
import { leafHash, type Sha256, verifyConsistency, verifyInclusion } from "@latchkey/core/shared/merkle";
import { showsTheSame } from "@latchkey/core/shared/sealed";

/** Checks of the ledger's proofs on this machine, so that the server need not be believed. */
export interface Check {
  readonly ok: boolean;
  readonly words: string;
}
type Checkpoint = Answer<"getCheckpoint">;

const sha256: Sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export function checkProof(proof: Answer<"getLedgerProof">, knownKey: string | null): Check[] {
  const { checkpoint, entry } = proof;
  const leaf = leafHash(sha256, Buffer.from(proof.canonical, "utf8"));
  const isLeaf = hex(leaf) === proof.leafHash && proof.leafHash === entry.leafHash;
  const leads = verifyInclusion(
    sha256,
    leaf,
    entry.sequence,
    checkpoint.size,
    proof.proof.map((hash) => Buffer.from(hash, "hex")),
    Buffer.from(checkpoint.rootHash, "hex"),
  );
  return [
    { ok: isLeaf, words: "the entry's bytes have the recorded hash" },
    { ok: isTheEntry(proof), words: "the entry that is shown is the one in those bytes" },
    { ok: leads, words: `${proof.proof.length} hashes lead from the entry to the root of ${checkpoint.size} entries` },
    checkCheckpoint(checkpoint, knownKey),
  ];
}

/** Reads the canonical bytes and compares them with the entry that came along, whose sealed parts were opened. */
function isTheEntry({ canonical, entry }: Answer<"getLedgerProof">): boolean {
  try {
    const { specversion: _, ...written } = JSON.parse(canonical) as Record<string, unknown>;
    const { leafHash: __, ...shown } = entry as Record<string, unknown>;
    return showsTheSame(written, shown);
  } catch {
    return false;
  }
}

/** That the smaller ledger is the beginning of the larger one; `keptRoot` is the smaller one's root as it was kept. */
export function checkConsistency(
  found: Answer<"getLedgerConsistency">,
  keptRoot: string | null,
  knownKey: string | null,
): Check[] {
  const { from, to, checkpoint } = found;
  const holds = verifyConsistency(
    sha256,
    from.size,
    to.size,
    Buffer.from(from.rootHash, "hex"),
    Buffer.from(to.rootHash, "hex"),
    found.proof.map((hash) => Buffer.from(hash, "hex")),
  );
  const checks = [
    {
      ok: holds,
      words: `${found.proof.length} hashes show that the ${to.size} entries begin with the ${from.size}`,
    },
  ];
  if (keptRoot !== null)
    checks.push({ ok: keptRoot === from.rootHash, words: `the root of ${from.size} entries is the one that was kept` });
  if (to.size === checkpoint.size)
    checks.push({
      ok: to.rootHash === checkpoint.rootHash,
      words: `the root of ${to.size} entries is the one in the signed checkpoint`,
    });
  return [...checks, checkCheckpoint(checkpoint, knownKey)];
}

/** A C2SP signed note: text, an empty line, and a line "— name base64(key hash, signature)". */
export function checkCheckpoint(checkpoint: Checkpoint, knownKey: string | null): Check {
  if (knownKey !== null && knownKey !== checkpoint.publicKey)
    return { ok: false, words: `the checkpoint is signed by another key than the one given (${checkpoint.publicKey})` };
  const [text, signatures = ""] = checkpoint.note.split(/\n\n(?=\u2014 )/);
  const signed = `${text}\n`;
  const [origin, size, root] = signed.split("\n");
  const says = `${origin}/${size}/${Buffer.from(root ?? "", "base64").toString("hex")}`;
  if (says !== `${checkpoint.origin}/${checkpoint.size}/${checkpoint.rootHash}`)
    return { ok: false, words: "the signed note speaks of another checkpoint" };
  const raw = Buffer.from(checkpoint.publicKey, "base64");
  const keyHash = createHash("sha256")
    .update(`${checkpoint.origin}\n`)
    .update(new Uint8Array([1]))
    .update(raw)
    .digest();
  const ok = signatures.split("\n").some((line) => {
    const found = /^\u2014 (\S+) (\S+)$/.exec(line);
    const bytes = Buffer.from(found?.[2] ?? "", "base64");
    return (
      found?.[1] === checkpoint.origin &&
      bytes.subarray(0, 4).equals(keyHash.subarray(0, 4)) &&
      isSigned(Buffer.from(signed, "utf8"), raw, bytes.subarray(4))
    );
  });
  return { ok, words: "the checkpoint is signed by the ledger's key" };
}

/** An Ed25519 public key as SubjectPublicKeyInfo (RFC 8410): this prefix and the 32 raw bytes. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

function isSigned(text: Buffer, rawKey: Buffer, signature: Buffer): boolean {
  if (rawKey.length !== 32 || signature.length !== 64) return false;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, rawKey]), format: "der", type: "spki" });
  return verify(null, text, key, signature);
}

const hex = (hash: Uint8Array): string => Buffer.from(hash).toString("hex");
