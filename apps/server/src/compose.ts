import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openApi } from "@latchkey/api/openapi";
import type { Logger } from "pino";
import { startBackups } from "./backups/index.ts";
import { registerApprovals, startNotifications } from "./catalog/index.ts";
import { startDelivery } from "./delivery/index.ts";
import { startFlags } from "./flags/index.ts";
import { startInsights } from "./insights/index.ts";
import { openLedgerKeys, openSecrets, openSubjects, outboxStanding, startLedger } from "./ledger/index.ts";
import { ArtifactStore } from "./platform/adapters/artifacts/directory.ts";
import { githubAccessOf } from "./platform/adapters/github/configured.ts";
import { netlifyAccessOf } from "./platform/adapters/netlify/configured.ts";
import { oidcVerifier } from "./platform/adapters/oidc/verifier.ts";
import { reachOf } from "./platform/adapters/outgoing/reach.ts";
import { metricSourceOf } from "./platform/adapters/prometheus/configured.ts";
import { systemClock } from "./platform/clock.ts";
import { type Config, sharedDirOf } from "./platform/config.ts";
import { serveConsole } from "./platform/console-files.ts";
import { Contracts } from "./platform/contracts.ts";
import { createDatabaseIfMissing, databaseNameOf, dropDatabase, openDatabase } from "./platform/database.ts";
import { prepareDatabase, protectionOf } from "./platform/database-roles.ts";
import { folderName, installationId, lockDirectory } from "./platform/directory-lock.ts";
import { registerHealth } from "./platform/health.ts";
import { authorise, createHttp, listen } from "./platform/http.ts";
import { keepLease } from "./platform/leases.ts";
import { LoopWatch } from "./platform/loop-watch.ts";
import { machineId } from "./platform/machine-id.ts";
import { registerMetrics } from "./platform/metrics.ts";
import { migrationsIn } from "./platform/migrate.ts";
import { listenForNotifications } from "./platform/notifications.ts";
import { ownDatabase } from "./platform/own-database.ts";
import { keepPostgres } from "./platform/postgres/embedded.ts";
import { RateLimits } from "./platform/rate-limits.ts";
import { checkFolder, keepRegistered, type Unfit } from "./platform/servers.ts";
import { Vitals } from "./platform/vitals.ts";
import { authenticator, idempotency, recordRefusals, startAccess } from "./security/index.ts";

/** The composition root: the only place that wires things together. */
export const VERSION = "0.1.0";
const here = dirname(fileURLToPath(import.meta.url));
export const MIGRATIONS = join(here, "..", "migrations");
const LOOPBACK = "127.0.0.1";
const CONSOLE = join(here, "..", "..", "console", "dist");

export interface RunningServer {
  readonly url: string;
  /** Answers what is under way, numbers and signs what is in the outbox, lets everything go. Releases and PostgreSQL stay. */
  stop(): Promise<void>;
}

/**
 * Starts a server by its configuration. Rejects with a sentence when it can't be: nothing is left running then. `onUnfit`
 * is called when a server that runs can't go on, because a newer one has changed the database.
 */
export async function startServer(
  config: Config,
  log: Logger,
  onUnfit: (error: Unfit) => void = () => {},
): Promise<RunningServer> {
  for (const dir of [config.dir, sharedDirOf(config)]) mkdirSync(dir, { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(config.dir);
  const undo: (() => Promise<void> | void)[] = [unlock];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { url: await wire(config, log, undo, onUnfit), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function wire(
  config: Config,
  log: Logger,
  undo: (() => Promise<void> | void)[],
  onUnfit: (error: Unfit) => void,
): Promise<string> {
  const { base, ownerUrl, serverUrl } = await ownDatabase(config, log);
  const owner = installationId(config.dir);
  const databaseUrl = await prepareDatabase({ ownerUrl, serverUrl, migrations: MIGRATIONS, self: owner, log });
  if (!config.databaseUrl) undo.push(keepPostgres({ dir: config.dir, log }));
  const database = openDatabase(databaseUrl);
  undo.push(() => database.close());
  const sharedDir = sharedDirOf(config);
  const contracts = new Contracts({ db: database.db, log, ownerUrl, migrations: MIGRATIONS, self: owner });
  const newestMigration = migrationsIn(MIGRATIONS).at(-1) ?? "";
  const sharedFolder = folderName(sharedDir);
  const identity = { id: owner, version: VERSION, newestMigration, machine: machineId(), sharedFolder };
  const registration = await keepRegistered(database, log, identity, () => contracts.look(), onUnfit);
  undo.push(() => registration.stop());
  await checkFolder(database.db, identity, sharedDir);
  const protection = await protectionOf(database.db);
  if (!protection.byRoles) log.warn({ remedy: protection.remedy }, "ledger protected by database roles: no");
  const keys = await openLedgerKeys({ database, dir: sharedDir, replaced: config.replaceKey?.split(",") ?? [] });
  const subjects = openSubjects(database, keys.keyEncryptionKey);
  const operator = userInfo().username;
  const url = config.publicUrl ?? `http://127.0.0.1:${config.port}`;
  let ready = false;
  const authenticate = authenticator(database);
  const http = createHttp({
    log,
    authenticate,
    idempotency: idempotency(database, owner),
    onRefusal: recordRefusals(database, log),
    openSealed: subjects.open,
    limits: new RateLimits(config),
  });
  undo.push(() => http.close());
  registerHealth(http, { database, version: VERSION, isReady: () => ready });
  const notifications = listenForNotifications(databaseUrl, log);
  undo.push(() => notifications.stop());
  const ledger = startLedger({ database, http, log, signer: keys.signer, subjects, notifications });
  undo.push(() => ledger.stop());
  const vitals = new Vitals({
    database,
    limits: http.latchkey.limits,
    dir: config.dir,
    streamClients: () => ledger.streamFigures().clients,
    outbox: () => outboxStanding(database.db),
  });
  undo.push(() => vitals.stop());
  const watch = new LoopWatch(systemClock);
  const lease = await keepLease(database, log, "delivery", owner, systemClock, watch);
  undo.push(() => lease.release());
  registerApprovals(http, { database, subjects });
  const told = startNotifications(http, {
    ...{ database, log, lease, subjects, announcements: notifications, baseUrl: url },
    secrets: openSecrets(keys.keyEncryptionKey),
    reach: reachOf(config.notifyNetworks),
  });
  undo.push(() => told.stop());
  const flags = startFlags(http, {
    ...{ database, log, lease, subjects, announcements: notifications, keyEncryptionKey: keys.keyEncryptionKey },
    // Releases run beside the server; pages are opened elsewhere.
    ...{ url: `http://127.0.0.1:${config.port}`, publicUrl: url },
  });
  undo.push(() => flags.stop());
  registerMetrics(http, { database, vitals, stream: ledger.streamFigures, notifications: told.figures });
  const delivery = startDelivery({
    database,
    http,
    installation: {
      version: VERSION,
      startedAt: new Date(),
      embeddedDatabase: config.databaseUrl === undefined,
      ledgerPublicKey: ledger.publicKey,
      ledgerProtection: protection,
    },
    log,
    dir: config.dir,
    sharedDir,
    address: config.address ?? LOOPBACK,
    lease,
    watch,
    metricSource: metricSourceOf(config),
    github: githubAccessOf(config),
    netlify: netlifyAccessOf(config),
    consoleUrl: config.publicUrl ?? `http://127.0.0.1:${config.port}`,
    gatewayUrl: `http://127.0.0.1:${config.gatewayPort}`,
    baseUrl: url,
    subjects,
    flagVariablesFor: flags.variablesFor,
    databaseUrlFor: (service, environment) => createDatabaseIfMissing(base, databaseNameOf(service, environment)),
    dropDatabaseOf: (service, environment) => dropDatabase(base, databaseNameOf(service, environment)),
    publish: ledger.publish,
    watched: ledger.watched,
    notifications,
    health: { database, vitals, stream: ledger.streamFigures, notifications: told.figures, dir: config.dir, owner },
  });
  undo.push(() => delivery.stop());
  const insights = startInsights(http, { database, log, lease, subjects, announcements: notifications });
  undo.push(() => insights.stop());
  const backups = startBackups(http, {
    database,
    log,
    // What the server's own role may not read or make, a backup and its proof may.
    url: ownerUrl,
    dir: sharedDir,
    artifacts: new ArtifactStore(`${sharedDir}/artifacts`),
    version: VERSION,
    publicKey: ledger.publicKey,
    signText: ledger.signText,
    migrations: MIGRATIONS,
    owner,
    kept: config.backupsKept,
  });
  undo.push(() => backups.stop());
  http.get("/api/v1/openapi.json", async (request) => {
    await authorise(http, request, "self.read");
    return openApi(VERSION);
  });
  serveConsole(http, CONSOLE);
  const access = await startAccess(http, {
    database,
    log,
    version: VERSION,
    dir: config.dir,
    baseUrl: url,
    verifier: oidcVerifier(githubAccessOf(config).oidcIssuer),
    operator,
    subjects,
    onRevoked: () => {
      authenticate.forget();
      ledger.recheck();
    },
  });
  undo.push(() => access.stop());
  await listen(http, { host: config.host, port: config.port });
  ready = true;
  await vitals.look();
  undo.push(() => {
    ready = false;
  });
  log.info({ port: config.port }, "server ready");
  return url;
}
