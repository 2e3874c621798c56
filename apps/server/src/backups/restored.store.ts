import { sql } from "kysely";
import type { Executor } from "../platform/database.ts";

/** Questions to a database that is about to be replaced, or was just filled. */
export async function readStanding(db: Executor): Promise<{
  ledgerSize: number | null;
  signedSize: number | null;
  epoch: number;
  erased: string[];
  revoked: string[];
} | null> {
  const tables = await sql<{
    name: string;
  }>`select relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm')`.execute(db);
  if (tables.rows.length === 0) return null;
  const number = async (query: ReturnType<typeof sql<{ n: string | null }>>): Promise<number | null> => {
    // A database that is to be replaced may be broken in any way: what it can't tell stays unknown.
    const found = await query.execute(db).catch(() => null);
    const n = found?.rows[0]?.n;
    return n === null || n === undefined ? null : Number(n);
  };
  const ids = async (query: ReturnType<typeof sql<{ id: string }>>): Promise<string[]> =>
    (await query.execute(db).catch(() => null))?.rows.map((row) => row.id) ?? [];
  return {
    ledgerSize: await number(sql<{ n: string | null }>`select size as n from ledger_tree`),
    signedSize: await number(sql<{ n: string | null }>`select max(size) as n from ledger_checkpoint`),
    epoch: (await number(sql<{ n: string | null }>`select epoch as n from routing_generation`)) ?? 0,
    erased: await ids(sql<{ id: string }>`select id from data_subject where erased_at is not null`),
    revoked: await ids(sql<{ id: string }>`select id from access_token where revoked_at is not null`),
  };
}

/** Who else is connected to this database. */
export async function otherConnections(db: Executor): Promise<string[]> {
  const found = await sql<{
    who: string;
  }>`select coalesce(nullif(application_name, ''), 'a client') || ' of ' || usename
      || coalesce(' at ' || host(client_addr), '') || ' (backend ' || pid || ')' as who
    from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`.execute(
    db,
  );
  return found.rows.map((row) => row.who);
}

/** Rollouts that a restored database has under way. */
export async function activeWork(db: Executor): Promise<number> {
  const found = await sql<{ n: string }>`select count(*) as n from rollout where finished_at is null`.execute(db);
  return Number(found.rows[0]?.n ?? 0);
}

/** What belonged to the life that is over: leases, servers, and requests that nobody waits for any more. */
export async function clearOthers(tx: Executor): Promise<void> {
  await sql`update lease set expires_at = now()`.execute(tx);
  await sql`delete from server`.execute(tx);
  await sql`delete from idempotent_answer where status is null and reference is null`.execute(tx);
}

/** Credentials that were revoked, or links that were used, since: they stay so. Answers the ids. */
export async function revokeAgain(tx: Executor, ids: readonly string[]): Promise<string[]> {
  const done = await sql<{ id: string }>`update access_token set revoked_at = now()
    where id = any(${[...ids]}) and revoked_at is null returning id`.execute(tx);
  return done.rows.map((row) => row.id);
}
