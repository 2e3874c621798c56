import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export type ChannelKind = "slack" | "webhook" | "email";
export interface ChannelRow {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly kind: ChannelKind;
  readonly enabled: boolean;
  readonly settings: { readonly words: string; readonly updates: boolean };
  readonly secrets: Buffer;
  readonly failures: number;
  readonly rests_until: Date | null;
  readonly is_resting: boolean;
  readonly last_success_at: Date | null;
  readonly last_failure_at: Date | null;
  readonly last_failure: string | null;
  readonly dropped: number;
  readonly created_at: Date;
}
const CHANNEL = sql`id, project, name, kind, enabled, settings, secrets, failures, rests_until, last_success_at,
  last_failure_at, last_failure, dropped::float8 as dropped, created_at, coalesce(rests_until > now(), false) as is_resting`;

/** A project's channels, by name. There are few: their number has a limit. */
export const listChannels = operation("listChannels", async (db: Executor, project: string): Promise<ChannelRow[]> => {
  const found = await sql<ChannelRow>`select ${CHANNEL} from notification_channel where project = ${project}
    order by name`.execute(db);
  return found.rows;
});

export const findChannel = operation(
  "findChannel",
  async (db: Executor, project: string | null, id: string): Promise<ChannelRow | null> => {
    const found = await sql<ChannelRow>`select ${CHANNEL} from notification_channel
      where id = ${id} and (${project}::text is null or project = ${project})`.execute(db);
    return found.rows[0] ?? null;
  },
);

/** All of every project that are on. */
export const channelsThatAreOn = operation("channelsThatAreOn", async (db: Executor): Promise<ChannelRow[]> => {
  const found = await sql<ChannelRow>`select ${CHANNEL} from notification_channel where enabled order by id`.execute(
    db,
  );
  return found.rows;
});

/** Takes turns with everybody who changes a project's channels or rules: a limit then holds, and "the first" is one. */
export const lockNotifications = operation(
  "lockNotifications",
  async (tx: Executor, project: string): Promise<void> => {
    await sql`select pg_advisory_xact_lock(hashtextextended('notifications ' || ${project}, 0))`.execute(tx);
  },
);

export const insertChannel = operation(
  "insertChannel",
  async (
    tx: Executor,
    row: Pick<ChannelRow, "id" | "project" | "name" | "kind" | "settings" | "secrets">,
  ): Promise<boolean> => {
    const made = await sql`insert into notification_channel (id, project, name, kind, settings, secrets)
      values (${row.id}, ${row.project}, ${row.name}, ${row.kind}, ${JSON.stringify(row.settings)}::jsonb, ${row.secrets})
      on conflict (project, name) do nothing returning id`.execute(tx);
    return made.rows.length > 0;
  },
);

/** What is given is changed. With another target its failures are forgotten: they were the old one's. */
export const updateChannel = operation(
  "updateChannel",
  async (
    tx: Executor,
    id: string,
    change: {
      name?: string | undefined;
      enabled?: boolean | undefined;
      target?: Pick<ChannelRow, "kind" | "settings" | "secrets"> | undefined;
    },
  ): Promise<void> => {
    const { name, enabled, target } = change;
    await sql`update notification_channel set updated_at = now(), name = coalesce(${name ?? null}, name),
      enabled = coalesce(${enabled ?? null}, enabled) where id = ${id}`.execute(tx);
    if (!target) return;
    await sql`update notification_channel set kind = ${target.kind}, settings = ${JSON.stringify(target.settings)}::jsonb,
      secrets = ${target.secrets}, failures = 0, rests_until = null where id = ${id}`.execute(tx);
    await sql`delete from notification_thread where channel_id = ${id}`.execute(tx);
  },
);

/** Another secret for the same target. */
export const saveSecrets = operation(
  "saveSecrets",
  async (tx: Executor, id: string, secrets: Buffer): Promise<void> => {
    await sql`update notification_channel set secrets = ${secrets}, updated_at = now() where id = ${id}`.execute(tx);
  },
);

export const nameIsTaken = operation(
  "nameIsTaken",
  async (
    db: Executor,
    table: "channel" | "rule",
    project: string,
    name: string,
    exceptId: string,
  ): Promise<boolean> => {
    const of = sql.table(table === "channel" ? "notification_channel" : "notification_rule");
    const found =
      await sql`select 1 from ${of} where project = ${project} and name = ${name} and id <> ${exceptId}`.execute(db);
    return found.rows.length > 0;
  },
);

/** With its deliveries and threads. */
export const deleteChannel = operation("deleteChannel", async (tx: Executor, id: string): Promise<void> => {
  await sql`delete from notification_channel where id = ${id}`.execute(tx);
});

/** Something arrived there. What the silence had put off is due again when the channel had rested. */
export const noteSuccess = operation("noteSuccess", async (tx: Executor, id: string): Promise<void> => {
  await sql`update notification_delivery set next_at = now() where channel_id = ${id} and state = 'waiting'
    and sending_fence is null and exists (select 1 from notification_channel where id = ${id} and rests_until is not null)`.execute(
    tx,
  );
  await sql`update notification_channel set failures = 0, rests_until = null, last_success_at = now() where id = ${id}`.execute(
    tx,
  );
});

/** Something did not. */
export const noteFailure = operation(
  "noteFailure",
  async (tx: Executor, id: string, words: string, restsMs: number): Promise<void> => {
    await sql`update notification_channel set failures = failures + 1, last_failure_at = now(), last_failure = ${words},
      rests_until = case when ${restsMs}::float8 > 0 then now() + make_interval(secs => ${restsMs / 1_000}) else rests_until end
      where id = ${id}`.execute(tx);
  },
);
