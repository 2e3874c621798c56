import { gateKind } from "@latchkey/api/gates";
import { isCarried } from "@latchkey/core/delivery/promotion";
import type { Actor, StrategyKind } from "@latchkey/core/delivery/rollout";
import { findService, lockEnvironment, type ServiceRow } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import { batchPolicyOf } from "./batches.ts";
import {
  activeDeployments,
  type DeploymentRow,
  findDeployment,
  type GateRow,
  insertDeployment,
  type RollbackRow,
  type SourceRow,
  type WindowOverride,
} from "./deployments.store.ts";
import { gatesFor, waitingRow } from "./gate-runner.ts";
import { servedBy } from "./promotions.store.ts";
import { findRelease } from "./releases.store.ts";

export interface ShipRequest {
  readonly project: string;
  readonly service: string;
  readonly environment: string;
  readonly fault: string | null;
  readonly strategy: StrategyKind | null;
  readonly releaseId: string | null;
  readonly reason: string;
  readonly ifBusy: DeploymentRow["if_busy"];
  /** Why it goes out in spite of a freeze: for owners. */
  readonly overrideFreeze?: string | undefined;
  /** Why it goes out in spite of the windows that its gates keep: for owners. */
  readonly overrideWindow?: WindowOverride | undefined;
  /** Why it goes where releases are promoted to, without having served the environment before: for owners. */
  readonly overridePath?: string | undefined;
  /** Where its release is promoted from. */
  readonly promotedFrom?: DeploymentRow["promoted_from"];
  /** The commit to build, where it is not the working tree. */
  readonly source?: SourceRow;
  /** A merge or a pipeline asks: it waits while deployments are paused after a rollback. */
  readonly byMachine?: boolean;
  readonly actor: Actor;
  /** Old artifacts are collected: a release that exists in the books may be gone. */
  readonly hasArtifact: (digest: string) => Promise<boolean>;
}

/** Faults that a rehearsal may build in; the workload's own parser has the last word at build time. */
const FAULT =
  /^(none|errors=\d+(\.\d+)?%(@[a-z0-9][a-z0-9._-]{0,59})?|latency=\+\d+(\.\d+)?%|crash-after=\d+|leak|slow-tail=\d+(\.\d+)?%x\d+(\.\d+)?|broken-page)$/;

/**
 * Accepts a wish to deploy: checks it, writes the deployment and its ledger entry in one transaction, in which `also`
 * runs with the deployment's id.
 */
export async function ship(
  database: Transactions,
  asked: ShipRequest,
  also: (tx: Transaction, deploymentId: string) => Promise<void>,
): Promise<DeploymentRow> {
  return database.transaction(async (tx) => {
    const service = await findService(tx, asked.project, asked.service);
    if (!service)
      throw new ProblemError("LK_NOT_FOUND", {
        detail: `There is no service "${asked.service}".`,
        remedy: "`latchkey services` lists them; `latchkey apply` adds one.",
      });
    // An environment that was taken out of the configuration still has its row, for what it served.
    const isNamed = service.config.environments.includes(asked.environment);
    if (!(await lockEnvironment(tx, asked.project, asked.service, asked.environment)) || !isNamed) {
      throw new ProblemError("LK_INVALID", {
        detail: `${asked.service} has no environment "${asked.environment}" (it has ${service.config.environments.join(", ")}).`,
        fields: [{ field: "environment", message: `one of ${service.config.environments.join(", ")}` }],
      });
    }
    if (asked.fault !== null && !FAULT.test(asked.fault)) {
      throw new ProblemError("LK_INVALID", {
        detail: `"${asked.fault}" is not a fault.`,
        fields: [
          {
            field: "fault",
            message:
              "none (a healthy rehearsal), errors=5%, errors=5%@flag, latency=+50%, crash-after=200, leak, slow-tail=3%x10 or broken-page",
          },
        ],
      });
    }
    if (asked.releaseId !== null) await checkRelease(tx, asked);
    const promotedFrom = asked.promotedFrom ?? (await onThePath(tx, service, asked));
    await checkBusy(tx, asked);
    if (asked.ifBusy === "batch" && batchPolicyOf(service).when === "off") {
      throw new ProblemError("LK_INVALID", {
        detail: `${asked.service} ships no batches: its strategy.batch.when is off.`,
        remedy: "Ask with ifBusy queue, or set strategy.batch.when to auto or always.",
        fields: [{ field: "ifBusy", message: "queue, supersede or refuse" }],
      });
    }
    const id = await writeWish(tx, service, { ...asked, promotedFrom });
    await also(tx, id);
    const made = await findDeployment(tx, id);
    if (!made) throw new Error("the deployment just written is not there");
    return made;
  });
}

/** A deployment that tries a part of a batch. */
export type Part = Pick<DeploymentRow, "splits_id" | "after_id" | "carries">;
/** A deployment that goes back to a release. */
export type Back = { readonly rollback: RollbackRow };

/** The deployment and its entry. Answers its id. */
export async function writeWish(
  tx: Transaction,
  service: ServiceRow,
  asked: Omit<ShipRequest, "hasArtifact">,
  more?: Part | Back,
): Promise<string> {
  const isPlain = asked.releaseId === null && asked.fault === null;
  const part = more && "splits_id" in more ? more : undefined;
  const rollback = more && "rollback" in more ? more.rollback : null;
  const id = newId("dep");
  await insertDeployment(tx, {
    id,
    project: asked.project,
    service: asked.service,
    environment: asked.environment,
    status: asked.releaseId === null ? "building" : rollback?.skipsAnalysis ? "queued" : "gating",
    words:
      asked.releaseId !== null
        ? rollback?.skipsAnalysis
          ? "Going back."
          : "Running the gates."
        : asked.source
          ? "Waits to be built."
          : "Building the working tree.",
    source: asked.source ?? null,
    created_by: asked.actor,
    reason: asked.reason,
    fault: asked.fault,
    strategy: asked.strategy,
    // What asks for one release, or rehearses, is nobody's predecessor.
    if_busy: asked.ifBusy === "batch" && !isPlain ? "queue" : asked.ifBusy,
    release_id: asked.releaseId,
    freeze_override: asked.overrideFreeze ?? null,
    window_override: asked.overrideWindow ?? null,
    ...part,
    gates: rollback?.skipsAnalysis ? [] : await gatesAhead(tx, service, asked),
    promoted_from: asked.promotedFrom ?? null,
    rollback,
    by_machine: asked.byMachine ?? false,
  });
  await record(tx, {
    type: "delivery.deployment.requested",
    subject: `deployment/${id}`,
    project: asked.project,
    actor: asked.actor,
    correlation: id,
    data: {
      service: asked.service,
      environment: asked.environment,
      fault: asked.fault,
      strategy: asked.strategy,
      releaseId: asked.releaseId,
      reason: asked.reason,
      ifBusy: asked.ifBusy,
      ...(asked.overrideFreeze === undefined ? {} : { overrideFreeze: asked.overrideFreeze }),
      ...(asked.overrideWindow === undefined ? {} : { overrideWindow: asked.overrideWindow.reason }),
      ...(asked.overridePath === undefined ? {} : { overridePath: asked.overridePath }),
      ...(asked.promotedFrom ? { promotedFrom: asked.promotedFrom } : {}),
      ...(asked.source ? { source: asked.source } : {}),
      ...(rollback ? { rollback } : {}),
      ...(part ? { splits: part.splits_id, after: part.after_id, carries: part.carries } : {}),
    },
  });
  return id;
}

/** Its gates. What was found of the same artifact on the way to here holds: it is not asked again. */
async function gatesAhead(
  tx: Transaction,
  service: ServiceRow,
  { environment, promotedFrom }: Pick<ShipRequest, "environment" | "promotedFrom">,
): Promise<GateRow[]> {
  const before = promotedFrom ? ((await findDeployment(tx, promotedFrom.deploymentId))?.gates ?? []) : [];
  return gatesFor(service, environment).map((gate) => {
    const found = before.find((row) => row.name === gate.name && row.kind === gateKind(gate) && isCarried(row));
    const waiting = waitingRow(gate);
    return found ? { ...found, required: waiting.required, owner: waiting.owner ?? null } : waiting;
  });
}

/** Where releases are promoted to goes what has served the environment before, or what an owner sends past it. */
async function onThePath(
  tx: Transaction,
  service: ServiceRow,
  asked: ShipRequest,
): Promise<DeploymentRow["promoted_from"]> {
  const step = service.config.promotions?.find(({ to }) => to === asked.environment);
  if (!step) return null;
  const deploymentId = asked.releaseId === null ? null : await servedBy(tx, service, step.from, asked.releaseId);
  if (deploymentId !== null) return { environment: step.from, deploymentId };
  if (asked.overridePath !== undefined) return null;
  throw new ProblemError("LK_INVALID", {
    detail: `${asked.environment} is reached from ${step.from}: ${asked.releaseId === null ? "what is built now has" : "that release has"} not served there.`,
    remedy: `Ship to ${step.from}, then \`latchkey promote ${service.name} --to ${asked.environment}\`. An owner may go past it with a reason (overridePath).`,
    fields: [{ field: "environment", message: `${step.from}, or a release that has served ${step.from}` }],
  });
}

async function checkRelease(tx: Parameters<typeof findRelease>[0], asked: ShipRequest): Promise<void> {
  const release = await findRelease(tx, asked.releaseId ?? "");
  if (!release || release.project !== asked.project) {
    throw new ProblemError("LK_NOT_FOUND", {
      detail: `There is no release "${asked.releaseId}".`,
      remedy: `\`latchkey releases ${asked.service}\` lists them.`,
    });
  }
  if (release.service !== asked.service) {
    throw new ProblemError("LK_INVALID", {
      detail: `Release ${release.id} is one of ${release.service}, not of ${asked.service}.`,
      fields: [{ field: "releaseId", message: `a release of ${asked.service}` }],
    });
  }
  if (!(await asked.hasArtifact(release.digest))) {
    throw new ProblemError("LK_INVALID", {
      detail: `The files of release ${release.number} were collected: only the newest 20 and what is in use are kept.`,
      fields: [{ field: "releaseId", message: "a newer release; or build the old commit again" }],
    });
  }
  if (asked.fault !== null) {
    throw new ProblemError("LK_INVALID", {
      detail: "A fault is built in: it can't be added to a release that exists.",
      fields: [{ field: "fault", message: "leave it out with releaseId" }],
    });
  }
}

/** A rollout in its holdback is no obstacle: the next one cuts it short. Anything else under way is. */
async function checkBusy(tx: Parameters<typeof findRelease>[0], asked: ShipRequest): Promise<void> {
  if (asked.ifBusy !== "refuse") return;
  const busy = (await activeDeployments(tx)).find(
    (d) =>
      d.project === asked.project &&
      d.service === asked.service &&
      d.environment === asked.environment &&
      d.status !== "holdback",
  );
  if (!busy) return;
  throw new ProblemError("LK_BUSY", {
    detail: `Deployment ${busy.id} of ${asked.service} is under way in ${asked.environment} (${busy.status.replace("_", " ")}).`,
    remedy:
      "Wait for it, or ask again with ifBusy queue (after it), batch (after it, with others that wait so) or supersede (instead of it).",
  });
}
