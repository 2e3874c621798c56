import { mkdirSync } from "node:fs";
import type { Logger } from "pino";
import { localTargetHere } from "../delivery/index.ts";
import { ArtifactStore } from "../platform/adapters/artifacts/directory.ts";
import { artifactIn } from "../platform/backup/artifact-tar.ts";
import { type Connection, connect } from "../platform/backup/connection.ts";
import {
  besides,
  createDatabase,
  dropDatabaseNamed,
  dropDatabases,
  mayCreateDatabases,
  nameIn,
  swapDatabases,
} from "../platform/backup/databases.ts";
import { BackupFault, type Manifest } from "../platform/backup/manifest.ts";
import { checkContainer, readStreams, type Sink } from "../platform/backup/reading.ts";
import { type Config, sharedDirOf } from "../platform/config.ts";
import { grantAhead } from "../platform/database-roles.ts";
import { lockDirectory } from "../platform/directory-lock.ts";
import { type OwnDatabase, ownDatabase } from "../platform/own-database.ts";
import { runsPostgres, stopPostgres } from "../platform/postgres/embedded.ts";
import { refuseNewer } from "./loading.ts";
import { type Filled, fillDatabase, type Standing, standingOf, untilAlone } from "./restoring.ts";
import { chooseKeys, putKeys } from "./restoring-keys.ts";
import { unlikely } from "./taking.ts";

/** A restore, as it was asked for. The server of `config.dir` must not run. */
export interface RestoreOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly migrations: string;
  readonly version: string;
  readonly file: string;
  readonly passphrase: string | null;
  /** Goes on with a new ledger key where the backup's is not to be had. */
  readonly newKey: boolean;
  readonly dropOld: boolean;
  readonly operator: string;
  readonly say: (words: string) => void;
}
export interface Restored {
  readonly backupId: string;
  readonly takenAt: string;
  readonly database: string;
  /** The database of before, under its new name; null where there was none, or it was dropped. */
  readonly kept: string | null;
  readonly epoch: number;
  readonly ledger: { readonly size: number; readonly before: number | null };
  readonly words: readonly string[];
}

/**
 * Checks the whole file first; then fills a new database beside the one that is there, proves it, and swaps the names.
 * Whatever fails before the swap leaves the database as it was. A database that is there and empty is filled where it is,
 * in one transaction.
 */
export async function restore(o: RestoreOptions): Promise<Restored> {
  const { dir, databaseUrl } = o.config;
  for (const folder of [dir, sharedDirOf(o.config)]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(dir);
  const ranBefore = databaseUrl === undefined && runsPostgres(dir);
  try {
    o.say("Checking the file");
    const manifest = await checkContainer(o.file);
    refuseNewer(manifest, o.migrations);
    const keys = await chooseKeys(o, manifest, () => keysPartOf(o.file, manifest));
    const own = await ownDatabase(o.config, o.log);
    const before = await standingOf(own.ownerUrl);
    return before ? await besideOld(o, manifest, own, before, keys) : await inPlace(o, manifest, own, keys);
  } finally {
    if (databaseUrl === undefined && !ranBefore) await stopPostgres(dir);
    unlock();
  }
}

async function keysPartOf(file: string, manifest: Manifest): Promise<Buffer> {
  const pieces: Buffer[] = [];
  await readStreams(file, manifest, async (stream) =>
    stream === "keys.enc"
      ? {
          write: async (bytes) => {
            pieces.push(bytes);
          },
          end: async () => {},
        }
      : null,
  );
  return Buffer.concat(pieces);
}

type Keys = Awaited<ReturnType<typeof chooseKeys>>;

async function inPlace(o: RestoreOptions, manifest: Manifest, own: OwnDatabase, keys: Keys): Promise<Restored> {
  const url = own.ownerUrl;
  const connection = await connect(url);
  try {
    const filled = await fillDatabase(connection, { ...o, ...keys, manifest, before: null, others: othersOf(o) });
    await endReleases(o, connection);
    await grantAhead(url, own);
    putKeys(sharedDirOf(o.config), keys);
    return answer(manifest, { database: nameIn(url), kept: null, before: null, ...filled, keys });
  } finally {
    await connection.close();
  }
}

async function besideOld(
  o: RestoreOptions,
  manifest: Manifest,
  own: OwnDatabase,
  before: Standing,
  keys: Keys,
): Promise<Restored> {
  const url = own.ownerUrl;
  const database = nameIn(url);
  if (!(await mayCreateDatabases(url)))
    throw new BackupFault(
      `The database ${database} is in use and its user may not create another. Create an empty one, point DATABASE_URL to it and restore again, or allow it: alter role … createdb`,
    );
  await untilAlone(url);
  await dropDatabases(url, besides(database, "restore"));
  const fresh = `${besides(database, "restore")}${unlikely()}`;
  const freshUrl = await createDatabase(url, fresh);
  let swapped = false;
  try {
    const filled = await withConnection(freshUrl, async (connection) => {
      const done = await fillDatabase(connection, { ...o, ...keys, manifest, before, others: othersOf(o) });
      await endReleases(o, connection);
      return done;
    });
    // Its rights go with it when it takes the other's name.
    await grantAhead(freshUrl, own);
    await withConnection(url, (old) => endReleases(o, old));
    putKeys(sharedDirOf(o.config), keys);
    const kept = `latchkey_before_restore_${new Date().toISOString().replace(/\D/g, "").slice(0, 14)}`;
    o.say("Swapping the databases");
    await swapDatabases(administrationOf(url), { current: database, kept, fresh });
    swapped = true;
    if (o.dropOld) await dropDatabaseNamed(url, kept);
    return answer(manifest, { database, kept: o.dropOld ? null : kept, before, ...filled, keys });
  } finally {
    if (!swapped) await dropDatabaseNamed(url, fresh);
  }
}

/** A database cannot be renamed from within. */
function administrationOf(url: string): string {
  const address = new URL(url);
  address.pathname = nameIn(url) === "postgres" ? "/template1" : "/postgres";
  return address.toString();
}

/** They go by what the old database told; the next start brings up what the restored one serves. */
const endReleases = (o: RestoreOptions, database: Connection): Promise<void> =>
  localTargetHere({ database, log: o.log, dir: o.config.dir, mayAct: () => true })
    .endAll()
    .catch((error: unknown) => o.log.warn({ err: error }, "releases that run could not be ended"));

async function withConnection<T>(url: string, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connect(url);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

const othersOf = (o: RestoreOptions) => {
  const store = new ArtifactStore(`${sharedDirOf(o.config)}/artifacts`);
  return async (stream: string): Promise<Sink | null> => {
    if (!stream.startsWith("artifacts/")) return null;
    const digest = stream.slice("artifacts/".length);
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new BackupFault(`The part ${stream} has no artifact's name.`);
    if (await store.has(digest)) return null;
    o.say(`Restoring the artifact ${digest.slice(0, 12)}`);
    return artifactIn(store, digest);
  };
};

function answer(
  m: Manifest,
  o: {
    database: string;
    kept: string | null;
    before: Standing | null;
    keys: Keys;
  } & Filled,
): Restored {
  const words = [
    `Restored the backup ${m.id} of ${m.createdAt} into the database ${o.database}: ${m.tables.length} tables, a ledger of ${m.ledger.size} entries, whole and signed.`,
    `The routing is in epoch ${o.epoch}: gateways that are ahead follow it. ${o.ended} rollouts and deployments that were under way were ended.`,
  ];
  if (o.lost)
    words.push(
      `The ledger forks: entries ${o.lost.from} to ${o.lost.to - 1} of before are not in it, and others will have their numbers. Whoever holds a checkpoint beyond ${o.lost.from} entries will see that. The entry platform.restored says so.`,
    );
  else
    words.push(
      `Whoever holds a checkpoint beyond ${m.ledger.size} entries will see that the ledger forks there. The entry platform.restored says so.`,
    );
  if (o.erased + o.revoked > 0)
    words.push(
      `What was undone since stays undone: ${o.erased} persons erased and ${o.revoked} credentials revoked again.`,
    );
  if (!o.before)
    words.push(
      "Persons that were erased and credentials that were revoked since the backup are as they were then: nothing here tells which.",
    );
  words.push(...o.keys.words);
  if (o.kept)
    words.push(`The database of before is kept as ${o.kept}; drop it when it is not needed: drop database ${o.kept}`);
  if (m.notIncluded.length > 0)
    words.push(
      `The databases of the workloads (${m.notIncluded.join(", ")}) are as they were: they are not in a backup.`,
    );
  const { lost } = o.keys;
  words.push(`Start the server: npm start${lost.length > 0 ? ` -- --replace-key ${lost.join(",")}` : ""}`);
  return {
    backupId: m.id,
    takenAt: m.createdAt,
    database: o.database,
    kept: o.kept,
    epoch: o.epoch,
    ledger: { size: m.ledger.size, before: o.before?.ledgerSize ?? null },
    words,
  };
}
