import { sql } from "kysely";
import type { FlagsOutcome } from "../flags/index.ts";
import { type Executor, operation } from "../platform/database.ts";

export interface RollbackFlagsRow {
  readonly since: Date;
  readonly outcome: FlagsOutcome;
}

/** When the first of these deployments began to be rolled out; null where none was. */
export const rolloutsBeganAt = operation(
  "rolloutsBeganAt",
  async (db: Executor, deploymentIds: readonly string[]): Promise<Date | null> => {
    const found = await sql<{ at: Date | null }>`select min(started_at) as at from rollout
      where deployment_id = any(${deploymentIds}::text[])`.execute(db);
    return found.rows[0]?.at ?? null;
  },
);

/** What became of the flags with a rollback, by the deployment that goes back or is turned back. */
export const saveRollbackFlags = operation(
  "saveRollbackFlags",
  async (tx: Executor, deploymentId: string, row: RollbackFlagsRow): Promise<void> => {
    await sql`insert into rollback_flags (deployment_id, since, outcome)
      values (${deploymentId}, ${row.since}, ${JSON.stringify(row.outcome)}::jsonb)
      on conflict (deployment_id) do update set since = excluded.since, outcome = excluded.outcome, at = now()`.execute(
      tx,
    );
  },
);
export const findRollbackFlags = operation(
  "findRollbackFlags",
  async (db: Executor, deploymentId: string): Promise<RollbackFlagsRow | null> => {
    const found = await sql<RollbackFlagsRow>`select since, outcome from rollback_flags
      where deployment_id = ${deploymentId}`.execute(db);
    return found.rows[0] ?? null;
  },
);
