import type { RunSpec } from "@latchkey/core/delivery/ports";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** Which release should run on the local target, and as which process it does. */
export interface ProcessRow {
  readonly release_id: string;
  readonly spec: RunSpec;
  readonly port: number | null;
  readonly pid: number | null;
  readonly pid_started: string | null;
  readonly restarts: number;
  readonly retire_at: Date | null;
}

export const findProcess = operation(
  "findProcess",
  async (db: Executor, releaseId: string): Promise<ProcessRow | null> => {
    const found = await sql<ProcessRow>`select * from release_process where release_id = ${releaseId}`.execute(db);
    return found.rows[0] ?? null;
  },
);
export const listProcesses = operation("listProcesses", async (db: Executor): Promise<ProcessRow[]> => {
  return (await sql<ProcessRow>`select * from release_process order by release_id`.execute(db)).rows;
});
export const saveProcess = operation(
  "saveProcess",
  async (db: Executor, row: Omit<ProcessRow, "retire_at">): Promise<void> => {
    await sql`insert into release_process (release_id, spec, port, pid, pid_started, restarts)
    values (${row.release_id}, ${JSON.stringify(row.spec)}::jsonb, ${row.port}, ${row.pid}, ${row.pid_started}, ${row.restarts})
    on conflict (release_id) do update set spec = excluded.spec, port = excluded.port, pid = excluded.pid,
      pid_started = excluded.pid_started, restarts = excluded.restarts`.execute(db);
  },
);
export const setRetirement = operation(
  "setRetirement",
  async (db: Executor, releaseId: string, at: Date | null): Promise<void> => {
    await sql`update release_process set retire_at = ${at} where release_id = ${releaseId}`.execute(db);
  },
);
export const deleteProcess = operation("deleteProcess", async (db: Executor, releaseId: string): Promise<void> => {
  await sql`delete from release_process where release_id = ${releaseId}`.execute(db);
});
