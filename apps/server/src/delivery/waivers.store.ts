import type { Actor } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface WaiverRow {
  readonly id: string;
  readonly project: string;
  readonly service: string;
  readonly gate: string;
  readonly reason: string;
  readonly could_not_run: boolean;
  readonly waived_by: Actor;
  readonly created_at: Date;
  readonly until: Date;
  readonly revoked_at: Date | null;
}
const COLUMNS = sql`id, project, service, gate, reason, could_not_run, waived_by, created_at, until, revoked_at`;

export const insertWaiver = operation(
  "insertWaiver",
  async (tx: Executor, row: Omit<WaiverRow, "created_at" | "revoked_at">): Promise<WaiverRow> => {
    const made = await sql<WaiverRow>`
      insert into gate_waiver (id, project, service, gate, reason, could_not_run, waived_by, until)
      values (${row.id}, ${row.project}, ${row.service}, ${row.gate}, ${row.reason}, ${row.could_not_run},
        ${JSON.stringify(row.waived_by)}::jsonb, ${row.until}) returning ${COLUMNS}`.execute(tx);
    const [waiver] = made.rows;
    if (!waiver) throw new Error("the waiver just written is not there");
    return waiver;
  },
);

export const findWaiver = operation("findWaiver", async (db: Executor, id: string): Promise<WaiverRow | null> => {
  const found = await sql<WaiverRow>`select ${COLUMNS} from gate_waiver where id = ${id}`.execute(db);
  return found.rows[0] ?? null;
});

/** Newest first; `before` is the id of the last of the page before. */
export const listWaivers = operation(
  "listWaivers",
  async (
    db: Executor,
    of: {
      readonly project: string;
      readonly service: string;
      readonly before: string | undefined;
      readonly limit: number;
    },
  ): Promise<WaiverRow[]> => {
    const found = await sql<WaiverRow>`select ${COLUMNS} from gate_waiver
      where project = ${of.project} and service = ${of.service} and (${of.before ?? null}::text is null or id < ${of.before ?? null})
      order by id desc limit ${of.limit}`.execute(db);
    return found.rows;
  },
);

/** The waiver of a gate that is in force now, by the database's clock: the one that reaches furthest. */
export const waiverInForce = operation(
  "waiverInForce",
  async (
    db: Executor,
    of: { readonly project: string; readonly service: string; readonly gate: string; readonly couldNotRun: boolean },
  ): Promise<WaiverRow | null> => {
    const found = await sql<WaiverRow>`select ${COLUMNS} from gate_waiver
      where project = ${of.project} and service = ${of.service} and gate = ${of.gate} and revoked_at is null and until > now()
        and (could_not_run or not ${of.couldNotRun}::boolean)
      order by until desc limit 1`.execute(db);
    return found.rows[0] ?? null;
  },
);

/** False when it was revoked before. */
export const markRevoked = operation("markRevoked", async (tx: Executor, id: string, by: Actor): Promise<boolean> => {
  const done = await sql`update gate_waiver set revoked_at = now(), revoked_by = ${JSON.stringify(by)}::jsonb
    where id = ${id} and revoked_at is null returning 1`.execute(tx);
  return done.rows.length === 1;
});
