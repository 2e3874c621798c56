import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { holdsSealed, SEALED, type Sealed, sealedForm, subjectOf } from "@latchkey/core/shared/sealed";
import type { Database } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { findSubjectByName, findSubjects, insertSubject } from "./subjects.store.ts";

/**
 * Personal text is encrypted with a key of the person it is of (AES-256-GCM), and only so is it written anywhere: in
 * entries, in tables, in evidence. A person's key is encrypted with the key-encryption key, which is a file. To erase a
 * person is to destroy the key: the bytes stay, so every proof still holds, and say nothing.
 */
const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What was opened is kept for so long: another server's erasure waits for it where nobody reads the stream. */
const KEPT_MS = 5_000;
const KEPT_MAX = 5_000;

/** What stands in the place of what an erased person said. */
export const ERASED = "erased";
/** The entry that tells of it. */
export const ERASURE = "ledger.subject.erased";
/** What was changed by somebody, or is of another installation's person. */
const UNREADABLE = "unreadable";

export interface Subjects {
  /** A person's name as it may be written. The same name is the same text, until the person is erased. */
  sealName(name: string): Promise<Sealed>;
  /** What a person wrote, as it may be written: `author` is the sealed name. Of those who are no persons it stays as it is. */
  sealWordsOf(author: string, words: string): Promise<string>;
  /** Puts into a text of JSON what its sealed parts say. */
  open(json: string): Promise<string>;
  isErased(sealedName: string): Promise<boolean>;
  /** Somebody was erased: nothing that was opened is kept. */
  forget(): void;
}

export function openSubjects(database: Pick<Database, "db">, keyEncryptionKey: Buffer): Subjects {
  const { db } = database;
  let kept = new Map<string, { readonly until: number; readonly text: string }>();
  const nameHash = (name: string) => createHmac("sha256", keyEncryptionKey).update(`name\n${name}`).digest();
  const keyOf = (id: string, wrapped: Buffer) => decrypt(keyEncryptionKey, wrapped, id);

  async function sealName(name: string): Promise<Sealed> {
    const hash = nameHash(name);
    for (;;) {
      const known = await findSubjectByName(db, hash);
      if (known?.sealed_name) return known.sealed_name as Sealed;
      const id = newId("sub");
      const key = randomBytes(KEY_BYTES);
      const sealedName = seal(id, key, name);
      const wrappedKey = encrypt(keyEncryptionKey, key, id);
      if (await insertSubject(db, { id, nameHash: hash, sealedName, wrappedKey })) return sealedName;
    }
  }

  async function sealWordsOf(author: string, words: string): Promise<string> {
    const id = subjectOf(author);
    if (id === null || words === "") return words;
    const [subject] = await findSubjects(db, [id]);
    return subject?.wrapped_key ? seal(id, keyOf(id, subject.wrapped_key), words) : ERASED;
  }

  /** What each of these says. A forgetting meanwhile goes before what was read earlier. */
  async function read(wanted: ReadonlyMap<string, string>): Promise<Map<string, string>> {
    const before = kept;
    const rows = await findSubjects(db, [...new Set(wanted.values())]);
    const wrapped = new Map(rows.map((row) => [row.id, row]));
    const until = performance.now() + KEPT_MS;
    const found = new Map<string, string>();
    for (const [form, id] of wanted) {
      const row = wrapped.get(id);
      const text = row?.erased_at ? ERASED : row?.wrapped_key ? said(form, id, keyOf(id, row.wrapped_key)) : UNREADABLE;
      found.set(form, text);
      if (before.size >= KEPT_MAX) before.clear();
      before.set(form, { until, text });
    }
    return found;
  }

  async function open(json: string): Promise<string> {
    if (!holdsSealed(json)) return json;
    const now = performance.now();
    const texts = new Map<string, string>();
    const unknown = new Map<string, string>();
    for (const form of json.match(SEALED) ?? []) {
      const known = kept.get(form);
      if (known && known.until > now) texts.set(form, known.text);
      else unknown.set(form, subjectOf(form) ?? "");
    }
    if (unknown.size > 0) for (const [form, text] of await read(unknown)) texts.set(form, text);
    return json.replace(SEALED, (form) => JSON.stringify(texts.get(form) ?? UNREADABLE).slice(1, -1));
  }

  return {
    sealName,
    sealWordsOf,
    open,
    isErased: async (sealedName) => {
      const id = subjectOf(sealedName);
      return id !== null && (await findSubjects(db, [id]))[0]?.erased_at != null;
    },
    forget: () => {
      kept = new Map();
    },
  };
}

const seal = (id: string, key: Buffer, text: string): Sealed =>
  sealedForm(id, encrypt(key, Buffer.from(text, "utf8"), id).toString("base64url"));

function said(form: string, id: string, key: Buffer): string {
  try {
    const bytes = Buffer.from(form.slice(form.indexOf(".") + 1, -1), "base64url");
    return decrypt(key, bytes, id).toString("utf8");
  } catch {
    return UNREADABLE;
  }
}

/** Nonce, ciphertext, tag. What it belongs to is authenticated with it, so that it can't be put in another's place. */
export function encrypt(key: Buffer, plain: Buffer, belongsTo: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(belongsTo, "utf8"));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

export function decrypt(key: Buffer, bytes: Buffer, belongsTo: string): Buffer {
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(belongsTo, "utf8"))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}
