import type { Run } from "@latchkey/core/delivery/ports";
import { environmentsOf, findService } from "../catalog/index.ts";
import type { Executor } from "../platform/database.ts";
import { findDeployment } from "./deployments.store.ts";
import { findRelease } from "./releases.store.ts";
import { rollbackPolicyOf } from "./rollback-policy.ts";

/**
 * Whether a release that nobody is sent to any more keeps its process: for `keepWarmMs` after it was followed by what serves
 * now, so that going back needs no start. A release that was left by a rollback is not what anybody goes back to.
 */
export async function isKeptWarm(db: Executor, { releaseId, environment }: Run, nowMs: number): Promise<boolean> {
  const release = await findRelease(db, releaseId);
  const service = release && (await findService(db, release.project, release.service));
  if (!service) return false;
  const { keepWarmMs } = rollbackPolicyOf(service);
  if (keepWarmMs === 0) return false;
  const places = await environmentsOf(db, service.project, service.name);
  const serving = places.find(({ name }) => name === environment)?.serving_deployment_id ?? null;
  const by = serving === null ? null : await findDeployment(db, serving);
  if (!by?.finished_at || by.rollback !== null || by.previous_release_id !== releaseId) return false;
  return nowMs - by.finished_at.getTime() <= keepWarmMs;
}
