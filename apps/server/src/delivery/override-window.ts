import type { Actor } from "@latchkey/core/delivery/rollout";
import { record, type Subjects } from "../ledger/index.ts";
import { afterCommit, type Transaction, type Transactions } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import {
  type DeploymentRow,
  findDeployment,
  lockPhase,
  setWindowOverride,
  type WindowOverride,
} from "./deployments.store.ts";
import { isSettled } from "./gate-runner.ts";

/** An owner's word, as it is kept: a person's words are sealed. */
export const overrideOf = async (subjects: Subjects, by: string, reason: string): Promise<WindowOverride> => ({
  ...{ by, at: new Date().toISOString() },
  reason: await subjects.sealWordsOf(by, reason),
});

/** What waits for the time of day alone: for a window among its gates, or ready for the end of a freeze. */
const waitsForTime = ({ status, gates }: DeploymentRow): boolean =>
  status === "queued" || gates.some((gate) => gate.kind === "window" && !isSettled(gate));

/** Lets a deployment that has no rollout yet out in spite of its windows and of freezes. Said twice, the first word stands. */
export async function overrideWindow(
  database: Transactions,
  asked: {
    readonly project: string;
    readonly deploymentId: string;
    readonly override: WindowOverride;
    readonly actor: Actor;
    readonly also: (tx: Transaction) => Promise<void>;
    readonly onDone: () => void;
  },
): Promise<void> {
  const found = await findDeployment(database.db, asked.deploymentId);
  if (!found || found.project !== asked.project)
    throw new ProblemError("LK_NOT_FOUND", { detail: `There is no deployment "${asked.deploymentId}".` });
  await database.transaction(async (tx) => {
    let isOpen = false;
    for (const phase of ["building", "gating", "queued"] as const) isOpen ||= await lockPhase(tx, found.id, phase);
    const now = await findDeployment(tx, found.id);
    if (!isOpen || !now || now.rollout_id !== null || !waitsForTime(now))
      throw new ProblemError("LK_DEPLOYMENT_STATE", {
        detail: `Deployment ${found.id} is ${(now ?? found).status.replaceAll("_", " ")} and waits for no window and no freeze.`,
        remedy: "What else it waits for is on its page, and in `latchkey deployment`.",
      });
    await asked.also(tx);
    if (now.window_override !== null) return;
    await setWindowOverride(tx, now.id, asked.override);
    await record(tx, {
      type: "delivery.deployment.window_overridden",
      subject: `deployment/${now.id}`,
      project: now.project,
      actor: asked.actor,
      correlation: now.id,
      data: { service: now.service, environment: now.environment, reason: asked.override.reason },
    });
    afterCommit(tx, asked.onDone);
  });
}
