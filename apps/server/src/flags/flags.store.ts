import type { FlagDefinition } from "@latchkey/api/flags";
import type { Actor } from "@latchkey/core/delivery/rollout";
import type { Change } from "@latchkey/core/shared/difference";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import { announce } from "../platform/notifications.ts";

export type StoredDefinition = FlagDefinition & { readonly salt: string };
export type Manager = "console" | "code" | "terraform";
export interface FlagRow {
  readonly project: string;
  readonly key: string;
  readonly definition: StoredDefinition;
  readonly manager: Manager;
  readonly version: number;
  readonly archived_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}
export interface SwitchRow {
  readonly flag: string;
  readonly environment: string;
  readonly is_enabled: boolean;
}
export interface RolloutRow {
  readonly flag: string;
  readonly environment: string;
  readonly rule: string;
  readonly percent: number;
  readonly state: "running" | "held" | "killed" | "done";
  readonly words: string;
  readonly since: Date;
  readonly is_by_person: boolean;
  /** Users that had come to each arm when it began to stand there. */
  readonly treated_before: number;
  readonly control_before: number;
}
export type Verb = "created" | "changed" | "switched" | "rollout" | "archived" | "unarchived" | "restored";
export interface VersionRow {
  readonly version: number;
  readonly verb: Verb;
  readonly definition: StoredDefinition;
  readonly changes: readonly Change[];
  readonly by: Actor;
  /** Who agreed to what `by` had proposed. */
  readonly approved_by: Actor | null;
  readonly reason: string;
  readonly at: Date;
}

/** Takes the next generation of a project's flags: changes of one project come one after the other, and every server hears. */
export const takeFlagGeneration = operation(
  "takeFlagGeneration",
  async (tx: Executor, project: string): Promise<number> => {
    const taken = await sql<{ n: string }>`insert into flag_generation (project, n) values (${project}, 1)
      on conflict (project) do update set n = flag_generation.n + 1 returning n`.execute(tx);
    await announce("flags").execute(tx);
    return Number(taken.rows[0]?.n);
  },
);
export const flagGenerations = operation(
  "flagGenerations",
  async (db: Executor): Promise<ReadonlyMap<string, number>> => {
    const found = await sql<{ project: string; n: string }>`select project, n from flag_generation`.execute(db);
    return new Map(found.rows.map((row) => [row.project, Number(row.n)]));
  },
);

export const findFlag = operation(
  "findFlag",
  async (db: Executor, project: string, key: string): Promise<FlagRow | null> => {
    const found = await sql<FlagRow>`select * from flag where project = ${project} and key = ${key}`.execute(db);
    return found.rows[0] ?? null;
  },
);
export interface FlagFilter {
  readonly after: string;
  readonly limit: number;
  readonly search: string;
  readonly tag: string;
  readonly owner: string;
  readonly archived: boolean;
}
export const listFlags = operation(
  "listFlags",
  async (db: Executor, project: string, f: FlagFilter): Promise<FlagRow[]> => {
    const found = await sql<FlagRow>`select * from flag where project = ${project} and key > ${f.after}
      and (archived_at is not null) = ${f.archived}
      and (${f.search} = '' or strpos(lower(key || ' ' || (definition ->> 'description')), lower(${f.search})) > 0)
      and (${f.tag} = '' or definition -> 'tags' ? ${f.tag})
      and (${f.owner} = '' or lower(definition ->> 'owner') = lower(${f.owner}))
      order by key limit ${f.limit}`.execute(db);
    return found.rows;
  },
);
/** Those that are answered: all that are not archived. */
export const liveFlags = operation("liveFlags", async (db: Executor, project: string): Promise<FlagRow[]> => {
  const found =
    await sql<FlagRow>`select * from flag where project = ${project} and archived_at is null order by key`.execute(db);
  return found.rows;
});
/** Every flag, archived ones too: whether it may still be in the code. */
export const flagStandings = operation(
  "flagStandings",
  async (db: Executor, project: string): Promise<{ key: string; isArchived: boolean; expires: string | null }[]> => {
    const found = await sql<{ key: string; isArchived: boolean; expires: string | null }>`select key,
      archived_at is not null as "isArchived", definition ->> 'expires' as expires
      from flag where project = ${project} order by key`.execute(db);
    return found.rows;
  },
);
export const countFlags = operation("countFlags", async (db: Executor, project: string): Promise<number> => {
  const found = await sql<{ n: number }>`select count(*)::integer as n from flag where project = ${project}`.execute(
    db,
  );
  return found.rows[0]?.n ?? 0;
});
export const saveFlag = operation(
  "saveFlag",
  async (
    tx: Executor,
    row: Pick<FlagRow, "project" | "key" | "definition" | "manager" | "version" | "archived_at">,
  ): Promise<void> => {
    await sql`insert into flag (project, key, definition, manager, version, archived_at)
      values (${row.project}, ${row.key}, ${JSON.stringify(row.definition)}::jsonb, ${row.manager}, ${row.version}, ${row.archived_at})
      on conflict (project, key) do update set definition = excluded.definition, manager = excluded.manager,
        version = excluded.version, archived_at = excluded.archived_at, updated_at = now()`.execute(tx);
  },
);

export const switchesOf = operation(
  "switchesOf",
  async (db: Executor, project: string, flags: readonly string[] | null): Promise<SwitchRow[]> => {
    const found = await sql<SwitchRow>`select flag, environment, is_enabled from flag_switch where project = ${project}
      and (${flags === null} or flag = any(${flags ?? []}::text[]))`.execute(db);
    return found.rows;
  },
);
export const saveSwitch = operation(
  "saveSwitch",
  async (tx: Executor, project: string, row: SwitchRow): Promise<void> => {
    await sql`insert into flag_switch (project, flag, environment, is_enabled)
      values (${project}, ${row.flag}, ${row.environment}, ${row.is_enabled})
      on conflict (project, flag, environment) do update set is_enabled = excluded.is_enabled`.execute(tx);
  },
);
/** Switches of environments that the definition does not have: one that comes back begins as it is defined. */
export const dropSwitches = operation(
  "dropSwitches",
  async (tx: Executor, project: string, flag: string, kept: readonly string[]): Promise<void> => {
    await sql`delete from flag_switch where project = ${project} and flag = ${flag}
      and environment <> all(${kept}::text[])`.execute(tx);
  },
);

export const rolloutsOf = operation(
  "rolloutsOf",
  async (db: Executor, project: string, flags: readonly string[] | null): Promise<RolloutRow[]> => {
    const found = await sql<RolloutRow>`select flag, environment, rule, percent::float8 as percent, state, words, since,
      is_by_person, treated_before::float8 as treated_before, control_before::float8 as control_before from flag_rollout where project = ${project} and (${flags === null} or flag = any(${flags ?? []}::text[]))
      order by flag, environment, rule`.execute(db);
    return found.rows;
  },
);
export const saveRollout = operation(
  "saveRollout",
  async (tx: Executor, project: string, row: Omit<RolloutRow, "since">): Promise<void> => {
    await sql`insert into flag_rollout (project, flag, environment, rule, percent, state, words, is_by_person,
        treated_before, control_before)
      values (${project}, ${row.flag}, ${row.environment}, ${row.rule}, ${row.percent}, ${row.state}, ${row.words},
        ${row.is_by_person}, ${row.treated_before}, ${row.control_before})
      on conflict (project, flag, environment, rule) do update set percent = excluded.percent, state = excluded.state,
        words = excluded.words, is_by_person = excluded.is_by_person, treated_before = excluded.treated_before,
        control_before = excluded.control_before, since = now()`.execute(tx);
  },
);
/** Rollouts of rules that the definition has no more. */
export const dropRollouts = operation(
  "dropRollouts",
  async (tx: Executor, project: string, flag: string, kept: readonly string[]): Promise<void> => {
    await sql`delete from flag_rollout where project = ${project} and flag = ${flag}
      and environment || '/' || rule <> all(${kept}::text[])`.execute(tx);
  },
);

export const saveVersion = operation(
  "saveVersion",
  async (tx: Executor, project: string, flag: string, row: Omit<VersionRow, "at">): Promise<void> => {
    await sql`insert into flag_version (project, flag, version, verb, definition, changes, by, reason, approved_by)
      values (${project}, ${flag}, ${row.version}, ${row.verb}, ${JSON.stringify(row.definition)}::jsonb,
        ${JSON.stringify(row.changes)}::jsonb, ${JSON.stringify(row.by)}::jsonb, ${row.reason},
        ${row.approved_by && JSON.stringify(row.approved_by)}::jsonb)`.execute(tx);
    await sql`insert into flag_version_rollouts (project, flag, version, rollouts)
      values (${project}, ${flag}, ${row.version}, (select coalesce(jsonb_agg(jsonb_build_object('flag', flag, 'environment', environment, 'rule', rule,
            'percent', percent, 'state', state)), '[]') from flag_rollout
        where project = ${project} and flag = ${flag}))`.execute(tx);
  },
);
export const listVersions = operation(
  "listVersions",
  async (db: Executor, project: string, flag: string, before: number, limit: number): Promise<VersionRow[]> => {
    const found =
      await sql<VersionRow>`select version, verb, definition, changes, by, approved_by, reason, at from flag_version
      where project = ${project} and flag = ${flag} and version < ${before} order by version desc limit ${limit}`.execute(
        db,
      );
    return found.rows;
  },
);
export const findVersion = operation(
  "findVersion",
  async (db: Executor, project: string, flag: string, version: number): Promise<VersionRow | null> => {
    const found =
      await sql<VersionRow>`select version, verb, definition, changes, by, approved_by, reason, at from flag_version
      where project = ${project} and flag = ${flag} and version = ${version}`.execute(db);
    return found.rows[0] ?? null;
  },
);
