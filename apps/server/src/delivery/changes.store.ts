import { sql } from "kysely";
import { PRODUCTION } from "../catalog/index.ts";
import { type Executor, operation } from "../platform/database.ts";

/** Changes: commits with their pull requests. */
export interface ChangeRow {
  readonly project: string;
  readonly service: string;
  readonly key: string;
  readonly pull_request: number | null;
  readonly commit_sha: string | null;
  readonly title: string;
  readonly author: string;
  readonly state: "open" | "merged" | "closed";
  readonly head_sha: string | null;
  readonly opened_at: Date | null;
  readonly merged_at: Date | null;
  readonly committed_at: Date | null;
  readonly deployed_at: Date | null;
  readonly deployment_id: string | null;
}
export const pullKey = (number: number): string => `pr-${number}`;

export type PullChange = Omit<ChangeRow, "key" | "committed_at" | "deployed_at" | "deployment_id"> & {
  readonly pull_request: number;
};
/**
 * Writes a pull request's change. A commit that was known before its pull request was becomes that one's: the end is the same
 * whichever comes first.
 */
export const savePullChange = operation("savePullChange", async (tx: Executor, row: PullChange): Promise<void> => {
  const key = pullKey(row.pull_request);
  const alone = await sql<ChangeRow>`delete from change where project = ${row.project} and service = ${row.service}
      and key = ${row.commit_sha ?? ""} returning *`.execute(tx);
  const before = alone.rows[0];
  await sql`insert into change (project, service, key, pull_request, commit_sha, title, author, state, head_sha, opened_at, merged_at,
        committed_at, deployed_at, deployment_id)
      values (${row.project}, ${row.service}, ${key}, ${row.pull_request}, ${row.commit_sha}, ${row.title}, ${row.author}, ${row.state},
        ${row.head_sha}, ${row.opened_at}, ${row.merged_at}, ${before?.committed_at ?? null}, ${before?.deployed_at ?? null},
        ${before?.deployment_id ?? null})
      on conflict (project, service, key) do update set commit_sha = excluded.commit_sha, title = excluded.title, author = excluded.author,
        state = excluded.state, head_sha = excluded.head_sha, opened_at = excluded.opened_at, merged_at = excluded.merged_at,
        committed_at = coalesce(excluded.committed_at, change.committed_at),
        deployed_at = coalesce(excluded.deployed_at, change.deployed_at),
        deployment_id = coalesce(excluded.deployment_id, change.deployment_id), updated_at = now()`.execute(tx);
});

/** Writes a commit of the branch: into its pull request's change where there is one, else as a change of its own. */
export const saveCommitChange = operation(
  "saveCommitChange",
  async (
    tx: Executor,
    row: Pick<ChangeRow, "project" | "service" | "title" | "author"> & { readonly commit: string; readonly at: Date },
  ): Promise<void> => {
    const known = await sql`update change set committed_at = ${row.at}, updated_at = now()
      where project = ${row.project} and service = ${row.service} and commit_sha = ${row.commit} returning 1`.execute(
      tx,
    );
    if (known.rows.length > 0) return;
    await sql`insert into change (project, service, key, commit_sha, title, author, state, committed_at)
      values (${row.project}, ${row.service}, ${row.commit}, ${row.commit}, ${row.title}, ${row.author}, 'merged', ${row.at})
      on conflict do nothing`.execute(tx);
  },
);

export const listChanges = operation(
  "listChanges",
  async (
    db: Executor,
    project: string,
    filter: {
      readonly service?: string | undefined;
      readonly state?: ChangeRow["state"] | undefined;
      readonly before?: { readonly at: string; readonly key: string } | undefined;
      readonly limit: number;
    },
  ): Promise<ChangeRow[]> => {
    const at = sql`coalesce(merged_at, committed_at, opened_at)`;
    const found = await sql<ChangeRow>`select * from change where project = ${project}
      and (${filter.service ?? null}::text is null or service = ${filter.service ?? null})
      and (${filter.state ?? null}::text is null or state = ${filter.state ?? null})
      and (${filter.before?.at ?? null}::timestamptz is null
        or (${at}, key) < (${filter.before?.at ?? null}::timestamptz, ${filter.before?.key ?? ""}))
      order by ${at} desc, key desc limit ${filter.limit}`.execute(db);
    return found.rows;
  },
);
export const findChange = operation(
  "findChange",
  async (db: Executor, project: string, service: string, keyOrCommit: string): Promise<ChangeRow | null> => {
    const found = await sql<ChangeRow>`select * from change where project = ${project} and service = ${service}
      and (key = ${keyOrCommit} or commit_sha = ${keyOrCommit}) order by pull_request nulls last limit 1`.execute(db);
    return found.rows[0] ?? null;
  },
);

/**
 * Notes when production first served everybody from a change: when the rollout of a deployment that has its commit was
 * promoted. Answers how many were noted.
 */
export const noteDeployed = operation("noteDeployed", async (tx: Executor): Promise<number> => {
  const noted = await sql`with shipped as (
      select distinct on (c.project, c.service, c.key) c.project, c.service, c.key, d.id as deployment_id, x.at
      from change c
      join service s on s.project = c.project and s.name = c.service
      join deployment d on d.project = c.project and d.service = c.service and d.status in ('holdback', 'succeeded')
        and d.environment = ${PRODUCTION}
      left join release r on r.id = d.release_id
      join lateral (select min(at) as at from rollout_decision
        where rollout_id = d.rollout_id and decision ->> 'kind' = 'promoted') x on x.at is not null
      where c.deployed_at is null and c.commit_sha is not null and d.created_at > now() - interval '60 days'
        and (r.commit_sha = c.commit_sha or d.changes @> jsonb_build_array(jsonb_build_object('commit', c.commit_sha)))
      order by c.project, c.service, c.key, x.at)
    update change set deployed_at = shipped.at, deployment_id = shipped.deployment_id, updated_at = now() from shipped
    where change.project = shipped.project and change.service = shipped.service and change.key = shipped.key returning 1`.execute(
    tx,
  );
  return noted.rows.length;
});
