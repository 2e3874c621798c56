import type { MigrationFile } from "@latchkey/core/delivery/migrations/ports";
import type { Migration, SchemaState } from "@latchkey/core/delivery/migrations/schema";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** The database of a service in an environment. */
export interface SchemaPlace {
  readonly project: string;
  readonly service: string;
  readonly environment: string;
}
export interface SchemaRow extends SchemaState {
  readonly words: string;
  readonly release_id: string | null;
  readonly started_at: Date;
  readonly finished_at: Date | null;
  readonly duration_ms: number | null;
}

const here = (p: SchemaPlace) =>
  sql`project = ${p.project} and service = ${p.service} and environment = ${p.environment}`;

export const schemaOf = operation("schemaOf", async (db: Executor, place: SchemaPlace): Promise<SchemaRow[]> => {
  const found =
    await sql<SchemaRow>`select file, phase, sha256, state, words, release_id, started_at, finished_at, duration_ms
    from workload_migration where ${here(place)} order by file`.execute(db);
  return found.rows;
});

/** The migrations that a release knows; null where none were written down for it. */
export const migrationsOf = operation(
  "migrationsOf",
  async (db: Executor, releaseId: string): Promise<Migration[] | null> => {
    const found = await sql<{ files: Migration[] }>`select files from release_migrations
      where release_id = ${releaseId}`.execute(db);
    return found.rows[0]?.files ?? null;
  },
);

/** What is written for a release first stands: its files are those that it was built with. */
export const saveMigrations = operation(
  "saveMigrations",
  async (tx: Executor, releaseId: string, files: readonly MigrationFile[]): Promise<void> => {
    for (const { sha256, text } of files)
      await sql`insert into migration_text (sha256, content) values (${sha256}, ${text}) on conflict do nothing`.execute(
        tx,
      );
    const known = files.map(({ file, phase, sha256 }) => ({ file, phase, sha256 }));
    await sql`insert into release_migrations (release_id, files) values (${releaseId}, ${JSON.stringify(known)}::jsonb)
      on conflict do nothing`.execute(tx);
  },
);

export const textOf = operation("textOf", async (db: Executor, sha256: string): Promise<string | null> => {
  const found = await sql<{ content: string }>`select content from migration_text where sha256 = ${sha256}`.execute(db);
  return found.rows[0]?.content ?? null;
});

/** It is about to run: from here on it is reckoned with, whatever becomes of this server. */
export const beginMigration = operation(
  "beginMigration",
  async (tx: Executor, place: SchemaPlace, migration: Migration, releaseId: string): Promise<void> => {
    await sql`insert into workload_migration (project, service, environment, file, phase, sha256, state, release_id)
      values (${place.project}, ${place.service}, ${place.environment}, ${migration.file}, ${migration.phase}, ${migration.sha256},
        'running', ${releaseId})
      on conflict (project, service, environment, file) do update set state = 'running', sha256 = excluded.sha256,
        phase = excluded.phase, release_id = excluded.release_id, words = '', started_at = now(), finished_at = null
      where workload_migration.state <> 'applied'`.execute(tx);
  },
);

/** What became of it. False where that is known already. */
export const endMigration = operation(
  "endMigration",
  async (
    tx: Executor,
    place: SchemaPlace,
    file: string,
    end: { readonly state: "applied" | "failed"; readonly words: string; readonly durationMs: number | null },
  ): Promise<boolean> => {
    const found =
      await sql`update workload_migration set state = ${end.state}, words = ${end.words}, finished_at = now(),
      duration_ms = ${end.durationMs} where ${here(place)} and file = ${file} and state = 'running' returning 1`.execute(
        tx,
      );
    return found.rows.length > 0;
  },
);

/** What the database itself says that it has: the truth of it, where a crash came between it and this table. */
export const adoptApplied = operation(
  "adoptApplied",
  async (tx: Executor, place: SchemaPlace, applied: readonly Migration[]): Promise<void> => {
    for (const m of applied)
      await sql`insert into workload_migration (project, service, environment, file, phase, sha256, state, finished_at)
        values (${place.project}, ${place.service}, ${place.environment}, ${m.file}, ${m.phase}, ${m.sha256}, 'applied', now())
        on conflict (project, service, environment, file) do update set state = 'applied', sha256 = excluded.sha256,
          phase = excluded.phase, finished_at = coalesce(workload_migration.finished_at, now())
        where workload_migration.state = 'failed'`.execute(tx);
  },
);

export interface ContractWish {
  readonly file: string;
  readonly asked_by: Actor;
  readonly reason: string;
}
export const contractWishes = operation(
  "contractWishes",
  async (db: Executor, place: SchemaPlace): Promise<ContractWish[]> => {
    const found = await sql<ContractWish>`select file, asked_by, reason from workload_contract_wish
      where ${here(place)} order by file`.execute(db);
    return found.rows;
  },
);
export const saveContractWish = operation(
  "saveContractWish",
  async (tx: Executor, place: SchemaPlace, wish: ContractWish): Promise<void> => {
    await sql`insert into workload_contract_wish (project, service, environment, file, asked_by, reason)
      values (${place.project}, ${place.service}, ${place.environment}, ${wish.file}, ${JSON.stringify(wish.asked_by)}::jsonb, ${wish.reason})
      on conflict (project, service, environment, file) do update set asked_by = excluded.asked_by, reason = excluded.reason,
        asked_at = now()`.execute(tx);
  },
);
/** A wish that a failed contract has used up: the next try is asked for anew. */
export const deleteContractWish = operation(
  "deleteContractWish",
  async (tx: Executor, place: SchemaPlace, file: string): Promise<void> => {
    await sql`delete from workload_contract_wish where ${here(place)} and file = ${file}`.execute(tx);
  },
);

/** Releases that served an environment, each with when the next one followed it: null for the one that serves. */
export const servedReleases = operation(
  "servedReleases",
  async (
    db: Executor,
    place: SchemaPlace,
    since: Date,
  ): Promise<{ release_id: string; number: number; until: Date | null; files: Migration[] | null }[]> => {
    const found = await sql<{
      release_id: string;
      number: number;
      until: Date | null;
      files: Migration[] | null;
    }>`select s.release_id, r.number, s.until, m.files from (
        select release_id, lead(finished_at) over (order by finished_at, id) as until from deployment
        where ${here(place)} and status = 'succeeded' and release_id is not null and carrier_id is null) s
      join release r on r.id = s.release_id left join release_migrations m on m.release_id = s.release_id
      where s.until is null or s.until > ${since} order by s.until desc nulls first limit 400`.execute(db);
    return found.rows;
  },
);
