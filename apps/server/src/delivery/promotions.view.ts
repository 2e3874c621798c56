import type { Promotion } from "@latchkey/api/promotions";
import {
  type PlaceFacts,
  type PromotionStanding,
  type PromotionStep,
  standingOf,
} from "@latchkey/core/delivery/promotion";
import { findEnvironment, type ServiceRow } from "../catalog/index.ts";
import type { Executor } from "../platform/database.ts";
import { activeDeployments, findDeployment, type ListedDeployment } from "./deployments.store.ts";
import { findPause } from "./pauses.store.ts";
import { presentRelease } from "./presentation.ts";
import { attemptSince, leftSince } from "./promotions.store.ts";
import { findReleases, type ReleaseRow } from "./releases.store.ts";

/** How a step of a service's path stands, with what it was told from. */
export interface Standing extends PromotionStanding {
  readonly release: ReleaseRow | null;
  readonly serving: ReleaseRow | null;
  /** By which deployment the release came to `from`. */
  readonly servedBy: string | null;
  /** Of the release in `to`. */
  readonly deploymentId: string | null;
}

export async function standing(
  db: Executor,
  service: ServiceRow,
  step: PromotionStep,
  nowMs: number,
): Promise<Standing> {
  const active = await activeDeployments(db);
  const from = await placeOf(db, service, step.from, active);
  const to = await placeOf(db, service, step.to, active);
  const asked =
    from.release && from.servedBy ? { environment: step.to, releaseId: from.release.id, since: from.servedBy } : null;
  const attempt = asked && (await attemptSince(db, service, asked));
  const left = asked && (await leftSince(db, service, asked));
  const facts = { from: from.facts, to: to.facts, tried: attempt?.status ?? null, left, nowMs };
  return {
    ...standingOf(step, facts),
    ...{ release: from.release, serving: to.release, servedBy: from.servedBy, deploymentId: attempt?.id ?? null },
  };
}

async function placeOf(db: Executor, service: ServiceRow, environment: string, active: readonly ListedDeployment[]) {
  const place = [service.project, service.name, environment] as const;
  const row = await findEnvironment(db, ...place);
  const id = row?.serving_release_id ?? null;
  const release = id === null ? null : ((await findReleases(db, [id])).get(id) ?? null);
  const by = row?.serving_deployment_id ? await findDeployment(db, row.serving_deployment_id) : null;
  const facts: PlaceFacts = {
    // Of what is still in its holdback nearly everybody is served; its time begins when all are.
    serving:
      release && by?.finished_at
        ? { releaseId: release.id, number: release.number, sinceMs: by.finished_at.getTime() }
        : null,
    isBusy: active.some((d) => d.project === place[0] && d.service === place[1] && d.environment === environment),
    isPaused: (await findPause(db, ...place)) !== null,
  };
  return { release, servedBy: by?.id ?? null, facts };
}

export async function viewPromotions(db: Executor, service: ServiceRow, nowMs: number): Promise<Promotion[]> {
  const items: Promotion[] = [];
  for (const step of service.config.promotions ?? []) {
    const s = await standing(db, service, step, nowMs);
    items.push({
      ...{ service: service.name, from: step.from, to: step.to, automatic: step.automatic, soakMs: step.soakMs },
      ...{ state: s.state, words: s.words, isTakenBack: s.isTakenBack, deploymentId: s.deploymentId },
      readyAt: s.readyAtMs === null ? null : new Date(s.readyAtMs).toISOString(),
      release: s.release && presentRelease(s.release),
      serving: s.serving && presentRelease(s.serving),
      apart: s.release && s.serving ? Math.max(0, s.release.number - s.serving.number) : null,
    });
  }
  return items;
}
