import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { rootOf } from "@latchkey/core/shared/merkle";
import type { Logger } from "pino";
import type { Executor, Transactions } from "../platform/database.ts";
import { createKeyFile } from "../platform/key-files.ts";
import { ledgerKeys } from "./keys.store.ts";
import { lockTree, newestCheckpoint, readTree, saveCheckpoint } from "./ledger.store.ts";
import { sha256 } from "./sha256.ts";

/**
 * Signed checkpoints: a C2SP tlog-checkpoint (origin, size, root) as a signed note with one Ed25519 signature.
 * The key's hash is SHA-256(name || "\n" || 0x01 || public key), its first four bytes, as signed-note says.
 */
export const ORIGIN = "latchkey/ledger";

export interface Signer {
  readonly publicKey: string;
  sign(size: number, root: Buffer): string;
  /** Signs any text that begins with the name of its form, so that it can't be taken for a checkpoint. */
  signText(text: string): string;
}

/** The public half (base64) of what `ledger.key` holds. */
export const publicKeyIn = (pem: Buffer): string => rawPublicKey(createPrivateKey(pem)).toString("base64");

export function openSigner(file: string): Signer {
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync("ed25519");
    createKeyFile(file, privateKey.export({ type: "pkcs8", format: "pem" }));
  }
  const key = createPrivateKey(readFileSync(file));
  const raw = rawPublicKey(key);
  const keyHash = keyHashOf(raw);
  const publicKey = raw.toString("base64");
  return {
    publicKey,
    sign: (size, root) => {
      const text = textOf(size, root);
      const signature = sign(null, Buffer.from(text, "utf8"), key);
      return `${text}\n${MARK}${Buffer.concat([keyHash, signature]).toString("base64")}\n`;
    },
    signText: (text) => sign(null, Buffer.from(text, "utf8"), key).toString("base64"),
  };
}

const MARK = `\u2014 ${ORIGIN} `;
const textOf = (size: number, root: Buffer): string => `${ORIGIN}\n${size}\n${root.toString("base64")}\n`;
const keyHashOf = (raw: Buffer): Buffer =>
  createHash("sha256")
    .update(`${ORIGIN}\n`)
    .update(new Uint8Array([1]))
    .update(raw)
    .digest()
    .subarray(0, 4);
/** SubjectPublicKeyInfo of Ed25519 (RFC 8410): these bytes and the 32 raw ones. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/** Whether a note says just this and bears the signature of this key (base64). */
export function bearsSignature(publicKey: string, note: string, size: number, root: Buffer): boolean {
  const raw = Buffer.from(publicKey, "base64");
  const text = textOf(size, root);
  if (!note.startsWith(`${text}\n${MARK}`)) return false;
  const signed = Buffer.from(note.slice(text.length + 1 + MARK.length).trim(), "base64");
  if (!signed.subarray(0, 4).equals(keyHashOf(raw))) return false;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: "der", type: "spki" });
  return verify(null, Buffer.from(text, "utf8"), key, signed.subarray(4));
}

function rawPublicKey(key: KeyObject): Buffer {
  const der = createPublicKey(key).export({ type: "spki", format: "der" });
  // SubjectPublicKeyInfo of Ed25519 (RFC 8410) ends with the 32 raw bytes.
  return der.subarray(der.length - 32);
}

/**
 * Signs the tree as it stands, when it has grown since the last checkpoint. Under the tree's lock, so that a key that was
 * replaced meanwhile signs nothing more.
 */
export async function checkpoint(database: Transactions, signer: Signer): Promise<void> {
  const isDone = async (db: Executor, size: number) => size === 0 || ((await newestCheckpoint(db))?.size ?? 0) >= size;
  if (await isDone(database.db, (await readTree(database.db)).size)) return;
  await database.transaction(async (tx) => {
    const tree = await lockTree(tx);
    if (await isDone(tx, tree.size)) return;
    const bound = (await ledgerKeys(tx)).at(-1);
    if (bound && bound.public_key !== signer.publicKey)
      throw new Error("the ledger's key was replaced while this server ran: start it again with the new one");
    const root = Buffer.from(rootOf(sha256, tree.peaks));
    await saveCheckpoint(tx, { size: tree.size, root_hash: root, note: signer.sign(tree.size, root) });
  });
}

export function startCheckpoints(database: Transactions, signer: Signer, log: Logger): { stop(): void } {
  const timer = setInterval(() => {
    checkpoint(database, signer).catch((error: unknown) =>
      log.error({ err: error }, "the checkpoint could not be signed"),
    );
  }, 1_000);
  return { stop: () => clearInterval(timer) };
}
