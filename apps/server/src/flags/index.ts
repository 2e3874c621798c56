import type { Logger } from "pino";
import type { Subjects } from "../ledger/index.ts";
import { systemClock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import type { Http } from "../platform/http.ts";
import type { Notifications } from "../platform/notifications.ts";
import { ClientKeys } from "./client-keys.ts";
import { FlagStreams } from "./flag-streams.ts";
import { registerFlags } from "./flags.routes.ts";
import { registerKeys } from "./keys.routes.ts";
import { registerOfrep } from "./ofrep.routes.ts";
import { registerSegments } from "./segments.routes.ts";
import { FlagSets } from "./sets.ts";

export { type FlagsOutcome, type FlagsSince, flagsChangedSince, putFlagsBack } from "./put-back.ts";

/** Feature flags: definitions, switches, rollouts, and the protocols by which applications ask for values. */
export interface RunningFlags {
  stop(): Promise<void>;
}
export interface FlagsRoomOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly subjects: Subjects;
  readonly announcements: Notifications;
}

export function startFlags(http: Http, o: FlagsRoomOptions): RunningFlags {
  const clock = systemClock;
  const sets = new FlagSets({ ...o, clock });
  const keys = new ClientKeys(o.database);
  const streams = new FlagStreams({ sets, keys, clock });
  registerFlags(http, { ...o, sets });
  registerSegments(http, o);
  registerKeys(http, {
    ...o,
    onRevoked: (id) => {
      keys.forget();
      streams.drop(id);
    },
  });
  registerOfrep(http, { sets, keys, streams, clock });
  return {
    stop: async () => {
      streams.stop();
      await sets.stop();
    },
  };
}
