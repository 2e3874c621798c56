import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import type { Database, Executor, Transaction } from "./database.ts";
import { type LivingServer, livingServers, Unfit } from "./servers.ts";

/**
 * Numbered SQL files, forward only, each in a transaction of its own. The table lock makes two servers that start
 * together take turns; the second finds the work done.
 *
 * Two kinds, so that servers of two versions can work on one database while they are upgraded one after the other. Most
 * files expand: an older version works on as before. A file whose name begins with `contract-` behind its number takes
 * away what older versions work with: it waits until none of them lives, and none starts after it.
 */
const CONTRACT = /^\d{4}-contract-/;
export const isContract = (name: string): boolean => CONTRACT.test(name);

/**
 * Does what is not done yet; answers the names. A contract that older servers are in the way of is left out (`waiting`
 * has it then), unless something behind it is needed: that is refused, and nothing is changed. `self` is the id of the
 * server that asks: what it was before is in nobody's way.
 */
export async function migrate(database: Database, dir: string, self: string | null = null): Promise<string[]> {
  const files = migrationsIn(dir);
  await makeTable(database);
  const known = await applied(database.db);
  refuseContracted(known, files);
  const missing = files.filter((name) => !known.has(name));
  // A role that may not migrate needs not, when there is nothing to do.
  if (missing.length === 0) return [];
  const wanted = await possibleNow(database.db, missing, self);
  const done: string[] = [];
  for (const name of wanted) {
    const isDone = await database.transaction(async (tx) => {
      await sql`lock table schema_migration in exclusive mode`.execute(tx);
      if ((await applied(tx)).has(name)) return false;
      if (isContract(name) && !(await isFree(tx, name, self))) return false;
      await sql`insert into schema_migration (name) values (${name})`.execute(tx);
      await sql.raw(readFileSync(join(dir, name), "utf8")).execute(tx);
      return true;
    });
    if (isDone) done.push(name);
  }
  return done;
}

/** The names of the migrations that this version has, in order. */
export const migrationsIn = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .sort();

/** Those of the named migrations that are not done yet, in one transaction that does more: all of it, or nothing. */
export async function migrateWithin(tx: Transaction, dir: string, names: readonly string[]): Promise<void> {
  await sql`create table if not exists schema_migration (name text primary key, applied_at timestamptz not null default now())`.execute(
    tx,
  );
  const done = await applied(tx);
  for (const name of names.filter((wanted) => !done.has(wanted))) {
    await sql`insert into schema_migration (name) values (${name})`.execute(tx);
    await sql.raw(readFileSync(join(dir, name), "utf8")).execute(tx);
  }
}

/** The contracts of this version that are not done, each with the older servers that are in its way. */
export async function waiting(
  db: Executor,
  dir: string,
  self: string,
): Promise<{ readonly name: string; readonly servers: readonly LivingServer[] }[]> {
  const known = await applied(db);
  const missing = migrationsIn(dir).filter((name) => isContract(name) && !known.has(name));
  const living = missing.length === 0 ? [] : await livingServers(db);
  return missing.map((name) => ({ name, servers: olderThan(name, living, self) }));
}

/** Throws a sentence when this version can no longer work with the database. */
export async function checkContracts(db: Executor, dir: string): Promise<void> {
  refuseContracted(await applied(db), migrationsIn(dir));
}

/** Servers in words, for those who must do something about them. */
export const wordsOfServers = (servers: readonly LivingServer[]): string =>
  servers.map(({ id, version, machine }) => `${id} (${version}, on machine ${machine})`).join(", ");

async function makeTable(database: Database): Promise<void> {
  const table = await sql<{ there: boolean }>`select to_regclass('schema_migration') is not null as there`.execute(
    database.db,
  );
  if (table.rows[0]?.there) return;
  await sql`create table if not exists schema_migration (name text primary key, applied_at timestamptz not null default now())`
    .execute(database.db)
    // Two racing creations: PostgreSQL reports the loser's as a duplicate table, a duplicate type, or a unique
    // violation of its own catalog, by where it lost.
    .catch((error: unknown) => {
      if (!["23505", "42P07", "42710"].includes(String((error as { code?: unknown }).code))) throw error;
    });
}

async function applied(db: Executor): Promise<ReadonlySet<string>> {
  const found = await sql<{ name: string }>`select name from schema_migration`.execute(db);
  return new Set(found.rows.map((row) => row.name));
}

/**
 * Asked before anything is changed: what a newer version has added is no matter, but what it has taken away is missing
 * here.
 */
function refuseContracted(known: ReadonlySet<string>, files: readonly string[]): void {
  const gone = [...known].filter((name) => !files.includes(name) && isContract(name)).sort();
  if (gone.length > 0)
    throw new Unfit(
      `The database was migrated by a newer Latchkey, which has taken away what this version works with (${gone.join(", ")}). Start that version, or restore a backup of this one.`,
    );
}

/** Of the missing migrations, in order, those that can be done now. */
async function possibleNow(db: Executor, missing: readonly string[], self: string | null): Promise<readonly string[]> {
  const living = missing.some(isContract) ? await livingServers(db) : [];
  const at = missing.findIndex((name) => isContract(name) && olderThan(name, living, self).length > 0);
  const blocked = missing[at];
  if (blocked === undefined) return missing;
  const behind = missing.slice(at).filter((name) => !isContract(name));
  if (behind.length === 0) return missing.slice(0, at);
  throw new Error(
    `${blocked} takes away what older servers work with, and they live: ${wordsOfServers(olderThan(blocked, living, self))}. This version needs ${behind.join(", ")} behind it. Upgrade to a version in between first, or stop those servers and start this one again.`,
  );
}

const olderThan = (contract: string, living: readonly LivingServer[], self: string | null): LivingServer[] =>
  living.filter((server) => server.id !== self && server.newestMigration < contract);

/** Whether nobody is in a contract's way; nobody new can be then, before the transaction ends. */
async function isFree(tx: Transaction, name: string, self: string | null): Promise<boolean> {
  const table = await sql<{ there: boolean }>`select to_regclass('server') is not null as there`.execute(tx);
  // A server that starts writes its row first, and looks at the migrations afterwards.
  if (table.rows[0]?.there) await sql`lock table server in share row exclusive mode`.execute(tx);
  return olderThan(name, await livingServers(tx), self).length === 0;
}
