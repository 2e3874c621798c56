import { randomBytes } from "node:crypto";
import { allServices, environmentsOf } from "../catalog/index.ts";
import { digestsInUse } from "../delivery/index.ts";
import { boundKeys, ledgerHead } from "../ledger/index.ts";
import type { ArtifactStore } from "../platform/adapters/artifacts/directory.ts";
import { artifactOut } from "../platform/backup/artifact-tar.ts";
import { type Connection, connect } from "../platform/backup/connection.ts";
import { ContainerWriter } from "../platform/backup/container.ts";
import { KEYS_PART, type KeysKey, SCRYPT, sealKeys } from "../platform/backup/keys.ts";
import { FORMAT, type Manifest, type Table } from "../platform/backup/manifest.ts";
import { copyOut, migrationsOf, sequencesOf, shapesOf } from "../platform/backup/tables.ts";
import { databaseNameOf, type Executor } from "../platform/database.ts";

/** What it takes to write a backup. */
export interface TakingOptions {
  /** The address of Latchkey's own database, as a role that may read all of it. */
  readonly url: string;
  readonly dir: string;
  readonly artifacts: ArtifactStore;
  readonly version: string;
  readonly publicKey: string;
  readonly signText: (text: string) => string;
}
export interface Asked {
  readonly id: string;
  readonly file: string;
  readonly at: Date;
  readonly keys: KeysKey | null;
}
/** How far it is: what is being copied, and how many bytes of about how many. */
export type OnProgress = (words: string, doneBytes: number, totalBytes: number) => void;

/**
 * Writes a backup while everything goes on: all tables in one snapshot (REPEATABLE READ), then the artifacts that the
 * snapshot needs, then the keys. Nothing of a failed one is left. Answers the manifest and the file's size.
 */
export async function takeBackup(
  o: TakingOptions,
  asked: Asked,
  onProgress: OnProgress,
): Promise<{ manifest: Omit<Manifest, "parts">; sizeBytes: number }> {
  const connection = await connect(o.url);
  const writer = await ContainerWriter.create(asked.file, asked.at).catch(async (error: unknown) => {
    await connection.close();
    throw error;
  });
  try {
    await connection.client.query("begin isolation level repeatable read read only");
    const needed = await artifactsOf(o.artifacts, connection.db);
    const progress = new Progress(onProgress);
    for (const { sizeBytes } of needed.present) progress.expect(sizeBytes);
    const tables = await writeTables(connection, writer, progress);
    const about = await describe(connection);
    await connection.client.query("commit");
    for (const { digest } of needed.present) {
      progress.now(`Copying the artifact ${digest.slice(0, 12)}`);
      await writer.stream(`artifacts/${digest}`, artifactOut(o.artifacts, digest), progress.count);
    }
    const keys = await writeKeys(o, asked, writer);
    const manifest = {
      format: FORMAT as typeof FORMAT,
      id: asked.id,
      createdAt: asked.at.toISOString(),
      version: o.version,
      ...about,
      publicKey: o.publicKey,
      tables,
      artifacts: needed.present,
      missingArtifacts: needed.missing,
      keys,
    };
    return { manifest, sizeBytes: await writer.seal(manifest, o.signText) };
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    await connection.close();
  }
}

class Progress {
  readonly #tell: OnProgress;
  #words = "";
  #done = 0;
  #total = 0;
  constructor(tell: OnProgress) {
    this.#tell = tell;
  }
  expect(bytes: number): void {
    this.#total += bytes;
  }
  now(words: string): void {
    this.#words = words;
    this.#tell(words, this.#done, this.#total);
  }
  readonly count = (bytes: number): void => {
    this.#done += bytes;
    this.#tell(this.#words, this.#done, this.#total);
  };
}

async function writeTables(connection: Connection, writer: ContainerWriter, progress: Progress): Promise<Table[]> {
  const shapes = await shapesOf(connection.client);
  for (const { diskBytes } of shapes) progress.expect(diskBytes);
  const tables: Table[] = [];
  for (const shape of shapes) {
    progress.now(`Copying the table ${shape.name}`);
    const rows = copyOut(connection.client, shape);
    const taken = await writer.stream(`tables/${shape.name}`, rows, progress.count);
    tables.push({ name: shape.name, columns: [...shape.columns], rows: rows.rowCount, ...taken });
  }
  return tables;
}

/** What else the snapshot tells. */
async function describe({ client, db }: Connection) {
  const version = await client.query<{ server_version: string }>("show server_version");
  return {
    postgres: version.rows[0]?.server_version ?? "unknown",
    migrations: await migrationsOf(client),
    ledger: await ledgerHead(db),
    boundKeys: await boundKeys(db),
    sequences: await sequencesOf(client),
    notIncluded: await workloadDatabases(db),
  };
}

async function workloadDatabases(db: Executor): Promise<string[]> {
  const names: string[] = [];
  for (const { project, name } of await allServices(db))
    for (const environment of await environmentsOf(db, project, name))
      names.push(databaseNameOf(name, environment.name));
  return names;
}

async function artifactsOf(store: ArtifactStore, db: Executor) {
  const present: { digest: string; sizeBytes: number }[] = [];
  const missing: string[] = [];
  for (const digest of [...(await digestsInUse(db))].sort())
    if (await store.has(digest)) present.push({ digest, sizeBytes: await store.bytesOf(digest) });
    else missing.push(digest);
  return { present, missing };
}

async function writeKeys(o: TakingOptions, asked: Asked, writer: ContainerWriter): Promise<Manifest["keys"]> {
  if (!asked.keys) return null;
  const { files, body } = sealKeys(o.dir, asked.id, asked.keys);
  await writer.part(KEYS_PART, body);
  return { files, salt: asked.keys.salt.toString("base64"), ...SCRYPT };
}

/** The folder's room for another backup, in bytes that it needs at most: text of rows compresses well below the tables. */
export async function bytesNeeded(o: TakingOptions, verify: boolean): Promise<number> {
  const connection = await connect(o.url);
  try {
    const shapes = await shapesOf(connection.client);
    const rows = shapes.reduce((sum, shape) => sum + shape.diskBytes, 0);
    const { present } = await artifactsOf(o.artifacts, connection.db);
    const artifacts = present.reduce((sum, artifact) => sum + artifact.sizeBytes, 0);
    // Restoring it for a moment takes the tables with their indexes (about as much again) and their write-ahead log.
    return rows + artifacts + (verify ? 3 * rows : 0) + SPARE_BYTES;
  } finally {
    await connection.close();
  }
}
/** What the rest of the machine is left: PostgreSQL's write-ahead log may grow by as much at any time. */
const SPARE_BYTES = 256 * 1024 * 1024;

/** A name for a scratch database's end. */
export const unlikely = (): string => randomBytes(4).toString("hex");
