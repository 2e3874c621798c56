import type { Logger } from "pino";
import { findEnvironment, findService, type ServiceRow } from "../catalog/index.ts";
import { afterCommit, isPassing, type Transaction } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { endDeployment, locksPhase, recordRelease, UNCHANGED } from "./deployments.entries.ts";
import { activeDeployments, type DeploymentRow, findDeployment, updateDeployment } from "./deployments.store.ts";
import { type GateRunners, hasWork } from "./gate-runner.ts";
import { Gating, type GatingOptions } from "./gating.ts";
import { DeploymentQueue, type QueueOptions } from "./queue.ts";
import { findReleaseByDigest, insertRelease } from "./releases.store.ts";

const BUILD_TIMEOUT_MS = 600_000;
/** A release of leads has 1 MB; most have less than 100. PostgreSQL must still have room for its log after it. */
const FREE_BYTES_MIN = 200e6;
/** A build takes a processor or two, and what it fills is looked at once: the disk must have room for all of them. */
export const BUILDS_MAX = 4;
const WAITS = `Waiting for its turn: ${BUILDS_MAX} others are being built.`;
const BUILDS = "Building the working tree.";

export interface DeploymentsOptions extends QueueOptions {
  readonly log: Logger;
  readonly gateRunners: GateRunners;
  readonly waiverOf: GatingOptions["waiverOf"];
}

/**
 * Takes each deployment from the wish to its rollout: build, gates, queue. Every phase is written before the next
 * begins; a phase that a server's death cut short is done again from its start, which is safe: a build goes to a
 * folder of its own and a gate only reads.
 */
export class DeploymentsController {
  readonly #o: DeploymentsOptions;
  readonly #running = new Map<string, Promise<void>>();
  /** Of those the ones that build or run gates: each is processes of its own. */
  readonly #busy = new Set<string>();
  readonly #queue: DeploymentQueue;
  readonly #gating: Gating;
  #stopping = false;

  constructor(options: DeploymentsOptions) {
    this.#o = options;
    this.#queue = new DeploymentQueue(options);
    this.#gating = new Gating({ ...options, runners: options.gateRunners });
  }

  /**
   * One round over what has not ended. Long work goes on beside; a deployment is never worked on twice at once. Answers
   * whether there was anything.
   */
  async tick(): Promise<boolean> {
    const fence = this.#o.lease.fence();
    if (fence === null) return true;
    const active = await activeDeployments(this.#o.database.db);
    const goesOn = new Set(active.map(({ id }) => id));
    for (const d of active) if (d.carrier_id !== null && !goesOn.has(d.carrier_id)) await this.#queue.settle(d, fence);
    for (const deployment of active) {
      if (this.#running.has(deployment.id)) continue;
      if (!["building", "gating", "queued"].includes(deployment.status)) continue;
      if (this.#stopping) break;
      const isGating = deployment.status === "gating";
      // What is only waited for, maybe for days, takes nobody's place.
      const isLong = deployment.status === "building" || (isGating && hasWork(deployment.gates));
      if (isGating && !isLong && !this.#gating.isDue(deployment.id)) continue;
      if (isLong && this.#busy.size >= BUILDS_MAX) {
        await this.#say(deployment, fence, WAITS);
        continue;
      }
      if (isLong) this.#busy.add(deployment.id);
      const working = this.#work(deployment.id, fence)
        .catch((error: unknown) => this.#crashed(deployment, fence, error))
        .catch((error: unknown) =>
          this.#o.log.error(
            { deploymentId: deployment.id, err: error },
            "the end of a deployment could not be written",
          ),
        )
        .finally(() => {
          this.#running.delete(deployment.id);
          this.#busy.delete(deployment.id);
        });
      this.#running.set(deployment.id, working);
    }
    return active.length > 0;
  }

  /** Ends what runs and leaves every deployment as it is written: the next start does the phase again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#o.builder.abort();
    await Promise.all(this.#running.values());
  }

  /** Something has come that a gate may have waited for: an answer, a report, a waiver. */
  hurryGates(): void {
    this.#gating.hurry();
    this.#o.wake();
  }

  #locks(tx: Transaction, fence: number, id: string, phase: DeploymentRow["status"]): Promise<boolean> {
    return locksPhase(this.#o.lease, tx, fence, { id, status: phase });
  }

  async #work(id: string, fence: number): Promise<void> {
    // Once another server had the lease, this work is no longer wanted; whoever has it now begins the phase again.
    while (!this.#stopping && this.#o.lease.fence() === fence) {
      const deployment = await findDeployment(this.#o.database.db, id);
      if (!deployment) return;
      const service = await findService(this.#o.database.db, deployment.project, deployment.service);
      if (!service) return;
      let goesOn = deployment.status === "building";
      if (deployment.status === "building") await this.#build(deployment, service, fence);
      else if (deployment.status === "gating")
        goesOn = await this.#gating.go(deployment, service, fence, () => this.#stopping);
      else if (deployment.status === "queued") await this.#queue.begin(deployment, service, fence);
      this.#o.onChanged(id);
      if (!goesOn) return;
    }
  }

  /** While it builds: what it does now, for those who watch. */
  async #say(deployment: DeploymentRow, fence: number, words: string): Promise<void> {
    if (deployment.status !== "building" || deployment.words === words) return;
    await this.#o.database.transaction(async (tx) => {
      if (!(await this.#locks(tx, fence, deployment.id, "building"))) return;
      await updateDeployment(tx, deployment.id, { words });
      afterCommit(tx, () => this.#o.onChanged(deployment.id));
    });
  }

  async #crashed(deployment: DeploymentRow, fence: number, error: unknown): Promise<void> {
    const words = error instanceof Error ? error.message : String(error);
    this.#o.log.error({ deploymentId: deployment.id, err: error }, "deployment could not be worked on");
    // Nothing is wrong with the deployment when the database was away: the next round does the phase again.
    if (isPassing(error)) return;
    const now = await findDeployment(this.#o.database.db, deployment.id);
    // What has its rollout is the rollout's to end.
    if (now && now.rollout_id === null)
      await this.#fail(now, fence, "failed_build", `It could not be carried on: ${words}`);
  }

  async #fail(
    deployment: DeploymentRow,
    fence: number,
    status: "failed_build",
    words: string,
    buildOutput?: string,
  ): Promise<void> {
    await this.#o.database.transaction(async (tx) => {
      if (await this.#locks(tx, fence, deployment.id, deployment.status))
        await endDeployment(tx, deployment, status, words, { buildOutput });
    });
  }

  async #build(deployment: DeploymentRow, service: ServiceRow, fence: number): Promise<void> {
    const { builder } = this.#o;
    const free = await builder.freeBytes();
    if (free < FREE_BYTES_MIN) {
      const words = `The disk is full: ${Math.floor(free / 1e6)} MB are free where releases are kept, and a build needs ${FREE_BYTES_MIN / 1e6} MB. Nothing was built.`;
      await this.#fail(deployment, fence, "failed_build", words);
      return;
    }
    const { source: wanted } = deployment;
    await this.#say(deployment, fence, wanted ? `Building commit ${wanted.commit.slice(0, 8)}.` : BUILDS);
    const folder = await this.#o.sourcesOf(deployment, service);
    if (this.#stopping) return;
    if (!folder.ok) return this.#fail(deployment, fence, "failed_build", `The build could not begin: ${folder.error}`);
    const result = await builder.build({
      deploymentId: deployment.id,
      folder: folder.value,
      command: service.config.build,
      timeoutMs: BUILD_TIMEOUT_MS,
      fault: deployment.fault,
    });
    // A build that this server's stop has killed has not failed.
    if (this.#stopping) return;
    if (result.outcome !== "passed") {
      const why = {
        failed: `exit code ${result.exitCode}`,
        timed_out: "it ran out of its 10 minutes",
        could_not_run: "its command could not be started",
      }[result.outcome];
      await this.#fail(deployment, fence, "failed_build", `The build failed: ${why}.`, result.output);
      return;
    }
    const { manifest, source } = result;
    const { project, name } = service;
    await this.#o.database.transaction(async (tx) => {
      if (!(await this.#locks(tx, fence, deployment.id, "building"))) return;
      const known = await findReleaseByDigest(tx, project, name, manifest.digest);
      const id = newId("rel");
      const release =
        known ??
        (await insertRelease(tx, {
          id,
          project,
          service: name,
          digest: manifest.digest,
          created_by: deployment.created_by.name,
          commit_sha: source.commit,
          branch: wanted?.branch ?? source.branch,
          message: source.message,
          author: source.author,
          dirty: source.dirty,
          fault: deployment.fault,
          sizeBytes: manifest.sizeBytes,
          files: manifest.files,
        }));
      if (release.id === id) await recordRelease(tx, deployment, release);
      const environment = await findEnvironment(tx, project, name, deployment.environment);
      if (known && environment?.serving_release_id === known.id) {
        await updateDeployment(tx, deployment.id, { release_id: known.id, build_output: result.output });
        await endDeployment(tx, deployment, "unchanged", UNCHANGED);
        return;
      }
      const words = known
        ? `${wanted ? "The commit" : "The working tree"} is release ${release.number}, which exists. Running the gates.`
        : `Built release ${release.number}. Running the gates.`;
      await updateDeployment(tx, deployment.id, {
        status: "gating",
        words,
        release_id: release.id,
        build_output: result.output,
      });
    });
  }
}
