import type { GateConfig } from "@latchkey/api/gates";
import { migrationFiles } from "@latchkey/config/migration-files";
import type { MetricSource } from "@latchkey/core/analysis/metric-source";
import { NO_ERROR_BUDGET } from "@latchkey/core/delivery/gates/error-budget";
import type { Run } from "@latchkey/core/delivery/ports";
import type { Logger } from "pino";
import { allServices, findEnvironment, type ServiceRow, takeGeneration } from "../catalog/index.ts";
import type { Subjects } from "../ledger/index.ts";
import { ArtifactStore } from "../platform/adapters/artifacts/directory.ts";
import type { GithubAccess } from "../platform/adapters/github/configured.ts";
import { LocalBuilder } from "../platform/adapters/local/builder.ts";
import { cameToBranch, commitIn, diffOf } from "../platform/adapters/local/git.ts";
import { keptByRange } from "../platform/adapters/local/kept-ranges.ts";
import { httpProber } from "../platform/adapters/local/prober.ts";
import type { NetlifyAccess } from "../platform/adapters/netlify/configured.ts";
import { postgresqlMigrator } from "../platform/adapters/postgresql/migrator.ts";
import { reportDesk } from "../platform/adapters/reports/desk.ts";
import { reportFiles } from "../platform/adapters/reports/files.ts";
import { gateCaller } from "../platform/adapters/webhooks/gate-caller.ts";
import { systemClock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { openWebhookKey } from "../platform/key-files.ts";
import type { Lease } from "../platform/leases.ts";
import { Loop } from "../platform/loop.ts";
import type { LoopWatch } from "../platform/loop-watch.ts";
import { announce, type Notifications } from "../platform/notifications.ts";
import { AilingController } from "./ailing.controller.ts";
import { registerBaselines } from "./baselines.routes.ts";
import { burnRatesOf } from "./burn-rates.ts";
import { ContractsController } from "./contracts.controller.ts";
import { registerDelivery } from "./delivery.routes.ts";
import { DeploymentsController } from "./deployments.controller.ts";
import { findDeployment } from "./deployments.store.ts";
import { FailingTargetsController } from "./failing-targets.controller.ts";
import { forgetOldFindings } from "./finding-ages.store.ts";
import { forgetOldCallbacks } from "./gate-callbacks.store.ts";
import { forgetOldEvidence } from "./gate-evidence.store.ts";
import { gateRunners } from "./gate-runners.ts";
import { registerGates } from "./gates.routes.ts";
import { RoutingWaiters, registerGateways } from "./gateways.routes.ts";
import { forgetOldCounters } from "./gateways.store.ts";
import { registerGithubHook } from "./github.routes.ts";
import { startGithub } from "./github.ts";
import { type HealthSources, viewHealth } from "./health.view.ts";
import { HostedTarget, type HostedTargetOptions } from "./hosted-target.controller.ts";
import { localTargetHere } from "./local-target.controller.ts";
import { LostGatewaysController } from "./lost-gateways.controller.ts";
import { registerMigrationPlans } from "./migration-plans.routes.ts";
import { registerMigrations } from "./migrations.routes.ts";
import { forgetOldMinutes } from "./minutes.store.ts";
import { registerNetlify } from "./netlify.routes.ts";
import { forgetOldNetlify } from "./netlify.store.ts";
import { startNetlify } from "./netlify.ts";
import { OthersController } from "./others.controller.ts";
import { registerPipeline } from "./pipeline.routes.ts";
import { PlansController } from "./plans.controller.ts";
import { registerPlans } from "./plans.routes.ts";
import type { Ephemeral } from "./presented.ts";
import { PromotionsController } from "./promotions.controller.ts";
import { registerPromotions } from "./promotions.routes.ts";
import { registerPublicAssets } from "./public-assets.routes.ts";
import { PullPreviewsController } from "./pull-previews.controller.ts";
import { registerPullPreviews } from "./pull-previews.routes.ts";
import { Pulse } from "./pulse.controller.ts";
import { digestsInUse, findRelease } from "./releases.store.ts";
import { registerRollbacks } from "./rollback.routes.ts";
import { RolloutsController, type RolloutsOptions } from "./rollouts.controller.ts";
import { registerRollouts } from "./rollouts.routes.ts";
import { RolloutViews } from "./rollouts.view.ts";
import { runRounds } from "./rounds.controller.ts";
import { RoutersController } from "./routers.controller.ts";
import { routingOf, routingTable } from "./routing.view.ts";
import { sealingAuthors } from "./sealed-authors.ts";
import { viewServices } from "./services.view.ts";
import { forgetOldSlices } from "./slices.store.ts";
import { sourcesIn } from "./sources.ts";
import { StraysController } from "./strays.controller.ts";
import { SyntheticTraffic } from "./synthetic-traffic.ts";
import { type Installation, viewSystem } from "./system.view.ts";
import { TargetByKind } from "./target-by-kind.ts";
import { hostsIn, machinesIn } from "./targets.ts";
import { TrafficController } from "./traffic.controller.ts";
import { TrafficHoursController } from "./traffic-hours.controller.ts";
import { standingWaiver } from "./waivers.ts";
import { registerZeroTouch } from "./zero-touch.routes.ts";
import { zeroTouchPreviewer } from "./zero-touch-preview.ts";

/** Delivery: releases, deployments, rollouts, and the routing that the gateways follow. */
export { endUnrolledDeployments, startEpoch } from "./epochs.controller.ts";
export { type DeploymentHistory, deploymentHistories } from "./history.view.ts";
export { localTargetHere } from "./local-target.controller.ts";
export { digestsInUse } from "./releases.store.ts";

/** Of what git says of ranges: a small team has fewer changes that wait at once. */
const KEPT = { ranges: 64, characters: 20_000_000 };

export interface DeliveryOptions {
  readonly database: Database;
  readonly http: Http;
  readonly installation: Installation;
  readonly log: Logger;
  /** `.latchkey`. */
  readonly dir: string;
  /** The folder that servers share: `dir`, where there is one server only. */
  readonly sharedDir: string;
  /** Where this machine's releases are reached. */
  readonly address: string;
  /** The controllers work while this server holds it: one server of several at a time. */
  readonly lease: Lease;
  /** Hears that the loop of the controllers goes round. */
  readonly watch: LoopWatch;
  readonly gatewayUrl: string;
  /** Where this server is reached: what answers gates later calls it there. */
  readonly baseUrl: string;
  /** Answers PromQL; null where the server was given none. */
  readonly metricSource: MetricSource | null;
  /** Seals what is personal before it is written. */
  readonly subjects: Subjects;
  readonly databaseUrlFor: (service: string, environment: string) => Promise<string>;
  readonly flagVariablesFor: RolloutsOptions["flagVariablesFor"];
  /** Drops the database that a preview had of its own. */
  readonly dropDatabaseOf: (service: string, environment: string) => Promise<void>;
  /** For those who watch: the newest state of a rollout or a service. */
  readonly publish: <E extends "rollout" | "service" | "deployment">(
    event: E,
    project: string,
    data: Extract<Ephemeral, { event: E }>["data"],
  ) => void;
  /** Whether anybody watches: nothing is computed for nobody. */
  readonly watched: () => boolean;
  /** Hastens the gateways' polls when another server changed the routing. */
  readonly notifications: Notifications;
  readonly health: HealthSources;
  readonly github: GithubAccess;
  readonly netlify: NetlifyAccess;
  /** Where people reach this server. */
  readonly consoleUrl: string;
}

export interface Delivery {
  stop(): Promise<void>;
}

export function startDelivery(o: DeliveryOptions): Delivery {
  const acting: Pick<HostedTargetOptions, "mayAct" | "onMoved"> = {
    mayAct: () => o.lease.held(),
    onMoved: async (tx, { releaseId, service, environment }) => {
      const release = await findRelease(tx, releaseId);
      if (release) await takeGeneration(tx, { project: release.project, service, name: environment }, null);
    },
  };
  const netlify = startNetlify({ ...o, access: o.netlify });
  const processes = localTargetHere({ ...o, ...acting });
  const hosted = new HostedTarget({
    ...{ database: o.database, log: o.log, clock: systemClock, prober: httpProber, ...acting },
    hostOf: hostsIn(o.sharedDir, netlify),
    onSaid: ({ deploymentId }) => {
      if (!o.watched()) return;
      findDeployment(o.database.db, deploymentId)
        .then((d) => d?.rollout_id && changed(d.rollout_id))
        .catch((error: unknown) =>
          o.log.warn({ err: error }, "what a host says could not be shown to those who watch"),
        );
    },
  });
  const target = new TargetByKind(processes, hosted);
  const artifacts = new ArtifactStore(`${o.sharedDir}/artifacts`);
  const waiters = new RoutingWaiters();
  const loop = new Loop({ log: o.log, clock: systemClock, of: "the delivery controllers" });
  const views = new RolloutViews(o.database.db, { target, gatewayUrl: o.gatewayUrl });
  const changed = (rolloutId: string) => {
    views.changed(rolloutId);
    if (!o.watched()) return;
    views
      .of(rolloutId)
      .then((view) => view && o.publish("rollout", "main", view))
      .catch((error: unknown) =>
        o.log.warn({ err: error, rolloutId }, "a rollout could not be shown to those who watch"),
      );
  };
  const deploymentChanged = (id: string) => {
    if (!o.watched()) return;
    findDeployment(o.database.db, id)
      .then(
        (d) => d && o.publish("deployment", d.project, { id, service: d.service, status: d.status, words: d.words }),
      )
      .catch((error: unknown) => o.log.warn({ err: error, id }, "a deployment could not be shown to those who watch"));
  };
  const rerouted = () => {
    waiters.wakeAll();
    routers.wake();
    loop.wake();
  };
  const routing = {
    upstreamOf: (run: Run) => target.upstreamOf(run),
    // Whichever server a gateway speaks to has them: it goes by the address that it knows.
    assetsUrl: (id: string) => `/artifacts/${id}`,
  };
  const deaf = [
    o.notifications.on("approvals", () => deployments.hurryGates()),
    o.notifications.on("routing", () => {
      waiters.wakeAll();
      routers.wake();
    }),
    o.notifications.on("errors", () => loop.wake(true)),
  ];
  const onNews = (hasErrors: boolean) => {
    loop.wake(hasErrors);
    if (!hasErrors || o.lease.held()) return;
    // Whoever has the lease looks at once.
    announce("errors")
      .execute(o.database.db)
      .catch((error: unknown) => o.log.debug({ err: error }, "new errors could not be announced"));
  };
  const builder = sealingAuthors(new LocalBuilder(artifacts), o.subjects);
  const github = startGithub({ ...o, dir: o.dir, wake: () => loop.wake() });
  const caller = gateCaller(openWebhookKey(o.sharedDir), () => systemClock.now());
  registerGithubHook(o.http, github.hook);
  registerPipeline(o.http, { db: o.database.db, github: o.github });
  const migrations = {
    ...{ reader: migrationFiles, migrator: postgresqlMigrator },
    urlOf: async (gate: GateConfig, service: string, environment: string) =>
      gate.databaseUrlVariable === undefined
        ? o.databaseUrlFor(service, environment)
        : (process.env[gate.databaseUrlVariable] ?? null),
  };
  const desk = reportDesk();
  const gates = {
    ...{ builder: { ...builder, changesBetween: keptByRange(builder.changesBetween, KEPT) }, caller },
    ...{ database: o.database, baseUrl: o.baseUrl, reports: reportFiles, desk, sizes: artifacts },
    ...{ differences: { diff: keptByRange(diffOf, KEPT) }, errorBudget: NO_ERROR_BUDGET, migrations },
    cameToBranch: keptByRange(cameToBranch, KEPT),
    openNames: async (sealed: readonly string[]) =>
      JSON.parse(await o.subjects.open(JSON.stringify(sealed))) as string[],
  };
  registerZeroTouch(o.http, {
    ...{ db: o.database.db, now: () => systemClock.now() },
    preview: zeroTouchPreviewer({
      ...{ ...gates, repositories: github.repositories, commitIn, nowMs: () => systemClock.now() },
    }),
  });
  const deployments = new DeploymentsController({
    database: o.database,
    log: o.log,
    clock: systemClock,
    lease: o.lease,
    builder,
    sourcesOf: sourcesIn(github.repositories),
    gateRunners: gateRunners(gates),
    waiverOf: (service, gate, couldNotRun) => standingWaiver(o.database.db, service, gate, couldNotRun),
    onChanged: deploymentChanged,
    wake: () => loop.wake(),
  });
  const synthetic = new SyntheticTraffic();
  const rollouts = new RolloutsController({
    database: o.database,
    log: o.log,
    clock: systemClock,
    target,
    lease: o.lease,
    prober: httpProber,
    synthetic,
    metricSource: o.metricSource,
    artifactDirOf: (digest) => artifacts.pathOf(digest),
    databaseUrlFor: o.databaseUrlFor,
    flagVariablesFor: o.flagVariablesFor,
    onRerouted: rerouted,
    onChanged: changed,
  });
  const routers = new RoutersController({
    database: o.database,
    log: o.log,
    clock: systemClock,
    lease: o.lease,
    machineOf: machinesIn(o.sharedDir, netlify, () => o.lease.held()),
    routingOf: async (service, environment) => {
      const found = await findEnvironment(o.database.db, service.project, service.name, environment);
      return found && routingOf(o.database.db, service, found, routing);
    },
    onNews,
  });
  routers.start();
  const traffic = new TrafficController({ database: o.database, log: o.log, onSample: () => void showServices() });
  const showServices = async () => {
    if (!o.watched()) return;
    const rows = await allServices(o.database.db);
    const views = await viewServices(o.database.db, rows, { gatewayUrl: o.gatewayUrl, traffic });
    for (const [i, view] of views.entries()) o.publish("service", rows[i]?.project ?? "", view);
  };
  registerDelivery(o.http, {
    database: o.database,
    artifacts,
    subjects: o.subjects,
    traffic,
    gatewayUrl: o.gatewayUrl,
    routing,
    wake: () => loop.wake(),
    hurry: () => deployments.hurryGates(),
  });
  registerGates(o.http, { ...o, hurry: () => deployments.hurryGates() });
  registerRollouts(o.http, {
    database: o.database,
    subjects: o.subjects,
    views,
    onRerouted: rerouted,
    onChanged: changed,
  });
  const burnRates = (service: ServiceRow) => burnRatesOf({ source: o.metricSource, clock: systemClock }, service);
  registerRollbacks(o.http, {
    database: o.database,
    burnRatesOf: burnRates,
    artifacts,
    subjects: o.subjects,
    clock: systemClock,
    onRerouted: rerouted,
    onChanged: changed,
    wake: () => loop.wake(),
  });
  registerMigrations(o.http, { ...o, clock: systemClock });
  registerBaselines(o.http, { ...o, ...migrations });
  registerMigrationPlans(o.http, { ...o, ...migrations, clock: systemClock });
  registerPromotions(o.http, { ...o, artifacts, clock: systemClock, wake: () => loop.wake() });
  registerGateways(o.http, {
    database: o.database,
    waiters,
    table: () => routingTable(o.database.db, routing),
    onNews,
  });
  route(o.http, "getSystem", async () => viewSystem(o.database.db, o.installation));
  route(o.http, "getHealth", async () => viewHealth(o.health));
  const plans = new PlansController({ now: () => performance.now(), yieldTo: (next) => setImmediate(next) });
  registerPlans(o.http, { database: o.database, plans });
  registerNetlify(o.http, {
    ...{ database: o.database, routing, publicUrl: o.consoleUrl, onCounts: onNews },
    key: openWebhookKey(o.sharedDir),
    webhookSecrets: o.netlify.webhookSecrets,
    onHook: (siteId) => {
      netlify.wake(siteId);
      routers.wake();
    },
  });
  registerPublicAssets(o.http, { database: o.database, artifacts });
  runRounds(loop, systemClock, { lease: o.lease, watch: o.watch, deployments, rollouts, target });
  const ailing = new AilingController({
    database: o.database,
    log: o.log,
    clock: systemClock,
    lease: o.lease,
    target,
    prober: httpProber,
    burnRatesOf: burnRates,
    hasArtifact: (digest) => artifacts.has(digest),
    onRerouted: rerouted,
    onChanged: changed,
    wake: () => loop.wake(),
  });
  ailing.start();
  const promotions = new PromotionsController({ ...o, clock: systemClock, wake: () => loop.wake() });
  const promoting = new Pulse({
    log: o.log,
    what: "promotions",
    everyMs: 1_000,
    round: () => promotions.tick(),
  }).start();
  const pullPreviews = new PullPreviewsController({
    ...{ database: o.database, log: o.log, clock: systemClock, lease: o.lease, builder, target },
    ...{ databaseUrlFor: o.databaseUrlFor, dropDatabaseOf: o.dropDatabaseOf, onRerouted: rerouted },
    sourcesOf: sourcesIn(github.repositories),
    artifactDirOf: (digest) => artifacts.pathOf(digest),
    flagVariablesFor: o.flagVariablesFor,
  });
  const previewing = new Pulse({
    log: o.log,
    what: "previews",
    everyMs: 1_000,
    round: () => pullPreviews.tick(),
  }).start();
  registerPullPreviews(o.http, {
    ...o,
    repositories: github.repositories,
    now: () => systemClock.now(),
    wake: () => previewing.wake(),
  });
  const contracts = new ContractsController({ ...o, ...migrations, clock: systemClock });
  const contracting = new Pulse({
    log: o.log,
    what: "contracts",
    everyMs: 1_000,
    round: () => contracts.tick(),
  }).start();
  const lost = new LostGatewaysController({ ...o, clock: systemClock });
  const failing = new FailingTargetsController({ ...o, clock: systemClock });
  const missing = new Pulse({
    log: o.log,
    what: "gateways that are away, and targets that fail",
    everyMs: 5_000,
    round: async () => (await lost.tick()) || failing.tick(),
  }).start();
  const others = new OthersController({ ...o, onDeployment: deploymentChanged, onRollout: changed });
  const strays = new StraysController({ ...o, isStarting: (name) => processes.isStarting(name) });
  strays.start();
  const hours = new TrafficHoursController(o);
  hours.start();
  const hourly = setInterval(() => {
    const { db } = o.database;
    const gates = [forgetOldEvidence(db), forgetOldFindings(db), forgetOldCallbacks(db)];
    Promise.all([
      ...gates,
      forgetOldCounters(db),
      forgetOldMinutes(db),
      forgetOldSlices(db),
      forgetOldNetlify(db),
    ]).catch((error: unknown) => o.log.warn({ err: error }, "old counters could not be deleted"));
    digestsInUse(o.database.db)
      .then((used) => artifacts.keepOnly(used))
      .catch((error: unknown) => o.log.warn({ err: error }, "old artifacts could not be collected"));
  }, 3_600_000);
  return {
    stop: async () => {
      clearInterval(hourly);
      for (const stopListening of deaf) stopListening();
      await github.stop();
      traffic.stop();
      synthetic.stop();
      plans.stop();
      others.stop();
      await ailing.stop();
      await promoting.stop();
      await previewing.stop();
      await contracting.stop();
      await missing.stop();
      await strays.stop();
      await hours.stop();
      waiters.close();
      await routers.stop();
      await loop.stop();
      await hosted.stop();
      await netlify.stop();
      caller.abort();
      desk.abort();
      const unpreviewed = pullPreviews.stop();
      await deployments.stop();
      await unpreviewed;
    },
  };
}
