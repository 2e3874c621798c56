import type { DeploymentStatus } from "@latchkey/api/models";
import { SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import { withdrawApprovals } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Transaction } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { type DeploymentRow, lockPhase, updateDeployment } from "./deployments.store.ts";
import type { ReleaseRow } from "./releases.store.ts";

export const UNCHANGED =
  "Nothing to deploy: this release is what the environment serves already. Change something and ship again, or rehearse with --fault none.";

/**
 * Takes the deployment's lock, for writing what a phase came to. False when it is over already, or another server was
 * at work since: it may have taken away what this one worked with.
 */
export async function locksPhase(
  lease: Pick<Lease, "guards">,
  tx: Transaction,
  fence: number,
  { id, status }: Pick<DeploymentRow, "id" | "status">,
): Promise<boolean> {
  return (await lease.guards(tx, fence)) && (await lockPhase(tx, id, status));
}

/** Ends a deployment that comes to no rollout of its own, with its entry in the ledger. */
export async function endDeployment(
  tx: Transaction,
  deployment: DeploymentRow,
  status: DeploymentStatus,
  words: string,
  also: { readonly buildOutput?: string | undefined; readonly gates?: unknown } = {},
): Promise<void> {
  const { buildOutput, gates } = also;
  await updateDeployment(tx, deployment.id, {
    status,
    words,
    ...(buildOutput === undefined ? {} : { build_output: buildOutput }),
  });
  const subject = `deployment/${deployment.id}`;
  await withdrawApprovals(tx, { project: deployment.project, subject, actor: SYSTEM_ACTOR });
  await record(tx, {
    type: "delivery.deployment.ended",
    subject: `deployment/${deployment.id}`,
    project: deployment.project,
    actor: SYSTEM_ACTOR,
    correlation: deployment.id,
    data: {
      ...{ service: deployment.service, environment: deployment.environment, outcome: status, words },
      ...(gates === undefined ? {} : { gates }),
    },
  });
}

/** The entry of a release that was built. */
export async function recordRelease(tx: Transaction, deployment: DeploymentRow, release: ReleaseRow): Promise<void> {
  await record(tx, {
    type: "delivery.release.created",
    subject: `release/${release.id}`,
    project: release.project,
    actor: deployment.created_by,
    correlation: deployment.id,
    data: {
      service: release.service,
      number: release.number,
      digest: release.digest,
      commit: release.commit_sha,
      dirty: release.dirty,
      fault: release.fault,
    },
  });
}
