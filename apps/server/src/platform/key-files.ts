import { randomBytes, randomUUID } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The files of an installation's folder that are keys, in one place: what a backup closes with a passphrase or leaves
 * out, and what a restore puts back.
 */
export const LEDGER_KEY = "ledger.key";
export const SUBJECTS_KEY = "subjects.key";
/** Signs what is sent to other systems. Nothing in the database goes with it: receivers were told of it, and would have to be told again. */
export const WEBHOOK_KEY = "webhooks.key";
export const KEY_FILES = [LEDGER_KEY, SUBJECTS_KEY, WEBHOOK_KEY] as const;

/**
 * Makes a key's file whole or not at all: of two servers that start in one shared folder, the second finds the first
 * one's key and never half of it. False when there is one already.
 */
export function createKeyFile(file: string, content: string | Buffer): boolean {
  const draft = `${file}.${randomUUID()}.draft`;
  writeFileSync(draft, content, { mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

const WEBHOOK_PREFIX = "whsec_";

/** The key of outgoing requests, made at the first start, as Standard Webhooks writes it: whsec_ and base64. */
export function openWebhookKey(dir: string): Buffer {
  const file = join(dir, WEBHOOK_KEY);
  createKeyFile(file, `${WEBHOOK_PREFIX}${randomBytes(32).toString("base64")}\n`);
  const text = readFileSync(file, "utf8").trim();
  const key = Buffer.from(text.slice(WEBHOOK_PREFIX.length), "base64");
  if (!text.startsWith(WEBHOOK_PREFIX) || key.length < 24)
    throw new Error(`${file} holds no key: it must be ${WEBHOOK_PREFIX} and at least 24 bytes in base64.`);
  return key;
}
