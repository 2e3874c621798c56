import type { DeploymentStatus } from "@latchkey/api/models";
import { measuredBefore } from "@latchkey/core/analysis/guards";
import { DECIDER_VERSION, startJudge } from "@latchkey/core/analysis/judge";
import type { AnalysisPolicy } from "@latchkey/core/analysis/types";
import type { Builder, CommitInfo } from "@latchkey/core/delivery/ports";
import { newRollout, type Strategy } from "@latchkey/core/delivery/rollout";
import {
  type EnvironmentRow,
  type FreezeRow,
  findEnvironment,
  freezeOf,
  lockEnvironment,
  type ServiceRow,
} from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import type { Lease } from "../platform/leases.ts";
import { changesOf, joinCarrier, nextBatch } from "./batches.ts";
import { endDeployment, locksPhase, UNCHANGED } from "./deployments.entries.ts";
import {
  activeDeployments,
  type DeploymentRow,
  findDeployment,
  lockPhase,
  updateDeployment,
} from "./deployments.store.ts";
import { clusteringBefore } from "./minutes.store.ts";
import { findPause, type PauseRow } from "./pauses.store.ts";
import { findRelease } from "./releases.store.ts";
import { applyToRollout } from "./rollout-engine.ts";
import { findActiveRollout, insertRollout, type RolloutChange } from "./rollouts.store.ts";
import { variationBefore } from "./slices.store.ts";
import type { SourcesOf } from "./sources.ts";

export interface QueueOptions {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly builder: Builder;
  /** Where a deployment's sources are. */
  readonly sourcesOf: SourcesOf;
  /** What it writes counts only while no other server had the lease since the work began. */
  readonly lease: Pick<Lease, "fence" | "guards">;
  /** A deployment has gone on: for those who watch. */
  readonly onChanged: (deploymentId: string) => void;
  /** Woken when a rollout began, or was asked to make way. */
  readonly wake: () => void;
}

/**
 * Whether a deployment waits because of a rollback: one that a machine asked for, or that was asked for before it and may
 * bring back what was left. What a person asks for afterwards goes.
 */
export const isHeld = (
  d: Pick<DeploymentRow, "rollback" | "by_machine" | "created_at">,
  pause: Pick<PauseRow, "since">,
): boolean => d.rollback === null && (d.by_machine || d.created_at <= pause.since);

/** What a rollout begins with. */
interface Beginning {
  readonly id: string;
  readonly environment: EnvironmentRow;
  readonly carrier: DeploymentRow;
  readonly releaseId: string;
  readonly carries: readonly RolloutChange[];
  readonly commits: readonly CommitInfo[];
  readonly strategy: Strategy;
  readonly policy: AnalysisPolicy;
}

const HELD = "Waits: deployments are paused here since a rollback. `latchkey resume-deployments` lets them go on.";

/** Nothing new goes out then, but for what an owner lets out; going back always may. */
const goesDuringFreeze = (d: DeploymentRow): boolean => d.freeze_override !== null || d.rollback !== null;

/** Deployments that have passed their gates and wait for their turn, the oldest first. */
export class DeploymentQueue {
  readonly #o: QueueOptions;

  constructor(options: QueueOptions) {
    this.#o = options;
  }

  /** Starts the rollout of the queue's head, and of what joins it, when nothing else is under way here. */
  async begin(deployment: DeploymentRow, service: ServiceRow, fence: number): Promise<void> {
    const { db } = this.#o.database;
    const { project, environment } = deployment;
    const frozen = await freezeOf(db, project, service.name, environment);
    if (frozen && !goesDuringFreeze(deployment)) return this.#sayFrozen(deployment, frozen, fence);
    const pause = await findPause(db, project, service.name, environment);
    if (pause && isHeld(deployment, pause)) return this.#hold(deployment, fence);
    const waiting = (await activeDeployments(db)).filter(
      (d) =>
        d.status === "queued" &&
        d.project === project &&
        d.service === service.name &&
        d.environment === environment &&
        // What is let out in spite of a freeze does not wait behind what is not.
        (!frozen || goesDuringFreeze(d)) &&
        !(pause && isHeld(d, pause)),
    );
    // Going back waits for nobody; of two ways back the newer one counts.
    const back = waiting.findLast((d) => d.rollback !== null);
    const queue = back ? [back, ...waiting.filter((d) => d !== back)] : waiting;
    if (queue[0]?.id !== deployment.id) return;
    const active = await findActiveRollout(db, project, service.name, environment);
    if (active) {
      if (
        active.machine.state === "holdback" ||
        (deployment.if_busy === "supersede" && active.machine.state !== "rolling_back")
      ) {
        const reason = `deployment ${deployment.id} follows`;
        await applyToRollout(this.#o.database, active.id, {
          kind: "event",
          event: { kind: "supersede", atMs: this.#o.clock.now(), actor: deployment.created_by, reason },
        });
        this.#o.wake();
      }
      return;
    }
    if (!(await this.#mayFollow(deployment, fence))) return;
    const place = await findEnvironment(db, project, service.name, environment);
    if (!place) throw new Error("the deployment has lost its environment");
    const { builder, sourcesOf } = this.#o;
    const options = { db, builder, sourcesOf, nowMs: this.#o.clock.now() };
    await this.#roll(await nextBatch(options, service, queue, place.serving_release_id), service, place, fence);
    this.#o.wake();
  }

  async #sayFrozen(deployment: DeploymentRow, freeze: FreezeRow, fence: number): Promise<void> {
    const words = `Its gates passed. Nothing goes out until ${freeze.ends_at.toISOString()}: ${freeze.reason}`;
    if (deployment.words === words) return;
    await this.#o.database.transaction(async (tx) => {
      if (await locksPhase(this.#o.lease, tx, fence, deployment)) await updateDeployment(tx, deployment.id, { words });
    });
    this.#o.onChanged(deployment.id);
  }

  /**
   * Ends what went out with a deployment that has ended: for when a server of an older version, which knows no batches, drove
   * the rollout to its end.
   */
  async settle(joined: DeploymentRow, fence: number): Promise<void> {
    const carrier = await findDeployment(this.#o.database.db, joined.carrier_id ?? "");
    if (!carrier || carrier.finished_at === null) return;
    await this.#end(joined, fence, carrier.status, `With deployment ${carrier.id}: ${carrier.words}`);
    this.#o.onChanged(joined.id);
  }

  async #hold(deployment: DeploymentRow, fence: number): Promise<void> {
    if (deployment.words === HELD) return;
    await this.#o.database.transaction(async (tx) => {
      if (await locksPhase(this.#o.lease, tx, fence, deployment))
        await updateDeployment(tx, deployment.id, { words: HELD });
    });
  }

  /** The second half of a batch that was split contains the first: it goes out only once that was promoted. */
  async #mayFollow(deployment: DeploymentRow, fence: number): Promise<boolean> {
    const before = deployment.after_id ? await findDeployment(this.#o.database.db, deployment.after_id) : null;
    if (!before || ["succeeded", "unchanged"].includes(before.status)) return true;
    if (before.finished_at === null) return false;
    const words = `Not deployed: it contains the first half, deployment ${before.id}, which was not promoted (${before.status.replaceAll("_", " ")}).`;
    await this.#end(deployment, fence, "aborted", words);
    return false;
  }

  async #end(deployment: DeploymentRow, fence: number, status: DeploymentStatus, words: string): Promise<void> {
    await this.#o.database.transaction(async (tx) => {
      if (await locksPhase(this.#o.lease, tx, fence, deployment)) await endDeployment(tx, deployment, status, words);
    });
  }

  async #roll(
    batch: readonly DeploymentRow[],
    service: ServiceRow,
    environment: EnvironmentRow,
    fence: number,
  ): Promise<void> {
    const { database, builder, clock, lease } = this.#o;
    const carrier = batch.at(-1);
    const releaseId = carrier?.release_id;
    if (!carrier || !releaseId) throw new Error("the deployment has lost its release");
    const baselineId = environment.serving_release_id;
    if (baselineId === releaseId) return this.#end(carrier, fence, "unchanged", UNCHANGED);
    const followers = batch.slice(0, -1);
    const release = await findRelease(database.db, releaseId);
    const baseline = baselineId ? await findRelease(database.db, baselineId) : null;
    // Without its sources, it is not known what changed; the release is there all the same.
    const folder = await this.#o.sourcesOf(carrier, service);
    const commits = folder.ok
      ? await builder.changesBetween(folder.value, baseline?.commit_sha ?? null, release?.commit_sha ?? null)
      : [];
    const { batch: _, ...configured } = service.config.strategy;
    const strategy = { ...configured, ...(carrier.strategy ? { kind: carrier.strategy } : {}) };
    const clustering = await clusteringBefore(database.db, service.name, environment.name, baselineId);
    const { latencyFloorMs } = service.config.analysis;
    const variation = await variationBefore(database.db, service.name, environment.name, baselineId, latencyFloorMs);
    const policy: AnalysisPolicy = {
      ...service.config.analysis,
      ...(clustering ? { clustering } : {}),
      ...(variation ? { variation } : {}),
    };
    const id = newId("rol");
    const carries = await changesOf(database.db, carrier, followers);
    const isBegun = await database.transaction(async (tx) => {
      if (!(await lease.guards(tx, fence))) return false;
      const now = await lockEnvironment(tx, service.project, service.name, environment.name);
      if (!now || now.serving_release_id !== baselineId) return false;
      // Whoever is no longer in the queue is in none of it: the next round looks again.
      for (const d of batch) if (!(await lockPhase(tx, d.id, "queued"))) return false;
      await writeRollout(
        tx,
        { id, environment: now, carrier, releaseId, carries, commits, strategy, policy },
        clock.now(),
      );
      await joinCarrier(tx, carrier, followers, { id, baselineReleaseId: baselineId });
      return true;
    });
    if (isBegun) for (const d of batch) this.#o.onChanged(d.id);
  }
}

/** The rollout, its deployment, and the entry, in one transaction. */
async function writeRollout(tx: Transaction, b: Beginning, nowMs: number): Promise<void> {
  const { id, environment, carrier, releaseId, carries, strategy, policy } = b;
  const baselineId = environment.serving_release_id;
  await insertRollout(tx, {
    id,
    deployment_id: carrier.id,
    project: carrier.project,
    service: carrier.service,
    environment: carrier.environment,
    machine: newRollout(id, strategy, baselineId !== null, nowMs),
    policy,
    judge: startJudge(policy),
    decider_version: DECIDER_VERSION,
    canary_release_id: releaseId,
    baseline_release_id: baselineId,
    generation_epoch: environment.epoch,
    generation_n: environment.generation,
    carries,
  });
  await updateDeployment(tx, carrier.id, {
    status: "starting",
    words: "Starting the release.",
    rollout_id: id,
    changes: b.commits,
    ...(carries.length > 0
      ? { carries: carries.map(({ deploymentId, releaseId: of }) => ({ deploymentId, releaseId: of })) }
      : {}),
    ...(baselineId ? { previous_release_id: baselineId } : {}),
  });
  const measured = measuredBefore(policy);
  await record(tx, {
    type: "delivery.rollout.created",
    subject: `rollout/${id}`,
    project: carrier.project,
    actor: carrier.created_by,
    correlation: carrier.id,
    data: {
      service: carrier.service,
      environment: carrier.environment,
      deploymentId: carrier.id,
      canaryReleaseId: releaseId,
      baselineReleaseId: baselineId,
      strategy,
      policy,
      ...(carries.length > 0 ? { carries } : {}),
      ...(measured ? { words: measured.words } : {}),
    },
  });
}
