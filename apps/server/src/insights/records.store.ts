import type { Conflict, DeploymentRecord, IncidentRecord, LeadRecord } from "@latchkey/core/insights/records";
import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import { type Cell, cellOf } from "./cells.store.ts";

/**
 * Writes a deployment's record where it changed: the old one ends, the new one begins. Null: it has none any more. Answers
 * the days whose sums it changes.
 */
export const saveDeploymentRecord = operation(
  "saveDeploymentRecord",
  async (tx: Executor, project: string, key: string, record: DeploymentRecord | null): Promise<Cell[]> => {
    const known = await sql<{ record: DeploymentRecord }>`select record from insight_deployment
      where project = ${project} and key = ${key} and known_to = 'infinity'`.execute(tx);
    const before = known.rows[0]?.record;
    if (canonicalJson(before ?? null) === canonicalJson(record)) return [];
    await sql`update insight_deployment set known_to = clock_timestamp()
      where project = ${project} and key = ${key} and known_to = 'infinity'`.execute(tx);
    const touched = [before, record].filter((one) => one !== undefined && one !== null).map(cellOf);
    if (record === null) return touched;
    await sql`insert into insight_deployment
        (project, key, known_from, service, environment, is_production, at_ms, is_failure, is_rework, record)
      values (${project}, ${key}, clock_timestamp(), ${record.service}, ${record.environment}, ${record.isProduction}, ${record.atMs},
        ${record.failure !== null}, ${record.isRework}, ${JSON.stringify(record)}::jsonb)`.execute(tx);
    return touched;
  },
);

/** Writes what a deployment brought, as above. */
export const saveLeads = operation(
  "saveLeads",
  async (tx: Executor, project: string, deployment: string, leads: readonly LeadRecord[]): Promise<Cell[]> => {
    const known = await sql<{ record: LeadRecord }>`select record from insight_lead
      where project = ${project} and deployment = ${deployment} and known_to = 'infinity'`.execute(tx);
    const before = new Map(known.rows.map(({ record }) => [record.change, canonicalJson(record)]));
    const after = new Map(leads.map((lead) => [lead.change, canonicalJson(lead)]));
    const over = [...before].filter(([change, text]) => after.get(change) !== text).map(([change]) => change);
    const fresh = leads.filter((lead) => before.get(lead.change) !== after.get(lead.change));
    if (over.length > 0)
      await sql`update insight_lead set known_to = clock_timestamp() where project = ${project} and deployment = ${deployment}
        and known_to = 'infinity' and change = any(${over})`.execute(tx);
    if (fresh.length > 0)
      await sql`insert into insight_lead (project, deployment, change, known_from, service, environment, is_production, at_ms, record)
        select ${project}, ${deployment}, r ->> 'change', clock_timestamp(), r ->> 'service', r ->> 'environment',
          (r ->> 'isProduction')::boolean, (r ->> 'atMs')::float8, r
        from jsonb_array_elements(${JSON.stringify(fresh)}::jsonb) r`.execute(tx);
    const ended = known.rows.map(({ record }) => record).filter(({ change }) => over.includes(change));
    return [...ended, ...fresh].map(cellOf);
  },
);

/** Writes an incident's record; answers the deployments whose judgement it may change, and the days whose sums. */
export const saveIncidentRecord = operation(
  "saveIncidentRecord",
  async (
    tx: Executor,
    project: string,
    record: IncidentRecord,
  ): Promise<{ readonly deployments: readonly string[]; readonly cells: readonly Cell[] }> => {
    const known = await sql<{ record: IncidentRecord }>`select record from insight_incident
      where project = ${project} and key = ${record.key} and known_to = 'infinity'`.execute(tx);
    const before = known.rows[0]?.record;
    if (before && canonicalJson(before) === canonicalJson(record)) return { deployments: [], cells: [] };
    await sql`update insight_incident set known_to = clock_timestamp()
      where project = ${project} and key = ${record.key} and known_to = 'infinity'`.execute(tx);
    await sql`insert into insight_incident (project, key, known_from, service, environment, at_ms, deployment, record)
      values (${project}, ${record.key}, clock_timestamp(), ${record.service}, ${record.environment}, ${record.atMs}, ${record.deployment},
        ${JSON.stringify(record)}::jsonb)`.execute(tx);
    return {
      deployments: [before?.deployment, record.deployment].filter((key) => typeof key === "string"),
      cells: [...(before ? [before] : []), record].map(cellOf),
    };
  },
);
export const incidentRecordsOf = operation(
  "incidentRecordsOf",
  async (db: Executor, project: string, deployment: string): Promise<IncidentRecord[]> => {
    const found = await sql<{ record: IncidentRecord }>`select record from insight_incident
      where project = ${project} and deployment = ${deployment} and known_to = 'infinity' order by key`.execute(db);
    return found.rows.map(({ record }) => record);
  },
);

/** What contradicts itself at a thing, in the place of what did before. */
export const saveConflicts = operation(
  "saveConflicts",
  async (
    tx: Executor,
    project: string,
    owner: { readonly kind: string; readonly key: string },
    conflicts: readonly Conflict[],
  ): Promise<void> => {
    await sql`delete from insight_conflict
      where project = ${project} and owner_kind = ${owner.kind} and owner_key = ${owner.key}`.execute(tx);
    if (conflicts.length > 0)
      await sql`insert into insight_conflict (project, owner_kind, owner_key, kind, subject, other, words)
        select ${project}, ${owner.kind}, ${owner.key}, c.kind, c.subject, c.other, c.words
        from jsonb_to_recordset(${JSON.stringify(conflicts)}::jsonb) as c(kind text, subject text, other text, words text)`.execute(
        tx,
      );
  },
);
