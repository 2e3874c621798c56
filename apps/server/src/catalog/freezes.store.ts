import type { Actor } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface FreezeRow {
  readonly id: string;
  readonly project: string;
  /** Null: every one. */
  readonly service: string | null;
  readonly environment: string | null;
  readonly reason: string;
  readonly begins_at: Date;
  readonly ends_at: Date;
  readonly created_by: Actor;
  readonly created_at: Date;
  readonly lifted_at: Date | null;
}

export const insertFreeze = operation(
  "insertFreeze",
  async (tx: Executor, row: Omit<FreezeRow, "created_at" | "lifted_at">): Promise<void> => {
    await sql`insert into change_freeze (id, project, service, environment, reason, begins_at, ends_at, created_by)
      values (${row.id}, ${row.project}, ${row.service}, ${row.environment}, ${row.reason}, ${row.begins_at}, ${row.ends_at},
        ${JSON.stringify(row.created_by)}::jsonb)`.execute(tx);
  },
);

export const findFreeze = operation(
  "findFreeze",
  async (db: Executor, project: string, id: string): Promise<FreezeRow | null> =>
    (await sql<FreezeRow>`select * from change_freeze where project = ${project} and id = ${id}`.execute(db)).rows[0] ??
    null,
);

/** False when it is over already. */
export const liftFreeze = operation("liftFreeze", async (tx: Executor, id: string): Promise<boolean> => {
  const done =
    await sql`update change_freeze set lifted_at = now() where id = ${id} and lifted_at is null and ends_at > now() returning id`.execute(
      tx,
    );
  return done.rows.length > 0;
});

/** Those that are not over, soonest end first. */
export const openFreezes = operation("openFreezes", async (db: Executor, project: string): Promise<FreezeRow[]> => {
  const found =
    await sql<FreezeRow>`select * from change_freeze where project = ${project} and lifted_at is null and ends_at > now()
    order by ends_at, id limit 200`.execute(db);
  return found.rows;
});

/** The freeze that holds a place up now, the one that ends last; null where none does. */
export const freezeOf = operation(
  "freezeOf",
  async (db: Executor, project: string, service: string, environment: string): Promise<FreezeRow | null> => {
    const found = await sql<FreezeRow>`select * from change_freeze where project = ${project} and lifted_at is null
      and begins_at <= now() and ends_at > now()
      and (service is null or service = ${service}) and (environment is null or environment = ${environment})
      order by ends_at desc, id limit 1`.execute(db);
    return found.rows[0] ?? null;
  },
);
