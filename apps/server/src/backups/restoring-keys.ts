import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSigner } from "../ledger/index.ts";
import { openKeys } from "../platform/backup/keys.ts";
import { BackupFault, type Manifest } from "../platform/backup/manifest.ts";
import { LEDGER_KEY } from "../platform/key-files.ts";

/** Key files that a restore puts into the folder, and what to say of the keys. */
export interface ChosenKeys {
  readonly put: ReadonlyMap<string, Buffer>;
  readonly words: readonly string[];
}

/** Decides before anything is changed: which keys come back, and whether the file is this installation's. Throws a sentence otherwise. */
export async function chooseKeys(
  o: { readonly config: { readonly dir: string }; readonly passphrase: string | null; readonly newKey: boolean },
  manifest: Manifest,
  part: () => Promise<Buffer>,
): Promise<ChosenKeys> {
  const { dir } = o.config;
  const own = join(dir, LEDGER_KEY);
  if (existsSync(own) && openSigner(own).publicKey !== manifest.publicKey)
    throw new BackupFault(
      `The backup is of another installation: it is signed by the ledger key ${manifest.publicKey}, and ${own} is another. To take over that installation, restore into an empty folder.`,
    );
  const put = new Map<string, Buffer>();
  if (o.passphrase !== null) {
    for (const [name, bytes] of await openKeys(manifest, await part(), o.passphrase)) {
      const file = join(dir, name);
      if (!existsSync(file)) put.set(name, bytes);
      else if (!readFileSync(file).equals(bytes))
        throw new BackupFault(
          `${file} is another key than the backup's. Move it away, if the backup's is to take its place.`,
        );
    }
    const names = [...put.keys()];
    return { put, words: names.length > 0 ? [`Put back: ${names.join(", ")}.`] : [] };
  }
  if (existsSync(own)) return { put, words: [] };
  if (!o.newKey)
    throw new BackupFault(
      `${own} is missing: without it the ledger goes on with a new key, and what was signed so far no longer checks. ${
        manifest.keys
          ? "The backup holds it: give --passphrase-file."
          : "Put it there from where it is kept, or accept that: --new-key."
      }`,
    );
  return {
    put,
    words: ["The ledger goes on with a new key, as was asked for: checkpoints signed so far do not check with it."],
  };
}

export function putKeys(dir: string, keys: ChosenKeys): void {
  for (const [name, bytes] of keys.put) writeFileSync(join(dir, name), bytes, { mode: 0o600, flag: "wx" });
}
