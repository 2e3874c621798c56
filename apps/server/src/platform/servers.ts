import { sql } from "kysely";
import type { Logger } from "pino";
import { type Clock, systemClock } from "./clock.ts";
import type { Executor, Transactions } from "./database.ts";

/**
 * The servers that share a database, each with a row that it renews. By the database's clock, so that servers' own need
 * not agree. Who is in it is asked before something is taken away that an older server works with, and before a machine's
 * releases are ended.
 */
const BEAT_MS = 2_000;
/** Four beats that failed, and one that was slow. */
const GONE_AFTER_MS = 10_000;

export interface ServerIdentity {
  readonly id: string;
  readonly version: string;
  /** The newest migration that this server's version has. */
  readonly newestMigration: string;
  /** What its releases' processes can be seen from. */
  readonly machine: string;
  /** The name of the folder that it shares with the others. */
  readonly sharedFolder: string;
}

/** This version can no longer work with the database: a newer one has changed it. */
export class Unfit extends Error {}

export interface LivingServer extends ServerIdentity {
  readonly startedAt: Date;
}

/** For a question that joins `server`: whether it was heard of lately. */
export const isLiving = sql`server.seen_at > now() - make_interval(secs => ${GONE_AFTER_MS / 1_000})`;

/** Those that were heard of lately, the oldest first. None before there is a table of them. */
export async function livingServers(db: Executor): Promise<LivingServer[]> {
  const table = await sql<{ there: boolean }>`select to_regclass('server') is not null as there`.execute(db);
  if (!table.rows[0]?.there) return [];
  const found = await sql<LivingServer>`select id, version, newest_migration as "newestMigration", machine,
      shared_folder as "sharedFolder", started_at as "startedAt" from server
    where ${isLiving} order by started_at, id`.execute(db);
  return found.rows;
}

/**
 * Throws a sentence when another server that lives keeps its artifacts in another folder: whichever of the two drove next
 * would not find what the other has built.
 */
export async function checkFolder(db: Executor, server: ServerIdentity, dir: string): Promise<void> {
  const apart = (await livingServers(db)).find((other) => other.sharedFolder !== server.sharedFolder);
  if (apart)
    throw new Unfit(
      `Server ${apart.id} (on machine ${apart.machine}) works on this database with another folder for artifacts and keys than ${dir}. Give every server the same one with --shared-dir. If that server was stopped just now, wait ${GONE_AFTER_MS / 1_000} s.`,
    );
}

/** Writes that a server lives: a new life of it, or one more beat of the same. */
export async function beat(db: Executor, server: ServerIdentity, isNew: boolean): Promise<void> {
  const { id, version, newestMigration, machine, sharedFolder } = server;
  await sql`insert into server (id, version, newest_migration, machine, shared_folder)
    values (${id}, ${version}, ${newestMigration}, ${machine}, ${sharedFolder})
    on conflict (id) do update set version = excluded.version, newest_migration = excluded.newest_migration,
      machine = excluded.machine, shared_folder = excluded.shared_folder, seen_at = now(),
      started_at = case when ${isNew} then now() else server.started_at end`.execute(db);
}

export interface Registration {
  /** Takes the row away: nobody need wait until it is too old. */
  stop(): Promise<void>;
}

/**
 * Registers this server and keeps it registered. `look` follows each beat that was written, the first one included: by
 * then the others see this server. What it throws ends the start; later `onUnfit` is told when it throws `Unfit`.
 */
export async function keepRegistered(
  database: Transactions,
  log: Logger,
  server: ServerIdentity,
  look: () => Promise<void> = async () => {},
  onUnfit: (error: Unfit) => void = () => {},
  clock: Clock = systemClock,
): Promise<Registration> {
  let callOff = () => {};
  let stopped = false;
  let last: Promise<void> = Promise.resolve();
  const once = async () => {
    try {
      await beat(database.db, server, false);
      if (!stopped) await look();
    } catch (error) {
      if (error instanceof Unfit) onUnfit(error);
      else log.warn({ err: error }, "this server could not tell the others that it lives");
    }
  };
  const again = () => {
    callOff = clock.after(BEAT_MS, () => {
      last = once().finally(() => {
        if (!stopped) again();
      });
    });
  };
  const stop = async () => {
    stopped = true;
    callOff();
    await last;
    await sql`delete from server where id = ${server.id}`.execute(database.db).catch(() => {});
  };
  await beat(database.db, server, true);
  try {
    await look();
  } catch (error) {
    await stop();
    throw error;
  }
  again();
  return { stop };
}
