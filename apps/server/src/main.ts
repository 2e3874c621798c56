import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openApi } from "@latchkey/api/openapi";
import { endRecordedReleases } from "./delivery/full-stop.ts";
import { startDelivery } from "./delivery/index.ts";
import { startLedger } from "./ledger/index.ts";
import { readConfig } from "./platform/config.ts";
import { serveConsole } from "./platform/console-files.ts";
import { createDatabaseIfMissing, openDatabase } from "./platform/database.ts";
import { lockDirectory } from "./platform/directory-lock.ts";
import { registerHealth } from "./platform/health.ts";
import { createHttp } from "./platform/http.ts";
import { createLog } from "./platform/log.ts";
import { migrate } from "./platform/migrate.ts";
import { ensurePostgres, stopPostgres } from "./platform/postgres/embedded.ts";
import {
  authenticator,
  createSignInLink,
  forgetOldSecrets,
  idempotency,
  registerAccess,
  seedLocalAccess,
} from "./security/index.ts";

/** The composition root: the only place that wires things together. */
const VERSION = "0.1.0";
const here = dirname(fileURLToPath(import.meta.url));
const MIGRATIONS = join(here, "..", "migrations");
const CONSOLE = join(here, "..", "..", "console", "dist");

async function serve(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog("server");
  mkdirSync(config.dir, { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(config.dir);
  const base = config.databaseUrl ?? (await ensurePostgres({ dir: config.dir, log })).url;
  const own = config.databaseUrl ?? (await createDatabaseIfMissing(base, "latchkey"));
  const database = openDatabase(own);
  await migrate(database, MIGRATIONS);
  const operator = userInfo().username;
  const baseUrl = config.publicUrl ?? `http://127.0.0.1:${config.port}`;
  let ready = false;
  const http = createHttp({ log, authenticate: authenticator(database), idempotency: idempotency(database) });
  registerHealth(http, { database, version: VERSION, isReady: () => ready });
  registerAccess(http, { database, version: VERSION, dir: config.dir, baseUrl, operator });
  const ledger = startLedger({ database, http, log, dir: config.dir });
  const delivery = startDelivery({
    database,
    http,
    log,
    dir: config.dir,
    gatewayUrl: `http://127.0.0.1:${config.gatewayPort}`,
    serverUrl: `http://127.0.0.1:${config.port}`,
    databaseUrlFor: (service, environment) =>
      createDatabaseIfMissing(base, `${service}_${environment}`.replaceAll("-", "_")),
    publish: (rollout) => ledger.publish("rollout", "main", rollout),
  });
  http.get("/api/v1/openapi.json", async () => openApi(VERSION));
  serveConsole(http, CONSOLE);
  await seedLocalAccess(database, config.dir, operator);
  await createSignInLink(database, config.dir, baseUrl, operator);
  const daily = setInterval(
    () =>
      void forgetOldSecrets(database.db).catch((error: unknown) =>
        log.warn({ err: error }, "old secrets could not be deleted"),
      ),
    3_600_000,
  );
  await http.listen({ host: config.host, port: config.port });
  ready = true;
  log.info({ port: config.port }, "server ready");

  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    ready = false;
    clearInterval(daily);
    await delivery.stop();
    await ledger.stop();
    await http.close();
    await database.close();
    unlock();
    log.info("server stopped");
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => void stop());
}

async function main(): Promise<void> {
  const { dir, databaseUrl } = readConfig(process.env);
  if (process.argv.includes("--stop-database")) return databaseUrl ? undefined : stopPostgres(dir);
  if (process.argv.includes("--stop-releases")) return endRecordedReleases(dir);
  return serve();
}

main().catch((error: unknown) => {
  const words = error instanceof Error ? error.message : String(error);
  process.stderr.write(`latchkey server: ${words}\n`);
  if (process.env.LATCHKEY_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
