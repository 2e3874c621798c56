import { incidentOf, type Thing } from "@latchkey/core/insights/history";
import type { ConflictKind, DeploymentRecord, IncidentRecord, LeadRecord } from "@latchkey/core/insights/records";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import { isProductionPlace } from "./cells.store.ts";

/** Which records: of a window, of a place, and as they were known at a time. */
export interface Asked {
  readonly project: string;
  readonly service?: string | undefined;
  /** Without one: every production. */
  readonly environment?: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  /** Null: as they are known now. */
  readonly asKnownAt: Date | null;
}

const known = (asKnownAt: Date | null) =>
  asKnownAt === null ? sql`known_to = 'infinity'` : sql`known_from <= ${asKnownAt} and known_to > ${asKnownAt}`;
const place = (asked: Pick<Asked, "project" | "service" | "environment">) => sql`project = ${asked.project}
    and (${asked.service ?? null}::text is null or service = ${asked.service ?? null})
    and case when ${asked.environment ?? null}::text is null then is_production else environment = ${asked.environment ?? null} end`;
/** One whose environment nobody has told of is of the place that is asked for. */
const incidentPlace = ({ environment }: Pick<Asked, "environment">) =>
  environment === undefined
    ? isProductionPlace("insight_incident")
    : sql`(environment is null or environment = ${environment})`;
const within = ({ fromMs, toMs }: Asked) => sql`at_ms >= ${fromMs} and at_ms < ${toMs}`;

export const deploymentRecords = operation(
  "deploymentRecords",
  async (db: Executor, asked: Asked): Promise<DeploymentRecord[]> => {
    const found = await sql<{ record: DeploymentRecord }>`select record from insight_deployment
      where ${place(asked)} and ${within(asked)} and ${known(asked.asKnownAt)}`.execute(db);
    return found.rows.map(({ record }) => record);
  },
);
export const leadRecords = operation("leadRecords", async (db: Executor, asked: Asked): Promise<LeadRecord[]> => {
  const found = await sql<{ record: LeadRecord }>`select record from insight_lead
    where ${place(asked)} and ${within(asked)} and ${known(asked.asKnownAt)}`.execute(db);
  return found.rows.map(({ record }) => record);
});
/** Incidents of the place. */
export const incidentRecords = operation(
  "incidentRecords",
  async (db: Executor, asked: Asked): Promise<IncidentRecord[]> => {
    const found = await sql<{ record: IncidentRecord }>`select record from insight_incident
      where project = ${asked.project} and (${asked.service ?? null}::text is null or service = ${asked.service ?? null})
        and ${incidentPlace(asked)}
        and ${within(asked)} and ${known(asked.asKnownAt)}`.execute(db);
    return found.rows.map(({ record }) => record);
  },
);

export interface Page {
  readonly before: { readonly atMs: number; readonly key: string } | null;
  readonly limit: number;
}
const after = (page: Page) => sql`(${page.before?.atMs ?? null}::float8 is null
    or (at_ms, key) < (${page.before?.atMs ?? null}::float8, ${page.before?.key ?? ""}))`;

export const pageOfDeployments = operation(
  "pageOfDeployments",
  async (
    db: Executor,
    asked: Asked,
    page: Page,
    only: "failed" | "rework" | "counted" | undefined,
  ): Promise<
    { readonly record: DeploymentRecord; readonly registers: Thing; readonly leads: readonly LeadRecord[] }[]
  > => {
    const found = await sql<{
      record: DeploymentRecord;
      registers: Thing;
      leads: LeadRecord[];
    }>`select d.record, t.registers,
        coalesce((select jsonb_agg(l.record order by l.change) from insight_lead l
          where l.project = d.project and l.deployment = d.key and ${known(asked.asKnownAt)}), '[]') as leads
      from (select * from insight_deployment where ${place(asked)} and ${within(asked)} and ${known(asked.asKnownAt)}
          and (${only ?? null}::text is null or ${only === "counted"} or (${only === "failed"} and is_failure) or (${only === "rework"} and is_rework))
          and ${after(page)} order by at_ms desc, key desc limit ${page.limit}) d
      join insight_thing t on t.project = d.project and t.kind = 'deployment' and t.key = d.key
      order by d.at_ms desc, d.key desc`.execute(db);
    return found.rows;
  },
);
export const pageOfIncidents = operation(
  "pageOfIncidents",
  async (
    db: Executor,
    asked: Asked,
    page: Page,
  ): Promise<{ readonly record: IncidentRecord; readonly registers: Thing }[]> => {
    const found = await sql<{ record: IncidentRecord; registers: Thing }>`select i.record, t.registers
      from (select * from insight_incident
          where project = ${asked.project} and (${asked.service ?? null}::text is null or service = ${asked.service ?? null})
            and ${incidentPlace(asked)}
            and ${within(asked)} and ${known(asked.asKnownAt)} and ${after(page)}
          order by at_ms desc, key desc limit ${page.limit}) i
      join insight_thing t on t.project = i.project and t.kind = 'incident' and t.key = i.key
      order by i.at_ms desc, i.key desc`.execute(db);
    return found.rows;
  },
);

export interface ConflictRow {
  readonly id: string;
  readonly kind: ConflictKind;
  readonly subject: string;
  readonly other: string | null;
  readonly words: string;
}
export const pageOfConflicts = operation(
  "pageOfConflicts",
  async (db: Executor, project: string, before: string | null, limit: number): Promise<ConflictRow[]> => {
    const found = await sql<ConflictRow>`select id::text, kind, subject, other, words from insight_conflict
      where project = ${project} and (${before}::bigint is null or id < ${before}::bigint) order by insight_conflict.id desc limit ${limit}`.execute(
      db,
    );
    return found.rows;
  },
);
/** How many things are at odds, and when the newest fact came. */
export const standingOfFacts = operation(
  "standingOfFacts",
  async (db: Executor, project: string): Promise<{ readonly conflicts: number; readonly newest: Date | null }> => {
    const found = await sql<{ conflicts: number; newest: Date | null }>`select
      (select count(*)::int from insight_conflict where project = ${project}) as conflicts,
      (select recorded_at from insight_fact where project = ${project} order by recorded_at desc limit 1) as newest`.execute(
      db,
    );
    return found.rows[0] ?? { conflicts: 0, newest: null };
  },
);

/** When the first deployment of the place counted; null where there was none yet. */
export const firstDeployment = operation(
  "firstDeployment",
  async (db: Executor, asked: Pick<Asked, "project" | "service" | "environment">): Promise<number | null> => {
    const found = await sql<{ first: number | null }>`select min(at_ms) as first from insight_deployment
      where ${place(asked)} and known_to = 'infinity'`.execute(db);
    return found.rows[0]?.first ?? null;
  },
);

/** The newest failures and incidents of a window, newest first. */
export const newestTrouble = operation(
  "newestTrouble",
  async (
    db: Executor,
    asked: Asked,
    limit: number,
  ): Promise<
    ({ readonly failure: DeploymentRecord } | { readonly incident: IncidentRecord; readonly title: string })[]
  > => {
    const failures = await sql<{ record: DeploymentRecord }>`select record from insight_deployment
      where ${place(asked)} and ${within(asked)} and ${known(asked.asKnownAt)} and is_failure
      order by at_ms desc, key desc limit ${limit}`.execute(db);
    const incidents = await pageOfIncidents(db, asked, { before: null, limit });
    const all = [
      ...failures.rows.map(({ record }) => ({ atMs: record.atMs, trouble: { failure: record } })),
      ...incidents.map(({ record, registers }) => ({
        atMs: record.atMs,
        trouble: { incident: record, title: incidentOf(record.key, registers).title },
      })),
    ];
    return all
      .sort((a, b) => b.atMs - a.atMs)
      .slice(0, limit)
      .map(({ trouble }) => trouble);
  },
);
