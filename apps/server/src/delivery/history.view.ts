import { sql } from "kysely";
import { PRODUCTION } from "../catalog/index.ts";
import { type Executor, operation } from "../platform/database.ts";
import type { ChangeRow } from "./deployments.store.ts";

/** A deployment with everything that figures about delivery are made of. */
export interface DeploymentHistory {
  readonly id: string;
  readonly project: string;
  readonly service: string;
  readonly environment: string;
  readonly is_production: boolean;
  readonly status: string;
  readonly number: number | null;
  readonly fault: string | null;
  readonly by_machine: boolean;
  /** It goes back to a release that was served before. */
  readonly is_rollback: boolean;
  /** The newest deployment before it of the release that it leaves. */
  readonly takes_back: string | null;
  readonly is_joined: boolean;
  readonly is_first: boolean;
  readonly commit_sha: string | null;
  readonly previous_commit: string | null;
  readonly changes: readonly ChangeRow[];
  readonly created_at: Date;
  readonly finished_at: Date | null;
  readonly gates_from: string | null;
  readonly gates_to: string | null;
  readonly started_at: Date | null;
  readonly exposed_at_ms: number | null;
  readonly ten_percent_at: Date | null;
  readonly promoted_at: Date | null;
  readonly completed_at: Date | null;
  readonly harm_seen_at: Date | null;
  readonly taken_back_at: Date | null;
  readonly pulls: readonly {
    readonly key: string;
    readonly number: number;
    readonly title: string;
    readonly commit: string | null;
    readonly openedAt: string | null;
    readonly mergedAt: string | null;
  }[];
}

/** Of these deployments, or those whose rollouts these are. */
export const deploymentHistories = operation(
  "deploymentHistories",
  async (db: Executor, ids: readonly string[]): Promise<DeploymentHistory[]> => {
    const found =
      await sql<DeploymentHistory>`select d.id, d.project, d.service, d.environment, d.environment = ${PRODUCTION} as is_production,
        d.status, r.number, d.fault, d.by_machine or d.created_by ->> 'kind' = 'system' as by_machine,
        d.rollback is not null as is_rollback,
        (select b.id from deployment b where b.project = d.project and b.service = d.service and b.environment = d.environment
          and b.created_at < d.created_at and b.release_id = d.rollback ->> 'fromReleaseId' and b.rollback is null
          order by b.created_at desc limit 1) as takes_back,
        d.carrier_id is not null and d.rollout_id is null as is_joined,
        d.previous_release_id is null as is_first,
        r.commit_sha, p.commit_sha as previous_commit, d.changes, d.created_at, d.finished_at,
        (select min(g ->> 'startedAt') from jsonb_array_elements(d.gates) g) as gates_from,
        (select max(g ->> 'finishedAt') from jsonb_array_elements(d.gates) g) as gates_to,
        o.started_at, (o.machine ->> 'exposedAtMs')::float8 as exposed_at_ms,
        x.ten_percent_at, x.promoted_at, x.completed_at, x.harm_seen_at, x.taken_back_at,
        coalesce((select jsonb_agg(jsonb_build_object('key', c.key, 'number', c.pull_request, 'title', c.title, 'commit', c.commit_sha,
            'openedAt', c.opened_at, 'mergedAt', c.merged_at))
          from change c where c.project = d.project and c.service = d.service and c.pull_request is not null
            and (c.commit_sha = r.commit_sha or d.changes @> jsonb_build_array(jsonb_build_object('commit', c.commit_sha)))), '[]') as pulls
      from deployment d
      join service s on s.project = d.project and s.name = d.service
      left join release r on r.id = d.release_id
      left join release p on p.id = d.previous_release_id
      left join rollout o on o.id = d.rollout_id
      left join lateral (select
          min(at) filter (where (decision ->> 'trafficPercent')::float8 >= 10) as ten_percent_at,
          min(at) filter (where decision ->> 'kind' = 'promoted') as promoted_at,
          min(at) filter (where decision ->> 'kind' = 'completed') as completed_at,
          min(at) filter (where decision ->> 'kind' = 'roll_back_begun') as harm_seen_at,
          min(at) filter (where decision ->> 'kind' in ('rolled_back', 'aborted')) as taken_back_at
        from rollout_decision where rollout_id = d.rollout_id) x on true
      where d.id = any(${[...ids]}) or d.rollout_id = any(${[...ids]})
      order by d.created_at, d.id`.execute(db);
    return found.rows;
  },
);
