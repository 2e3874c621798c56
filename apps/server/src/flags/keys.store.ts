import { createHash } from "node:crypto";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface ClientKeyRow {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly environment: string;
  readonly kind: "server" | "browser";
  readonly shown: string | null;
  readonly created_by: Actor;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
}
/** What a key told for which there was no room, in the last seven days. */
interface Dropped {
  readonly dropped: number;
}
const KEY = sql`id, project, name, environment, kind, shown, created_by, created_at, last_used_at`;

export const listClientKeys = operation(
  "listClientKeys",
  async (db: Executor, project: string): Promise<(ClientKeyRow & Dropped)[]> => {
    const found = await sql<ClientKeyRow & Dropped>`select ${KEY},
        coalesce((select sum(dropped) from flag_key_use where key_id = id
          and day > (now() at time zone 'utc')::date - 7), 0)::float8 as dropped
      from flag_client_key where project = ${project} and revoked_at is null order by created_at, id`.execute(db);
    return found.rows;
  },
);
export const insertClientKey = operation(
  "insertClientKey",
  async (tx: Executor, row: Omit<ClientKeyRow, "created_at" | "last_used_at">, hash: Buffer): Promise<void> => {
    await sql`insert into flag_client_key (id, project, name, environment, kind, key_hash, shown, created_by)
      values (${row.id}, ${row.project}, ${row.name}, ${row.environment}, ${row.kind}, ${hash}, ${row.shown},
        ${JSON.stringify(row.created_by)}::jsonb)`.execute(tx);
  },
);
/** As `insertClientKey`; false when there is one already: two servers may start one service. */
export const insertServiceKey = operation(
  "insertServiceKey",
  async (tx: Executor, row: Omit<ClientKeyRow, "created_at" | "last_used_at">, key: string): Promise<boolean> => {
    const made =
      await sql`insert into flag_client_key (id, project, name, environment, kind, key_hash, shown, created_by)
      values (${row.id}, ${row.project}, ${row.name}, ${row.environment}, ${row.kind}, ${keyHash(key)}, ${row.shown},
        ${JSON.stringify(row.created_by)}::jsonb) on conflict (key_hash) do nothing returning id`.execute(tx);
    return made.rows.length > 0;
  },
);
/** Null when there never was such a key. */
export const isKeyRevoked = operation("isKeyRevoked", async (db: Executor, key: string): Promise<boolean | null> => {
  const found = await sql<{ revoked: boolean }>`select revoked_at is not null as revoked from flag_client_key
    where key_hash = ${keyHash(key)}`.execute(db);
  return found.rows[0]?.revoked ?? null;
});
export const revokeClientKey = operation(
  "revokeClientKey",
  async (tx: Executor, project: string, id: string): Promise<ClientKeyRow | null> => {
    const done = await sql<ClientKeyRow>`update flag_client_key set revoked_at = now()
      where project = ${project} and id = ${id} and revoked_at is null returning ${KEY}`.execute(tx);
    return done.rows[0] ?? null;
  },
);
/** What the server's own loop made for a release, by name and environment; those that were good until now. */
export const revokeServiceKeys = operation(
  "revokeServiceKeys",
  async (
    tx: Executor,
    of: { readonly project: string; readonly environment: string; readonly names: readonly string[] },
  ): Promise<ClientKeyRow[]> => {
    const done = await sql<ClientKeyRow>`update flag_client_key set revoked_at = now()
      where project = ${of.project} and environment = ${of.environment} and name = any(${of.names}::text[])
        and created_by ->> 'kind' = 'system' and revoked_at is null returning ${KEY}`.execute(tx);
    return done.rows;
  },
);
/** Those of the keys that are good. */
export const goodKeys = operation(
  "goodKeys",
  async (db: Executor, ids: readonly string[]): Promise<ReadonlySet<string>> => {
    const found = await sql<{ id: string }>`select id from flag_client_key
      where id = any(${ids}::text[]) and revoked_at is null`.execute(db);
    return new Set(found.rows.map((row) => row.id));
  },
);
/** How many of a post's rows there is room for, on all servers together; those on top are counted as dropped. */
export const takeKeyRows = operation(
  "takeKeyRows",
  async (
    db: Executor,
    id: string,
    rows: number,
    most: { readonly ofMinute: number; readonly ofDay: number },
  ): Promise<number> => {
    const before = sql`case when u.minute = excluded.minute then u.in_minute else 0 end`;
    const room = sql`greatest(0, least(${rows}::integer, ${most.ofMinute}::integer - (${before}),
      least(${most.ofDay}::bigint - u.taken, 1000000)::integer))`;
    const first = Math.min(rows, most.ofMinute, most.ofDay);
    const found = await sql<{ allowed: number }>`insert into flag_key_use as u
        (key_id, day, minute, in_minute, allowed, taken, dropped)
      values (${id}, (now() at time zone 'utc')::date, date_trunc('minute', now()), ${first}, ${first}, ${first},
        ${rows - first})
      on conflict (key_id, day) do update set minute = excluded.minute, in_minute = (${before}) + ${room},
        allowed = ${room}, taken = u.taken + ${room}, dropped = u.dropped + ${rows}::integer - ${room}
      returning allowed`.execute(db);
    return found.rows[0]?.allowed ?? 0;
  },
);
interface Found {
  readonly id: string;
  readonly project: string;
  readonly environment: string;
  readonly kind: "server" | "browser";
  readonly hash: Buffer;
}
export const keyHash = (key: string): Buffer => createHash("sha256").update(key).digest();
const FOUND = sql`id, project, environment, kind, key_hash as hash`;

/** The key that is good; notes that it was used, at most once a minute. */
export const findClientKey = operation("findClientKey", async (db: Executor, key: string): Promise<Found | null> => {
  const hash = keyHash(key);
  const found = await sql<Found>`with used as (
      update flag_client_key set last_used_at = now() where key_hash = ${hash} and revoked_at is null
        and (last_used_at is null or last_used_at < now() - interval '1 minute'))
    select ${FOUND} from flag_client_key where key_hash = ${hash} and revoked_at is null`.execute(db);
  return found.rows[0] ?? null;
});
export const findClientKeyById = operation(
  "findClientKeyById",
  async (db: Executor, id: string): Promise<Found | null> => {
    const found =
      await sql<Found>`select ${FOUND} from flag_client_key where id = ${id} and revoked_at is null`.execute(db);
    return found.rows[0] ?? null;
  },
);
