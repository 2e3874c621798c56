import { setTimeout as sleep } from "node:timers/promises";
import { isWithoutTransaction } from "@latchkey/core/delivery/migrations/lint";
import type { MigrationFile, MigrationOutcome, Migrator } from "@latchkey/core/delivery/migrations/ports";
import type { Migration } from "@latchkey/core/delivery/migrations/schema";
import { err, ok } from "@latchkey/core/shared/result";
import pg from "pg";

/** A statement that waits longer for a table makes everybody behind it wait: it gives up and tries again. */
const LOCK_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Six tries with growing rests: about half a minute, after which a person should look at who holds the lock. */
const REST_MS = [250, 500, 1_000, 2_000, 4_000];
/** Lock not available, deadlock, serialisation failure: another try may succeed. */
const RETRYABLE = new Set(["55P03", "40P01", "40001"]);
/** The advisory lock of all who migrate this database: "latchkey" in ASCII, its first four letters. */
const LOCK_KEY = 0x6c617463;
const TABLE = "latchkey_migration";

/** Runs migrations over PostgreSQL: one at a time in a database, each in one transaction unless it says otherwise. */
export const postgresqlMigrator: Migrator = {
  applied: async (url) => {
    try {
      return ok(await withClient(url, appliedIn));
    } catch (error) {
      return err(`The database could not be asked: ${wordsOf(error)}.`);
    }
  },
  apply,
};

async function apply(url: string, file: MigrationFile, statementTimeoutMs: number): Promise<MigrationOutcome> {
  for (let attempt = 0; ; attempt++) {
    const outcome = await once(url, file, statementTimeoutMs);
    const rest = REST_MS[attempt];
    if (outcome.kind !== "retry") return outcome;
    if (rest === undefined) return { kind: "failed", words: `${outcome.words} (${attempt + 1} tries)` };
    await sleep(rest);
  }
}

type Once = MigrationOutcome | { readonly kind: "retry"; readonly words: string };

async function once(url: string, file: MigrationFile, statementTimeoutMs: number): Promise<Once> {
  let hasBegun = false;
  try {
    return await withClient(url, async (client) => {
      await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}; set statement_timeout = ${statementTimeoutMs}`);
      hasBegun = true;
      return isWithoutTransaction(file.text) ? outside(client, file) : inside(client, file);
    });
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code === "string" && RETRYABLE.has(code)) return { kind: "retry", words: wordsOf(error) };
    // What PostgreSQL refused with a code of its own changed nothing; a connection that went may have committed.
    const isRefused = error instanceof pg.DatabaseError && !String(code).startsWith("57P");
    return { kind: isRefused || !hasBegun ? "failed" : "lost", words: wordsOf(error) };
  }
}

const BUSY: Once = { kind: "retry", words: "Another migration is running in this database" };

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

async function appliedIn(client: pg.Client): Promise<readonly Migration[]> {
  const there = await client.query<{ there: boolean }>(`select to_regclass('public.${TABLE}') is not null as there`);
  if (there.rows[0]?.there !== true) return [];
  return (await client.query<Migration>(`select file, phase, sha256 from public.${TABLE} order by file`)).rows;
}

async function isApplied(client: pg.Client, file: MigrationFile): Promise<boolean> {
  await client.query(`create table if not exists public.${TABLE} (file text primary key, phase text not null,
    sha256 text not null, duration_ms integer not null, applied_at timestamptz not null default now())`);
  return (await client.query(`select 1 from public.${TABLE} where file = $1`, [file.file])).rows.length > 0;
}

async function mark(client: pg.Client, file: MigrationFile, durationMs: number): Promise<void> {
  await client.query(`insert into public.${TABLE} (file, phase, sha256, duration_ms) values ($1, $2, $3, $4)`, [
    ...[file.file, file.phase, file.sha256],
    durationMs,
  ]);
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // A connection that ends between two questions is told by the next one.
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
