import { connect } from "../platform/backup/connection.ts";
import {
  besides,
  createDatabase,
  dropDatabaseNamed,
  dropDatabases,
  mayCreateDatabases,
  nameIn,
} from "../platform/backup/databases.ts";
import { BackupFault } from "../platform/backup/manifest.ts";
import { checkContainer } from "../platform/backup/reading.ts";
import { loadBackup } from "./loading.ts";
import { unlikely } from "./taking.ts";

export interface Verification {
  readonly state: "verified" | "skipped" | "impossible";
  readonly words: string;
}

export interface VerifyingOptions {
  /** The address of Latchkey's own database; beside it the scratch database is made. */
  readonly url: string;
  readonly migrations: string;
  readonly publicKey: string;
}

/**
 * Reads a finished file back and restores it into a scratch database on the same server: every hash, every table's rows,
 * the whole ledger with its checkpoints' signatures. Throws what does not hold. The database is dropped, also what an
 * earlier run left that was killed.
 */
export async function verifyBackup(
  o: VerifyingOptions,
  file: string,
  say: (words: string) => void,
): Promise<Verification> {
  say("Reading the file back");
  const manifest = await checkContainer(file);
  if (manifest.publicKey !== o.publicKey)
    throw new BackupFault("The file is signed by another key than this ledger's.");
  if (!(await mayCreateDatabases(o.url)))
    return {
      state: "impossible",
      words:
        "The file is as it was written; it was not restored for proof, because the database's user may not create databases. Allow it: alter role … createdb",
    };
  await dropScratch(o.url);
  const name = `${besides(nameIn(o.url), "verify")}${unlikely()}`;
  const url = await createDatabase(o.url, name);
  try {
    const connection = await connect(url);
    try {
      const words = await connection.transaction((tx) =>
        loadBackup(connection, tx, { file, manifest, migrations: o.migrations, say, others: async () => null }),
      );
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      return {
        state: "verified",
        words: `Restored into a scratch database: ${manifest.tables.length} tables with ${rows} rows came back as they were. Ledger: ${words}`,
      };
    } finally {
      await connection.close();
    }
  } finally {
    await dropDatabaseNamed(o.url, name);
  }
}

/** Drops scratch databases of earlier runs that were killed. The caller sees to it that no other run is under way. */
export const dropScratch = (url: string): Promise<number> => dropDatabases(url, besides(nameIn(url), "verify"));
