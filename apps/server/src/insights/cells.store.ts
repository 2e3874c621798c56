import type { DeploymentRecord, IncidentRecord, LeadRecord } from "@latchkey/core/insights/records";
import {
  addDeployment,
  addIncident,
  addLead,
  emptyTally,
  type TallyJson,
  tallyToJson,
} from "@latchkey/core/insights/tally";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export const DAY_MS = 86_400_000;
export const dayOf = (atMs: number): number => Math.floor(atMs / DAY_MS);

/** A day of a service in an environment; '' where an incident's is not known. */
export interface Cell {
  readonly service: string;
  readonly environment: string;
  readonly day: number;
}
export const cellOf = (record: {
  readonly service: string | null;
  readonly environment: string | null;
  readonly atMs: number;
}): Cell => ({ service: record.service ?? "", environment: record.environment ?? "", day: dayOf(record.atMs) });

/**
 * Adds up a day anew from its records. Its row is locked before they are read: of two who do it at once the second reads
 * what the first has written.
 */
export const makeCell = operation("makeCell", async (tx: Executor, project: string, cell: Cell): Promise<void> => {
  const { service, environment, day } = cell;
  await sql`insert into insight_cell (project, service, environment, day)
    values (${project}, ${service}, ${environment}, ${day}) on conflict do nothing`.execute(tx);
  await sql`select 1 from insight_cell
    where project = ${project} and service = ${service} and environment = ${environment} and day = ${day} for update`.execute(
    tx,
  );
  const within = sql`project = ${project} and known_to = 'infinity' and at_ms >= ${day * DAY_MS} and at_ms < ${(day + 1) * DAY_MS}
    and coalesce(service, '') = ${service} and coalesce(environment, '') = ${environment}`;
  const tally = emptyTally();
  const deployments = await sql<{
    record: DeploymentRecord;
  }>`select record from insight_deployment where ${within}`.execute(tx);
  const leads = await sql<{ record: LeadRecord }>`select record from insight_lead where ${within}`.execute(tx);
  const incidents = await sql<{ record: IncidentRecord }>`select record from insight_incident where ${within}`.execute(
    tx,
  );
  // Any environment is added up; which of them are production is asked with a figure.
  for (const { record } of deployments.rows) addDeployment(tally, { ...record, isProduction: true });
  for (const { record } of leads.rows) addLead(tally, { ...record, isProduction: true });
  for (const { record } of incidents.rows) addIncident(tally, record);
  await sql`update insight_cell set tally = ${JSON.stringify(tallyToJson(tally))}::jsonb
    where project = ${project} and service = ${service} and environment = ${environment} and day = ${day}`.execute(tx);
});

/**
 * Whether a row's place is production, as far as anybody has told. Of what names no environment, and before anything was
 * deployed there, the name decides: facts come in any order.
 */
export const isProductionPlace = (table: "insight_cell" | "insight_incident") => {
  const of = sql.table(table);
  return sql<boolean>`(coalesce(${of}.environment, '') in ('', 'production') or exists (
    select 1 from insight_deployment p where p.project = ${of}.project and p.environment = ${of}.environment
      and (coalesce(${of}.service, '') = '' or p.service = ${of}.service) and p.is_production))`;
};

export interface CellRow extends Cell {
  readonly tally: TallyJson;
}
/** Days of a window. `environment` undefined: every production. */
export const cellsOf = operation(
  "cellsOf",
  async (
    db: Executor,
    project: string,
    asked: {
      readonly service?: string | undefined;
      readonly environment?: string | undefined;
      readonly fromMs: number;
      readonly toMs: number;
    },
  ): Promise<CellRow[]> => {
    const { service = null, environment = null } = asked;
    const found = await sql<CellRow>`select service, environment, day, tally from insight_cell
      where project = ${project} and day >= ${dayOf(asked.fromMs)} and day < ${dayOf(asked.toMs)}
        and (${service}::text is null or service = ${service})
        and case when ${environment}::text is null then ${isProductionPlace("insight_cell")} else environment in ('', ${environment}) end`.execute(
      db,
    );
    return found.rows;
  },
);
