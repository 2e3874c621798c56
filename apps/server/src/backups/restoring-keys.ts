import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { idOfKeyFile, openSubjectsKey } from "../ledger/index.ts";
import { openKeys } from "../platform/backup/keys.ts";
import { BackupFault, type Manifest } from "../platform/backup/manifest.ts";
import { type Config, sharedDirOf } from "../platform/config.ts";
import { LEDGER_KEY, SUBJECTS_KEY, WEBHOOK_KEY } from "../platform/key-files.ts";

/** The key files of a restored database: which a restore puts into the folder, and which are lost. */
export interface ChosenKeys {
  readonly put: ReadonlyMap<string, Buffer>;
  /** Short names of keys that are not to be had: the server replaces them at its next start, when it is told to. */
  readonly lost: readonly string[];
  /** What persons' keys are encrypted with, when it is there. */
  readonly keyEncryptionKey: Buffer | null;
  readonly words: readonly string[];
}
interface Wish {
  readonly config: Pick<Config, "dir" | "sharedDir">;
  readonly passphrase: string | null;
  readonly newKey: boolean;
}

const WITHOUT: Readonly<Record<string, string>> = {
  [LEDGER_KEY]: "the ledger goes on with a new key, and the change is recorded",
  [SUBJECTS_KEY]: "the names and words of persons in it are unreadable for ever",
};

/**
 * Decides before anything is changed: which keys come back, and whether the file is this installation's. Throws a
 * sentence otherwise.
 */
export async function chooseKeys(o: Wish, manifest: Manifest, part: () => Promise<Buffer>): Promise<ChosenKeys> {
  const dir = sharedDirOf(o.config);
  const closed =
    o.passphrase === null ? new Map<string, Buffer>() : await openKeys(manifest, await part(), o.passphrase);
  const put = new Map<string, Buffer>();
  const lost: string[] = [];
  const words: string[] = [];
  for (const { file, id } of manifest.boundKeys) {
    const path = join(dir, file);
    if (existsSync(path)) {
      if (idIn(file, readFileSync(path)) === id) continue;
      if (!o.newKey) throw another(file, path, id);
    } else {
      const bytes = closed.get(file);
      if (bytes && idIn(file, bytes) !== id)
        throw new BackupFault(`The part keys.enc holds another ${file} than the backup's ledger goes with.`);
      if (bytes) {
        put.set(file, bytes);
        continue;
      }
      if (!o.newKey) throw missing(file, path, id, manifest);
    }
    lost.push(id);
    words.push(`Without the backup's ${file} (${id}), as was asked for: ${WITHOUT[file] ?? ""}.`);
  }
  chooseWebhookKey(join(dir, WEBHOOK_KEY), manifest, closed.get(WEBHOOK_KEY), { put, words });
  if (put.size > 0) words.push(`Put back: ${[...put.keys()].join(", ")}.`);
  const bound = manifest.boundKeys.find(({ file, id }) => file === SUBJECTS_KEY && !lost.includes(id));
  return {
    put,
    lost,
    words,
    keyEncryptionKey: bound ? secretIn(join(dir, SUBJECTS_KEY), put.get(SUBJECTS_KEY)) : null,
  };
}

/** No part of the database goes with this key: one that is there stays, and a lost one is made anew. */
function chooseWebhookKey(
  path: string,
  manifest: Manifest,
  closed: Buffer | undefined,
  chosen: { readonly put: Map<string, Buffer>; readonly words: string[] },
): void {
  const isThere = existsSync(path);
  if (closed && !isThere) chosen.put.set(WEBHOOK_KEY, closed);
  else if (closed && !readFileSync(path).equals(closed))
    chosen.words.push(
      `Kept: ${path}, which is another key than the backup's. Receivers of webhooks check with this one.`,
    );
  else if (!closed && !isThere && manifest.keys?.files.includes(WEBHOOK_KEY))
    chosen.words.push(
      `Without the backup's ${WEBHOOK_KEY}: the next start makes a new one, which receivers of webhooks must be given.`,
    );
}

const secretIn = (path: string, bytes: Buffer = readFileSync(path)): Buffer => openSubjectsKey(bytes, path);

/** The short name of a key; null for what is no key. */
function idIn(file: string, bytes: Buffer): string | null {
  try {
    return idOfKeyFile(file, bytes);
  } catch {
    return null;
  }
}

const another = (file: string, path: string, id: string) =>
  new BackupFault(
    `${path} is another key than the backup's (${id}): the backup is of another installation, or the key was replaced since. To take over that installation, restore into an empty folder. If ${file} was replaced since, move it away and give --passphrase-file, or go on with the one that is there: --new-key.`,
  );

function missing(file: string, path: string, id: string, manifest: Manifest): BackupFault {
  const way = manifest.keys?.files.includes(file)
    ? "The backup holds it: give --passphrase-file"
    : "Put it there from where it is kept";
  return new BackupFault(
    `${path} is missing (${id}). ${way}. If it is lost for good: --new-key; then ${WITHOUT[file] ?? ""}.`,
  );
}

export function putKeys(dir: string, keys: ChosenKeys): void {
  for (const [name, bytes] of keys.put) writeFileSync(join(dir, name), bytes, { mode: 0o600, flag: "wx" });
}
