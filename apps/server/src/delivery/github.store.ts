import type { Folded, Kind } from "@latchkey/core/delivery/github/fold";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** Deliveries of GitHub, what they say of each thing, and the branches that services are deployed from. */
export interface DeliveryRow {
  readonly id: string;
  readonly event: string;
  readonly body: Buffer;
}

/** Stores deliveries; answers the ids of those that had not come before. */
export const storeDeliveries = operation(
  "storeDeliveries",
  async (db: Executor, rows: readonly DeliveryRow[]): Promise<Set<string>> => {
    const [ids, events, bodies] = [rows.map((r) => r.id), rows.map((r) => r.event), rows.map((r) => r.body)];
    const stored = await sql<{ id: string }>`insert into github_delivery (id, event, body)
      select distinct on (id) id, event, body from unnest(${ids}::text[], ${events}::text[], ${bodies}::bytea[]) as d(id, event, body)
      order by id on conflict (id) do nothing returning id`.execute(db);
    return new Set(stored.rows.map((row) => row.id));
  },
);

/** The oldest that wait, at most `limit` of them and about `bytesMax` together. */
export const waitingDeliveries = operation(
  "waitingDeliveries",
  async (db: Executor, limit: number, bytesMax: number): Promise<DeliveryRow[]> => {
    const found = await sql<DeliveryRow>`select id, event, body from (
        select id, event, body, received_at, sum(octet_length(body)) over (order by received_at, id) - octet_length(body) as before
        from (select * from github_delivery where taken_at is null order by received_at, id limit ${limit}) waiting
      ) summed where before < ${bytesMax} order by received_at, id`.execute(db);
    return found.rows;
  },
);

/** Marks deliveries as taken in; answers those that were still waiting. Their bodies go: they may name people. */
export const takeDeliveries = operation(
  "takeDeliveries",
  async (
    tx: Executor,
    taken: readonly { readonly id: string; readonly repository: string | null; readonly problem: string | null }[],
  ): Promise<Set<string>> => {
    const done = await sql<{ id: string }>`update github_delivery d
      set taken_at = now(), body = null, repository = t.repository, problem = t.problem
      from jsonb_to_recordset(${JSON.stringify(taken)}::jsonb) as t(id text, repository text, problem text)
      where d.id = t.id and d.taken_at is null returning d.id`.execute(tx);
    return new Set(done.rows.map((row) => row.id));
  },
);

export interface StateRow {
  readonly repository: string;
  readonly kind: Kind;
  readonly key: string;
  readonly fields: Folded;
}
type StateName = Pick<StateRow, "repository" | "kind" | "key">;

/** What is known of these things; their rows are locked until the transaction ends, in one order for everybody. */
export const lockStates = operation(
  "lockStates",
  async (tx: Executor, names: readonly StateName[]): Promise<StateRow[]> => {
    const found = await sql<StateRow>`select s.repository, s.kind, s.key, s.fields from github_state s
      join jsonb_to_recordset(${JSON.stringify(names)}::jsonb) as n(repository text, kind text, key text)
        using (repository, kind, key)
      order by repository, kind, key for update of s`.execute(tx);
    return found.rows;
  },
);
export const saveStates = operation("saveStates", async (tx: Executor, rows: readonly StateRow[]): Promise<void> => {
  await sql`insert into github_state (repository, kind, key, fields)
      select repository, kind, key, fields
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(repository text, kind text, key text, fields jsonb)
      order by repository, kind, key
      on conflict (repository, kind, key) do update set fields = excluded.fields, folded_at = now()`.execute(tx);
});

/** What is known of these commits: their checks. */
export const checksOfCommits = operation(
  "checksOfCommits",
  async (db: Executor, repository: string, commits: readonly string[]): Promise<StateRow[]> => {
    if (commits.length === 0) return [];
    const found = await sql<StateRow>`select repository, kind, key, fields from github_state
      where repository = ${repository} and kind = 'check_run' and fields -> 'commit' ->> 'value' = any(${[...commits]})
      order by key limit 2000`.execute(db);
    return found.rows;
  },
);
export const reviewsOfPulls = operation(
  "reviewsOfPulls",
  async (db: Executor, repository: string, pulls: readonly number[]): Promise<StateRow[]> => {
    if (pulls.length === 0) return [];
    const found = await sql<StateRow>`select repository, kind, key, fields from github_state
      where repository = ${repository} and kind = 'review' and fields -> 'pull' ->> 'value' = any(${pulls.map(String)})
      order by key limit 2000`.execute(db);
    return found.rows;
  },
);
export const findState = operation(
  "findState",
  async (db: Executor, repository: string, kind: Kind, key: string): Promise<Folded | null> => {
    const found = await sql<{ fields: Folded }>`select fields from github_state
      where repository = ${repository} and kind = ${kind} and key = ${key}`.execute(db);
    return found.rows[0]?.fields ?? null;
  },
);

export interface DeliveryFigures {
  readonly waiting: number;
  readonly unreadable: number;
}
export const deliveryFigures = operation("deliveryFigures", async (db: Executor): Promise<DeliveryFigures> => {
  const found = await sql<{ waiting: string; unreadable: string }>`select
      count(*) filter (where taken_at is null) as waiting,
      count(*) filter (where problem is not null) as unreadable
    from github_delivery`.execute(db);
  return { waiting: Number(found.rows[0]?.waiting ?? 0), unreadable: Number(found.rows[0]?.unreadable ?? 0) };
});

/** GitHub delivers again what is up to 3 days old: longer than that an id need not be known. */
export const forgetOldDeliveries = operation("forgetOldDeliveries", async (db: Executor): Promise<void> => {
  await sql`delete from github_delivery where taken_at is not null and received_at < now() - interval '7 days'`.execute(
    db,
  );
});

/** Runs and checks are many, and nobody looks at old ones; pull requests and alerts stay. */
export const forgetOldStates = operation("forgetOldStates", async (db: Executor): Promise<void> => {
  await sql`delete from github_state where kind in ('check_run', 'workflow_run', 'workflow_job', 'deployment', 'deployment_status')
    and folded_at < now() - interval '90 days'`.execute(db);
});

export interface BranchRow {
  readonly project: string;
  readonly service: string;
  readonly repository: string;
  readonly branch: string;
  readonly wanted: string;
  readonly seen_sha: string | null;
  readonly fetched_at: Date | null;
  readonly problem: string | null;
  readonly attempts: number;
  readonly created_at: Date;
}

/** Makes the rows of services that are connected as these are; another repository or branch begins anew. */
export const connectBranches = operation(
  "connectBranches",
  async (
    tx: Executor,
    wanted: readonly Pick<BranchRow, "project" | "service" | "repository" | "branch">[],
  ): Promise<void> => {
    const rows = JSON.stringify(wanted);
    await sql`insert into github_branch (project, service, repository, branch)
      select project, service, repository, branch from jsonb_to_recordset(${rows}::jsonb)
        as w(project text, service text, repository text, branch text)
      on conflict (project, service) do update set repository = excluded.repository, branch = excluded.branch,
        seen_sha = null, wanted = github_branch.wanted + 1, attempts = 0, next_at = now(), problem = null, created_at = now()
      where (github_branch.repository, github_branch.branch) is distinct from (excluded.repository, excluded.branch)`.execute(
      tx,
    );
    await sql`delete from github_branch b where not exists (
      select 1 from jsonb_to_recordset(${rows}::jsonb) as w(project text, service text)
      where w.project = b.project and w.service = b.service)`.execute(tx);
  },
);
export const connectedBranches = operation("connectedBranches", async (db: Executor): Promise<BranchRow[]> => {
  return (await sql<BranchRow>`select * from github_branch order by project, service`.execute(db)).rows;
});
/** Something may be new on these branches. */
export const wantBranches = operation(
  "wantBranches",
  async (
    tx: Executor,
    branches: readonly { readonly repository: string; readonly branch: string }[],
  ): Promise<void> => {
    if (branches.length === 0) return;
    await sql`update github_branch b set wanted = wanted + 1, next_at = now()
      from (select distinct repository, branch from jsonb_to_recordset(${JSON.stringify(branches)}::jsonb)
        as n(repository text, branch text)) n
      where b.repository = n.repository and b.branch = n.branch`.execute(tx);
  },
);
export const dueBranches = operation("dueBranches", async (db: Executor): Promise<BranchRow[]> => {
  const found = await sql<BranchRow>`select * from github_branch where wanted > fetched and next_at <= now()
    order by next_at limit 20`.execute(db);
  return found.rows;
});
/** Locks the row and tells whether it is still as it was read, but for what is wanted. */
export const lockBranch = operation(
  "lockBranch",
  async (
    tx: Executor,
    row: Pick<BranchRow, "project" | "service" | "repository" | "branch" | "seen_sha">,
  ): Promise<boolean> => {
    const found = await sql`select 1 from github_branch where project = ${row.project} and service = ${row.service}
      and repository = ${row.repository} and branch = ${row.branch} and seen_sha is not distinct from ${row.seen_sha}
      for update`.execute(tx);
    return found.rows.length > 0;
  },
);
export const branchSeen = operation(
  "branchSeen",
  async (tx: Executor, row: Pick<BranchRow, "project" | "service" | "wanted">, sha: string): Promise<void> => {
    await sql`update github_branch set seen_sha = ${sha}, fetched = greatest(fetched, ${row.wanted}), fetched_at = now(), attempts = 0, problem = null
      where project = ${row.project} and service = ${row.service}`.execute(tx);
  },
);
export const branchFailed = operation(
  "branchFailed",
  async (db: Executor, row: Pick<BranchRow, "project" | "service">, problem: string, waitMs: number): Promise<void> => {
    await sql`update github_branch set problem = ${problem}, attempts = attempts + 1,
        next_at = now() + make_interval(secs => ${waitMs / 1000})
      where project = ${row.project} and service = ${row.service}`.execute(db);
  },
);
