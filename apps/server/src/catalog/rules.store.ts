import type { NotificationRuleBody } from "@latchkey/api/notifications";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export type RuleDefinition = Omit<NotificationRuleBody, "name" | "enabled" | "channelIds">;
export interface RuleRow {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly definition: RuleDefinition;
  readonly channel_ids: string[];
  readonly created_at: Date;
}
const RULE = sql`id, project, name, enabled, definition, created_at,
  array(select channel_id from notification_rule_channel where rule_id = id order by channel_id) as channel_ids`;

export const listRules = operation("listRules", async (db: Executor, project: string): Promise<RuleRow[]> => {
  const found =
    await sql<RuleRow>`select ${RULE} from notification_rule where project = ${project} order by name`.execute(db);
  return found.rows;
});

/** All of every project that are on. */
export const rulesThatAreOn = operation("rulesThatAreOn", async (db: Executor): Promise<RuleRow[]> => {
  const found = await sql<RuleRow>`select ${RULE} from notification_rule where enabled order by created_at, id`.execute(
    db,
  );
  return found.rows;
});

export const findRule = operation(
  "findRule",
  async (db: Executor, project: string, id: string): Promise<RuleRow | null> => {
    const found =
      await sql<RuleRow>`select ${RULE} from notification_rule where id = ${id} and project = ${project}`.execute(db);
    return found.rows[0] ?? null;
  },
);

export const saveRule = operation("saveRule", async (tx: Executor, row: Omit<RuleRow, "created_at">): Promise<void> => {
  await sql`insert into notification_rule (id, project, name, enabled, definition)
      values (${row.id}, ${row.project}, ${row.name}, ${row.enabled}, ${JSON.stringify(row.definition)}::jsonb)
      on conflict (id) do update set name = excluded.name, enabled = excluded.enabled, definition = excluded.definition,
        updated_at = now()`.execute(tx);
  await sql`delete from notification_rule_channel where rule_id = ${row.id}`.execute(tx);
  await sql`insert into notification_rule_channel (rule_id, channel_id)
      select ${row.id}, id from unnest(${[...new Set(row.channel_ids)]}::text[]) as given (id)`.execute(tx);
});

export const deleteRule = operation("deleteRule", async (tx: Executor, id: string): Promise<void> => {
  await sql`delete from notification_rule where id = ${id}`.execute(tx);
});
