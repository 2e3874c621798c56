import { targetOf } from "@latchkey/api/targets";
import { clocksOff } from "@latchkey/core/analysis/clock-skew";
import type { MetricSource } from "@latchkey/core/analysis/metric-source";
import type { Look, ProcessCounts } from "@latchkey/core/analysis/types";
import { NO_COUNTS, takeDeltas } from "@latchkey/core/delivery/counters";
import { type Generation, generationKey } from "@latchkey/core/delivery/generation";
import type { Prober, Run, RunSpec, Target } from "@latchkey/core/delivery/ports";
import { isAtRisk, type RolloutEvent, SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import { SYNTHETIC_SHARE, type SyntheticSource } from "@latchkey/core/delivery/synthetic";
import type { Logger } from "pino";
import { findService, servingEnvironments, takeGeneration } from "../catalog/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { countersSince, liveGateways } from "./gateways.store.ts";
import { isKeptWarm } from "./kept-warm.ts";
import { MetricReader } from "./metric-reader.ts";
import { isPreviewRun } from "./pull-previews.ts";
import { findRelease } from "./releases.store.ts";
import { rollbackPolicyOf } from "./rollback-policy.ts";
import { applyWithin, type Input } from "./rollout-engine.ts";
import { activeRollouts, firstGeneration, generationOf, type RolloutRow } from "./rollouts.store.ts";
import { isServed, servedEverywhere, standingOf } from "./serving.view.ts";

/**
 * A look at least this often while traffic is judged; sooner when a gateway reports new errors. Latency's unit of evidence is
 * the look: a gateway reports once a second, and two reports span most stalls of a process.
 */
const LOOK_EVERY_MS = 2_000;
const NEWS_LOOK_EVERY_MS = 250;
/** Just-in-time compilers need some calls: a cold process answers several times slower than a warm one. */
const WARM_UP_ROUNDS = 20;
const WARM_UP_LANES = 4;
const RETIRE_AFTER_MS = 5_000;
/** Six queries that nobody waits for: at each of five rounds a second they would be most of an idle server's work. */
const SURVEY_EVERY_MS = 1_000;

export interface RolloutsOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly target: Target;
  /** What it writes counts only while no other server had the lease since the round began. */
  readonly lease: Pick<Lease, "fence" | "guards" | "vacantMs" | "watched">;
  readonly prober: Prober;
  /** Sends requests of our own where visitors are too few, for services that declare them. */
  readonly synthetic: SyntheticSource;
  /** Where metrics from Prometheus are asked for; null where there is none. */
  readonly metricSource: MetricSource | null;
  /** The folder of a release's files. */
  readonly artifactDirOf: (digest: string) => string;
  /** The database that a service's releases share in an environment. */
  readonly databaseUrlFor: (service: string, environment: string) => Promise<string>;
  /** What a release needs to ask for flags. */
  readonly flagVariablesFor: (
    project: string,
    service: string,
    environment: string,
  ) => Promise<Readonly<Record<string, string>>>;
  /** The routing changed: gateways that wait are answered at once. */
  readonly onRerouted: () => void;
  /** A rollout changed or was looked at: for those who watch. */
  readonly onChanged: (rolloutId: string) => void;
}

/** Drives every active rollout: starts the release, looks, takes acknowledgements in, retires what is no longer served. */
export class RolloutsController {
  readonly #o: RolloutsOptions;
  readonly #starting = new Set<string>();
  readonly #lookedAt = new Map<string, number>();
  /** Rollouts with errors that no look has seen: news that comes right after a look must not wait for the next one's time. */
  readonly #news = new Set<string>();
  readonly #unused = new Map<string, number>();
  readonly #metrics: MetricReader;
  /** The fence under which it was asked how long nobody had looked. */
  #vacancyOf: number | null = null;
  #surveyedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RolloutsOptions) {
    this.#o = options;
    this.#metrics = new MetricReader({
      source: options.metricSource,
      clock: options.clock,
      db: options.database.db,
    });
  }

  /** One round, several times a second and on news. `news` asks for a look now, where the last is 250 ms ago. */
  async tick(news = false): Promise<void> {
    const fence = this.#o.lease.fence();
    if (fence === null) return;
    const active = await activeRollouts(this.#o.database.db);
    await this.#leaveUnwatched(active, fence);
    this.#metrics.keepOnly(active.map((row) => row.id));
    for (const row of active) {
      try {
        await this.#drive(row, news, fence);
      } catch (error) {
        this.#o.log.error({ rolloutId: row.id, err: error }, "rollout could not be driven this round");
      }
    }
    await this.#o.target.tend();
    if (this.#o.clock.monotonic() - this.#surveyedAt < SURVEY_EVERY_MS) return;
    this.#surveyedAt = this.#o.clock.monotonic();
    await this.#retireUnused();
  }

  /** The dead man's switch: once for each time that this server begins to look after them. */
  async #leaveUnwatched(active: readonly RolloutRow[], fence: number): Promise<void> {
    if (this.#vacancyOf === fence) return;
    const vacantMs = await this.#o.lease.vacantMs(fence);
    for (const row of active.filter((r) => r.baseline_release_id !== null && isAtRisk(r.machine))) {
      const service = await findService(this.#o.database.db, row.project, row.service);
      if (!service || vacantMs < rollbackPolicyOf(service).deadManMs) continue;
      const reason = `Nobody watched it for ${Math.round(vacantMs / 1_000)} s: no server looked after it.`;
      const event = { kind: "roll_back" as const, atMs: this.#o.clock.now(), actor: SYSTEM_ACTOR, reason };
      await this.#apply(row.id, fence, { kind: "event", event });
      this.#o.log.warn({ rolloutId: row.id, vacantMs }, "a canary that nobody watched is taken back");
    }
    // Only now: whoever takes over from a server that died before this has it still to do.
    await this.#o.lease.watched(fence);
    this.#vacancyOf = fence;
  }

  async #drive(row: RolloutRow, news: boolean, fence: number): Promise<void> {
    if (row.machine.state === "starting") return this.#start(row, fence);
    if (!row.machine.acknowledged && (await isServed(this.#o.database.db, generationOf(row), row))) {
      await this.#apply(row.id, fence, { kind: "event", event: { kind: "acknowledged", atMs: this.#o.clock.now() } });
    }
    if (row.machine.state === "progressing" && row.machine.strategy.kind === "canary") await this.#addTraffic(row);
    if (news) this.#news.add(row.id);
    const every = this.#news.has(row.id) ? NEWS_LOOK_EVERY_MS : LOOK_EVERY_MS;
    const due = this.#o.clock.monotonic() - (this.#lookedAt.get(row.id) ?? 0) >= every;
    const judged =
      ["progressing", "paused", "promoting", "holdback"].includes(row.machine.state) &&
      row.baseline_release_id !== null &&
      // Blue-green has no traffic to compare with, but its processes are watched.
      row.machine.strategy.kind !== "all_at_once";
    if (judged && due) {
      this.#lookedAt.set(row.id, this.#o.clock.monotonic());
      this.#news.delete(row.id);
      await this.#look(row, fence);
    } else if (!judged)
      await this.#apply(row.id, fence, { kind: "event", event: { kind: "time_passed", atMs: this.#o.clock.now() } });
  }

  /** Where the service declares synthetic journeys, they go to both releases while the canary is judged. */
  async #addTraffic(row: RolloutRow): Promise<void> {
    const declared = (await findService(this.#o.database.db, row.project, row.service))?.config.synthetic;
    if (!declared || row.baseline_release_id === null) return;
    const [baseline, canary] = await Promise.all([
      this.#o.target.upstreamOf(runIn(row, row.baseline_release_id)),
      this.#o.target.upstreamOf(runIn(row, row.canary_release_id)),
    ]);
    if (baseline && canary) this.#o.synthetic.tend(row.id, { ...declared, addresses: { baseline, canary } });
  }

  /** True when it was taken in. */
  async #apply(rolloutId: string, fence: number, input: Input): Promise<boolean> {
    const outcome = await this.#o.database.transaction(async (tx) =>
      isAnybodys(input) || (await this.#o.lease.guards(tx, fence)) ? applyWithin(tx, rolloutId, input) : null,
    );
    if (!outcome?.ok) return false;
    if (outcome.value.rerouted) this.#o.onRerouted();
    if (outcome.value.decisions.length > 0 || input.kind === "looks") this.#o.onChanged(rolloutId);
    return !outcome.value.overtaken;
  }

  /** How a release's process is, with its restarts since the last look that was taken in; null when nothing runs. */
  async #processOf(
    row: Pick<RolloutRow, "restarts_seen" | "environment">,
    releaseId: string | null,
  ): Promise<(ProcessCounts & { readonly total: number }) | null> {
    if (releaseId === null || !(await this.#o.target.upstreamOf(runIn(row, releaseId)))) return null;
    const { restarts, residentBytes } = await this.#o.target.figures(runIn(row, releaseId));
    const seen = row.restarts_seen[releaseId] ?? restarts;
    return { restarts: Math.max(0, restarts - seen), residentBytes, processes: 1, total: restarts };
  }

  /** The restarts of both releases' processes until now. */
  async #restartsOf(row: RolloutRow): Promise<Readonly<Record<string, number>>> {
    const seen: Record<string, number> = {};
    for (const id of [row.baseline_release_id, row.canary_release_id])
      if (id !== null && (await this.#o.target.upstreamOf(runIn(row, id))))
        seen[id] = (await this.#o.target.figures(runIn(row, id))).restarts;
    return seen;
  }

  async #start(row: RolloutRow, fence: number): Promise<void> {
    if (this.#starting.has(row.id)) return;
    this.#starting.add(row.id);
    // Goes on beside the round: a release that takes its time must not keep the others waiting.
    this.#bringUp(row)
      .catch((error: unknown) => ({
        kind: "release_failed" as const,
        atMs: this.#o.clock.now(),
        words: `The release could not be started: ${error instanceof Error ? error.message : error}`,
      }))
      .then(async (event) => {
        // Whoever stood still meanwhile may find the rollout far beyond its start.
        // A process that dies before the first look has died all the same.
        const also = event.kind === "release_ready" ? { restartsSeen: await this.#restartsOf(row) } : {};
        const taken = await this.#apply(row.id, fence, { kind: "event", event, onlyIn: "starting", ...also });
        if (taken && event.kind === "release_failed") await this.#o.target.retire(runIn(row, row.canary_release_id));
      })
      .catch((error: unknown) =>
        this.#o.log.error({ rolloutId: row.id, err: error }, "start of a rollout could not be recorded"),
      )
      .finally(() => this.#starting.delete(row.id));
  }

  async #bringUp(row: RolloutRow): Promise<RolloutEvent> {
    const spec = await this.#specOf(
      row.project,
      row.service,
      row.environment,
      row.deployment_id,
      row.canary_release_id,
    );
    const started = await this.#o.target.ensureRunning(spec);
    const atMs = this.#o.clock.now();
    if (!started.ok) {
      const tail = started.error.logTail.trim().split("\n").slice(-5).join("\n");
      return {
        kind: "release_failed",
        atMs,
        words: `${started.error.words}${tail === "" ? "" : ` Its last lines: ${tail}`}`,
      };
    }
    const failed = await this.#smoke(row, started.value.upstreams[0] ?? "");
    if (failed) return { kind: "release_failed", atMs: this.#o.clock.now(), words: failed };
    const { remark } = started.value;
    return { kind: "release_ready", atMs: this.#o.clock.now(), ...(remark === null ? {} : { remark }) };
  }

  /** The declared journeys, on the release's own address, before any user is sent there. */
  async #smoke(row: RolloutRow, upstream: string): Promise<string | null> {
    const service = await findService(this.#o.database.db, row.project, row.service);
    const journeys = service?.config.smoke ?? [];
    const { prober } = this.#o;
    for (const journey of journeys) {
      const failed = await prober.walk(journey, upstream);
      if (failed !== null) return `Smoke journey ${failed}`;
    }
    // These warm the process up, so that users do not and it is judged as it will be: several at once, because
    // connections to a database are opened by concurrency. Their answers are no check: the journeys above were.
    const paths = [...journeys.map((journey) => journey.path), ...(service?.config.warmUp ?? [])];
    const lane = async () => {
      for (let round = 0; round < WARM_UP_ROUNDS; round++)
        for (const path of paths) await prober.walk({ path, status: 200 }, upstream);
    };
    await Promise.all(Array.from({ length: WARM_UP_LANES }, lane));
    return null;
  }

  async #specOf(
    project: string,
    service: string,
    environment: string,
    deploymentId: string,
    releaseId: string,
  ): Promise<RunSpec> {
    const found = await findService(this.#o.database.db, project, service);
    const release = await findRelease(this.#o.database.db, releaseId);
    if (!found || !release) throw new Error(`release ${releaseId} of ${service} is not there`);
    const { path, readyTimeoutMs, ...healthShape } = found.config.health;
    return {
      service,
      environment,
      deploymentId,
      releaseId,
      releaseName: `${service}@${release.number}`,
      artifactDir: this.#o.artifactDirOf(release.digest),
      command: found.config.run,
      healthPath: path,
      readyTimeoutMs,
      healthShape,
      environmentVariables: {
        DATABASE_URL: await this.#o.databaseUrlFor(service, environment),
        ...(await this.#o.flagVariablesFor(project, service, environment)),
      },
      target: targetOf(found.config, environment),
      // What was changed since the commit is in no commit.
      commit: release.dirty ? null : release.commit_sha,
    };
  }

  async #look(row: RolloutRow, fence: number): Promise<void> {
    const atMs = this.#o.clock.now();
    const counters = await countersSince(this.#o.database.db, row.service, row.environment, firstGeneration(row));
    const gateways = await liveGateways(this.#o.database.db);
    const { deltas, taken } = takeDeltas(counters, row.taken, row.canary_release_id);
    const baseline = await this.#processOf(row, row.baseline_release_id);
    const canary = await this.#processOf(row, row.canary_release_id);
    const common = {
      atMs: atMs - row.started_at.getTime(),
      baselineProcess: countsOf(baseline),
      canaryProcess: countsOf(canary),
      sourceUp: (await standingOf(this.#o.database.db, row, generationOf(row)))?.isHeard ?? gateways.length > 0,
      ...clocksOff(gateways.map(({ id, clock_ahead_ms }) => ({ name: id, byMs: clock_ahead_ms }))),
    };
    const share = (g: Generation) =>
      Math.min(0.9999, Math.max(0.0001, row.shares[generationKey(g)] ?? row.machine.trafficPercent / 100));
    const looks: Look[] = deltas.map((delta, i) => ({
      ...common,
      // Process samples are of now: they go with the newest counts only, so that a restart is counted once.
      ...(i < deltas.length - 1 ? { baselineProcess: null, canaryProcess: null } : {}),
      canaryShare: share(delta.generation),
      baseline: delta.baseline,
      canary: delta.canary,
    }));
    if (looks.length === 0)
      looks.push({ ...common, canaryShare: share(generationOf(row)), baseline: NO_COUNTS, canary: NO_COUNTS });
    const measured = this.#metrics.measure(row, looks, { counters, generations: deltas.map((d) => d.generation) });
    this.#o.synthetic.seen(
      row.id,
      deltas.reduce((n, { baseline: b, canary: c }) => n + b.requests + c.requests, 0),
    );
    const own = this.#o.synthetic.take(row.id);
    const arms = { baselineProcess: null, canaryProcess: null, canaryShare: SYNTHETIC_SHARE };
    const takenIn = await this.#apply(row.id, fence, {
      ...measured,
      kind: "looks",
      atMs,
      restartsSeen: {
        ...row.restarts_seen,
        ...(row.baseline_release_id && baseline ? { [row.baseline_release_id]: baseline.total } : {}),
        ...(canary ? { [row.canary_release_id]: canary.total } : {}),
      },
      stepCount: row.step_count,
      // Our own first: the verdict after all of them is the one that counts, with the guards on visitors' traffic.
      looks: [...(own ? [{ ...common, ...arms, synthetic: true as const, ...own }] : []), ...measured.looks],
      taken,
    });
    if (!takenIn) {
      this.#news.add(row.id);
      if (own) this.#o.synthetic.giveBack(row.id, own);
    }
  }

  /** Releases that no routing names any more leave after a drain; those that should serve and do not are brought up. */
  async #retireUnused(): Promise<void> {
    const { used, comingUp } = await this.#wanted();
    const runs = (await this.#o.target.runs()).filter((run) => !isPreviewRun(run));
    const running = new Map(runs.map((run) => [keyOf(run), run]));
    const unused = [...running].filter(([key]) => !used.has(key));
    const served = await servedEverywhere(
      this.#o.database.db,
      unused.map(([, { releaseId }]) => releaseId),
    );
    for (const key of used.keys()) this.#unused.delete(key);
    for (const [key, run] of unused) {
      const since = this.#unused.get(key) ?? this.#o.clock.monotonic();
      this.#unused.set(key, since);
      if (!served.has(run.releaseId) || this.#o.clock.monotonic() - since <= RETIRE_AFTER_MS) continue;
      if (!(await isKeptWarm(this.#o.database.db, run, this.#o.clock.now()))) await this.#o.target.retire(run);
    }
    for (const [key, wanted] of used) {
      const isHere = running.get(key)?.isHere;
      if (isHere !== true && !this.#starting.has(key) && !comingUp.has(key))
        this.#bringBack(key, wanted, isHere === false);
    }
  }

  /** What routing names, and the canaries on their way up: `#start` looks after them, and ends those that do not come up. */
  async #wanted(): Promise<{ used: ReadonlyMap<string, Wanted>; comingUp: ReadonlySet<string> }> {
    const db = this.#o.database.db;
    const used = new Map<string, Wanted>();
    const add = (wanted: Wanted) => used.set(keyOf(wanted), wanted);
    for (const { project, service, name: environment, ...serving } of await servingEnvironments(db))
      if (serving.serving_release_id)
        add({
          ...{ project, service, environment, releaseId: serving.serving_release_id },
          deploymentId: serving.serving_deployment_id ?? "",
        });
    const comingUp = new Set<string>();
    for (const r of await activeRollouts(db)) {
      if (r.machine.state === "starting") comingUp.add(keyOf(runIn(r, r.canary_release_id)));
      const { project, service, deployment_id: deploymentId } = r;
      for (const id of [r.baseline_release_id, r.canary_release_id])
        if (id !== null) add({ project, service, deploymentId, ...runIn(r, id) });
    }
    return { used, comingUp };
  }

  #bringBack(key: string, wanted: Wanted, isMoved: boolean): void {
    this.#starting.add(key);
    this.#specOf(wanted.project, wanted.service, wanted.environment, wanted.deploymentId, wanted.releaseId)
      .then((spec) => this.#o.target.ensureRunning(spec))
      .then(async (started) => {
        if (!started.ok && isMoved) throw new Error(started.error.words);
        // It may have another address than before: only a newer generation moves a gateway that keeps its table on
        // disk. With a release that moved here, the target has taken one.
        if (!isMoved)
          await this.#o.database.transaction((tx) => takeGeneration(tx, { ...wanted, name: wanted.environment }, null));
        this.#o.onRerouted();
      })
      .catch((error: unknown) =>
        this.#o.log.error({ releaseId: wanted.releaseId, err: error }, "a served release could not be brought up"),
      )
      .finally(() => this.#starting.delete(key));
  }
}

/** What is to run, and for which deployment. */
interface Wanted extends Run {
  readonly project: string;
  readonly service: string;
  readonly deploymentId: string;
}
const keyOf = ({ releaseId, environment }: Run): string => `${releaseId} ${environment}`;
const runIn = ({ environment }: Pick<RolloutRow, "environment">, releaseId: string): Run => ({
  releaseId,
  environment,
});

/** That time has passed, or that all gateways acknowledged, is as true by whichever server it is said. */
const isAnybodys = (input: Input): boolean =>
  input.kind === "event" && ["time_passed", "acknowledged"].includes(input.event.kind);

const countsOf = (process: ProcessCounts | null): ProcessCounts | null =>
  process && { restarts: process.restarts, residentBytes: process.residentBytes, processes: process.processes };
