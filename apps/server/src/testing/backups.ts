import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "@latchkey/api/client";
import type { Backup } from "@latchkey/api/models";
import { pino } from "pino";
import { type Restored, type RestoreOptions, restore } from "../backups/restore.ts";
import { connect } from "../platform/backup/connection.ts";
import { digestOf, shapesOf } from "../platform/backup/tables.ts";
import { MIGRATIONS_DIR } from "./database.ts";
import { until } from "./until.ts";

type Wish = Parameters<Client["createBackup"]>[0]["body"];

/** Where a backup can be asked for. */
interface Place {
  readonly dir: string;
  readonly owner: Client;
  readonly database: { readonly url: string; readonly ownerUrl: string };
}

/** Takes a backup and waits for its end. */
export async function backUp(place: Place, body: Wish = {}): Promise<Backup> {
  const ended = await untilEnded(place, (await place.owner.createBackup({ body })).id);
  if (ended.state === "failed") throw new Error(ended.problem ?? "The backup failed.");
  return ended;
}

/** A backup once it is over. */
export async function untilEnded(place: Pick<Place, "owner">, backupId: string): Promise<Backup> {
  return until("the backup is over", async () => {
    const seen = await place.owner.getBackup({ params: { backupId } });
    return seen.state !== "running" && seen;
  });
}

export const fileOf = (place: Place, backup: Backup): string => join(place.dir, "backups", backup.file ?? "");

/** Restores a file into a folder and a database, in this process. */
export function restoreInto(
  dir: string,
  database: Place["database"],
  file: string,
  over: Partial<RestoreOptions> = {},
): Promise<Restored> {
  return restore({
    config: {
      dir,
      host: "127.0.0.1",
      port: 7400,
      gatewayPort: 7480,
      readsPerSecond: 300,
      writesPerSecond: 20,
      databaseUrl: database.url,
      databaseOwnerUrl: database.ownerUrl,
    },
    log: pino({ level: "silent" }),
    migrations: MIGRATIONS_DIR,
    version: "test",
    file,
    passphrase: null,
    newKey: false,
    dropOld: false,
    operator: "tester",
    say: () => {},
    ...over,
  });
}

/** Counts and hashes of every table of a database. */
export async function digestsOf(url: string): Promise<Map<string, string>> {
  const connection = await connect(url);
  try {
    const all = new Map<string, string>();
    for (const shape of await shapesOf(connection.client)) {
      const { rows, sha256 } = await digestOf(connection.client, shape);
      all.set(shape.name, `${rows} ${sha256}`);
    }
    return all;
  } finally {
    await connection.close();
  }
}

/** Writes bytes beside the installation's others; answers where. */
export function fileWith(dir: string, name: string, bytes: Buffer): string {
  const file = join(dir, name);
  writeFileSync(file, bytes);
  return file;
}
