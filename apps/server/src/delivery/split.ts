import type { Carried } from "@latchkey/core/delivery/batch";
import { narrowWords } from "@latchkey/core/delivery/batch";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { findService, lockEnvironment } from "../catalog/index.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { findSearch, type Search } from "./batches.view.ts";
import { findDeployment } from "./deployments.store.ts";
import { findReleases } from "./releases.store.ts";
import { writeWish } from "./ship.ts";

export interface SplitRequest {
  readonly project: string;
  /** The deployment that carried the batch, one that went out with it, or one that tried a part. */
  readonly deploymentId: string;
  readonly reason: string;
  readonly actor: Actor;
  readonly hasArtifact: (digest: string) => Promise<boolean>;
  /** Runs in the same transaction, with the ids of the deployments. */
  readonly also: (tx: Transaction, ids: readonly string[]) => Promise<void>;
}

/**
 * Asks for the newest release of the first half of what is suspected, and for that of the rest after it: each alone, in
 * the queue. The rest contains the first half, so that it is not deployed where that does harm. Answers both ids.
 */
export async function splitBatch(database: Transactions, asked: SplitRequest): Promise<readonly string[]> {
  return database.transaction(async (tx) => {
    const part = await findDeployment(tx, asked.deploymentId);
    if (!part || part.project !== asked.project)
      throw new ProblemError("LK_NOT_FOUND", { detail: `There is no deployment "${asked.deploymentId}".` });
    const { project, service, environment } = part;
    await lockEnvironment(tx, project, service, environment);
    const search = await findSearch(tx, part);
    const config = await findService(tx, project, service);
    const halves = halvesOf(search, part.id);
    await checkArtifacts(tx, asked, halves);
    if (!config || !search) throw new Error("a batch has lost its service");
    const ids: string[] = [];
    for (const carries of halves) {
      const { project: _, deploymentId, hasArtifact, also, ...who } = asked;
      const wish = { ...who, project, service, environment, fault: null, strategy: search.batch.strategy };
      const releaseId = carries.at(-1)?.releaseId ?? "";
      const place = { splits_id: search.batch.id, after_id: ids[0] ?? null, carries };
      ids.push(await writeWish(tx, config, { ...wish, releaseId, ifBusy: "queue" }, place));
    }
    await asked.also(tx, ids);
    return ids;
  });
}

function halvesOf(search: Search | null, deploymentId: string): readonly (readonly Carried[])[] {
  if (!search)
    throw new ProblemError("LK_NOTHING_TO_SPLIT", {
      detail: `Deployment ${deploymentId} is no part of a batch that was rolled back: there is nothing to split.`,
      remedy: "`latchkey deployments` lists what was deployed.",
    });
  const busy = search.trials.find((d) => d.finished_at === null);
  if (busy)
    throw new ProblemError("LK_BUSY", {
      detail: `A part of the batch is being tried: deployment ${busy.id} (${busy.status.replaceAll("_", " ")}).`,
      remedy: `Wait for it: latchkey deployment ${busy.id} --wait`,
    });
  const suspected = search.batch.carries.slice(search.cleared, search.suspected);
  if (search.half === null)
    throw new ProblemError("LK_NOTHING_TO_SPLIT", {
      detail: `There is nothing left to split. ${narrowWords(search.batch.carries.length, search)}`,
      remedy: "Mend or revert that change, and ship again.",
    });
  return [suspected.slice(0, search.half), suspected.slice(search.half)];
}

async function checkArtifacts(
  tx: Transaction,
  asked: SplitRequest,
  halves: readonly (readonly Carried[])[],
): Promise<void> {
  const releases = await findReleases(
    tx,
    halves.map((half) => half.at(-1)?.releaseId ?? null),
  );
  for (const release of releases.values())
    if (!(await asked.hasArtifact(release.digest)))
      throw new ProblemError("LK_NOTHING_TO_SPLIT", {
        detail: `The files of release ${release.number} were collected: only the newest 20 and what is in use are kept.`,
        remedy: "Build the commits that are suspected again, one after the other.",
      });
}
