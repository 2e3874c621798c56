import { randomUUID } from "node:crypto";
import { linkSync, rmSync, writeFileSync } from "node:fs";

/**
 * The files of an installation's folder that are keys, in one place: what a backup closes with a passphrase or leaves
 * out, and what a restore puts back.
 */
export const LEDGER_KEY = "ledger.key";
export const SUBJECTS_KEY = "subjects.key";
export const KEY_FILES = [LEDGER_KEY, SUBJECTS_KEY] as const;

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
