import type { Automation } from "@latchkey/api/zero-touch";
import { automationOf, type DeploymentFacts } from "@latchkey/core/delivery/automation";
import { sql } from "kysely";
import { PRODUCTION } from "../catalog/index.ts";
import { type Executor, operation } from "../platform/database.ts";
import type { GateRow } from "./deployments.store.ts";

const DAY_MS = 86_400_000;
const EXCEPTIONS_MAX = 50;
/** 90 days of more than a hundred a day. The newest are taken. */
const DEPLOYMENTS_MAX = 10_000;

type EndedRow = Pick<DeploymentFacts, "id" | "service" | "status"> & {
  readonly ended_at: Date;
  readonly took_visitors: boolean;
  readonly by_machine: boolean;
  readonly overridden: boolean;
  readonly acted_on: boolean;
  readonly left_later: boolean;
  readonly gates: readonly GateRow[];
};

/** Deployments to each service's production that ended since then, newest first. */
const endedInProduction = operation(
  "endedInProduction",
  async (db: Executor, project: string, service: string | undefined, from: Date): Promise<EndedRow[]> => {
    const found = await sql<EndedRow>`select d.id, d.service, d.status, d.finished_at as ended_at, d.gates,
        (o.machine ->> 'exposedAtMs') is not null as took_visitors,
        d.by_machine or coalesce((d.rollback ->> 'automatic')::boolean, false) or d.created_by ->> 'kind' = 'system' as by_machine,
        d.freeze_override is not null or d.window_override is not null as overridden,
        exists (select 1 from rollout_decision x where x.rollout_id = d.rollout_id
          and x.decision -> 'actor' ->> 'kind' <> 'system') as acted_on,
        exists (select 1 from deployment b where b.project = d.project and b.service = d.service
          and b.environment = d.environment and b.created_at > d.created_at and b.status = 'succeeded'
          and b.rollback ->> 'fromReleaseId' = d.release_id) as left_later
      from deployment d
      join service s on s.project = d.project and s.name = d.service
      left join rollout o on o.id = d.rollout_id
      where d.project = ${project} and (${service ?? null}::text is null or d.service = ${service ?? null})
        -- A rehearsal is no change.
        and d.fault is null and d.finished_at >= ${from}
        and d.environment = ${PRODUCTION}
      order by d.finished_at desc, d.id desc limit ${DEPLOYMENTS_MAX}`.execute(db);
    return found.rows;
  },
);

export async function viewAutomation(
  db: Executor,
  project: string,
  asked: { readonly service?: string | undefined; readonly days: number },
  nowMs: number,
): Promise<Automation> {
  // Whole days: the first one is not cut.
  const fromMs = (Math.floor(nowMs / DAY_MS) - asked.days + 1) * DAY_MS;
  const rows = await endedInProduction(db, project, asked.service, new Date(fromMs));
  const { days, exceptions, ...shares } = automationOf(rows.map(factsOf), fromMs, nowMs, EXCEPTIONS_MAX);
  return {
    ...{ from: new Date(fromMs).toISOString(), to: new Date(nowMs).toISOString() },
    ...shares,
    days: days.map(({ day, ...counts }) => ({ day: new Date(day * DAY_MS).toISOString().slice(0, 10), ...counts })),
    exceptions: exceptions.map(({ endedAtMs, ...exception }) => ({
      ...exception,
      endedAt: new Date(endedAtMs).toISOString(),
    })),
  };
}

const factsOf = (row: EndedRow): DeploymentFacts => ({
  ...{ id: row.id, service: row.service, status: row.status, endedAtMs: row.ended_at.getTime() },
  ...{ tookVisitors: row.took_visitors, byMachine: row.by_machine, overridden: row.overridden },
  ...{ actedOn: row.acted_on, leftLater: row.left_later },
  approvals: row.gates.reduce((n, gate) => n + (gate.figures?.find(({ name }) => name === "approvals")?.value ?? 0), 0),
  waivers: row.gates.filter(({ status }) => status === "waived").length,
  gates: row.gates.map(({ name, kind = "command", status, required }) => ({ name, kind, status, required })),
});
