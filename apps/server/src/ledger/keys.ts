import { createHash, createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import type { Database, Executor } from "../platform/database.ts";
import { createKeyFile, LEDGER_KEY, SUBJECTS_KEY } from "../platform/key-files.ts";
import { checkpoint, openSigner, publicKeyIn, type Signer } from "./checkpoints.ts";
import { insertLedgerKey, ledgerKeys } from "./keys.store.ts";
import { lockTree, newestCheckpoint } from "./ledger.store.ts";
import { record } from "./record.ts";
import { drainOnce } from "./sequencer.ts";
import { bindKeyEncryption, boundKeyEncryption, replaceKeyEncryption } from "./subjects.store.ts";

/**
 * The two keys of a ledger are files, and the database knows which: a server that comes with other ones refuses to
 * start instead of signing, or encrypting, what nobody else can read.
 */
const KEY_BYTES = 32;
const PROJECT = "main";

export interface LedgerKeys {
  readonly signer: Signer;
  /** Persons' keys are encrypted with it. */
  readonly keyEncryptionKey: Buffer;
}

/** A key's short name: enough to tell keys apart, and nothing of a secret one. */
export const idOfPublicKey = (publicKey: string): string =>
  createHash("sha256").update(Buffer.from(publicKey, "base64")).digest("hex").slice(0, 16);
const idOfSecretKey = (key: Buffer): string => createHmac("sha256", key).update("key id").digest("hex").slice(0, 16);

/** Opens the keys in `dir`, making them for a database that has none yet. `replaced` are ids of keys that are lost. */
export async function openLedgerKeys(o: {
  readonly database: Database;
  readonly dir: string;
  readonly replaced: readonly string[];
}): Promise<LedgerKeys> {
  return { signer: await openSigningKey(o), keyEncryptionKey: await openKeyEncryptionKey(o) };
}
type Options = Parameters<typeof openLedgerKeys>[0];

async function openSigningKey({ database, dir, replaced }: Options): Promise<Signer> {
  const file = join(dir, LEDGER_KEY);
  const bound = (await ledgerKeys(database.db)).at(-1);
  const isNew = !existsSync(file);
  const mayReplace = bound !== undefined && replaced.includes(idOfPublicKey(bound.public_key));
  if (isNew && bound && !mayReplace) throw missing(LEDGER_KEY, file, idOfPublicKey(bound.public_key));
  const signer = openSigner(file);
  if (!bound) await insertLedgerKey(database.db, { n: 0, public_key: signer.publicKey, from_size: 0 });
  else if (bound.public_key !== signer.publicKey && mayReplace) {
    await replaceSigningKey(database, bound.public_key, signer);
    // Before anybody asks: the entry that tells of the change is in the first checkpoint of the new key.
    while ((await drainOnce(database)) > 0);
    await checkpoint(database, signer);
  }
  const now = (await ledgerKeys(database.db)).at(-1);
  if (now?.public_key === signer.publicKey) return signer;
  if (isNew) rmSync(file);
  throw wrong(LEDGER_KEY, file, idOfPublicKey(signer.publicKey), idOfPublicKey(now?.public_key ?? ""));
}

/** Under the tree's lock, which signing takes too: no checkpoint of the old key comes after the change. */
async function replaceSigningKey(database: Database, old: string, signer: Signer): Promise<void> {
  await database.transaction(async (tx) => {
    await lockTree(tx);
    const last = (await ledgerKeys(tx)).at(-1);
    if (last?.public_key !== old) return;
    const signedSize = (await newestCheckpoint(tx))?.size ?? 0;
    await insertLedgerKey(tx, { n: last.n + 1, public_key: signer.publicKey, from_size: signedSize + 1 });
    await record(tx, {
      type: "ledger.key.changed",
      subject: `key/${idOfPublicKey(signer.publicKey)}`,
      project: PROJECT,
      actor: SYSTEM_ACTOR,
      data: { oldPublicKey: old, newPublicKey: signer.publicKey, signedSize },
    });
  });
}

async function openKeyEncryptionKey({ database, dir, replaced }: Options): Promise<Buffer> {
  const file = join(dir, SUBJECTS_KEY);
  const bound = await boundKeyEncryption(database.db);
  const isNew = !existsSync(file);
  const mayReplace = bound !== null && replaced.includes(bound);
  if (isNew && bound !== null && !mayReplace) throw missing(SUBJECTS_KEY, file, bound);
  if (isNew) createKeyFile(file, `${randomBytes(KEY_BYTES).toString("hex")}\n`);
  const key = openSubjectsKey(readFileSync(file), file);
  const id = idOfSecretKey(key);
  if (bound !== null && bound !== id && mayReplace) await replaceSubjectsKey(database, bound, id);
  const now = await bindKeyEncryption(database.db, id);
  if (now === id) return key;
  if (isNew) rmSync(file);
  throw wrong(SUBJECTS_KEY, file, id, now);
}

async function replaceSubjectsKey(database: Database, old: string, id: string): Promise<void> {
  await database.transaction(async (tx) => {
    const erasedSubjects = await replaceKeyEncryption(tx, old, id);
    if (erasedSubjects === null) return;
    await record(tx, {
      type: "ledger.subjects_key.changed",
      subject: `key/${id}`,
      project: PROJECT,
      actor: SYSTEM_ACTOR,
      data: { oldKeyId: old, newKeyId: id, erasedSubjects },
    });
  });
}

/** What `subjects.key` holds. Throws a sentence when that is no key. */
export function openSubjectsKey(bytes: Buffer, file: string): Buffer {
  const key = Buffer.from(bytes.toString("utf8").trim(), "hex");
  if (key.length !== KEY_BYTES)
    throw new Error(`${file} does not hold a key: ${2 * KEY_BYTES} hexadecimal digits. Restore it from a backup.`);
  return key;
}

/** A key file that a database's ledger goes with, by the key's short name. */
export interface BoundKey {
  readonly file: string;
  readonly id: string;
}

/** The key files that this database's ledger goes with. */
export async function boundKeys(db: Executor): Promise<BoundKey[]> {
  const signing = (await ledgerKeys(db)).at(-1);
  const subjects = await boundKeyEncryption(db);
  return [
    ...(signing ? [{ file: LEDGER_KEY, id: idOfPublicKey(signing.public_key) }] : []),
    ...(subjects === null ? [] : [{ file: SUBJECTS_KEY, id: subjects }]),
  ];
}

/** The short name of the key in a file of that name. Throws a sentence when there is none in it. */
export const idOfKeyFile = (file: string, bytes: Buffer): string =>
  file === LEDGER_KEY ? idOfPublicKey(publicKeyIn(bytes)) : idOfSecretKey(openSubjectsKey(bytes, file));

const WHAT_IS_LOST: Readonly<Record<string, string>> = {
  [LEDGER_KEY]: "checkpoints are signed with a new key from then on, and the change is recorded",
  [SUBJECTS_KEY]: "every personal text recorded so far is then unreadable for ever, and the change is recorded",
};
const remedy = (name: string, bound: string): string =>
  `Copy ${name} from the folder of a server that has it, or from a backup. If it is lost for good, start once with --replace-key ${bound}: ${WHAT_IS_LOST[name]}.`;
const missing = (name: string, file: string, bound: string) =>
  new Error(`${file} is not there, but this database's ledger has a ${name} (${bound}). ${remedy(name, bound)}`);
const wrong = (name: string, file: string, own: string, bound: string) =>
  new Error(`${file} is another key (${own}) than this database's ledger has (${bound}). ${remedy(name, bound)}`);
