/**
 * The files of an installation's folder that are keys, in one place: what a backup closes with a passphrase or leaves
 * out, and what a restore puts back.
 */
export const LEDGER_KEY = "ledger.key";
export const SUBJECTS_KEY = "subjects.key";
export const KEY_FILES = [LEDGER_KEY, SUBJECTS_KEY] as const;
