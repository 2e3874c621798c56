import type { JudgeState } from "@latchkey/core/analysis/judge";
import type { Anchors } from "@latchkey/core/analysis/metric-readings";
import type { AnalysisPolicy, JudgeReport } from "@latchkey/core/analysis/types";
import type { Carried } from "@latchkey/core/delivery/batch";
import type { Taken } from "@latchkey/core/delivery/counters";
import { compareGenerations, type Generation, parseGenerationKey } from "@latchkey/core/delivery/generation";
import type { Recorded, Remembered } from "@latchkey/core/delivery/replay";
import type { Decision, Rollout } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** What looks have taken in of the metrics that a service brings, by metric. */
export type MetricAnchors = { readonly [metric: string]: Anchors };

export interface RolloutRow {
  readonly id: string;
  readonly deployment_id: string;
  readonly project: string;
  readonly service: string;
  readonly environment: string;
  readonly machine: Rollout;
  readonly first_machine: Rollout;
  readonly policy: AnalysisPolicy;
  readonly judge: JudgeState;
  readonly report: JudgeReport | null;
  readonly decider_version: string;
  readonly canary_release_id: string;
  readonly baseline_release_id: string | null;
  readonly generation_epoch: number;
  readonly generation_n: number;
  /** Canary share (0..1) by generation ("epoch.n"). */
  readonly shares: Readonly<Record<string, number>>;
  readonly taken: Taken;
  readonly metric_anchors: MetricAnchors;
  /** Restarts of the process that looks have taken in, by release. */
  readonly restarts_seen: Readonly<Record<string, number>>;
  readonly step_count: number;
  readonly evidence_sha256: string;
  readonly started_at: Date;
  readonly finished_at: Date | null;
  /** The rollout's own time, see core: milliseconds. */
  readonly time_at_ms: number;
  readonly time_seen_ms: number;
  /** The changes that it carries, oldest first, its own deployment's last; nothing when that is alone. */
  readonly carries: readonly RolloutChange[];
}

/** `follows`: the deployment has no rollout of its own, and ends as this one does. */
export interface RolloutChange extends Carried {
  readonly releaseNumber: number;
  readonly commit: string | null;
  readonly follows: boolean;
}

export const insertRollout = operation(
  "insertRollout",
  async (
    tx: Executor,
    row: Pick<
      RolloutRow,
      | "id"
      | "deployment_id"
      | "project"
      | "service"
      | "environment"
      | "machine"
      | "policy"
      | "judge"
      | "decider_version"
      | "canary_release_id"
      | "baseline_release_id"
      | "generation_epoch"
      | "generation_n"
      | "carries"
    >,
  ): Promise<void> => {
    const machine = JSON.stringify(row.machine);
    await sql`insert into rollout (id, deployment_id, project, service, environment, machine, first_machine, policy, judge, decider_version, canary_release_id, baseline_release_id, generation_epoch, generation_n, started_at, time_at_ms, time_seen_ms, carries)
    values (${row.id}, ${row.deployment_id}, ${row.project}, ${row.service}, ${row.environment}, ${machine}::jsonb, ${machine}::jsonb,
      ${JSON.stringify(row.policy)}::jsonb, ${JSON.stringify(row.judge)}::json, ${row.decider_version}, ${row.canary_release_id}, ${row.baseline_release_id},
      ${row.generation_epoch}, ${row.generation_n}, ${new Date(row.machine.createdAtMs)}, ${row.machine.createdAtMs}, ${row.machine.createdAtMs},
      ${JSON.stringify(row.carries)}::jsonb)`.execute(tx);
  },
);

/** What most reads want. The judge's state and the counters that it has taken in are large, and only looks need them. */
export type ListedRollout = Omit<
  RolloutRow,
  "judge" | "taken" | "metric_anchors" | "restarts_seen" | "policy" | "first_machine"
>;
const LISTED = sql`id, deployment_id, project, service, environment, machine, report, decider_version, canary_release_id,
  baseline_release_id, generation_epoch, generation_n, shares, step_count, evidence_sha256, started_at, finished_at, time_at_ms, time_seen_ms,
  carries`;

export const findRollout = operation("findRollout", async (db: Executor, id: string): Promise<ListedRollout | null> => {
  const found = await sql<ListedRollout>`select ${LISTED} from rollout where id = ${id}`.execute(db);
  return found.rows[0] ?? null;
});

type Routed = Pick<RolloutRow, "generation_epoch" | "generation_n" | "shares">;
export const generationOf = (row: Routed): Generation => ({ epoch: row.generation_epoch, n: row.generation_n });
/** The first generation that the rollout has counts of. */
export const firstGeneration = (row: Routed): Generation =>
  [generationOf(row), ...Object.keys(row.shares).map(parseGenerationKey)].sort(compareGenerations)[0] ??
  generationOf(row);

/** With all that a replay begins with. */
export const findWholeRollout = operation(
  "findWholeRollout",
  async (db: Executor, id: string): Promise<RolloutRow | null> => {
    const found = await sql<RolloutRow>`select * from rollout where id = ${id}`.execute(db);
    return found.rows[0] ?? null;
  },
);

/** Takes the rollout's row lock: all changes of one rollout are one after the other, whoever makes them. */
export const lockRollout = operation("lockRollout", async (tx: Executor, id: string): Promise<RolloutRow | null> => {
  const found = await sql<RolloutRow>`select * from rollout where id = ${id} for update`.execute(tx);
  return found.rows[0] ?? null;
});

export const activeRollouts = operation("activeRollouts", async (db: Executor): Promise<RolloutRow[]> => {
  const found = await sql<RolloutRow>`select * from rollout where finished_at is null order by id`.execute(db);
  return found.rows;
});

export const findActiveRollout = operation(
  "findActiveRollout",
  async (db: Executor, project: string, service: string, environment: string): Promise<ListedRollout | null> => {
    const found = await sql<ListedRollout>`select ${LISTED} from rollout
    where project = ${project} and service = ${service} and environment = ${environment} and finished_at is null`.execute(
      db,
    );
    return found.rows[0] ?? null;
  },
);

export const updateRollout = operation(
  "updateRollout",
  async (
    tx: Executor,
    id: string,
    row: Pick<
      RolloutRow,
      | "machine"
      | "judge"
      | "report"
      | "decider_version"
      | "generation_epoch"
      | "generation_n"
      | "shares"
      | "taken"
      | "metric_anchors"
      | "restarts_seen"
      | "step_count"
      | "evidence_sha256"
      | "finished_at"
      | "time_at_ms"
      | "time_seen_ms"
    >,
  ): Promise<void> => {
    await sql`update rollout set machine = ${JSON.stringify(row.machine)}::jsonb, judge = ${JSON.stringify(row.judge)}::json,
      report = ${row.report === null ? null : JSON.stringify(row.report)}::jsonb, decider_version = ${row.decider_version},
      generation_epoch = ${row.generation_epoch}, generation_n = ${row.generation_n},
      shares = ${JSON.stringify(row.shares)}::jsonb, taken = ${JSON.stringify(row.taken)}::jsonb,
      metric_anchors = ${JSON.stringify(row.metric_anchors)}::jsonb, restarts_seen = ${JSON.stringify(row.restarts_seen)}::jsonb,
      step_count = ${row.step_count}, evidence_sha256 = ${row.evidence_sha256}, finished_at = ${row.finished_at},
      time_at_ms = ${row.time_at_ms}, time_seen_ms = ${row.time_seen_ms}
    where id = ${id}`.execute(tx);
  },
);

/**
 * How long the newest canaries of an environment kept it busy, ms: from the beginning until they were promoted, which the
 * next one need not wait beyond, or were taken back by the evidence. At most `limit`.
 */
export const judgedTimes = operation(
  "judgedTimes",
  async (db: Executor, project: string, service: string, environment: string, limit: number): Promise<number[]> => {
    const found = await sql<{ ms: number }>`with judged as (
      select id, started_at from rollout where project = ${project} and service = ${service} and environment = ${environment}
        and baseline_release_id is not null and machine ->> 'state' in ('holdback', 'completed', 'rolled_back')
      order by started_at desc, id desc limit ${limit})
      select round(extract(epoch from min(d.at) - r.started_at) * 1000)::float as ms
      from judged r join rollout_decision d on d.rollout_id = r.id
      where d.decision ->> 'toState' in ('holdback', 'completed', 'rolled_back') group by r.id, r.started_at
      order by r.started_at desc, r.id desc`.execute(db);
    return found.rows.map((row) => row.ms);
  },
);

/** Rollouts under way wait for gateways to acknowledge the new epoch from now on. */
export const moveToEpoch = operation("moveToEpoch", async (tx: Executor, epoch: number): Promise<void> => {
  await sql`update rollout set generation_epoch = ${epoch} where finished_at is null`.execute(tx);
});

export interface StepRow {
  readonly n: number;
  readonly at: Date;
  /** The exact text that the evidence hash is of: JSON of core's `Recorded`. */
  readonly recorded: string;
  readonly summary: JudgeReport | null;
  readonly traffic_percent: number;
}

export const insertStep = operation(
  "insertStep",
  async (tx: Executor, rolloutId: string, row: StepRow): Promise<void> => {
    await sql`insert into rollout_step (rollout_id, n, at, recorded, summary, traffic_percent)
    values (${rolloutId}, ${row.n}, ${row.at}, ${row.recorded}, ${row.summary === null ? null : JSON.stringify(row.summary)}::jsonb, ${row.traffic_percent})`.execute(
      tx,
    );
  },
);

/** All steps in order. Reports, which are large, come only of looks before another judge took over: see core's replay. */
export const recordedSteps = operation(
  "recordedSteps",
  async (db: Executor, rolloutId: string): Promise<(Remembered & { text: string })[]> => {
    const found = await sql<{ recorded: string; told: JudgeReport | null }>`with others as (
      select max(n) as n from rollout_step where rollout_id = ${rolloutId} and summary is null
        and recorded::jsonb -> 'event' ->> 'kind' = 'judge_changed')
      select recorded, case when step.n < others.n then summary end as told
      from rollout_step step, others where rollout_id = ${rolloutId} order by step.n`.execute(db);
    return found.rows.map(({ recorded, told }) => ({
      text: recorded,
      recorded: JSON.parse(recorded) as Recorded,
      told,
    }));
  },
);

/** Looks for charts, thinned in the database to at most `limit`, always with the newest. */
export const thinnedLooks = operation(
  "thinnedLooks",
  async (db: Executor, rolloutId: string, afterMs: number, limit: number): Promise<StepRow[]> => {
    const found = await sql<StepRow>`with looks as (
      select n, at, recorded, summary, traffic_percent, row_number() over (order by n desc) - 1 as back, count(*) over () as total
      from rollout_step where rollout_id = ${rolloutId} and summary is not null and (summary->>'atMs')::float > ${afterMs})
    select n, at, '' as recorded, summary, traffic_percent from looks
    where back % greatest(1, ceil(total::float / ${limit})::bigint) = 0 order by n`.execute(db);
    return found.rows;
  },
);

export interface DecisionRow {
  readonly n: number;
  readonly at: Date;
  readonly decision: Decision;
  readonly event_id: string;
  readonly sequence: number | null;
}

export const insertDecision = operation(
  "insertDecision",
  async (tx: Executor, rolloutId: string, row: Omit<DecisionRow, "sequence">): Promise<void> => {
    await sql`insert into rollout_decision (rollout_id, n, at, decision, event_id)
    values (${rolloutId}, ${row.n}, ${row.at}, ${JSON.stringify(row.decision)}::jsonb, ${row.event_id})`.execute(tx);
  },
);

export const countDecisions = operation("countDecisions", async (db: Executor, rolloutId: string): Promise<number> => {
  const found = await sql<{
    n: string;
  }>`select count(*) as n from rollout_decision where rollout_id = ${rolloutId}`.execute(db);
  return Number(found.rows[0]?.n ?? 0);
});

export const decisionsOf = operation(
  "decisionsOf",
  async (db: Executor, rolloutId: string): Promise<Omit<DecisionRow, "sequence">[]> => {
    const found = await sql<
      Omit<DecisionRow, "sequence">
    >`select n, at, decision, event_id from rollout_decision where rollout_id = ${rolloutId} order by n`.execute(db);
    return found.rows;
  },
);

/** What the judge saw last in the newest rollout of a service that has a report; null where none has. */
export const lastReport = operation(
  "lastReport",
  async (
    db: Executor,
    { project, service, environment }: { project: string; service: string; environment: string },
  ): Promise<JudgeReport | null> => {
    const found = await sql<{ report: JudgeReport }>`select report from rollout
      where project = ${project} and service = ${service} and environment = ${environment} and report is not null
      order by started_at desc limit 1`.execute(db);
    return found.rows[0]?.report ?? null;
  },
);
