import type { PreviewsConfig } from "@latchkey/api/previews";
import type { Builder, RunSpec, Target } from "@latchkey/core/delivery/ports";
import { type PreviewEnd, type PreviewFacts, type PreviewStep, previewSteps } from "@latchkey/core/delivery/preview";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import type { Logger } from "pino";
import { allServices, type ServiceRow } from "../catalog/index.ts";
import { PREVIEW_ENVIRONMENT, previewAs } from "../flags/index.ts";
import { record } from "../ledger/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import type { Lease } from "../platform/leases.ts";
import {
  forgetPullPreview,
  insertPullPreview,
  listPullPreviews,
  lockPullPreview,
  openPulls,
  type PullPreviewRow,
  reroutePullPreview,
  savePullPreview,
  TOLD_OF_END,
} from "./pull-previews.store.ts";
import { databaseOfPreview, endPullPreview, isPreviewRun, newPreviewRun, renewal, WAITS } from "./pull-previews.ts";
import type { RolloutsOptions } from "./rollouts.controller.ts";
import type { SourcesOf } from "./sources.ts";
import { isRoutedAnew } from "./strays.controller.ts";

const PREVIEWS_ACTOR: Actor = { id: "previews", kind: "system", name: "Previews" };
const BUILD_TIMEOUT_MS = 600_000;
/** Builds of releases come first: they have four places. */
const BUILDS_MAX = 1;
const WAIT_FIRST_MS = 2_000;
const WAIT_MAX_MS = 300_000;
const WORDS_MAX = 1_000;

export interface PullPreviewsOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly lease: Pick<Lease, "fence" | "guards">;
  readonly builder: Builder;
  readonly sourcesOf: SourcesOf;
  readonly target: Target;
  readonly artifactDirOf: (digest: string) => string;
  readonly databaseUrlFor: (service: string, environment: string) => Promise<string>;
  readonly dropDatabaseOf: (service: string, environment: string) => Promise<void>;
  /** What a preview needs to ask for flags. */
  readonly flagVariablesFor: RolloutsOptions["flagVariablesFor"];
  readonly onRerouted: () => void;
}

/**
 * Gives each open pull request an environment of its own, and takes it away again. Rows say which runs should be there: what
 * was begun before a crash is begun again, and runs that no row names are ended, whoever lost sight of them.
 */
export class PullPreviewsController {
  readonly #o: PullPreviewsOptions;
  readonly #working = new Map<string, Promise<void>>();
  readonly #building = new Set<string>();
  readonly #builds = new Set<Promise<unknown>>();
  #stopping = false;

  constructor(options: PullPreviewsOptions) {
    this.#o = options;
  }

  async tick(): Promise<boolean> {
    const { database, lease } = this.#o;
    const fence = lease.fence();
    if (fence === null || this.#stopping) return false;
    const rows = await listPullPreviews(database.db);
    const services = await allServices(database.db);
    for (const service of services) await this.#follow(service, rows, fence);
    for (const row of await listPullPreviews(database.db)) {
      const service = services.find((s) => s.project === row.project && s.name === row.service);
      if (service) this.#tend(row, service, fence);
    }
    await this.#endUnnamed(fence);
    return false;
  }

  /** What is cut short begins again with the next server. Whoever shares the builder ends builds after this was called. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#builds);
  }

  async #follow(service: ServiceRow, all: readonly PullPreviewRow[], fence: number): Promise<void> {
    const { config, project, name } = service;
    const rows = all.filter((row) => row.project === project && row.service === name);
    const isOn = config.previews !== undefined && config.github !== undefined;
    if (!isOn && rows.length === 0) return;
    const { database, clock, lease } = this.#o;
    const pulls = config.github ? await openPulls(database.db, config.github.repository, config.github.branch) : [];
    const policy = (isOn && config.previews) || null;
    for (const step of previewSteps(policy, pulls, rows.map(factsOf), config.environments, clock.now())) {
      const row = rows.find((r) => r.name === step.name);
      const isRerouted = await database.transaction(async (tx) => {
        if (!(await lease.guards(tx, fence))) return false;
        if (step.kind === "open") {
          await this.#open(tx, service, step);
          return false;
        }
        const locked = row ? await lockPullPreview(tx, row.id) : null;
        return locked !== null && this.#step(tx, locked, step, policy);
      });
      if (isRerouted) this.#o.onRerouted();
    }
  }

  async #open(
    tx: Transaction,
    { project, name: service }: ServiceRow,
    step: PreviewStep & { readonly kind: "open" | "renew" },
  ) {
    const id = newId("pre");
    const { pull } = step;
    await insertPullPreview(tx, {
      ...{ id, project, service, name: step.name, pull_request: pull.number, branch: pull.branch },
      ...{ wanted_commit: pull.commit, words: WAITS, ends_at: new Date(step.endsAtMs) },
    });
    await record(tx, {
      ...{ type: "delivery.preview.opened", subject: `preview/${id}`, project, correlation: id, actor: PREVIEWS_ACTOR },
      data: { service, name: step.name, pullRequest: pull.number, commit: pull.commit },
    });
  }

  /** Answers whether the routing changed. */
  async #step(
    tx: Transaction,
    row: PullPreviewRow,
    step: PreviewStep,
    policy: PreviewsConfig | null,
  ): Promise<boolean> {
    if (step.kind === "renew")
      await savePullPreview(
        tx,
        row.id,
        renewal(row, { ...step.pull, endsAtMs: step.endsAtMs, nowMs: this.#o.clock.now() }),
      );
    else if (step.kind === "build")
      await savePullPreview(tx, row.id, {
        ...{ state: "building", words: `Building commit ${row.wanted_commit.slice(0, 8)}.` },
        ...{
          run_id: newPreviewRun(),
          run_commit: row.wanted_commit,
          run_digest: null,
          tried_commit: row.wanted_commit,
        },
      });
    else if (step.kind === "wait")
      await savePullPreview(tx, row.id, {
        ...{
          state: "waiting",
          words: `Waits until another preview is removed: the service has ${policy?.most ?? 0} at once.`,
        },
      });
    else if (step.kind === "forget") await forgetPullPreview(tx, row.id);
    else if (step.kind === "end" && row.state !== "ended") {
      const words = `${ENDS[step.why]}${step.why === "expired" && row.pull_request !== null ? " A newer commit brings it back." : ""}`;
      await endPullPreview(tx, row, {
        ...{ actor: PREVIEWS_ACTOR, reason: words, words },
        mayReopen: step.why !== "expired",
      });
      return row.serving_id !== null;
    }
    return false;
  }

  /** What takes long goes on beside the round, once for each run. */
  #tend(row: PullPreviewRow, service: ServiceRow, fence: number): void {
    const work = row.run_id !== null ? row.run_id : (row.serving_id ?? row.id);
    if (this.#working.has(work) || this.#stopping) return;
    const act =
      row.run_id !== null
        ? this.#building.size < BUILDS_MAX
          ? () => this.#build(row, service, fence)
          : null
        : row.state === "ended"
          ? // A build that is not wanted any more may be about to make it.
            row.has_database && this.#building.size === 0
            ? () => this.#dropDatabase(row)
            : null
          : row.serving_id !== null
            ? () => this.#bringBack(row, service)
            : null;
    if (act === null) return;
    if (row.run_id !== null) this.#building.add(work);
    const done = act()
      .catch((error: unknown) => this.#o.log.warn({ err: error, preview: row.name }, "a preview could not be tended"))
      .finally(() => {
        this.#working.delete(work);
        this.#building.delete(work);
      });
    this.#working.set(work, done);
  }

  async #build(row: PullPreviewRow, service: ServiceRow, fence: number): Promise<void> {
    const building =
      row.run_digest === null ? this.#artifact(row, service, fence) : Promise.resolve(ok(row.run_digest));
    this.#builds.add(building);
    const built = await building.finally(() => this.#builds.delete(building));
    if (this.#stopping) return;
    if (!built.ok) return this.#failed(row, fence, built.error);
    this.#o.log.debug({ preview: row.name, digest: built.value }, "a preview is built");
    const spec = await this.#specOf(row, service, {
      id: row.run_id ?? "",
      commit: row.run_commit,
      digest: built.value,
    });
    const started = await this.#o.target.ensureRunning(spec);
    if (this.#stopping) return;
    if (!started.ok) {
      const tail = started.error.logTail.trim().split("\n").slice(-5).join("\n");
      return this.#failed(row, fence, { words: `${started.error.words} ${tail}`.trim(), isPassing: false });
    }
    await this.#serve(row, fence, built.value);
  }

  async #artifact(row: PullPreviewRow, service: ServiceRow, fence: number): Promise<Result<string, Failure>> {
    const { github } = service.config;
    const id = row.run_id ?? "";
    if (!github) return err({ words: "Its service is no longer connected to GitHub.", isPassing: true });
    const source = {
      repository: github.repository,
      branch: row.branch,
      commit: row.run_commit ?? "",
      path: github.path,
    };
    const folder = await this.#o.sourcesOf({ id, source }, service);
    if (!folder.ok) return err({ words: folder.error, isPassing: true });
    const built = await this.#o.builder.build({
      ...{
        deploymentId: id,
        folder: folder.value,
        command: service.config.build,
        timeoutMs: BUILD_TIMEOUT_MS,
        fault: null,
      },
    });
    if (this.#stopping) return err({ words: "The server stops.", isPassing: true });
    if (built.outcome !== "passed") {
      const last = built.output.trim().split("\n").slice(-5).join("\n");
      return err({ words: `The build ${built.outcome.replaceAll("_", " ")}. ${last}`.trim(), isPassing: false });
    }
    const { digest } = built.manifest;
    // Written before it is started: its files are kept from then on.
    const isWanted = await this.#still(row, fence, (tx) =>
      savePullPreview(tx, row.id, {
        ...{ run_digest: digest, words: `Starting commit ${row.run_commit?.slice(0, 8)}.` },
        has_database: row.has_database || service.config.previews?.database === "own",
      }),
    );
    return isWanted ? ok(digest) : err({ words: "A newer commit came.", isPassing: true });
  }

  /** The new one is ready: it is what is served from now on, and the one before is named by nobody any more. */
  async #serve(row: PullPreviewRow, fence: number, digest: string): Promise<void> {
    const isServed = await this.#still(row, fence, async (tx) => {
      await savePullPreview(tx, row.id, {
        ...{ state: "ready", words: `Serves commit ${row.run_commit?.slice(0, 8)}.`, attempts: 0 },
        ...{ run_id: null, run_commit: null, run_digest: null },
        ...{ serving_id: row.run_id, serving_commit: row.run_commit, serving_digest: digest },
      });
      await reroutePullPreview(tx, row.id);
      await record(tx, {
        ...{ type: "delivery.preview.served", subject: `preview/${row.id}`, project: row.project, correlation: row.id },
        actor: PREVIEWS_ACTOR,
        data: { service: row.service, name: row.name, commit: row.run_commit },
      });
    });
    if (isServed) this.#o.onRerouted();
  }

  async #failed(row: PullPreviewRow, fence: number, { words, isPassing }: Failure): Promise<void> {
    const waitMs = Math.min(WAIT_MAX_MS, WAIT_FIRST_MS * 2 ** Math.min(row.attempts, 10));
    await this.#still(row, fence, async (tx) => {
      await savePullPreview(tx, row.id, {
        ...{ state: "failed", words: words.slice(0, WORDS_MAX), run_id: null, run_commit: null, run_digest: null },
        ...(isPassing ? { tried_commit: null, attempts: row.attempts + 1 } : {}),
        next_at: new Date(this.#o.clock.now() + waitMs),
      });
      await record(tx, {
        ...{ type: "delivery.preview.failed", subject: `preview/${row.id}`, project: row.project, correlation: row.id },
        actor: PREVIEWS_ACTOR,
        data: { service: row.service, name: row.name, commit: row.run_commit, words: words.slice(0, WORDS_MAX) },
      });
    });
  }

  /** Writes only while the row still names the run: it may have been removed, or renewed, meanwhile. */
  #still(row: PullPreviewRow, fence: number, write: (tx: Transaction) => Promise<void>): Promise<boolean> {
    const { database, lease } = this.#o;
    return database.transaction(async (tx) => {
      if (!(await lease.guards(tx, fence))) return false;
      if ((await lockPullPreview(tx, row.id))?.run_id !== row.run_id) return false;
      await write(tx);
      return true;
    });
  }

  async #specOf(
    row: PullPreviewRow,
    { config }: ServiceRow,
    run: { readonly id: string; readonly commit: string | null; readonly digest: string },
  ): Promise<RunSpec> {
    const { path, readyTimeoutMs, ...healthShape } = config.health;
    const { database, artifactDirOf, databaseUrlFor } = this.#o;
    const isOwn = config.previews?.database === "own";
    // Before it is made; of a run that was built, it was written with the build.
    if (isOwn && !row.has_database) await savePullPreview(database.db, row.id, { has_database: true });
    return {
      ...{ service: row.service, environment: row.name, deploymentId: run.id, releaseId: run.id },
      releaseName: `${row.service}@${row.name}`,
      artifactDir: artifactDirOf(run.digest),
      command: config.run,
      ...{ healthPath: path, readyTimeoutMs, healthShape },
      environmentVariables: {
        ...(await this.#o.flagVariablesFor(row.project, previewAs(row.service, row.name), PREVIEW_ENVIRONMENT)),
        ...config.previews?.variables,
        ...(isOwn ? { DATABASE_URL: await databaseUrlFor(row.service, databaseOfPreview(row)) } : {}),
      },
      target: config.previews?.target ?? { kind: "local" },
      commit: run.commit,
    };
  }

  /** After a full stop, or on another machine, nothing runs here. */
  async #bringBack(row: PullPreviewRow, service: ServiceRow): Promise<void> {
    const { target, database } = this.#o;
    const id = row.serving_id ?? "";
    const running = (await target.runs()).find((r) => r.releaseId === id && r.environment === row.name);
    if (running?.isHere || row.serving_digest === null) return;
    const spec = await this.#specOf(row, service, { id, commit: row.serving_commit, digest: row.serving_digest });
    if (!(await target.ensureRunning(spec)).ok) return;
    await database.transaction(async (tx) => {
      if ((await lockPullPreview(tx, row.id))?.serving_id === id) await reroutePullPreview(tx, row.id);
    });
    this.#o.onRerouted();
  }

  /** Its runs go first: they would come back to it. */
  async #dropDatabase(row: PullPreviewRow): Promise<void> {
    const { target, database, dropDatabaseOf } = this.#o;
    const runs = await target.runs();
    if (runs.some((run) => isPreviewRun(run) && run.environment === row.name)) return;
    await dropDatabaseOf(row.service, databaseOfPreview(row));
    await database.transaction(async (tx) => {
      if ((await lockPullPreview(tx, row.id))?.state === "ended")
        await savePullPreview(tx, row.id, { has_database: false });
    });
  }

  async #endUnnamed(fence: number): Promise<void> {
    const { target, database, lease } = this.#o;
    const runs = (await target.runs()).filter(isPreviewRun);
    if (runs.length === 0) return;
    const rows = await listPullPreviews(database.db);
    const named = new Set(rows.flatMap((row) => [row.run_id, row.serving_id]));
    const unnamed = runs.filter(({ releaseId }) => !named.has(releaseId) && !this.#working.has(releaseId));
    // Gateways send nobody there any more.
    if (unnamed.length === 0 || !(await isRoutedAnew(database.db))) return;
    for (const run of unnamed) if (lease.fence() === fence) await target.retire(run);
  }
}

/** Why a run is not there. What passes is tried again; the rest waits for a newer commit. */
interface Failure {
  readonly words: string;
  readonly isPassing: boolean;
}
const ENDS: Readonly<Record<PreviewEnd, string>> = {
  closed: "Its pull request is closed.",
  expired: "It had no new commit for too long.",
  taken: "The service has an environment of this name now.",
  off: "The service's configuration has no previews.",
};

const factsOf = (row: PullPreviewRow): PreviewFacts => ({
  ...{ name: row.name, pullRequest: row.pull_request, state: row.state, wantedCommit: row.wanted_commit },
  triedCommit: row.tried_commit,
  hasRun: row.run_id !== null || row.serving_id !== null,
  isBuilding: row.run_id !== null,
  ...{
    endsAtMs: row.ends_at.getTime(),
    nextAtMs: row.next_at.getTime(),
    hasRemains: row.has_database || (row.comment_id !== null && row.comment_digest !== TOLD_OF_END),
  },
});
