import type { Logger } from "pino";
import type { Subjects } from "../ledger/index.ts";
import { systemClock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import type { Http } from "../platform/http.ts";
import type { Lease } from "../platform/leases.ts";
import type { Notifications } from "../platform/notifications.ts";
import { registerInsightHooks } from "./hooks.routes.ts";
import { registerInsights } from "./insights.routes.ts";
import { OwnDeployments } from "./own-deployments.controller.ts";
import { Projector } from "./projector.controller.ts";

/** Figures about delivery: facts of many sources, the records that are made of them, and DORA's five keys. */
export interface InsightsRoomOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly lease: Lease;
  readonly subjects: Subjects;
  readonly announcements: Notifications;
}

export function startInsights(http: Http, o: InsightsRoomOptions): { stop(): Promise<void> } {
  const clock = systemClock;
  const projector = new Projector({ ...o, clock });
  const own = new OwnDeployments({ ...o, clock, onTaken: () => projector.wake() });
  registerInsights(http, { ...o, now: () => clock.now(), wake: () => projector.wake() });
  registerInsightHooks(http, { ...o, now: () => clock.now(), wake: () => projector.wake() });
  projector.start();
  own.start();
  return {
    stop: async () => {
      await own.stop();
      await projector.stop();
    },
  };
}
