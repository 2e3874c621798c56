import type { PreviewStateName } from "@latchkey/core/delivery/preview";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import { announce } from "../platform/notifications.ts";

/** An environment of a pull request's own, or one that a person asked for, as it should be. */
export interface PullPreviewRow {
  readonly id: string;
  readonly project: string;
  readonly service: string;
  readonly name: string;
  readonly pull_request: number | null;
  readonly branch: string;
  readonly state: PreviewStateName;
  readonly words: string;
  readonly wanted_commit: string;
  readonly run_id: string | null;
  readonly run_commit: string | null;
  readonly run_digest: string | null;
  readonly tried_commit: string | null;
  readonly serving_id: string | null;
  readonly serving_commit: string | null;
  readonly serving_digest: string | null;
  readonly attempts: number;
  readonly next_at: Date;
  readonly has_database: boolean;
  readonly epoch: number;
  readonly generation: number;
  readonly created_at: Date;
  readonly ends_at: Date;
  readonly comment_id: string | null;
  readonly comment_digest: string | null;
}
/** A page of them is all of them: a service has at most 20 that run, and one for each open pull request. */
const LISTED_MAX = 500;

export const listPullPreviews = operation(
  "listPullPreviews",
  async (db: Executor, project: string | null = null): Promise<PullPreviewRow[]> => {
    const found = await sql<PullPreviewRow>`select * from preview where ${project}::text is null or project = ${project}
      order by project, service, pull_request, name limit ${LISTED_MAX}`.execute(db);
    return found.rows;
  },
);
/** By its name, or by the number of its pull request. */
export const findPullPreview = operation(
  "findPullPreview",
  async (db: Executor, project: string, service: string, called: string): Promise<PullPreviewRow | null> => {
    const found = await sql<PullPreviewRow>`select * from preview
      where project = ${project} and service = ${service} and name in (${called}, ${`pr-${called}`})`.execute(db);
    return found.rows[0] ?? null;
  },
);
export const lockPullPreview = operation(
  "lockPullPreview",
  async (tx: Executor, id: string): Promise<PullPreviewRow | null> => {
    return (await sql<PullPreviewRow>`select * from preview where id = ${id} for update`.execute(tx)).rows[0] ?? null;
  },
);
export const insertPullPreview = operation(
  "insertPullPreview",
  async (
    tx: Executor,
    row: Pick<
      PullPreviewRow,
      "id" | "project" | "service" | "name" | "pull_request" | "branch" | "wanted_commit" | "words" | "ends_at"
    >,
  ): Promise<void> => {
    await sql`insert into preview (id, project, service, name, pull_request, branch, state, words, wanted_commit, ends_at)
      values (${row.id}, ${row.project}, ${row.service}, ${row.name}, ${row.pull_request}, ${row.branch}, 'waiting', ${row.words},
        ${row.wanted_commit}, ${row.ends_at}) on conflict (project, service, name) do nothing`.execute(tx);
  },
);
export const savePullPreview = operation(
  "savePullPreview",
  async (tx: Executor, id: string, change: Partial<Omit<PullPreviewRow, "id">>): Promise<void> => {
    const sets = Object.entries(change).map(([column, value]) => sql`${sql.ref(column)} = ${value}`);
    await sql`update preview set ${sql.join(sets)} where id = ${id}`.execute(tx);
  },
);
export const forgetPullPreview = operation("forgetPullPreview", async (tx: Executor, id: string): Promise<void> => {
  await sql`delete from preview where id = ${id} and state = 'ended' and not has_database`.execute(tx);
});
/** What a preview serves changes: gateways get a newer table. */
export const reroutePullPreview = operation("reroutePullPreview", async (tx: Executor, id: string): Promise<void> => {
  const taken = await sql<{
    epoch: number;
    n: number;
  }>`update routing_generation set n = n + 1 returning epoch, n`.execute(tx);
  const { epoch, n } = taken.rows[0] ?? { epoch: 1, n: 1 };
  await sql`update preview set epoch = ${epoch}, generation = ${n} where id = ${id}`.execute(tx);
  await announce("routing").execute(tx);
});
/** Checkouts that are built from. */
export const previewCheckouts = operation("previewCheckouts", async (db: Executor): Promise<string[]> => {
  const found = await sql<{ run_id: string }>`select run_id from preview where run_id is not null`.execute(db);
  return found.rows.map((row) => row.run_id);
});
/** Pull requests to a branch that are open, the oldest first. */
export const openPulls = operation("openPulls", async (db: Executor, repository: string, branch: string) => {
  const found = await sql<{
    number: number;
    commit: string;
    branch: string;
    is_fork: boolean;
  }>`select key::integer as number,
        fields -> 'headSha' ->> 'value' as commit, fields -> 'headRef' ->> 'value' as branch,
        coalesce(fields -> 'fork' ->> 'value', 'true') <> 'false' as is_fork
      from github_state where repository = ${repository.toLowerCase()} and kind = 'pull_request' and key ~ '^[0-9]{1,9}$'
        and fields -> 'state' ->> 'value' = 'open' and fields -> 'baseRef' ->> 'value' = ${branch}
        and fields -> 'headSha' ->> 'value' is not null and fields -> 'headRef' ->> 'value' is not null
      order by key::integer limit ${LISTED_MAX}`.execute(db);
  return found.rows.map(({ is_fork, ...pull }) => ({ ...pull, isFork: is_fork }));
});
/** Stands for the digest of the last comment: that the preview is over. */
export const TOLD_OF_END = "ended";
export const notePreviewComment = operation(
  "notePreviewComment",
  async (db: Executor, id: string, commentId: number | null, digest: string | null): Promise<void> => {
    await sql`update preview set comment_id = ${commentId}, comment_digest = ${digest} where id = ${id}`.execute(db);
  },
);
