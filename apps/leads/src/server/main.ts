import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { memoryStore } from "../leads/memory-store.ts";
import { migrateLeads, postgresStore } from "../leads/postgres-store.ts";
import type { LeadStore } from "../leads/store.ts";
import { keepTidy } from "../leads/tidy.ts";
import { createApp } from "./app.ts";
import { type Fault, faultEffects, parseFault } from "./fault.ts";
import { openFeatures } from "./features.ts";
import { createLog, releaseOf } from "./log.ts";
import { createMetrics } from "./metrics.ts";

/** The leads application as a server of its own: API, page, health, metrics. */
const here = dirname(fileURLToPath(import.meta.url));
const log = createLog(process.env);
const metrics = createMetrics();
const faultFile = join(here, "fault.json");
const fault: Fault = existsSync(faultFile)
  ? parseFault((JSON.parse(readFileSync(faultFile, "utf8")) as { fault: string }).fault)
  : { kind: "none" };

async function openStore(): Promise<LeadStore> {
  const url = process.env.DATABASE_URL;
  if (!url) {
    log.warn("no DATABASE_URL: demo mode, leads are kept in memory");
    return memoryStore();
  }
  const pool = new pg.Pool({
    connectionString: url,
    max: 6,
    statement_timeout: 5_000,
    connectionTimeoutMillis: 5_000,
    // A new connection costs a SCRAM handshake of some 10 ms, which the visitor of that moment would wait for.
    idleTimeoutMillis: 300_000,
  });
  pool.on("error", (err) => log.error({ err }, "a database connection was lost"));
  await migrateLeads(pool, join(here, "migrations"));
  return postgresStore(pool, metrics.query);
}

const store = await openStore();
keepTidy(store, (err) => log.warn({ err }, "synthetic leads were not deleted; in a minute again"));
const features = openFeatures(process.env, log, "server");
const server = createApp({
  store,
  log,
  metrics,
  fault,
  effects: faultEffects(fault, Math.random, () => process.exit(1)),
  publicDir: join(here, "public"),
  features,
  release: releaseOf(process.env),
});
server.keepAliveTimeout = 65_000;
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? "127.0.0.1", () =>
  log.info({ port: process.env.PORT ?? 3000 }, "leads ready"),
);

const stop = () => {
  log.info("draining");
  void features.close();
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), 5_000).unref();
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
