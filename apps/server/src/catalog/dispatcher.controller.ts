import { type Entry, isLast, threadOf } from "@latchkey/core/catalog/notifications/entry";
import { type Planned, plan, type Rule } from "@latchkey/core/catalog/notifications/matching";
import { DIGEST_ITEMS_MAX, digestOf, messageOf, STORY_MAX } from "@latchkey/core/catalog/notifications/message";
import { HELD_MAX_MS } from "@latchkey/core/catalog/notifications/quiet-hours";
import type { Zone } from "@latchkey/core/shared/zone";
import { allEntriesAfter, entriesBefore } from "../ledger/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import type { Lease } from "../platform/leases.ts";
import { zoneBetween } from "../platform/zones.ts";
import {
  channelsToDigest,
  insertDelivery,
  lockCursor,
  markDigested,
  moveCursor,
  readCursor,
  releaseHeld,
  takeHeld,
} from "./deliveries.store.ts";
import { ENTRIES_AT_ONCE, QUEUE_MAX } from "./notification-limits.ts";
import { type RuleRow, rulesThatAreOn } from "./rules.store.ts";

export const DIGEST = "catalog.notification.digest";
/** Channels whose held messages are put together in one round. */
const DIGESTS_AT_ONCE = 50;
const DAY_MS = 86_400_000;
const ZONES_MAX = 600;

export interface DispatcherOptions {
  readonly database: Transactions;
  readonly clock: Pick<Clock, "now">;
  readonly lease: Pick<Lease, "fence" | "guards">;
}

/**
 * Reads the ledger behind its own cursor, asks the rules, and writes what is to be sent: cursor and deliveries in one
 * transaction, so that no entry is passed over and none is written twice, whoever dies when.
 */
export class Dispatcher {
  readonly #o: DispatcherOptions;
  readonly #zones = new Map<string, { readonly untilMs: number; readonly zone: Zone | null }>();

  constructor(options: DispatcherOptions) {
    this.#o = options;
  }

  /** One round. Answers how many entries it has read: as many as fit means that more may wait. */
  async round(): Promise<number> {
    const fence = this.#o.lease.fence();
    if (fence === null) return 0;
    await this.#digestHeld(fence);
    const { db } = this.#o.database;
    // Most seconds bring nothing: that is found out without a transaction.
    if ((await allEntriesAfter(db, await readCursor(db), 1)).length === 0) return 0;
    return this.#o.database.transaction(async (tx) => {
      if (!(await this.#o.lease.guards(tx, fence))) return 0;
      const rows = await allEntriesAfter(tx, await lockCursor(tx), ENTRIES_AT_ONCE);
      const last = rows.at(-1);
      if (!last) return 0;
      const rules = (await rulesThatAreOn(tx)).map(ruleOf);
      const nowMs = this.#o.clock.now();
      const zoneOf = (timeZone: string) => this.zoneOf(timeZone, nowMs);
      for (const row of rules.length === 0 ? [] : rows) {
        const entry = JSON.parse(row.canonical) as Entry;
        const planned = plan(entry, rules, zoneOf, nowMs);
        if (planned.length > 0) await writeDeliveries(tx, entry, planned);
      }
      await moveCursor(tx, last.sequence);
      return rows.length;
    });
  }

  /** A zone's changes of the clock around now. */
  zoneOf(timeZone: string, nowMs: number): Zone | null {
    const known = this.#zones.get(timeZone);
    if (known && known.untilMs > nowMs) return known.zone;
    if (this.#zones.size >= ZONES_MAX) this.#zones.clear();
    const zone = zoneBetween(timeZone, nowMs - 2 * DAY_MS, nowMs + HELD_MAX_MS + 2 * DAY_MS);
    this.#zones.set(timeZone, { untilMs: nowMs + DAY_MS, zone });
    return zone;
  }

  /** What was held and is due: one goes out as it is, more as one message. */
  async #digestHeld(fence: number): Promise<void> {
    for (const { channel_id, project } of await channelsToDigest(this.#o.database.db, DIGESTS_AT_ONCE)) {
      await this.#o.database.transaction(async (tx) => {
        if (!(await this.#o.lease.guards(tx, fence))) return;
        const held = await takeHeld(tx, channel_id, DIGEST_ITEMS_MAX);
        const [only] = held;
        if (!only) return;
        if (held.length === 1) return releaseHeld(tx, only.id);
        const id = newId("ntf");
        const message = digestOf(held.map((row) => ({ sequence: row.sequence ?? 0, message: row.message })));
        await markDigested(
          tx,
          held.map((row) => row.id),
          id,
        );
        const none = { rule_id: null, sequence: null, thread: null, is_last: false, heldUntil: null };
        await insertDelivery(tx, { ...none, id, project, channel_id, type: DIGEST, message }, QUEUE_MAX);
      });
    }
  }
}

export const ruleOf = (row: RuleRow): Rule => ({
  ...row.definition,
  id: row.id,
  project: row.project,
  enabled: row.enabled,
  channelIds: row.channel_ids,
});

async function writeDeliveries(tx: Transaction, entry: Entry, planned: readonly Planned[]): Promise<void> {
  const thread = threadOf(entry);
  const before = { before: entry.sequence + 1, subject: thread ?? "", limit: STORY_MAX };
  const story = thread?.startsWith("rollout/") ? await entriesBefore(tx, entry.project, before) : [];
  const message = messageOf(
    entry,
    story.reverse().map((row) => JSON.parse(row.canonical) as Entry),
  );
  for (const { channelId, ruleId, severity, heldUntilMs } of planned) {
    const row = {
      ...{ id: newId("ntf"), project: entry.project, channel_id: channelId, rule_id: ruleId },
      ...{ sequence: entry.sequence, type: entry.type, thread, is_last: isLast(entry.type) },
      message: { ...message, severity },
      heldUntil: heldUntilMs === null ? null : new Date(heldUntilMs),
    };
    await insertDelivery(tx, row, QUEUE_MAX);
  }
}
