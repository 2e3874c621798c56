import { readConfig } from "../platform/config.ts";
import { createDatabaseIfMissing, openDatabase } from "../platform/database.ts";
import { workingUrl } from "../platform/database-roles.ts";
import { createLog } from "../platform/log.ts";
import { machineId } from "../platform/machine-id.ts";
import { ensurePostgres, hasPostgres } from "../platform/postgres/embedded.ts";
import { livingServers } from "../platform/servers.ts";
import { localTargetHere } from "./local-target.controller.ts";

/**
 * Ends every release that runs on this machine, unless another server here goes on: the last step but one of a full
 * stop.
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
  try {
    const here = machineId();
    // They are looked after by whoever else is on this machine.
    if ((await livingServers(database.db)).some((server) => server.machine === here)) return;
    await localTargetHere({ database, log, dir, mayAct: () => true }).endAll();
  } finally {
    await database.close();
  }
}
