import type { Actor } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** Where deployments wait after a rollback, until a person resumes them. */
export interface PauseRow {
  readonly project: string;
  readonly service: string;
  readonly environment: string;
  readonly since: Date;
  readonly paused_by: Actor;
  readonly reason: string;
  /** The release that was left. */
  readonly release_id: string | null;
}

export const findPause = operation(
  "findPause",
  async (db: Executor, project: string, service: string, environment: string): Promise<PauseRow | null> => {
    const found = await sql<PauseRow>`select * from deployment_pause
      where project = ${project} and service = ${service} and environment = ${environment}`.execute(db);
    return found.rows[0] ?? null;
  },
);
export const listPauses = operation("listPauses", async (db: Executor, project: string): Promise<PauseRow[]> => {
  const found = await sql<PauseRow>`select * from deployment_pause where project = ${project}
    order by service, environment`.execute(db);
  return found.rows;
});
/** A later rollback takes the place of an earlier one's pause: what was asked for in between waits too. */
export const savePause = operation("savePause", async (tx: Executor, row: Omit<PauseRow, "since">): Promise<void> => {
  await sql`insert into deployment_pause (project, service, environment, paused_by, reason, release_id)
    values (${row.project}, ${row.service}, ${row.environment}, ${JSON.stringify(row.paused_by)}::jsonb, ${row.reason}, ${row.release_id})
    on conflict (project, service, environment) do update set since = now(), paused_by = excluded.paused_by,
      reason = excluded.reason, release_id = excluded.release_id`.execute(tx);
});
/** False where nothing was paused. */
export const deletePause = operation(
  "deletePause",
  async (tx: Executor, project: string, service: string, environment: string): Promise<boolean> => {
    const gone = await sql`delete from deployment_pause
      where project = ${project} and service = ${service} and environment = ${environment} returning 1`.execute(tx);
    return gone.rows.length > 0;
  },
);
