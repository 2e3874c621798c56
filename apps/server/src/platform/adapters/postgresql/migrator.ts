import { setTimeout as sleep } from "node:timers/promises";
import { isWithoutTransaction } from "@latchkey/core/delivery/migrations/lint";
import type {
  AppliedMigration,
  DatabaseTrouble,
  MigrationFile,
  MigrationOutcome,
  Migrator,
} from "@latchkey/core/delivery/migrations/ports";
import type { Migration } from "@latchkey/core/delivery/migrations/schema";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import pg from "pg";
import { objectsIn, sizesIn } from "./objects.ts";
import { dumpSchema } from "./schema-dump.ts";
import { afterTries, isConnectionGone, isRolledBack, mayPass, troubleOf, withClient } from "./workload-database.ts";

/** A statement that waits longer for a table makes everybody behind it wait: it gives up and tries again. */
const LOCK_TIMEOUT_MS = 3_000;
/** Well below the time for which a migration is tried again. */
const DEATH_CHECK_MS = 2_000;
/** Six tries with growing rests: about half a minute, after which a person should look at who holds the lock. */
const REST_MS = [250, 500, 1_000, 2_000, 4_000];
/** The advisory lock of all who migrate this database: "latchkey" in ASCII, its first four letters. */
const LOCK_KEY = 0x6c617463;
const TABLE = "latchkey_migration";

/** Runs migrations over PostgreSQL: one at a time in a database, each in one transaction unless it says otherwise. */
export const postgresqlMigrator: Migrator = {
  applied: (url) => asked(url, appliedIn),
  objects: (url) => asked(url, objectsIn),
  sizes: (url, tables) => asked(url, (client) => sizesIn(client, tables)),
  dump: dumpSchema,
  markBaseline: (url, files) => asked(url, (client) => markBaseline(client, files)),
  forgetBaseline: (url) => asked(url, forgetBaseline),
  apply,
};

/** Asks a database; what passes by itself is tried again for as long as a migration would be. */
async function asked<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<Result<T, DatabaseTrouble>> {
  for (let attempt = 0; ; attempt++)
    try {
      return ok(await withClient(url, work));
    } catch (error) {
      const rest = REST_MS[attempt];
      if (!mayPass(error)) return err(troubleOf(error, url));
      if (rest === undefined) return err(afterTries(troubleOf(error, url), attempt + 1));
      await sleep(rest);
    }
}

async function apply(url: string, file: MigrationFile, statementTimeoutMs: number): Promise<MigrationOutcome> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await once(url, file, statementTimeoutMs);
    const rest = REST_MS[attempt];
    if (outcome.kind !== "retry") return outcome;
    if (rest === undefined) {
      const { kind: trouble, words } = afterTries(outcome.trouble, attempt + 1);
      return { kind: "failed", trouble, words };
    }
    await sleep(rest);
  }
}

type Once = MigrationOutcome | { readonly kind: "retry"; readonly trouble: DatabaseTrouble };

async function once(url: string, file: MigrationFile, statementTimeoutMs: number): Promise<Once> {
  let hasBegun = false;
  try {
    return await withClient(url, async (client) => {
      await noticeDeath(client);
      await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}; set statement_timeout = ${statementTimeoutMs}`);
      hasBegun = true;
      return isWithoutTransaction(file.text) ? outside(client, file) : inside(client, file);
    });
  } catch (error) {
    const trouble = troubleOf(error, url);
    // Before it began nothing can have happened, so that it is tried again; in its middle only what was rolled back is.
    if (hasBegun ? isRolledBack(error) : mayPass(error)) return { kind: "retry", trouble };
    // What PostgreSQL refused with a code of its own changed nothing; a connection that went may have committed.
    const isRefused = error instanceof pg.DatabaseError && (!isConnectionGone(error) || !hasBegun);
    return isRefused || !hasBegun
      ? { kind: "failed", trouble: trouble.kind, words: trouble.words }
      : { kind: "lost", words: trouble.words };
  }
}

const BUSY: Once = {
  kind: "retry",
  trouble: { kind: "locked", words: "Another migration is running in this database." },
};

/**
 * A server that is killed leaves its statement running, with all its locks: PostgreSQL looks for it only when it has something
 * to say. Told so, it looks every two seconds. Some systems can't (they refuse the setting): there the statement's own timeout ends it.
 */
async function noticeDeath(client: pg.Client): Promise<void> {
  await client.query(`set client_connection_check_interval = ${DEATH_CHECK_MS}`).catch((error: unknown) => {
    if (!(error instanceof pg.DatabaseError) || isConnectionGone(error)) throw error;
  });
}

async function inside(client: pg.Client, file: MigrationFile): Promise<Once> {
  await client.query("begin");
  if (!(await takes(client, "pg_try_advisory_xact_lock"))) return BUSY;
  if (await isApplied(client, file)) return { kind: "applied", durationMs: 0, isNew: false };
  const from = performance.now();
  await client.query(file.text);
  const durationMs = Math.round(performance.now() - from);
  await mark(client, file, durationMs);
  await client.query("commit");
  return { kind: "applied", durationMs, isNew: true };
}

/** What is done concurrently commits by itself: after a crash in between it is found half made, and made anew. */
async function outside(client: pg.Client, file: MigrationFile): Promise<Once> {
  if (!(await takes(client, "pg_try_advisory_lock"))) return BUSY;
  if (await isApplied(client, file)) return { kind: "applied", durationMs: 0, isNew: false };
  const from = performance.now();
  const index = /create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?("?[\w.]+"?)/i.exec(
    file.text,
  )?.[1];
  if (index !== undefined) {
    const found = await client.query<{ valid: boolean }>(
      "select indisvalid as valid from pg_index where indexrelid = to_regclass($1)",
      [index],
    );
    if (found.rows[0]?.valid === false) await client.query(`drop index concurrently ${index}`);
    else if (found.rows[0]?.valid === true) {
      // It was finished, and the crash came before the note of it.
      await mark(client, file, 0);
      return { kind: "applied", durationMs: 0, isNew: true };
    }
  }
  await client.query(file.text);
  const durationMs = Math.round(performance.now() - from);
  await mark(client, file, durationMs);
  return { kind: "applied", durationMs, isNew: true };
}

async function takes(client: pg.Client, by: "pg_try_advisory_xact_lock" | "pg_try_advisory_lock"): Promise<boolean> {
  const found = await client.query<{ taken: boolean }>(`select ${by}($1) as taken`, [LOCK_KEY]);
  return found.rows[0]?.taken === true;
}

async function appliedIn(client: pg.Client): Promise<readonly AppliedMigration[]> {
  const there = await client.query<{ there: boolean }>(`select to_regclass('public.${TABLE}') is not null as there`);
  if (there.rows[0]?.there !== true) return [];
  // A table that an older version made has no column for it.
  const found = await client.query<AppliedMigration>(`select file, phase, sha256,
    coalesce((to_jsonb(m) ->> 'is_baseline')::boolean, false) as "isBaseline" from public.${TABLE} m order by file`);
  return found.rows;
}

async function ensureTable(client: pg.Client): Promise<void> {
  await client.query(`create table if not exists public.${TABLE} (file text primary key, phase text not null,
    sha256 text not null, duration_ms integer not null, applied_at timestamptz not null default now())`);
}

async function isApplied(client: pg.Client, file: MigrationFile): Promise<boolean> {
  await ensureTable(client);
  return (await client.query(`select 1 from public.${TABLE} where file = $1`, [file.file])).rows.length > 0;
}

/** Locked out of the lock, it is asked again like everybody else: `55P03` is PostgreSQL's own code for it. */
async function alone(client: pg.Client): Promise<void> {
  await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await client.query("select pg_advisory_xact_lock($1)", [LOCK_KEY]);
}

async function markBaseline(client: pg.Client, files: readonly Migration[]): Promise<string | null> {
  await client.query("begin");
  await alone(client);
  await ensureTable(client);
  await client.query(`alter table public.${TABLE} add column if not exists is_baseline boolean not null default false`);
  const ran = await ranIn(client);
  if (ran !== null) return ran;
  await client.query(`delete from public.${TABLE} where is_baseline`);
  // What it took away is gone already, for every release that was served since: no way back is closed by it.
  await client.query(
    `insert into public.${TABLE} (file, phase, sha256, duration_ms, is_baseline)
      select f.file, 'expand', f.sha256, 0, true from jsonb_to_recordset($1::jsonb) as f (file text, sha256 text)`,
    [JSON.stringify(files)],
  );
  await client.query("commit");
  return null;
}

async function forgetBaseline(client: pg.Client): Promise<string | null> {
  await client.query("begin");
  await alone(client);
  if ((await appliedIn(client)).length === 0) return null;
  const ran = await ranIn(client);
  if (ran !== null) return ran;
  await client.query(`delete from public.${TABLE} where is_baseline`);
  await client.query("commit");
  return null;
}

/** A file that was really run here. */
const ranIn = async (client: pg.Client): Promise<string | null> =>
  (await appliedIn(client)).find(({ isBaseline }) => !isBaseline)?.file ?? null;

async function mark(client: pg.Client, file: MigrationFile, durationMs: number): Promise<void> {
  await client.query(`insert into public.${TABLE} (file, phase, sha256, duration_ms) values ($1, $2, $3, $4)`, [
    ...[file.file, file.phase, file.sha256],
    durationMs,
  ]);
}
