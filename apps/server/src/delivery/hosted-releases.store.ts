import type { Run, RunSpec } from "@latchkey/core/delivery/ports";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** A release that a host runs which is not this machine: a provider, or what a script drives. */
export interface HostedRow {
  readonly release_id: string;
  readonly environment: string;
  readonly kind: string;
  readonly spec: RunSpec;
  /** `preparing`: it should run, and is not known to; `retiring`: it should not, and may still. */
  readonly state: "preparing" | "running" | "retiring";
  /** Where it answered when it was ready last; kept while it is prepared again. */
  readonly upstreams: readonly string[];
  readonly words: string | null;
  /** How far its host says it is, oldest first. */
  readonly said: readonly { readonly at: string; readonly words: string }[];
  readonly since: Date;
}
/** Lines that are kept of what a host says. */
export const SAID_MAX = 20;

export const findHosted = operation("findHosted", async (db: Executor, run: Run): Promise<HostedRow | null> => {
  const found = await sql<HostedRow>`select * from hosted_release
    where release_id = ${run.releaseId} and environment = ${run.environment}`.execute(db);
  return found.rows[0] ?? null;
});
export const listHosted = operation("listHosted", async (db: Executor): Promise<HostedRow[]> => {
  return (await sql<HostedRow>`select * from hosted_release order by release_id, environment`.execute(db)).rows;
});

/** Written before the host is asked to prepare it: whoever comes after a crash knows that it may be there. */
export const wantHosted = operation(
  "wantHosted",
  async (db: Executor, spec: RunSpec, kind: string): Promise<HostedRow | null> => {
    const saved = await sql<HostedRow>`insert into hosted_release as h (release_id, environment, kind, spec, state)
    values (${spec.releaseId}, ${spec.environment}, ${kind}, ${JSON.stringify(spec)}::jsonb, 'preparing')
    on conflict (release_id, environment) do update set kind = excluded.kind, spec = excluded.spec, state = 'preparing', words = null,
      said = case when h.state = 'preparing' then h.said else '[]' end,
      since = case when h.state = 'preparing' then h.since else now() end
    returning *`.execute(db);
    return saved.rows[0] ?? null;
  },
);

/** It is ready there. False where it is to retire by now. */
export const saveHosted = operation(
  "saveHosted",
  async (tx: Executor, run: Run, upstreams: readonly string[], words: string | null): Promise<boolean> => {
    const saved =
      await sql`update hosted_release set state = 'running', upstreams = ${JSON.stringify(upstreams)}::jsonb,
      words = ${words}, since = now()
    where release_id = ${run.releaseId} and environment = ${run.environment} and state <> 'retiring' returning 1`.execute(
        tx,
      );
    return saved.rows.length > 0;
  },
);

/** Why it failed. */
export const sayOfHosted = operation("sayOfHosted", async (db: Executor, run: Run, words: string): Promise<void> => {
  await sql`update hosted_release set words = ${words} where release_id = ${run.releaseId} and environment = ${run.environment}
    and words is distinct from ${words}`.execute(db);
});

/** How far its host is: added to what it said before, of which the last lines are kept. */
export const addSaid = operation("addSaid", async (db: Executor, run: Run, lines: readonly string[]): Promise<void> => {
  await sql`update hosted_release set said = (
        select jsonb_agg(line order by n) from (
          select line, n from jsonb_array_elements(said || (
            select jsonb_agg(jsonb_build_object('at', to_jsonb(now()), 'words', words)) from unnest(${lines}::text[]) as words
          )) with ordinality as told(line, n) order by n desc limit ${SAID_MAX}) as last)
      where release_id = ${run.releaseId} and environment = ${run.environment} and state = 'preparing'`.execute(db);
});

/** Null where nothing of it is known. */
export const retireHosted = operation("retireHosted", async (db: Executor, run: Run): Promise<HostedRow | null> => {
  const saved = await sql<HostedRow>`update hosted_release set state = 'retiring', words = null, since = now()
    where release_id = ${run.releaseId} and environment = ${run.environment} and state <> 'retiring' returning *`.execute(
    db,
  );
  return saved.rows[0] ?? findHosted(db, run);
});

/** Its host has ended it: forgotten, unless it is wanted again. */
export const forgetHosted = operation("forgetHosted", async (db: Executor, run: Run): Promise<void> => {
  await sql`delete from hosted_release
    where release_id = ${run.releaseId} and environment = ${run.environment} and state = 'retiring'`.execute(db);
});
