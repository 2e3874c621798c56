import type { Run, RunSpec } from "@latchkey/core/delivery/ports";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** Which release should run on the local target, in which environment, and as which process it does. */
export interface ProcessRow {
  readonly release_id: string;
  /** The database takes it from `spec`. */
  readonly environment: string;
  readonly spec: RunSpec;
  readonly port: number | null;
  readonly pid: number | null;
  readonly pid_started: string | null;
  /** Where it runs; null for one of an earlier version, which was always here. */
  readonly machine: string | null;
  readonly address: string;
  readonly restarts: number;
  readonly retire_at: Date | null;
}

export const findProcess = operation(
  "findProcess",
  async (db: Executor, { releaseId, environment }: Run): Promise<ProcessRow | null> => {
    const found =
      await sql<ProcessRow>`select * from release_process where release_id = ${releaseId} and environment = ${environment}`.execute(
        db,
      );
    return found.rows[0] ?? null;
  },
);
export const listProcesses = operation("listProcesses", async (db: Executor): Promise<ProcessRow[]> => {
  return (await sql<ProcessRow>`select * from release_process order by release_id, environment`.execute(db)).rows;
});
/**
 * Writes which process runs a release, unless another server has written one since `known` was read. False then, and
 * for the same process as is written already true.
 */
export const saveProcess = operation(
  "saveProcess",
  async (
    db: Executor,
    row: Omit<ProcessRow, "retire_at" | "environment">,
    known: Pick<ProcessRow, "pid" | "pid_started" | "machine"> | null,
  ): Promise<boolean> => {
    const saved =
      await sql`insert into release_process (release_id, spec, port, pid, pid_started, restarts, machine, address)
    values (${row.release_id}, ${JSON.stringify(row.spec)}::jsonb, ${row.port}, ${row.pid}, ${row.pid_started}, ${row.restarts},
      ${row.machine}, ${row.address})
    on conflict (release_id, environment) do update set spec = excluded.spec, port = excluded.port, pid = excluded.pid,
      pid_started = excluded.pid_started, restarts = excluded.restarts, machine = excluded.machine, address = excluded.address
    where (release_process.pid, release_process.pid_started, release_process.machine)
        is not distinct from (${known?.pid ?? null}::integer, ${known?.pid_started ?? null}::text, ${known?.machine ?? null}::text)
      or (release_process.pid, release_process.pid_started, release_process.machine)
        is not distinct from (excluded.pid, excluded.pid_started, excluded.machine)
    returning 1`.execute(db);
    return saved.rows.length > 0;
  },
);
export const setRetirement = operation(
  "setRetirement",
  async (db: Executor, { releaseId, environment }: Run, at: Date | null): Promise<void> => {
    await sql`update release_process set retire_at = ${at}
      where release_id = ${releaseId} and environment = ${environment}`.execute(db);
  },
);
export const deleteProcess = operation(
  "deleteProcess",
  async (db: Executor, { releaseId, environment }: Run): Promise<void> => {
    await sql`delete from release_process where release_id = ${releaseId} and environment = ${environment}`.execute(db);
  },
);
