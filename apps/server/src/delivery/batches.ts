import type { ServiceConfig } from "@latchkey/api/models";
import { type Pace, paceOf } from "@latchkey/core/analysis/planning/pace";
import { batchOf, type Waiting } from "@latchkey/core/delivery/batch";
import type { Builder } from "@latchkey/core/delivery/ports";
import { SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import type { ServiceRow } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Executor, Transaction } from "../platform/database.ts";
import { askedTimes, type DeploymentRow, updateDeployment } from "./deployments.store.ts";
import { findReleases, type ReleaseRow } from "./releases.store.ts";
import { judgedTimes, type RolloutChange } from "./rollouts.store.ts";
import type { SourcesOf } from "./sources.ts";

/** Fewer forget what an odd one did slowly; more ask for rollouts of another strategy. */
const NEWEST = 20;

type BatchPolicy = NonNullable<ServiceConfig["strategy"]["batch"]>;
/** A search over five changes takes at most three halvings. */
const DEFAULT: BatchPolicy = { when: "auto", maximumChanges: 5 };

export const batchPolicyOf = (service: Pick<ServiceRow, "config">): BatchPolicy =>
  service.config.strategy.batch ?? DEFAULT;

/** How fast changes come to an environment, and how long a rollout takes there; `plannedMs` is what a plan expects of one. */
export async function readPace(
  db: Executor,
  service: ServiceRow,
  environment: string,
  nowMs: number,
  plannedMs: number | null = null,
): Promise<Pace> {
  const place = [service.project, service.name, environment] as const;
  const { steps } = service.config.strategy;
  return paceOf({
    rolloutTimesMs: await judgedTimes(db, ...place, NEWEST),
    expectedMs: plannedMs ?? steps.reduce((sum, step) => sum + step.bakeMs, service.config.analysis.minimumBakeMs),
    askedAtMs: (await askedTimes(db, ...place, NEWEST)).map((at) => at.getTime()),
    nowMs,
    maximumChanges: batchPolicyOf(service).maximumChanges,
  });
}

const waitingOf = (d: DeploymentRow, releases: ReadonlyMap<string, ReleaseRow>): Waiting & { row: DeploymentRow } => {
  const release = d.release_id ? releases.get(d.release_id) : undefined;
  return {
    row: d,
    id: d.id,
    releaseId: d.release_id ?? "",
    mayBatch: d.if_busy === "batch",
    commit: release?.commit_sha ?? null,
    dirty: release?.dirty ?? true,
    strategy: d.strategy,
  };
};

/**
 * Of those that wait, oldest first, the ones that go out in the next rollout; the last of them carries the others. What is
 * served already carries nothing: it will not be rolled out.
 */
export async function nextBatch(
  o: {
    readonly db: Executor;
    readonly builder: Pick<Builder, "contains">;
    readonly sourcesOf: SourcesOf;
    readonly nowMs: number;
  },
  service: ServiceRow,
  queue: readonly DeploymentRow[],
  servingReleaseId: string | null,
): Promise<readonly DeploymentRow[]> {
  const policy = batchPolicyOf(service);
  const head = queue.slice(0, 1);
  if (policy.when === "off" || queue.length < 2 || queue.slice(0, 2).some((d) => d.if_busy !== "batch")) return head;
  const known = await findReleases(
    o.db,
    queue.map((d) => d.release_id),
  );
  const served = queue.findIndex((d) => d.release_id === servingReleaseId);
  const able = served < 0 ? queue : queue.slice(0, Math.max(1, served));
  // The newest of them has the others in its history, if any has.
  const newest = able.at(-1);
  const folder = newest ? await o.sourcesOf(newest, service) : null;
  if (!folder?.ok) return head;
  const batch = await batchOf(
    able.map((d) => waitingOf(d, known)),
    policy.maximumChanges,
    (newer, older) => o.builder.contains(folder.value, newer, older),
  );
  if (batch.length < 2) return head;
  if (policy.when === "auto" && !(await readPace(o.db, service, head[0]?.environment ?? "", o.nowMs)).outpaced)
    return head;
  return batch.map((w) => w.row);
}

/** What a rollout carries: for a batch those that follow it and its own, for a part of one what that part is of. */
export async function changesOf(
  db: Executor,
  carrier: DeploymentRow,
  followers: readonly DeploymentRow[],
): Promise<RolloutChange[]> {
  const batch = followers.length > 0 ? [...followers, carrier] : [];
  const carried = batch.map((d) => ({ deploymentId: d.id, releaseId: d.release_id ?? "" }));
  const changes = batch.length > 0 ? carried : carrier.carries;
  const releases = await findReleases(
    db,
    changes.map((change) => change.releaseId),
  );
  return changes.map((change) => {
    const release = releases.get(change.releaseId);
    return {
      ...change,
      releaseNumber: release?.number ?? 0,
      commit: release?.commit_sha ?? null,
      follows: followers.some((d) => d.id === change.deploymentId),
    };
  });
}

/** Puts those that were waiting into the rollout of the carrier, with an entry for each. Their rows are locked. */
export async function joinCarrier(
  tx: Transaction,
  carrier: DeploymentRow,
  followers: readonly DeploymentRow[],
  rollout: { readonly id: string; readonly baselineReleaseId: string | null },
): Promise<void> {
  for (const d of followers) {
    const words = `Goes out with deployment ${carrier.id}, whose release contains this one.`;
    await updateDeployment(tx, d.id, {
      status: "starting",
      words,
      rollout_id: rollout.id,
      carrier_id: carrier.id,
      ...(rollout.baselineReleaseId ? { previous_release_id: rollout.baselineReleaseId } : {}),
    });
    await record(tx, {
      type: "delivery.deployment.joined",
      subject: `deployment/${d.id}`,
      project: d.project,
      actor: SYSTEM_ACTOR,
      correlation: d.id,
      data: {
        service: d.service,
        environment: d.environment,
        releaseId: d.release_id,
        carrierId: carrier.id,
        carrierReleaseId: carrier.release_id,
        rolloutId: rollout.id,
        words,
      },
    });
  }
}
