import type { Message } from "@latchkey/core/catalog/notifications/message";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export type DeliveryState = "held" | "waiting" | "delivered" | "skipped" | "digested" | "dead";
export interface DeliveryRow {
  readonly id: string;
  readonly position: number;
  readonly project: string;
  readonly channel_id: string;
  readonly rule_id: string | null;
  readonly sequence: number | null;
  readonly type: string;
  readonly thread: string | null;
  readonly is_last: boolean;
  readonly message: Message;
  readonly state: DeliveryState;
  readonly tries: number;
  readonly next_at: Date;
  readonly first_tried_at: Date | null;
  readonly created_at: Date;
  readonly ended_at: Date | null;
  readonly last_failure: string | null;
}
const DELIVERY = sql`d.id, d.position::float8 as position, d.project, d.channel_id, d.rule_id, d.sequence::float8 as sequence,
  d.type, d.thread, d.is_last, d.message, d.state, d.tries, d.next_at, d.first_tried_at, d.created_at, d.ended_at, d.last_failure`;

/** Locks the cursor and answers it: rounds that overlap take turns. */
export const lockCursor = operation("lockCursor", async (tx: Executor): Promise<number> => {
  const found = await sql<{ after: number }>`select after_sequence::float8 as after from notification_cursor
    where name = 'ledger' for update`.execute(tx);
  return found.rows[0]?.after ?? -1;
});
export const readCursor = operation("readCursor", async (db: Executor): Promise<number> => {
  const found = await sql<{ after: number }>`select after_sequence::float8 as after from notification_cursor
    where name = 'ledger'`.execute(db);
  return found.rows[0]?.after ?? -1;
});
export const moveCursor = operation("moveCursor", async (tx: Executor, after: number): Promise<void> => {
  await sql`update notification_cursor set after_sequence = ${after} where name = 'ledger'`.execute(tx);
});

export interface NewDelivery
  extends Pick<DeliveryRow, "id" | "project" | "channel_id" | "rule_id" | "sequence" | "type" | "thread" | "is_last"> {
  readonly message: Message;
  /** Held back until then; null goes out now. */
  readonly heldUntil: Date | null;
}

/**
 * Writes what is to be sent; what a channel has of the same entry already stays. Beyond `queueMax` of a channel it is a
 * dead letter at once, which can be replayed.
 */
export const insertDelivery = operation(
  "insertDelivery",
  async (tx: Executor, row: NewDelivery, queueMax: number): Promise<void> => {
    await sql`insert into notification_delivery
        (id, project, channel_id, rule_id, sequence, type, thread, is_last, message, state, next_at, ended_at, last_failure)
      select ${row.id}, ${row.project}, ${row.channel_id}, ${row.rule_id}, ${row.sequence}, ${row.type}, ${row.thread},
        ${row.is_last}, ${JSON.stringify(row.message)}::jsonb,
        case when q.isFull then 'dead' when ${row.heldUntil}::timestamptz is null then 'waiting' else 'held' end,
        coalesce(${row.heldUntil}::timestamptz, now()), case when q.isFull then now() end,
        case when q.isFull then ${`The channel's queue was full (${queueMax}).`} end
      from (select count(*) >= ${queueMax} as isFull from (select 1 from notification_delivery
        where channel_id = ${row.channel_id} and state in ('waiting', 'held') limit ${queueMax}) as counted) as q
      on conflict (channel_id, sequence) do nothing`.execute(tx);
  },
);

/** Channels with something held whose time has come. */
export const channelsToDigest = operation(
  "channelsToDigest",
  async (db: Executor, limit: number): Promise<{ channel_id: string; project: string }[]> => {
    const found = await sql<{ channel_id: string; project: string }>`select distinct channel_id, project
      from notification_delivery where state = 'held' and next_at <= now() limit ${limit}`.execute(db);
    return found.rows;
  },
);

/** What is held there and due, oldest first, locked. */
export const takeHeld = operation(
  "takeHeld",
  async (tx: Executor, channelId: string, limit: number): Promise<DeliveryRow[]> => {
    const found = await sql<DeliveryRow>`select ${DELIVERY} from notification_delivery d
      where channel_id = ${channelId} and state = 'held' and next_at <= now() order by position limit ${limit} for update`.execute(
      tx,
    );
    return found.rows;
  },
);

/** What was held goes out as it is. */
export const releaseHeld = operation("releaseHeld", async (tx: Executor, id: string): Promise<void> => {
  await sql`update notification_delivery set state = 'waiting', next_at = now() where id = ${id}`.execute(tx);
});

export const markDigested = operation(
  "markDigested",
  async (tx: Executor, ids: readonly string[], digestId: string): Promise<void> => {
    await sql`update notification_delivery set state = 'digested', digest_id = ${digestId}, ended_at = now()
      where id = any(${[...ids]})`.execute(tx);
  },
);

/** Of a digest: the entries that it tells of. */
export const sequencesDigested = operation(
  "sequencesDigested",
  async (db: Executor, digestId: string): Promise<number[]> => {
    const found = await sql<{ sequence: number }>`select sequence::float8 as sequence from notification_delivery
      where digest_id = ${digestId} and sequence is not null order by position`.execute(db);
    return found.rows.map((row) => row.sequence);
  },
);

/**
 * What of a channel may be sent now: due, nothing of the same thread waits before it, and nobody is at it. What somebody
 * was at under an older fence may be sent at once: that server is gone. Those least tried come first, so that one that
 * never arrives keeps no other one back.
 */
export const dueDeliveries = operation(
  "dueDeliveries",
  async (db: Executor, channelId: string, fence: number, limit: number): Promise<DeliveryRow[]> => {
    const found = await sql<DeliveryRow>`select ${DELIVERY} from notification_delivery d
      where d.channel_id = ${channelId} and d.state = 'waiting' and (d.next_at <= now() or d.sending_fence < ${fence})
        and (d.thread is null or not exists (select 1 from notification_delivery e where e.channel_id = d.channel_id
          and e.state = 'waiting' and e.thread = d.thread and e.position < d.position))
      order by d.tries, d.position limit ${limit}`.execute(db);
    return found.rows;
  },
);

/** Says that somebody is at it, until `withinMs` have passed. False when it is not as it was seen. */
export const claimDelivery = operation(
  "claimDelivery",
  async (tx: Executor, row: Pick<DeliveryRow, "id" | "tries">, fence: number, withinMs: number): Promise<boolean> => {
    const claimed = await sql`update notification_delivery set tries = tries + 1, sending_fence = ${fence},
        first_tried_at = coalesce(first_tried_at, now()), next_at = now() + make_interval(secs => ${withinMs / 1_000})
      where id = ${row.id} and state = 'waiting' and tries = ${row.tries} returning id`.execute(tx);
    return claimed.rows.length > 0;
  },
);

/** It is over: delivered, left out, or given up. */
export const endDelivery = operation(
  "endDelivery",
  async (tx: Executor, id: string, state: "delivered" | "skipped" | "dead", words: string | null): Promise<void> => {
    await sql`update notification_delivery set state = ${state}, ended_at = now(), sending_fence = null, last_failure = ${words}
      where id = ${id} and state = 'waiting'`.execute(tx);
  },
);

export const postponeDelivery = operation(
  "postponeDelivery",
  async (tx: Executor, id: string, waitMs: number, words: string): Promise<void> => {
    await sql`update notification_delivery set next_at = now() + make_interval(secs => ${waitMs / 1_000}), sending_fence = null,
      last_failure = ${words} where id = ${id} and state = 'waiting'`.execute(tx);
  },
);

/** Dead letters wait again, with the ids that they had and in the order that they had. Answers how many. */
export const reviveDead = operation(
  "reviveDead",
  async (
    tx: Executor,
    project: string,
    which: { ids?: readonly string[] | undefined; channelId?: string | undefined },
    limit: number,
  ): Promise<{ id: string }[]> => {
    const revived = await sql<{
      id: string;
    }>`update notification_delivery set state = 'waiting', tries = 0, next_at = now(),
        first_tried_at = null, ended_at = null, sending_fence = null
      where id in (select id from notification_delivery where project = ${project} and state = 'dead'
        and (${which.ids ? [...which.ids] : null}::text[] is null or id = any(${which.ids ? [...which.ids] : []}::text[]))
        and (${which.channelId ?? null}::text is null or channel_id = ${which.channelId ?? null})
        order by position limit ${limit})
      returning id`.execute(tx);
    if (revived.rows.length > 0)
      await sql`update notification_channel set rests_until = now() where rests_until is not null
        and id in (select channel_id from notification_delivery where id = any(${revived.rows.map((row) => row.id)}))`.execute(
        tx,
      );
    return revived.rows;
  },
);

export const listDeliveries = operation(
  "listDeliveries",
  async (
    db: Executor,
    project: string,
    filter: { before: number; limit: number; state?: DeliveryState | undefined; channelId?: string | undefined },
  ): Promise<(DeliveryRow & { channel_name: string })[]> => {
    const found = await sql<DeliveryRow & { channel_name: string }>`select ${DELIVERY}, c.name as channel_name
      from notification_delivery d join notification_channel c on c.id = d.channel_id
      where d.project = ${project} and d.position < ${filter.before}
        and (${filter.state ?? null}::text is null or d.state = ${filter.state ?? null})
        and (${filter.channelId ?? null}::text is null or d.channel_id = ${filter.channelId ?? null})
      order by d.position desc limit ${filter.limit}`.execute(db);
    return found.rows;
  },
);

export interface Standing {
  readonly channel_id: string;
  readonly waiting: number;
  readonly held: number;
  readonly dead: number;
  /** Of what waits and is not held, the oldest. */
  readonly oldest_s: number | null;
}
/** How many wait, are held and are dead, by channel. */
export const standings = operation("standings", async (db: Executor, project: string | null): Promise<Standing[]> => {
  const found = await sql<Standing>`select channel_id, count(*) filter (where state = 'waiting')::float8 as waiting,
      count(*) filter (where state = 'held')::float8 as held, count(*) filter (where state = 'dead')::float8 as dead,
      extract(epoch from now() - min(created_at) filter (where state = 'waiting'))::float8 as oldest_s
    from notification_delivery where state in ('waiting', 'held', 'dead') and (${project}::text is null or project = ${project})
    group by channel_id`.execute(db);
  return found.rows;
});

/** Forgets what ended long ago, and of a channel's dead letters those beyond `deadMax`, which are counted. */
export const forgetOldDeliveries = operation(
  "forgetOldDeliveries",
  async (tx: Executor, keepDays: number, deadMax: number): Promise<void> => {
    await sql`with gone as (delete from notification_delivery where id in (
        select id from (select id, state, ended_at,
            row_number() over (partition by channel_id, state order by position desc) as nth
          from notification_delivery where ended_at is not null) as ended
        where ended_at < now() - make_interval(days => ${keepDays}) or (state = 'dead' and nth > ${deadMax}))
      returning channel_id, state)
      update notification_channel c set dropped = dropped + g.n
      from (select channel_id, count(*) as n from gone where state = 'dead' group by channel_id) as g where g.channel_id = c.id`.execute(
      tx,
    );
    await sql`delete from notification_thread where updated_at < now() - make_interval(days => ${keepDays})`.execute(
      tx,
    );
  },
);

export interface ThreadRow {
  readonly reference: Readonly<Record<string, string>>;
  readonly is_closed: boolean;
}
export const findThread = operation(
  "findThread",
  async (db: Executor, channelId: string, thread: string): Promise<ThreadRow | null> => {
    const found = await sql<ThreadRow>`select reference, is_closed from notification_thread
      where channel_id = ${channelId} and thread = ${thread}`.execute(db);
    return found.rows[0] ?? null;
  },
);
export const saveThread = operation(
  "saveThread",
  async (tx: Executor, channelId: string, thread: string, row: ThreadRow): Promise<void> => {
    await sql`insert into notification_thread (channel_id, thread, reference, is_closed)
      values (${channelId}, ${thread}, ${JSON.stringify(row.reference)}::jsonb, ${row.is_closed})
      on conflict (channel_id, thread) do update set reference = excluded.reference,
        is_closed = notification_thread.is_closed or excluded.is_closed, updated_at = now()`.execute(tx);
  },
);
