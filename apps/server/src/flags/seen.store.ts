import type { EvaluationContext } from "@latchkey/core/flags/model";
import type { SeenUser } from "@latchkey/core/flags/seen";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** A day's users of one environment; only the lowest `most` hashes of the day stay. */
export const saveSeen = operation(
  "saveSeen",
  async (
    tx: Executor,
    place: { readonly project: string; readonly environment: string; readonly day: string },
    users: readonly SeenUser[],
    most: number,
  ): Promise<void> => {
    const { project, environment, day } = place;
    const rows = JSON.stringify(users);
    await sql`insert into flag_seen_user (project, environment, day, hash, context)
      select ${project}, ${environment}, ${day}::date, hash, context
      from jsonb_to_recordset(${rows}::jsonb) as user_seen(hash bigint, context jsonb)
      on conflict do nothing`.execute(tx);
    await sql`delete from flag_seen_user where project = ${project} and environment = ${environment} and day = ${day}::date
      and hash > (select max(hash) from (select hash from flag_seen_user where project = ${project}
        and environment = ${environment} and day = ${day}::date order by hash limit ${most}) as lowest)`.execute(tx);
  },
);
/** Those of the last days, the oldest day first. */
export const seenUsers = operation(
  "seenUsers",
  async (db: Executor, project: string, environment: string, days: number): Promise<SeenUser[]> => {
    const found = await sql<{ hash: string; context: EvaluationContext }>`select hash, context from flag_seen_user
      where project = ${project} and environment = ${environment} and day > (now() at time zone 'utc')::date - ${days}::int
      order by day, hash`.execute(db);
    return found.rows.map(({ hash, context }) => ({ hash: Number(hash), context }));
  },
);
export const forgetSeen = operation("forgetSeen", async (db: Executor, days: number): Promise<void> => {
  await sql`delete from flag_seen_user where day <= (now() at time zone 'utc')::date - ${days}::int`.execute(db);
});
