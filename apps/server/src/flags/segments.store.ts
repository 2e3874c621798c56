import type { Condition } from "@latchkey/core/flags/model";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface SegmentRow {
  readonly key: string;
  readonly description: string;
  readonly condition: Condition;
  readonly version: number;
  readonly updated_at: Date;
}

export const listSegments = operation("listSegments", async (db: Executor, project: string): Promise<SegmentRow[]> => {
  const found = await sql<SegmentRow>`select key, description, condition, version, updated_at from flag_segment
    where project = ${project} order by key`.execute(db);
  return found.rows;
});
export const saveSegment = operation(
  "saveSegment",
  async (tx: Executor, project: string, row: Pick<SegmentRow, "key" | "description" | "condition">): Promise<void> => {
    await sql`insert into flag_segment (project, key, description, condition, version)
      values (${project}, ${row.key}, ${row.description}, ${JSON.stringify(row.condition)}::jsonb, 1)
      on conflict (project, key) do update set description = excluded.description, condition = excluded.condition,
        version = flag_segment.version + 1, updated_at = now()`.execute(tx);
  },
);
export const deleteSegment = operation(
  "deleteSegment",
  async (tx: Executor, project: string, key: string): Promise<boolean> => {
    const gone = await sql`delete from flag_segment where project = ${project} and key = ${key} returning key`.execute(
      tx,
    );
    return gone.rows.length > 0;
  },
);
