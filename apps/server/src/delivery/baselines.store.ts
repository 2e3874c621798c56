import type { Difference } from "@latchkey/core/delivery/migrations/baseline";
import type { Migration } from "@latchkey/core/delivery/migrations/schema";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import type { SchemaPlace } from "./migrations.store.ts";

export interface BaselineRow {
  readonly state: "taking" | "taken" | "undoing";
  readonly files: readonly Migration[];
  readonly differences: readonly Difference[];
  readonly asked_by: Actor;
  readonly reason: string;
  readonly taken_at: Date;
}

const here = (p: SchemaPlace) =>
  sql`project = ${p.project} and service = ${p.service} and environment = ${p.environment}`;

export const baselineOf = operation(
  "baselineOf",
  async (db: Executor, place: SchemaPlace): Promise<BaselineRow | null> => {
    const found = await sql<BaselineRow>`select state, files, differences, asked_by, reason, taken_at
      from workload_baseline where ${here(place)}`.execute(db);
    return found.rows[0] ?? null;
  },
);

/** It is about to be taken: from here on no migration runs until it is. */
export const beginBaseline = operation(
  "beginBaseline",
  async (tx: Executor, place: SchemaPlace, row: Omit<BaselineRow, "state" | "taken_at">): Promise<void> => {
    const [files, differences, askedBy] = [row.files, row.differences, row.asked_by].map((part) =>
      JSON.stringify(part),
    );
    await sql`insert into workload_baseline (project, service, environment, state, files, differences, asked_by, reason)
      values (${place.project}, ${place.service}, ${place.environment}, 'taking', ${files}::jsonb, ${differences}::jsonb,
        ${askedBy}::jsonb, ${row.reason})
      on conflict (project, service, environment) do update set state = 'taking', files = excluded.files,
        differences = excluded.differences, asked_by = excluded.asked_by, reason = excluded.reason, taken_at = now()`.execute(
      tx,
    );
  },
);

export const moveBaseline = operation(
  "moveBaseline",
  async (tx: Executor, place: SchemaPlace, from: BaselineRow["state"], to: BaselineRow["state"]): Promise<boolean> => {
    const found = await sql`update workload_baseline set state = ${to} where ${here(place)} and state = ${from}
      returning 1`.execute(tx);
    return found.rows.length > 0;
  },
);

/** It never was: its files are no longer known as applied. */
export const deleteBaseline = operation(
  "deleteBaseline",
  async (tx: Executor, place: SchemaPlace, files: readonly Migration[]): Promise<void> => {
    await sql`delete from workload_baseline where ${here(place)}`.execute(tx);
    await sql`delete from workload_migration where ${here(place)} and state = 'applied' and release_id is null
      and file = any(${files.map(({ file }) => file)})`.execute(tx);
  },
);
