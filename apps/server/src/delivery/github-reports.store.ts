import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import type { DeploymentRow } from "./deployments.store.ts";

/** What GitHub should be told, and what it was told: the one follows the other. */
export type ReportKind = "check" | "deployment" | "status" | "comment";
export interface ReportRow {
  readonly deployment_id: string;
  readonly kind: ReportKind;
  readonly repository: string;
  readonly desired: unknown;
  readonly digest: string;
  readonly remote_id: string | null;
  readonly attempts: number;
  /** GitHub's id of the deployment, for its statuses. */
  readonly told_deployment: string | null;
}

export type ReportedDeployment = Pick<
  DeploymentRow,
  "id" | "project" | "service" | "environment" | "status" | "words" | "gates" | "source" | "finished_at"
> & {
  readonly commit_sha: string;
  readonly traffic_percent: number | null;
  readonly promoted: boolean;
  readonly pull_request: number | null;
};

/** Deployments of these services that GitHub can know: of a commit, under way or ended within a day. */
export const reportedDeployments = operation(
  "reportedDeployments",
  async (db: Executor, project: string, service: string): Promise<ReportedDeployment[]> => {
    const found =
      await sql<ReportedDeployment>`select d.id, d.project, d.service, d.environment, d.status, d.words, d.gates, d.source, d.finished_at,
        coalesce(d.source ->> 'commit', r.commit_sha) as commit_sha, (o.machine ->> 'trafficPercent')::float as traffic_percent,
        exists (select 1 from rollout_decision x where x.rollout_id = d.rollout_id and x.decision ->> 'kind' = 'promoted') as promoted,
        (select c.pull_request from change c where c.project = d.project and c.service = d.service
          and c.commit_sha = coalesce(d.source ->> 'commit', r.commit_sha) and c.pull_request is not null limit 1) as pull_request
      from deployment d left join release r on r.id = d.release_id left join rollout o on o.id = d.rollout_id
      where d.project = ${project} and d.service = ${service}
        and (d.finished_at is null or d.finished_at > now() - interval '1 day')
        and (d.source is not null or (r.commit_sha is not null and not r.dirty and d.fault is null))
      order by d.id desc limit 50`.execute(db);
    return found.rows;
  },
);

/** Writes what should be told; answers whether any of it is new. */
export const wishReports = operation(
  "wishReports",
  async (
    tx: Executor,
    rows: readonly Pick<ReportRow, "deployment_id" | "kind" | "repository" | "desired" | "digest">[],
  ): Promise<boolean> => {
    if (rows.length === 0) return false;
    const done = await sql`insert into github_report (deployment_id, kind, repository, desired, digest)
      select deployment_id, kind, repository, desired, digest from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as r(deployment_id text, kind text, repository text, desired jsonb, digest text)
      on conflict (deployment_id, kind) do update set desired = excluded.desired, digest = excluded.digest,
        repository = excluded.repository
      where github_report.digest <> excluded.digest returning 1`.execute(tx);
    return done.rows.length > 0;
  },
);

/** What is to be told now, oldest first; a status only once its deployment is known to GitHub. */
export const dueReports = operation("dueReports", async (db: Executor, limit: number): Promise<ReportRow[]> => {
  const found =
    await sql<ReportRow>`select g.deployment_id, g.kind, g.repository, g.desired, g.digest, g.remote_id, g.attempts,
      d.remote_id as told_deployment
    from github_report g left join github_report d on d.deployment_id = g.deployment_id and d.kind = 'deployment'
    where g.sent_digest is distinct from g.digest and g.next_at <= now() and (g.kind <> 'status' or d.remote_id is not null)
    order by g.next_at, g.deployment_id, g.kind limit ${limit}`.execute(db);
  return found.rows;
});
type Name = Pick<ReportRow, "deployment_id" | "kind">;
export const reportTold = operation(
  "reportTold",
  async (db: Executor, row: Name, digest: string, remoteId: number): Promise<void> => {
    await sql`update github_report set sent_digest = ${digest}, remote_id = ${remoteId}, attempts = 0, problem = null, next_at = now()
      where deployment_id = ${row.deployment_id} and kind = ${row.kind}`.execute(db);
  },
);
export const reportFailed = operation(
  "reportFailed",
  async (db: Executor, row: Name, o: { problem: string; waitMs: number; forget: boolean }): Promise<void> => {
    await sql`update github_report set attempts = attempts + 1, problem = ${o.problem},
        remote_id = case when ${o.forget} then null else remote_id end,
        next_at = now() + make_interval(secs => ${o.waitMs / 1000})
      where deployment_id = ${row.deployment_id} and kind = ${row.kind}`.execute(db);
  },
);
/** Previews whose deployments GitHub may still show: every row of theirs is named <preview>/<commit>. */
export interface ToldPreview {
  readonly deployment_id: string;
  readonly repository: string;
  readonly log_url: string;
}
const OF_PREVIEWS = sql`deployment_id like 'pre\\_%'`;
export const toldPreviews = operation("toldPreviews", async (db: Executor): Promise<ToldPreview[]> => {
  const found = await sql<ToldPreview>`select deployment_id, repository, desired ->> 'logUrl' as log_url
    from github_report where ${OF_PREVIEWS} and kind = 'status' order by deployment_id`.execute(db);
  return found.rows;
});
/** At a quarter of an hour each that is a week: as long as deployments are told for after their end. */
const PREVIEW_ATTEMPTS_MAX = 700;
/** What GitHub was told is gone is done with. `kept` are the rows that stand for a commit that is there. */
export const forgetToldPreviews = operation(
  "forgetToldPreviews",
  async (db: Executor, kept: readonly string[]): Promise<void> => {
    await sql`delete from github_report where ${OF_PREVIEWS} and deployment_id <> all (${kept}::text[]) and deployment_id in (
      select s.deployment_id from github_report s where s.attempts >= ${PREVIEW_ATTEMPTS_MAX}
        or (s.kind = 'status' and s.sent_digest = s.digest and s.desired ->> 'state' = 'inactive'))`.execute(db);
  },
);
/** Given up after a week: a token that is never given, a repository that is gone. */
export const forgetOldReports = operation("forgetOldReports", async (db: Executor): Promise<void> => {
  await sql`delete from github_report g using deployment d where d.id = g.deployment_id
    and d.finished_at < now() - interval '7 days'`.execute(db);
});
