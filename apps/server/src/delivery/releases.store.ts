import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface ReleaseFile {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}
export interface ReleaseRow {
  readonly id: string;
  readonly project: string;
  readonly service: string;
  readonly number: number;
  readonly digest: string;
  readonly created_at: Date;
  readonly created_by: string;
  readonly commit_sha: string | null;
  readonly branch: string | null;
  readonly message: string;
  readonly author: string;
  readonly dirty: boolean;
  readonly fault: string | null;
  readonly size_bytes: string;
}
const COLUMNS = sql`id, project, service, number, digest, created_at, created_by, commit_sha, branch, message, author, dirty, fault, size_bytes`;

/** Per service, artifacts of the newest releases are spared by the collection; so is everything in use. */
const SPARED = 20;

/** Digests of releases that may be needed: the newest, what is served or under way, what was in the last two days. */
export const digestsInUse = operation("digestsInUse", async (db: Executor): Promise<Set<string>> => {
  const found = await sql<{ digest: string | null }>`select newest.digest from service s cross join lateral (
      select digest from release r where r.project = s.project and r.service = s.name order by number desc limit ${SPARED}) newest
    union select r.digest from release r join environment e on e.serving_release_id = r.id
    -- What a rollback offers: in each environment the last releases that served all visitors.
    union select r.digest from environment e cross join lateral (
      select release_id, max(finished_at) as newest from deployment d where d.project = e.project and d.service = e.service
        and d.environment = e.name and d.status = 'succeeded' group by release_id order by newest desc limit ${SPARED + 1}) served
      join release r on r.id = served.release_id
    union select r.digest from release r join deployment d on r.id in (d.release_id, d.previous_release_id)
      where d.finished_at is null or d.finished_at > now() - interval '48 hours'
    union select unnest(array[run_digest, serving_digest]) from preview
    union select digest from release where created_at > now() - interval '48 hours'`.execute(db);
  return new Set(found.rows.map((row) => row.digest).filter((digest) => digest !== null));
});

export const findRelease = operation("findRelease", async (db: Executor, id: string): Promise<ReleaseRow | null> => {
  const found = await sql<ReleaseRow>`select ${COLUMNS} from release where id = ${id}`.execute(db);
  return found.rows[0] ?? null;
});

export const findReleases = operation(
  "findReleases",
  async (db: Executor, ids: readonly (string | null)[]): Promise<Map<string, ReleaseRow>> => {
    const wanted = [...new Set(ids.filter((id): id is string => id !== null))];
    if (wanted.length === 0) return new Map();
    const found = await sql<ReleaseRow>`select ${COLUMNS} from release where id = any(${wanted})`.execute(db);
    return new Map(found.rows.map((row) => [row.id, row]));
  },
);

export const findReleaseByDigest = operation(
  "findReleaseByDigest",
  async (db: Executor, project: string, service: string, digest: string): Promise<ReleaseRow | null> => {
    const found = await sql<ReleaseRow>`select ${COLUMNS} from release
    where project = ${project} and service = ${service} and digest = ${digest}`.execute(db);
    return found.rows[0] ?? null;
  },
);

export const filesOf = operation("filesOf", async (db: Executor, id: string): Promise<ReleaseFile[]> => {
  const found = await sql<{ files: ReleaseFile[] }>`select files from release where id = ${id}`.execute(db);
  return found.rows[0]?.files ?? [];
});

/** Newest first; `before` is the number of the last release of the page before. */
export const listReleases = operation(
  "listReleases",
  async (db: Executor, project: string, service: string, before: number, limit: number): Promise<ReleaseRow[]> => {
    const found = await sql<ReleaseRow>`select ${COLUMNS} from release
    where project = ${project} and service = ${service} and number < ${before} order by number desc limit ${limit}`.execute(
      db,
    );
    return found.rows;
  },
);

export interface NewRelease extends Omit<ReleaseRow, "number" | "created_at" | "size_bytes"> {
  readonly sizeBytes: number;
  readonly files: readonly ReleaseFile[];
}

/**
 * Numbers are given under the service's row lock, so that two releases never share one. Of two servers that build the
 * same, the second gets the first one's release.
 */
export const insertRelease = operation(
  "insertRelease",
  async (tx: Executor, release: NewRelease): Promise<ReleaseRow> => {
    await sql`select 1 from service where project = ${release.project} and name = ${release.service} for update`.execute(
      tx,
    );
    const known = await sql<ReleaseRow>`select ${COLUMNS} from release
      where project = ${release.project} and service = ${release.service} and digest = ${release.digest}`.execute(tx);
    if (known.rows[0]) return known.rows[0];
    const made =
      await sql<ReleaseRow>`insert into release (id, project, service, number, digest, created_by, commit_sha, branch, message, author, dirty, fault, size_bytes, files)
    select ${release.id}, ${release.project}, ${release.service}, coalesce(max(number), 0) + 1, ${release.digest}, ${release.created_by},
      ${release.commit_sha}, ${release.branch}, ${release.message}, ${release.author}, ${release.dirty}, ${release.fault},
      ${release.sizeBytes}, ${JSON.stringify(release.files)}::jsonb
    from release where project = ${release.project} and service = ${release.service}
    returning ${COLUMNS}`.execute(tx);
    const row = made.rows[0];
    if (!row) throw new Error("insert of a release returned no row");
    return row;
  },
);
