import { hkdfSync } from "node:crypto";
import type { Logger } from "pino";
import type { Subjects } from "../ledger/index.ts";
import { systemClock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import type { Http } from "../platform/http.ts";
import type { Lease } from "../platform/leases.ts";
import type { Notifications } from "../platform/notifications.ts";
import { ClientKeys } from "./client-keys.ts";
import { EvaluationCounts } from "./evaluation-counts.ts";
import { registerExposures } from "./exposures.routes.ts";
import { FlagStreams } from "./flag-streams.ts";
import { registerFlagd } from "./flagd.routes.ts";
import { registerFlags } from "./flags.routes.ts";
import { registerKeys } from "./keys.routes.ts";
import { goodKeys } from "./keys.store.ts";
import { registerOfrep } from "./ofrep.routes.ts";
import { registerProposals } from "./proposals.routes.ts";
import { Ramps } from "./ramps.controller.ts";
import { SeenUsers } from "./seen-users.ts";
import { registerSegments } from "./segments.routes.ts";
import { ServiceKeys } from "./service-keys.ts";
import { FlagSets } from "./sets.ts";
import { registerSnapshots } from "./snapshots.routes.ts";

export { flagStandings } from "./flags.store.ts";
export { type FlagsOutcome, flagsChangedSince, putFlagsBack } from "./put-back.ts";
export { PREVIEW_ENVIRONMENT, previewAs, revokePreviewKeys } from "./service-keys.ts";

/** Feature flags: definitions, switches, rollouts, and the protocols by which applications ask for values. */
export interface RunningFlags {
  /** What a release finds in its environment, so that it can ask for flags. */
  readonly variablesFor: ServiceKeys["variablesFor"];
  stop(): Promise<void>;
}
export interface FlagsRoomOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly subjects: Subjects;
  readonly announcements: Notifications;
  readonly lease: Lease;
  /** What the key for users' hashes is made of. */
  readonly keyEncryptionKey: Buffer;
  /** Where programs on this machine ask, and pages in browsers. */
  readonly url: string;
  readonly publicUrl: string;
}

export function startFlags(http: Http, o: FlagsRoomOptions): RunningFlags {
  const clock = systemClock;
  const sets = new FlagSets({ ...o, clock });
  const keys = new ClientKeys(o.database);
  const streams = new FlagStreams({ sets, keys, clock, goodOf: (ids) => goodKeys(o.database.db, ids) });
  const ramps = new Ramps({ ...o, clock, sets });
  ramps.start();
  const seen = new SeenUsers({ ...o, clock });
  const changes = { ...o, sets, now: () => clock.now() };
  registerFlags(http, { ...changes, seen });
  registerSegments(http, changes);
  registerProposals(http, changes);
  registerKeys(http, {
    ...changes,
    onRevoked: (id) => {
      keys.forget();
      streams.drop(id);
    },
  });
  const counts = new EvaluationCounts({ database: o.database, log: o.log, clock });
  registerFlagd(http, { sets, keys });
  registerOfrep(http, { sets, keys, streams, seen, clock, counts });
  registerSnapshots(http, { sets, keys });
  const hashKey = Buffer.from(hkdfSync("sha256", o.keyEncryptionKey, "", "latchkey users of experiments", 32));
  registerExposures(http, {
    ...{ database: o.database, sets, keys, seen, clock, hashKey },
    onEvidence: (project) => ramps.notice(project),
  });
  const serviceKeys = new ServiceKeys(o);
  return {
    variablesFor: (project, service, environment) => serviceKeys.variablesFor(project, service, environment),
    stop: async () => {
      streams.stop();
      await counts.stop();
      await ramps.stop();
      await sets.stop();
      await seen.stop();
    },
  };
}
