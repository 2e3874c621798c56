import type { Actor } from "@latchkey/core/delivery/rollout";
import { findService, lockEnvironment, putBack, type ServiceRow } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import type { RollbackRow } from "./deployments.store.ts";
import { contractedWords, FORWARD, whyContracted } from "./migrations.ts";
import { findPause, savePause } from "./pauses.store.ts";
import { findRelease } from "./releases.store.ts";
import { type Asked, promotedAt, undoneBy, type Way, wayBack } from "./rollback.view.ts";
import { rolloutsBeganAt } from "./rollback-flags.store.ts";
import { rollFlagsBack } from "./rollback-flags.ts";
import { rollbackPolicyOf } from "./rollback-policy.ts";
import { applyWithin } from "./rollout-engine.ts";
import { writeWish } from "./ship.ts";

export interface RollbackRequest extends Asked {
  readonly service: ServiceRow;
  readonly reason: string;
  /** The configuration of then is applied again as well. */
  readonly withConfiguration?: boolean | undefined;
  /** The flags of then are put back as well; an automatic one goes by the service's configuration. */
  readonly withFlags?: boolean | undefined;
  /** The versions of flags that whoever asks has looked at. */
  readonly flagVersions?: Readonly<Record<string, number>> | undefined;
  readonly actor: Actor;
  /** Decided by Latchkey itself, on this evidence. */
  readonly automatic?:
    | {
        readonly evidence: object;
        /** The release that is to be left: where another one serves by now, nothing happens. */
        readonly leaves: string;
        /** Whether whoever decided may still act. */
        readonly guards: (tx: Transaction) => Promise<boolean>;
      }
    | undefined;
  readonly nowMs: number;
  readonly hasArtifact: (digest: string) => Promise<boolean>;
}
export interface RolledBack {
  readonly deploymentId: string;
  /** Of the rollout that goes back; null where a deployment of its own does it. */
  readonly rolloutId: string | null;
}

/**
 * Goes back to a release that served before, and makes what machines ask for wait: both in one transaction, in which `also`
 * runs with the deployment's id.
 */
export async function rollBack(
  database: Transactions,
  asked: RollbackRequest,
  also: (tx: Transaction, deploymentId: string) => Promise<void>,
): Promise<RolledBack> {
  const { service } = asked;
  const found = await wayBack(database.db, service, asked, asked.nowMs);
  // An unhealthy release is worse than one that served longer ago: it is left at once.
  const way: Way = asked.automatic && found.how === "judged" ? { ...found, how: "all_at_once" } : found;
  if (way.how === null || way.targetId === null)
    throw new ProblemError("LK_INVALID", {
      detail: `There is nothing to go back to: no other release of ${service.name} has served all visitors in ${asked.environment}.`,
      fields: [{ field: "environment", message: "one where more than one release has served" }],
    });
  if (way.how !== "rollout") await checkFiles(database, asked, way.targetId);
  await checkSchema(database, asked, way, way.targetId);
  return database.transaction(async (tx) => {
    if (asked.automatic && (way.servingId !== asked.automatic.leaves || !(await asked.automatic.guards(tx))))
      throw new ProblemError("LK_BUSY", { detail: "Somebody else has changed what is served meanwhile." });
    const made = way.how === "rollout" ? await turnBack(tx, asked, way) : await deployOld(tx, asked, way);
    if (asked.withConfiguration) await putConfigurationBack(tx, asked, way, made.deploymentId);
    await putFlagsOfThenBack(tx, asked, way, made.deploymentId);
    await pause(tx, asked, way, made.deploymentId);
    await also(tx, made.deploymentId);
    return made;
  });
}

/**
 * A release is never served over a schema that lacks what it needs. That is refused, and what machines deploy waits for a
 * person, who is told; once for each contract, however often it is asked for.
 */
async function checkSchema(database: Transactions, asked: RollbackRequest, way: Way, targetId: string): Promise<void> {
  const { service, environment, actor, automatic } = asked;
  const place = { project: service.project, service: service.name, environment };
  const contracted = await whyContracted(database.db, place, targetId);
  if (!contracted) return;
  const number = (await findRelease(database.db, targetId))?.number ?? targetId;
  const words = contractedWords(number, environment, contracted.file);
  await database.transaction(async (tx) => {
    if (automatic && !(await automatic.guards(tx))) return;
    await lockEnvironment(tx, service.project, service.name, environment);
    if ((await findPause(tx, service.project, service.name, environment))?.reason === words) return;
    await savePause(tx, { ...place, paused_by: actor, reason: words, release_id: way.servingId });
    await record(tx, {
      type: "delivery.rollback.refused",
      subject: `service/${service.name}`,
      project: service.project,
      actor,
      data: {
        ...{ service: service.name, environment, toReleaseId: targetId, fromReleaseId: way.servingId },
        ...{ code: "LK_SCHEMA_CONTRACTED", migration: contracted.file, words, wayOut: FORWARD },
        ...{ reason: asked.reason, automatic: automatic !== undefined, deploymentsPaused: true },
      },
    });
  });
  throw new ProblemError("LK_SCHEMA_CONTRACTED", {
    detail: words,
    remedy: `${FORWARD} What machines deploy waits until \`latchkey resume-deployments ${service.name}\`.`,
  });
}

async function checkFiles(database: Transactions, asked: RollbackRequest, targetId: string): Promise<void> {
  const release = await findRelease(database.db, targetId);
  if (release && (await asked.hasArtifact(release.digest))) return;
  throw new ProblemError("LK_INVALID", {
    detail: `The files of release ${release?.number ?? targetId} were collected: it can't be served again.`,
    fields: [{ field: "releaseId", message: "a release whose files are kept" }],
  });
}

/** The rollout under way goes back by its own machine: its old release still runs. */
async function turnBack(tx: Transaction, asked: RollbackRequest, { active }: Way): Promise<RolledBack> {
  if (!active) throw new Error("a rollback by the rollout under way has lost it");
  const { actor, reason, nowMs } = asked;
  const event = { kind: "roll_back" as const, atMs: nowMs, actor, reason };
  const outcome = await applyWithin(tx, active.id, { kind: "event", event });
  if (!outcome.ok) throw new ProblemError(outcome.error.code, { detail: outcome.error.words });
  return { deploymentId: active.deployment_id, rolloutId: active.id };
}

/** A deployment of the old release. What served lately has its gates and its analysis behind it. */
async function deployOld(tx: Transaction, asked: RollbackRequest, way: Way): Promise<RolledBack> {
  const { service, environment, actor, reason } = asked;
  const now = await lockEnvironment(tx, service.project, service.name, environment);
  if (!now || now.serving_release_id !== way.servingId)
    throw new ProblemError("LK_BUSY", {
      detail: `What ${environment} serves has changed this moment.`,
      remedy: "Look at the plan of the rollback again, then ask again.",
    });
  const place = { project: service.project, service: service.name, environment };
  if (way.targetId !== null && (await whyContracted(tx, place, way.targetId)))
    throw new ProblemError("LK_BUSY", { detail: `The schema of ${environment} has changed this moment.` });
  const skipsAnalysis = way.how === "all_at_once";
  const rollback: RollbackRow = {
    fromReleaseId: way.active?.canary_release_id ?? way.servingId,
    automatic: asked.automatic !== undefined,
    skipsAnalysis,
  };
  const deploymentId = await writeWish(
    tx,
    service,
    {
      project: service.project,
      service: service.name,
      environment,
      fault: null,
      strategy: skipsAnalysis ? "all_at_once" : null,
      releaseId: way.targetId,
      reason,
      ifBusy: "supersede",
      actor,
    },
    { rollback },
  );
  return { deploymentId, rolloutId: null };
}

async function putConfigurationBack(tx: Transaction, asked: RollbackRequest, way: Way, correlation: string) {
  const at = promotedAt(way);
  if (at === null)
    throw new ProblemError("LK_INVALID", {
      detail: "It is not known when this release was promoted, nor what was configured then.",
      fields: [{ field: "withConfiguration", message: "false: go back without it" }],
    });
  const { actor, environment, service } = asked;
  // Applied meanwhile by somebody else: what differs is told from what holds now.
  const now = await findService(tx, service.project, service.name);
  await putBack(tx, now ?? service, { at, environment, actor, correlation });
}

async function putFlagsOfThenBack(tx: Transaction, asked: RollbackRequest, way: Way, deploymentId: string) {
  const isAutomatic = asked.automatic !== undefined;
  // The rollout under way has done it already, where Latchkey itself turns it back.
  if (isAutomatic && way.how === "rollout") return;
  if (!(isAutomatic ? rollbackPolicyOf(asked.service).withFlags : asked.withFlags)) return;
  const since = await rolloutsBeganAt(tx, undoneBy(way));
  if (since === null) return;
  const { environment, actor, reason, flagVersions: seen } = asked;
  await rollFlagsBack(tx, {
    ...{ project: asked.service.project, environment, since, deploymentId, seen, actor, reason, isAutomatic },
  });
}

async function pause(tx: Transaction, asked: RollbackRequest, way: Way, deploymentId: string): Promise<void> {
  const { service, environment, actor, reason, automatic } = asked;
  const left = way.active?.canary_release_id ?? way.servingId;
  await savePause(tx, {
    project: service.project,
    service: service.name,
    environment,
    paused_by: actor,
    reason,
    release_id: left,
  });
  await record(tx, {
    type: "delivery.rollback.begun",
    subject: `service/${service.name}`,
    project: service.project,
    actor,
    correlation: deploymentId,
    data: {
      service: service.name,
      environment,
      deploymentId,
      how: way.how,
      fromReleaseId: left,
      toReleaseId: way.targetId,
      reason,
      withConfiguration: asked.withConfiguration ?? false,
      withFlags: asked.withFlags ?? false,
      automatic: automatic !== undefined,
      ...(automatic ? { evidence: automatic.evidence } : {}),
      deploymentsPaused: true,
    },
  });
}
