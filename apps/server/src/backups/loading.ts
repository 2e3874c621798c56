import { boundKeys, idOfPublicKey, verifyLedger } from "../ledger/index.ts";
import type { Connection } from "../platform/backup/connection.ts";
import { BackupFault, type Manifest } from "../platform/backup/manifest.ts";
import { readStreams, type Sink } from "../platform/backup/reading.ts";
import { copyIn, digestOf, emptyTables, setSequence, shapesOf } from "../platform/backup/tables.ts";
import type { Transaction } from "../platform/database.ts";
import { LEDGER_KEY } from "../platform/key-files.ts";
import { migrateWithin, migrationsIn } from "../platform/migrate.ts";

/** Refuses a backup that this version can't read: it has migrations that we have not. */
export function refuseNewer(manifest: Manifest, migrations: string): void {
  const own = migrationsIn(migrations);
  const unknown = manifest.migrations.filter((name) => !own.includes(name));
  if (unknown.length > 0)
    throw new BackupFault(
      `The backup was taken by a newer Latchkey (${manifest.version}, with ${unknown.join(", ")}). Restore it with that version.`,
    );
}

/**
 * Fills an empty database from a checked file: the schema of then, the rows, and proof that they are the same (counts
 * and hashes of every table); then brings it up to this version, and walks the ledger from its first entry to its head.
 * All within `tx`, so that a failure leaves nothing. `others` takes what are no tables.
 */
export async function loadBackup(
  connection: Connection,
  tx: Transaction,
  o: {
    readonly file: string;
    readonly manifest: Manifest;
    readonly migrations: string;
    readonly say: (words: string) => void;
    readonly others: (stream: string) => Promise<Sink | null>;
  },
): Promise<string> {
  const { manifest } = o;
  await migrateWithin(tx, o.migrations, manifest.migrations);
  const { client } = connection;
  const shapes = await shapesOf(client);
  const tables = new Map(manifest.tables.map((table) => [table.name, table]));
  for (const { name } of shapes)
    if (!tables.has(name)) throw new BackupFault(`The backup lacks the table ${name}, which its migrations make.`);
  await emptyTables(client, shapes);
  await readStreams(o.file, manifest, async (stream) => {
    if (!stream.startsWith("tables/")) return o.others(stream);
    const table = tables.get(stream.slice("tables/".length));
    if (!table) throw new BackupFault(`The manifest does not know of ${stream}.`);
    o.say(`Restoring the table ${table.name}`);
    return copyIn(client, table);
  });
  for (const sequence of manifest.sequences) await setSequence(client, sequence);
  for (const shape of shapes) {
    o.say(`Comparing the table ${shape.name}`);
    const { rows, sha256 } = await digestOf(client, shape);
    const told = tables.get(shape.name);
    if (rows !== told?.rows || sha256 !== told.sha256)
      throw new BackupFault(
        `The table ${shape.name} came back with ${rows} rows that are not the ${told?.rows} of the backup.`,
      );
  }
  // The rows are as they were: from here on it is this version's database, and this version's checks read it.
  await migrateWithin(tx, o.migrations, migrationsIn(o.migrations));
  o.say("Walking the ledger");
  await checkKeys(tx, manifest);
  const walked = await verifyLedger({ db: tx, copyOut: connection.copyOut });
  if (!walked.ok) throw new BackupFault(`The ledger in the backup is not whole: ${walked.words}`);
  if (walked.size !== manifest.ledger.size || walked.rootHash !== manifest.ledger.rootHash)
    throw new BackupFault("The ledger in the backup is another than the manifest says.");
  return walked.words;
}

/** The file is signed by the key that the ledger in it says is its own. */
async function checkKeys(tx: Transaction, manifest: Manifest): Promise<void> {
  const bound = await boundKeys(tx);
  const same =
    bound.length === manifest.boundKeys.length &&
    bound.every(({ file, id }) => manifest.boundKeys.some((told) => told.file === file && told.id === id));
  if (!same) throw new BackupFault("The database in the backup goes with other keys than the manifest says.");
  if (bound.find(({ file }) => file === LEDGER_KEY)?.id !== idOfPublicKey(manifest.publicKey))
    throw new BackupFault("The backup is signed by another key than its own ledger.");
}
