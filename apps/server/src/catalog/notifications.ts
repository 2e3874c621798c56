import type { RetryPolicy } from "@latchkey/core/catalog/notifications/retry";
import { RETRY_POLICY } from "@latchkey/core/catalog/notifications/retry";
import type { Logger } from "pino";
import type { Secrets, Subjects } from "../ledger/index.ts";
import type { Reach } from "../platform/adapters/outgoing/reach.ts";
import { systemClock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import type { Notifications as Announcements } from "../platform/notifications.ts";
import { carriers } from "./carriers.ts";
import type { ChannelsOptions } from "./channels.controller.ts";
import { forgetOldDeliveries } from "./deliveries.store.ts";
import { Dispatcher } from "./dispatcher.controller.ts";
import { DEAD_MAX, ENTRIES_AT_ONCE, KEPT_DAYS } from "./notification-limits.ts";
import { type NotificationFigures, notificationFigures, type ZoneOf } from "./notifications.view.ts";
import { Sender } from "./sender.controller.ts";

/** Retries and other servers' entries wait for this at most; one's own entries wake it. */
const EVERY_MS = 1_000;
const HOUR_MS = 3_600_000;
/** Counting is for people and dashboards. */
const FIGURES_EVERY_MS = 10_000;

export interface NotificationsOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly lease: Lease;
  readonly secrets: Secrets;
  readonly subjects: Subjects;
  readonly reach: Reach;
  readonly baseUrl: string;
  /** Tells when entries got their numbers. */
  readonly announcements: Announcements;
  readonly policy?: RetryPolicy;
}
export interface RunningNotifications {
  /** What the routes work with. */
  readonly forRoutes: ChannelsOptions & { readonly zoneOf: ZoneOf; readonly wake: () => void };
  /** Not older than ten seconds. */
  figures(): NotificationFigures;
  stop(): Promise<void>;
}
const NONE: NotificationFigures = { waiting: 0, held: 0, dead: 0, oldestS: 0, fullest: 0 };

/** Starts the two loops, the dispatcher and the sender. */
export function runNotifications(o: NotificationsOptions): RunningNotifications {
  const { database, log, lease } = o;
  const carry = carriers({ ...o, db: database.db });
  const dispatcher = new Dispatcher({ database, clock: systemClock, lease });
  const sender = new Sender({ database, log, clock: systemClock, lease, carry, policy: o.policy ?? RETRY_POLICY });
  let stopped = false;
  let isWoken = false;
  let round: Promise<void> | null = null;
  let figures = NONE;

  const once = async () => {
    do {
      isWoken = false;
      while (!stopped && (await dispatcher.round()) === ENTRIES_AT_ONCE);
      await sender.round();
    } while (isWoken && !stopped);
  };
  const wake = () => {
    isWoken = true;
    if (stopped || round) return;
    round = once()
      .catch((error: unknown) => log.warn({ err: error }, "notifications: this round failed, the next one goes on"))
      .finally(() => {
        round = null;
      });
  };
  const count = () =>
    notificationFigures(database.db)
      .then((now) => {
        figures = now;
      })
      .catch((error: unknown) => log.debug({ err: error }, "notifications could not be counted"));
  const clean = () => {
    if (lease.held())
      forgetOldDeliveries(database.db, KEPT_DAYS, DEAD_MAX).catch((error: unknown) =>
        log.warn({ err: error }, "old notifications could not be deleted"),
      );
  };
  const timers = [setInterval(wake, EVERY_MS), setInterval(clean, HOUR_MS), setInterval(count, FIGURES_EVERY_MS)];
  const deaf = o.announcements.on("ledger", wake);
  void count();
  wake();
  return {
    forRoutes: { ...o, carry, zoneOf: (timeZone, nowMs) => dispatcher.zoneOf(timeZone, nowMs), wake },
    figures: () => figures,
    stop: async () => {
      stopped = true;
      for (const timer of timers) clearInterval(timer);
      deaf();
      await round;
      await sender.stop();
    },
  };
}
