import { type Carried, halfOf, narrow, narrowWords, type Trial } from "@latchkey/core/delivery/batch";
import type { Executor } from "../platform/database.ts";
import {
  type DeploymentRow,
  findDeployment,
  findListed,
  type ListedDeployment,
  splitsOf,
} from "./deployments.store.ts";
import type { DeploymentDetail } from "./presented.ts";
import { findReleases } from "./releases.store.ts";
import type { ListedRollout } from "./rollouts.store.ts";

type Shown = Pick<DeploymentDetail, "carries" | "split">;

/** A batch that was taken back, and what is known by now of the change that does harm. */
export interface Search {
  readonly batch: DeploymentRow;
  readonly trials: readonly DeploymentRow[];
  /** How many of its changes, from the oldest on, are cleared; from there up to where they are suspected. */
  readonly cleared: number;
  readonly suspected: number;
  /** How many of the suspected ones the next half has; null when it can't be halved, or is not over yet. */
  readonly half: number | null;
}

const HARMED: readonly DeploymentRow["status"][] = ["rolled_back", "failed_start"];
/** In its holdback a release is promoted already; what is served already was promoted before. */
const WELL: readonly DeploymentRow["status"][] = ["succeeded", "holdback", "unchanged"];

/** The search that a deployment is a part of, whichever part; null while there is none. */
export async function findSearch(
  db: Executor,
  of: Pick<DeploymentRow, "id" | "carrier_id" | "splits_id">,
): Promise<Search | null> {
  const batch = await findDeployment(db, of.splits_id ?? of.carrier_id ?? of.id);
  if (!batch || batch.carries.length < 2 || !HARMED.includes(batch.status)) return null;
  const trials = await splitsOf(db, batch.id);
  const outcomes = trials.flatMap((d): Trial[] => {
    const outcome = HARMED.includes(d.status) ? "bad" : WELL.includes(d.status) ? "good" : null;
    return outcome ? [{ upTo: upTo(batch, d), outcome }] : [];
  });
  const known = narrow([{ upTo: batch.carries.length, outcome: "bad" }, ...outcomes]);
  const isOver = trials.every((d) => d.finished_at !== null);
  const half = isOver ? halfOf(batch.carries.slice(known.cleared, known.suspected)) : null;
  return { batch, trials, ...known, half };
}

/** Up to which of the batch's changes a trial goes: its release contains all before. */
function upTo(batch: DeploymentRow, trial: DeploymentRow): number {
  const last = trial.carries.at(-1)?.deploymentId;
  return batch.carries.findIndex((change) => change.deploymentId === last) + 1;
}

/** What a deployment carries and what is known of it, as the API shows it. */
export async function viewBatch(db: Executor, row: ListedDeployment & Pick<DeploymentRow, "carries">): Promise<Shown> {
  const search = row.carrier_id || row.splits_id || row.carries.length > 0 ? await findSearch(db, row) : null;
  // What went out with another shows the whole batch, as that one does.
  const carrier = row.carrier_id && row.carries.length === 0 ? await findDeployment(db, row.carrier_id) : null;
  return present(db, carrier?.carries ?? row.carries, search);
}

/** The same of a rollout: alone, its own deployment's change is all of it. */
export async function viewCarried(db: Executor, row: ListedRollout): Promise<Shown> {
  const own = { deploymentId: row.deployment_id, releaseId: row.canary_release_id };
  return present(db, row.carries.length > 0 ? row.carries : [own], await searchOf(db, row));
}

async function searchOf(db: Executor, row: Pick<ListedRollout, "deployment_id" | "carries">): Promise<Search | null> {
  const deployment = row.carries.length > 0 ? await findDeployment(db, row.deployment_id) : null;
  return deployment && findSearch(db, deployment);
}

/** For `explain`: which changes went out together, and what is known of the one that does harm. */
export async function carriedWords(
  db: Executor,
  row: Pick<ListedRollout, "deployment_id" | "carries">,
): Promise<string[]> {
  if (row.carries.length < 2) return [];
  const changes = row.carries.map((c) => `release ${c.releaseNumber}${c.commit ? ` (${c.commit.slice(0, 8)})` : ""}`);
  const search = await searchOf(db, row);
  return [
    `It carries ${changes.length} changes, oldest first: ${changes.join(", ")}.`,
    ...(search ? [narrowWords(search.batch.carries.length, search)] : []),
  ];
}

async function present(db: Executor, carries: readonly Carried[], search: Search | null): Promise<Shown> {
  const releases = await findReleases(
    db,
    carries.map((c) => c.releaseId),
  );
  const deployments = await findListed(
    db,
    carries.map((c) => c.deploymentId),
  );
  const standingOf = (deploymentId: string) => {
    if (!search) return null;
    const at = search.batch.carries.findIndex((c) => c.deploymentId === deploymentId);
    return at < search.cleared ? "cleared" : at < search.suspected ? "suspected" : "unknown";
  };
  return {
    carries: carries.map(({ deploymentId, releaseId }) => {
      const release = releases.get(releaseId);
      return {
        deploymentId,
        createdBy: deployments.get(deploymentId)?.created_by.name ?? "",
        releaseId,
        releaseNumber: release?.number ?? 0,
        commit: release?.commit_sha ?? null,
        message: release?.message ?? "",
        author: release?.author ?? "",
        standing: standingOf(deploymentId),
      };
    }),
    split: search && {
      batchId: search.batch.id,
      words: narrowWords(search.batch.carries.length, search),
      canSplit: search.half !== null,
      trials: search.trials.map((d) => ({ deploymentId: d.id, status: d.status, changes: d.carries.length })),
    },
  };
}
