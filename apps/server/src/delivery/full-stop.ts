import { end, recordedIn } from "../platform/adapters/local/process-table.ts";
import { readConfig, sharedDirOf } from "../platform/config.ts";
import { createDatabaseIfMissing, type Executor, openDatabase } from "../platform/database.ts";
import { workingUrl } from "../platform/database-roles.ts";
import { createLog } from "../platform/log.ts";
import { machineId } from "../platform/machine-id.ts";
import { ensurePostgres, hasPostgres } from "../platform/postgres/embedded.ts";
import { livingServers } from "../platform/servers.ts";
import { localTargetHere, pidDirOf } from "./local-target.controller.ts";
import { listProcesses } from "./processes.store.ts";
import { isRoutedAnew } from "./strays.controller.ts";

const LOOK_EVERY_MS = 250;
/** With the 10 s that a release has to end, within the 45 s that the supervisor gives this step. */
const HAND_OVER_MS = 30_000;
const DRAIN_MS = 10_000;

/**
 * Ends every release that runs on this machine: the last step but one of a full stop. Another server on this machine
 * goes on with them; one on another machine gets the time to start them there.
 */
export async function endRecordedReleases(dir: string): Promise<void> {
  const config = readConfig(process.env);
  if (!config.databaseUrl && !hasPostgres(dir)) return;
  const log = createLog("stop");
  const base = config.databaseUrl ?? (await ensurePostgres({ dir, log })).url;
  const url = config.databaseOwnerUrl
    ? base
    : await workingUrl(config.databaseUrl ?? (await createDatabaseIfMissing(base, "latchkey")));
  const database = openDatabase(url, { max: 2 });
  const here = machineId();
  try {
    const others = await livingServers(database.db);
    if (others.some((server) => server.machine === here)) return;
    if (others.length > 0) await untilHandedOver(database.db, here);
    await localTargetHere({ database, log, dir, mayAct: () => true }).endAll();
    const left = recordedIn(pidDirOf(sharedDirOf(config), here));
    await Promise.all(left.map(({ identity }) => end(identity, DRAIN_MS)));
  } finally {
    await database.close();
  }
}

async function untilHandedOver(db: Executor, here: string): Promise<void> {
  const deadline = performance.now() + HAND_OVER_MS;
  const isHere = async () => (await listProcesses(db)).some((row) => row.machine === here);
  while (performance.now() < deadline && ((await isHere()) || !(await isRoutedAnew(db))))
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
