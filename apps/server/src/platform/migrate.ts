import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import type { Database } from "./database.ts";

/**
 * Numbered SQL files, forward only, each in a transaction of its own. The table lock makes two servers that start
 * together take turns; the second finds the work done. A database newer than this code is refused.
 */
export async function migrate(database: Database, dir: string): Promise<string[]> {
  const files = readdirSync(dir)
    .filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .sort();
  // A role that may not migrate needs not, when there is nothing to do.
  if (await isMigrated(database, files)) return [];
  await sql`create table if not exists schema_migration (name text primary key, applied_at timestamptz not null default now())`
    .execute(database.db)
    // Two racing creations: PostgreSQL reports the loser's as a duplicate table, a duplicate type, or a unique
    // violation of its own catalog, by where it lost.
    .catch((error: unknown) => {
      if (!["23505", "42P07", "42710"].includes(String((error as { code?: unknown }).code))) throw error;
    });
  await refuseNewer(database, files);
  const applied: string[] = [];
  for (const name of files) {
    const done = await database.transaction(async (tx) => {
      await sql`lock table schema_migration in exclusive mode`.execute(tx);
      const known = await sql`select 1 from schema_migration where name = ${name}`.execute(tx);
      if (known.rows.length > 0) return false;
      await sql`insert into schema_migration (name) values (${name})`.execute(tx);
      await sql.raw(readFileSync(join(dir, name), "utf8")).execute(tx);
      return true;
    });
    if (done) applied.push(name);
  }
  return applied;
}

async function isMigrated(database: Database, files: readonly string[]): Promise<boolean> {
  const table = await sql<{ there: boolean }>`select to_regclass('schema_migration') is not null as there`.execute(
    database.db,
  );
  if (!table.rows[0]?.there) return false;
  const known = await sql<{ name: string }>`select name from schema_migration`.execute(database.db);
  const names = new Set(known.rows.map((row) => row.name));
  return names.size === files.length && files.every((name) => names.has(name));
}

/** Asked before anything is changed: an older version must leave a newer one's database as it is. */
async function refuseNewer(database: Database, files: readonly string[]): Promise<void> {
  const known = await sql<{ name: string }>`select name from schema_migration order by name`.execute(database.db);
  const unknown = known.rows.map((row) => row.name).filter((name) => !files.includes(name));
  if (unknown.length > 0)
    throw new Error(
      `The database was migrated by a newer Latchkey (${unknown.join(", ")}). Start that version, or restore a backup of this one.`,
    );
}
