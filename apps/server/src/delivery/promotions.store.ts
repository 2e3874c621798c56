import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

interface Place {
  readonly project: string;
  readonly name: string;
}

/** The newest deployment by which a release came to serve an environment; null: it never did. */
export const servedBy = operation(
  "servedBy",
  async (db: Executor, service: Place, environment: string, releaseId: string): Promise<string | null> => {
    const found = await sql<{ id: string }>`select id from deployment
      where project = ${service.project} and service = ${service.name} and environment = ${environment}
        and release_id = ${releaseId} and status in ('holdback', 'succeeded') order by id desc limit 1`.execute(db);
    return found.rows[0]?.id ?? null;
  },
);

/** Why an environment was last taken back from a release, after a deployment that brought it there; null: it was not. */
export const leftSince = operation(
  "leftSince",
  async (
    db: Executor,
    service: Place,
    asked: { readonly environment: string; readonly releaseId: string; readonly since: string },
  ): Promise<string | null> => {
    const found = await sql<{ reason: string }>`select reason from deployment as back
      where project = ${service.project} and service = ${service.name} and environment = ${asked.environment}
        and rollback ->> 'fromReleaseId' = ${asked.releaseId} and finished_at is not null and status = 'succeeded'
        and created_at >= (select created_at from deployment where id = ${asked.since})
        and not exists (select 1 from deployment as again where again.project = back.project
          and again.service = back.service and again.environment = back.environment
          and again.release_id = ${asked.releaseId} and again.id > back.id and again.status in ('holdback', 'succeeded'))
      order by id desc limit 1`.execute(db);
    return found.rows[0]?.reason ?? null;
  },
);

export interface Attempt {
  readonly id: string;
  readonly status: string;
}
/** The newest deployment of a release to an environment since another deployment; null: there was none. */
export const attemptSince = operation(
  "attemptSince",
  async (
    db: Executor,
    service: Place,
    asked: { readonly environment: string; readonly releaseId: string; readonly since: string },
  ): Promise<Attempt | null> => {
    const found = await sql<Attempt>`select id, status from deployment
      where project = ${service.project} and service = ${service.name} and environment = ${asked.environment}
        and release_id = ${asked.releaseId}
        and created_at >= (select created_at from deployment where id = ${asked.since}) order by id desc limit 1`.execute(
      db,
    );
    return found.rows[0] ?? null;
  },
);
