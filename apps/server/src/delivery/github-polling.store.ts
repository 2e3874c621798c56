import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** What GitHub was asked last, with the ETag of its answer. `what` is the subject, and after a slash what it is of. */
export interface PollRow {
  readonly what: string;
  readonly etag: string | null;
  readonly is_due: boolean;
  readonly polled_at: Date | null;
}
export const pollsOf = operation("pollsOf", async (db: Executor, repository: string): Promise<PollRow[]> => {
  const found = await sql<PollRow>`select what, etag, next_at <= now() as is_due, polled_at from github_poll
    where repository = ${repository}`.execute(db);
  return found.rows;
});
export const notePoll = operation(
  "notePoll",
  async (
    tx: Executor,
    repository: string,
    what: string,
    o: { readonly etag: string | null; readonly waitMs: number; readonly problem: string | null },
  ): Promise<void> => {
    const next = sql`now() + make_interval(secs => ${o.waitMs / 1000})`;
    await sql`insert into github_poll (repository, what, etag, next_at, polled_at, problem)
      values (${repository}, ${what}, ${o.etag}, ${next}, now(), ${o.problem})
      on conflict (repository, what) do update set etag = excluded.etag, next_at = excluded.next_at, polled_at = now(),
        problem = excluded.problem`.execute(tx);
  },
);
/** Checks are asked of open pull requests only: those of others are not asked again. */
export const forgetOldPolls = operation("forgetOldPolls", async (db: Executor): Promise<void> => {
  await sql`delete from github_poll where next_at < now() - interval '2 days'`.execute(db);
});
/** Heads of pull requests that are open, the newest; at most `limit`. */
export const openHeads = operation(
  "openHeads",
  async (db: Executor, repository: string, limit: number): Promise<string[]> => {
    const found = await sql<{ head: string }>`select fields -> 'headSha' ->> 'value' as head from github_state
      where repository = ${repository} and kind = 'pull_request' and fields -> 'state' ->> 'value' = 'open'
        and fields -> 'headSha' ->> 'value' is not null
      order by (fields -> 'openedAtMs' ->> 'value')::numeric desc limit ${limit}`.execute(db);
    return found.rows.map((row) => row.head);
  },
);
/** Pull requests of connected services whose reviews may still be asked about: open, or merged and not in production yet. */
export const pullsToReview = operation(
  "pullsToReview",
  async (db: Executor, repository: string, limit: number): Promise<number[]> => {
    const found = await sql<{ pull: number }>`select c.pull_request as pull from change c
      join github_branch b on b.project = c.project and b.service = c.service and b.repository = ${repository}
      where c.pull_request is not null and c.deployed_at is null
        and (c.state = 'open' or (c.state = 'merged' and c.merged_at > now() - interval '30 days'))
      group by c.pull_request order by c.pull_request desc limit ${limit}`.execute(db);
    return found.rows.map((row) => row.pull);
  },
);
