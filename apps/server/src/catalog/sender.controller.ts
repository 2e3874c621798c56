import { randomInt } from "node:crypto";
import { failed, type SendResult } from "@latchkey/core/catalog/notifications/port";
import { afterFailure, type RetryPolicy } from "@latchkey/core/catalog/notifications/retry";
import type { Logger } from "pino";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import type { Carry } from "./carriers.ts";
import { type ChannelRow, channelsThatAreOn, noteFailure, noteSuccess } from "./channels.store.ts";
import {
  claimDelivery,
  type DeliveryRow,
  dueDeliveries,
  endDelivery,
  findThread,
  postponeDelivery,
  saveThread,
  sequencesDigested,
  type ThreadRow,
} from "./deliveries.store.ts";
import { CHANNELS_AT_ONCE, SENDING_WITHIN_MS, SENT_AT_ONCE } from "./notification-limits.ts";

export interface SenderOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Pick<Clock, "now">;
  readonly lease: Pick<Lease, "fence" | "guards">;
  readonly carry: Carry;
  readonly policy: RetryPolicy;
}

const chance = (): number => randomInt(1_000_000) / 1_000_000;
const toldOf = (thread: ThreadRow | null): number => Number(thread?.reference.upTo ?? -1);

/** Why nothing is sent of a delivery, or null when it is to be sent. */
function leftOut(channel: ChannelRow, delivery: DeliveryRow, thread: ThreadRow | null): string | null {
  if (channel.kind === "webhook" || thread === null || delivery.sequence === null) return null;
  const isLate = delivery.sequence <= toldOf(thread);
  if (thread.is_closed && !isLate) return "The end of it was told already.";
  // A mail that comes late is a mail more; a message that is updated would go back in time.
  if (channel.kind === "email") return null;
  if (isLate) return "Something newer was told in its place.";
  const asks = delivery.message.outcome === "waiting";
  if (!channel.settings.updates && !delivery.is_last && !asks)
    return "An incoming webhook can't update its message: the first and the last are sent, and what waits for a person.";
  return null;
}

/**
 * Works off what is to be sent: each channel by itself, so that a slow one keeps no other waiting, and in each one after
 * the other. What is sent is claimed before and noted after: whoever dies in between sends it again with the same id.
 */
export class Sender {
  readonly #o: SenderOptions;
  readonly #busy = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(options: SenderOptions) {
    this.#o = options;
  }

  /** Sets every channel to work that has something due and is not at it. Answers when all it started has ended. */
  async round(): Promise<void> {
    const fence = this.#o.lease.fence();
    if (fence === null || this.#stopped) return;
    for (const channel of await channelsThatAreOn(this.#o.database.db)) {
      if (this.#busy.has(channel.id) || channel.is_resting) continue;
      if (this.#busy.size >= CHANNELS_AT_ONCE) break;
      const work = this.#work(channel, fence)
        .catch((error: unknown) =>
          this.#o.log.warn({ err: error, channel: channel.id }, "notifications could not be worked off"),
        )
        .finally(() => this.#busy.delete(channel.id));
      this.#busy.set(channel.id, work);
    }
  }

  /** What is under way is awaited. */
  async idle(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.idle();
  }

  async #work(channel: ChannelRow, fence: number): Promise<void> {
    let failures = channel.failures;
    for (;;) {
      // While its circuit is open one at a time is tried, to see whether it is back.
      const isProbe = failures >= this.#o.policy.breakerFailures;
      const due = await dueDeliveries(this.#o.database.db, channel.id, fence, isProbe ? 1 : SENT_AT_ONCE);
      if (due.length === 0) return;
      for (const delivery of due) {
        if (this.#stopped) return;
        const came = await this.#deliver(channel, delivery, fence, failures);
        if (came === "lost" || came === "rests") return;
        if (came === "failed") failures += 1;
        if (came === "arrived") failures = 0;
        if (failures >= this.#o.policy.breakerFailures) return;
      }
    }
  }

  async #deliver(
    channel: ChannelRow,
    delivery: DeliveryRow,
    fence: number,
    failures: number,
  ): Promise<"arrived" | "skipped" | "failed" | "rests" | "lost"> {
    const { database, lease } = this.#o;
    const { db } = database;
    const thread = delivery.thread === null ? null : await findThread(db, channel.id, delivery.thread);
    const why = leftOut(channel, delivery, thread);
    const isMine = await database.transaction(async (tx) => {
      if (!(await lease.guards(tx, fence))) return false;
      if (why === null) return claimDelivery(tx, delivery, fence, SENDING_WITHIN_MS);
      await endDelivery(tx, delivery.id, "skipped", why);
      return true;
    });
    if (!isMine) return "lost";
    if (why !== null) return "skipped";
    const digested = delivery.sequence === null ? await sequencesDigested(db, delivery.id) : [];
    const { id, message, sequence } = delivery;
    const parcel = { id, message, sequence, digested, reference: thread?.reference ?? null };
    const result = await this.#o.carry(channel, parcel).catch((error: unknown) => {
      this.#o.log.error({ err: error, delivery: id }, "a notification could not be made");
      return failed("Something went wrong here; the server's log says more.");
    });
    return result.arrived
      ? this.#noteArrival(channel, delivery, fence, { result, thread })
      : this.#noteFailure(channel, delivery, fence, failures, result);
  }

  async #noteArrival(
    channel: ChannelRow,
    delivery: DeliveryRow,
    fence: number,
    { result, thread }: { readonly result: SendResult & { arrived: true }; readonly thread: ThreadRow | null },
  ): Promise<"arrived" | "lost"> {
    const isMine = await this.#o.database.transaction(async (tx) => {
      if (!(await this.#o.lease.guards(tx, fence))) return false;
      await endDelivery(tx, delivery.id, "delivered", null);
      await noteSuccess(tx, channel.id);
      if (delivery.thread !== null && channel.kind !== "webhook") {
        const reference = { ...result.reference, upTo: String(Math.max(toldOf(thread), delivery.sequence ?? -1)) };
        await saveThread(tx, channel.id, delivery.thread, { reference, is_closed: delivery.is_last });
      }
      return true;
    });
    return isMine ? "arrived" : "lost";
  }

  async #noteFailure(
    channel: ChannelRow,
    delivery: DeliveryRow,
    fence: number,
    failures: number,
    result: SendResult & { arrived: false },
  ): Promise<"failed" | "rests" | "lost"> {
    const ageMs = this.#o.clock.now() - (delivery.first_tried_at?.getTime() ?? this.#o.clock.now());
    const { dead, retryInMs, channelRestsMs } = afterFailure(
      {
        ...{ tries: delivery.tries + 1, ageMs: Math.max(0, ageMs), channelFailures: failures + 1 },
        ...{ permanent: result.permanent, retryAfterMs: result.retryAfterMs },
      },
      this.#o.policy,
      { delivery: chance(), channel: chance() },
    );
    const isMine = await this.#o.database.transaction(async (tx) => {
      if (!(await this.#o.lease.guards(tx, fence))) return false;
      if (dead) await endDelivery(tx, delivery.id, "dead", result.words);
      else await postponeDelivery(tx, delivery.id, retryInMs, result.words);
      await noteFailure(tx, channel.id, result.words, channelRestsMs);
      return true;
    });
    this.#o.log.info(
      { channel: channel.id, delivery: delivery.id, dead, words: result.words },
      "a notification did not arrive",
    );
    if (!isMine) return "lost";
    return channelRestsMs > 0 ? "rests" : "failed";
  }
}
