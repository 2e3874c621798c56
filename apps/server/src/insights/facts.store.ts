import type { Fact, Thing, ThingKind } from "@latchkey/core/insights/history";
import { fold } from "@latchkey/core/shared/registers";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface ThingRow {
  readonly kind: ThingKind;
  readonly key: string;
  readonly registers: Thing;
}
export type DirtyKind = "deployment" | "incident";
const nameOf = (thing: { readonly kind: string; readonly key: string }): string => `${thing.kind} ${thing.key}`;

/**
 * Keeps facts and folds them into their things, each once however often it comes. Answers the things that changed, as they
 * were and as they are.
 */
export const takeFacts = operation(
  "takeFacts",
  async (
    tx: Executor,
    project: string,
    facts: readonly Fact[],
  ): Promise<{
    readonly accepted: number;
    readonly changed: readonly { readonly before: Thing; readonly after: ThingRow }[];
  }> => {
    const once = [...new Map(facts.map((fact) => [JSON.stringify([fact.source, fact.id]), fact])).values()];
    const inserted = await sql<{ source: string; id: string }>`
      insert into insight_fact (project, source, id, kind, key, at_ms, rank, fields)
      select ${project}, f.source, f.id, f.kind, f.key, f."atMs", f.rank, f.fields
      from jsonb_to_recordset(${JSON.stringify(once)}::jsonb)
        as f(source text, id text, kind text, key text, "atMs" double precision, rank integer, fields jsonb)
      on conflict do nothing returning source, id`.execute(tx);
    const isNew = new Set(inserted.rows.map((row) => JSON.stringify([row.source, row.id])));
    const fresh = once.filter((fact) => isNew.has(JSON.stringify([fact.source, fact.id])));
    if (fresh.length === 0) return { accepted: 0, changed: [] };
    const things = [...new Map(fresh.map(({ kind, key }) => [nameOf({ kind, key }), { kind, key }])).values()].sort(
      (a, b) => (nameOf(a) < nameOf(b) ? -1 : 1),
    );
    // Made first and locked in order: of two who bring the first word of a thing neither writes over the other's.
    await sql`insert into insight_thing (project, kind, key)
      select ${project}, t.kind, t.key from jsonb_to_recordset(${JSON.stringify(things)}::jsonb) as t(kind text, key text)
      order by t.kind, t.key on conflict do nothing`.execute(tx);
    const locked = await sql<ThingRow>`select kind, key, registers from insight_thing
      where project = ${project} and (kind, key) in
        (select t.kind, t.key from jsonb_to_recordset(${JSON.stringify(things)}::jsonb) as t(kind text, key text))
      order by kind, key for update`.execute(tx);
    const before = new Map(locked.rows.map((row) => [nameOf(row), row]));
    const after = new Map<string, Thing>();
    for (const fact of fresh) {
      const name = nameOf(fact);
      after.set(name, fold(after.get(name) ?? before.get(name)?.registers ?? {}, fact));
    }
    const changed = things.flatMap(({ kind, key }) => {
      const was = before.get(nameOf({ kind, key }))?.registers ?? {};
      const is = after.get(nameOf({ kind, key })) ?? was;
      return is === was ? [] : [{ before: was, after: { kind, key, registers: is } }];
    });
    await sql`update insight_thing t set registers = n.registers
      from jsonb_to_recordset(${JSON.stringify(changed.map((c) => c.after))}::jsonb) as n(kind text, key text, registers jsonb)
      where t.project = ${project} and t.kind = n.kind and t.key = n.key`.execute(tx);
    return { accepted: fresh.length, changed };
  },
);

export const findThings = operation(
  "findThings",
  async (db: Executor, project: string, kind: ThingKind, keys: readonly string[]): Promise<Map<string, Thing>> => {
    if (keys.length === 0) return new Map();
    const found = await sql<ThingRow>`select kind, key, registers from insight_thing
      where project = ${project} and kind = ${kind} and key = any(${[...keys]})`.execute(db);
    return new Map(found.rows.map((row) => [row.key, row.registers]));
  },
);

/** Pull requests that one of these commits is of, or that became one of them, in the order of their keys. */
export const pullsOfCommits = operation(
  "pullsOfCommits",
  async (db: Executor, project: string, commits: readonly string[]): Promise<ThingRow[]> => {
    if (commits.length === 0) return [];
    const found = await sql<ThingRow>`select kind, key, registers from insight_thing
        where project = ${project} and kind = 'pull_request' and registers -> 'mergeCommit' ->> 'value' = any(${[...commits]})
      union
      select t.kind, t.key, t.registers from unnest(${[...commits]}::text[]) c
        join insight_thing t on t.project = ${project} and t.kind = 'pull_request'
          and t.registers -> 'commits' -> 'value' @> jsonb_build_array(c)
      order by key`.execute(db);
    return found.rows;
  },
);
/** Deployments that remedy this one. */
export const remediesOf = operation(
  "remediesOf",
  async (db: Executor, project: string, key: string): Promise<ThingRow[]> => {
    const found = await sql<ThingRow>`select kind, key, registers from insight_thing
      where project = ${project} and kind = 'deployment' and registers -> 'remedies' ->> 'value' = ${key}`.execute(db);
    return found.rows;
  },
);
export const correctionsOf = operation(
  "correctionsOf",
  async (db: Executor, project: string, deployments: readonly string[]): Promise<ThingRow[]> => {
    if (deployments.length === 0) return [];
    const found = await sql<ThingRow>`select kind, key, registers from insight_thing
      where project = ${project} and kind = 'correction'
        and registers -> 'deployment' ->> 'value' = any(${[...deployments]})`.execute(db);
    return found.rows;
  },
);
/** Corrections that name this incident. */
export const correctionsOfIncident = operation(
  "correctionsOfIncident",
  async (db: Executor, project: string, incident: string): Promise<ThingRow[]> => {
    const found = await sql<ThingRow>`select kind, key, registers from insight_thing
      where project = ${project} and kind = 'correction' and registers -> 'incident' ->> 'value' = ${incident}`.execute(
      db,
    );
    return found.rows;
  },
);

/** Notes what has to be made anew, now that these commits, pull requests, deployments or incidents have changed. */
export const markDirty = operation(
  "markDirty",
  async (
    tx: Executor,
    project: string,
    of: {
      readonly deployments: readonly string[];
      readonly incidents: readonly string[];
      readonly commits: readonly string[];
    },
  ): Promise<void> => {
    await sql`insert into insight_dirty (project, kind, key)
      select ${project}, kind, key from (
        select 'deployment' as kind, unnest(${[...of.deployments]}::text[]) as key
        union select 'incident', unnest(${[...of.incidents]}::text[])
        union select 'deployment', t.key from unnest(${[...of.commits]}::text[]) c
          join insight_thing t on t.project = ${project} and t.kind = 'deployment'
            and t.registers -> 'commits' -> 'value' @> jsonb_build_array(c)
        union select 'incident', t.key from unnest(${[...of.deployments]}::text[]) d
          join insight_thing t on t.project = ${project} and t.kind = 'incident'
            and t.registers -> 'links' -> 'value' @> jsonb_build_array(jsonb_build_object('deployment', d))
      ) x where key <> '' order by kind, key on conflict do nothing`.execute(tx);
  },
);
/** Takes what has to be made anew, incidents first: deployments are judged by them. */
export const takeDirty = operation(
  "takeDirty",
  async (
    tx: Executor,
    limit: number,
  ): Promise<{ readonly project: string; readonly kind: DirtyKind; readonly key: string }[]> => {
    const taken = await sql<{
      project: string;
      kind: DirtyKind;
      key: string;
    }>`delete from insight_dirty where ctid = any(array(
        select ctid from insight_dirty order by kind = 'deployment', project, key limit ${limit} for update skip locked))
      returning project, kind, key`.execute(tx);
    return taken.rows;
  },
);
export const isAnyDirty = operation("isAnyDirty", async (db: Executor): Promise<boolean> => {
  const found = await sql<{ is: boolean }>`select exists (select 1 from insight_dirty) as is`.execute(db);
  return found.rows[0]?.is ?? false;
});

export const lockInsightCursor = operation("lockInsightCursor", async (tx: Executor): Promise<number> => {
  const found = await sql<{
    after: number;
  }>`select after_sequence::float8 as after from insight_cursor for update`.execute(tx);
  return found.rows[0]?.after ?? -1;
});
export const readInsightCursor = operation("readInsightCursor", async (db: Executor): Promise<number> => {
  const found = await sql<{ after: number }>`select after_sequence::float8 as after from insight_cursor`.execute(db);
  return found.rows[0]?.after ?? -1;
});
export const moveInsightCursor = operation("moveInsightCursor", async (tx: Executor, after: number): Promise<void> => {
  await sql`update insight_cursor set after_sequence = ${after}`.execute(tx);
});
