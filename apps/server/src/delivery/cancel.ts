import type { Actor } from "@latchkey/core/delivery/rollout";
import { record } from "../ledger/index.ts";
import { afterCommit, type Transaction, type Transactions } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { findDeployment, lockPhase, updateDeployment } from "./deployments.store.ts";

/** Before its rollout nothing of a deployment is seen: it just ends. What builds it finds that out when it wants to write. */
const MAY_END = ["building", "gating", "queued"] as const;

/** Ends a deployment that has no rollout yet, such as one whose gate waits for somebody who will not come. */
export async function cancelDeployment(
  database: Transactions,
  asked: {
    readonly project: string;
    readonly deploymentId: string;
    readonly reason: string;
    readonly actor: Actor;
    readonly also: (tx: Transaction) => Promise<void>;
    readonly onEnded: () => void;
  },
): Promise<void> {
  const found = await findDeployment(database.db, asked.deploymentId);
  if (!found || found.project !== asked.project)
    throw new ProblemError("LK_NOT_FOUND", { detail: `There is no deployment "${asked.deploymentId}".` });
  await database.transaction(async (tx) => {
    let isOpen = false;
    for (const phase of MAY_END) isOpen ||= await lockPhase(tx, found.id, phase);
    const now = await findDeployment(tx, found.id);
    if (!isOpen || !now || now.rollout_id !== null || now.carrier_id !== null)
      throw new ProblemError("LK_DEPLOYMENT_STATE", {
        detail: `Deployment ${found.id} is ${(now ?? found).status.replaceAll("_", " ")}: only one without a rollout can be cancelled.`,
        remedy: "A rollout is ended with `latchkey abort` or `latchkey rollback`.",
      });
    const words = `Cancelled by ${asked.actor.name}: ${asked.reason}`;
    await updateDeployment(tx, found.id, { status: "aborted", words });
    await record(tx, {
      type: "delivery.deployment.ended",
      subject: `deployment/${found.id}`,
      project: found.project,
      actor: asked.actor,
      correlation: found.id,
      data: { service: found.service, environment: found.environment, outcome: "aborted", words },
    });
    await asked.also(tx);
    afterCommit(tx, asked.onEnded);
  });
}
