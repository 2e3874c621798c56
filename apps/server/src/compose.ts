import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openApi } from "@latchkey/api/openapi";
import type { Logger } from "pino";
import { startDelivery } from "./delivery/index.ts";
import { startLedger } from "./ledger/index.ts";
import type { Config } from "./platform/config.ts";
import { serveConsole } from "./platform/console-files.ts";
import { createDatabaseIfMissing, databaseNameOf, openDatabase } from "./platform/database.ts";
import { checkGivenDatabase } from "./platform/database-check.ts";
import { installationId, lockDirectory } from "./platform/directory-lock.ts";
import { registerHealth } from "./platform/health.ts";
import { authorise, createHttp } from "./platform/http.ts";
import { keepLease } from "./platform/leases.ts";
import { migrate } from "./platform/migrate.ts";
import { listenForNotifications } from "./platform/notifications.ts";
import { ensurePostgres } from "./platform/postgres/embedded.ts";
import { authenticator, idempotency, recordRefusals, startAccess } from "./security/index.ts";

/** The composition root: the only place that wires things together. */
export const VERSION = "0.1.0";
const here = dirname(fileURLToPath(import.meta.url));
export const MIGRATIONS = join(here, "..", "migrations");
const CONSOLE = join(here, "..", "..", "console", "dist");

export interface RunningServer {
  readonly url: string;
  /** Answers what is under way, numbers and signs what is in the outbox, lets everything go. Releases and PostgreSQL stay. */
  stop(): Promise<void>;
}

/** Starts a server by its configuration. Rejects with a sentence when it can't be: nothing is left running then. */
export async function startServer(config: Config, log: Logger): Promise<RunningServer> {
  mkdirSync(config.dir, { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(config.dir);
  const undo: (() => Promise<void> | void)[] = [unlock];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { url: await wire(config, log, undo), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function wire(config: Config, log: Logger, undo: (() => Promise<void> | void)[]): Promise<string> {
  if (config.databaseUrl) await checkGivenDatabase(config.databaseUrl);
  const base = config.databaseUrl ?? (await ensurePostgres({ dir: config.dir, log })).url;
  const own = config.databaseUrl ?? (await createDatabaseIfMissing(base, "latchkey"));
  const database = openDatabase(own);
  undo.push(() => database.close());
  await migrate(database, MIGRATIONS);
  const operator = userInfo().username;
  let ready = false;
  const authenticate = authenticator(database);
  const http = createHttp({
    log,
    authenticate,
    idempotency: idempotency(database),
    onRefusal: recordRefusals(database, log),
  });
  undo.push(() => http.close());
  registerHealth(http, { database, version: VERSION, isReady: () => ready });
  const notifications = listenForNotifications(own, log);
  undo.push(() => notifications.stop());
  const ledger = startLedger({ database, http, log, dir: config.dir, notifications });
  undo.push(() => ledger.stop());
  const lease = await keepLease(database, log, "delivery", installationId(config.dir));
  undo.push(() => lease.release());
  const delivery = startDelivery({
    database,
    http,
    installation: {
      version: VERSION,
      startedAt: new Date(),
      embeddedDatabase: config.databaseUrl === undefined,
      ledgerPublicKey: ledger.publicKey,
    },
    log,
    dir: config.dir,
    lease,
    gatewayUrl: `http://127.0.0.1:${config.gatewayPort}`,
    serverUrl: `http://127.0.0.1:${config.port}`,
    databaseUrlFor: (service, environment) => createDatabaseIfMissing(base, databaseNameOf(service, environment)),
    publish: ledger.publish,
    watched: ledger.watched,
    notifications,
  });
  undo.push(() => delivery.stop());
  http.get("/api/v1/openapi.json", async (request) => {
    await authorise(http, request, "self.read");
    return openApi(VERSION);
  });
  serveConsole(http, CONSOLE);
  const url = config.publicUrl ?? `http://127.0.0.1:${config.port}`;
  const access = await startAccess(http, {
    database,
    log,
    version: VERSION,
    dir: config.dir,
    baseUrl: url,
    operator,
    onRevoked: () => {
      authenticate.forget();
      ledger.recheck();
    },
  });
  undo.push(() => access.stop());
  await http.listen({ host: config.host, port: config.port });
  ready = true;
  undo.push(() => {
    ready = false;
  });
  log.info({ port: config.port }, "server ready");
  return url;
}
