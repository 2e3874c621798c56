import type { RoutingService, RoutingTable } from "@latchkey/api/gateway";
import type { Run } from "@latchkey/core/delivery/ports";
import { isAtRisk, isTerminal } from "@latchkey/core/delivery/rollout";
import { armsOf } from "@latchkey/core/delivery/routing";
import { sql } from "kysely";
import {
  allServices,
  type EnvironmentRow,
  environmentsOf,
  publicEnvironmentOf,
  type ServiceRow,
} from "../catalog/index.ts";
import { type Executor, operation } from "../platform/database.ts";
import { listPullPreviews } from "./pull-previews.store.ts";
import { routePullPreview } from "./pull-previews.view.ts";
import { findReleases } from "./releases.store.ts";
import { rollbackPolicyOf } from "./rollback-policy.ts";
import { findActiveRollout } from "./rollouts.store.ts";

/** Assets of a release stay reachable this long after it stopped being served, so that no open page breaks. */
const ASSETS_HOURS = 24;
const ASSETS_RELEASES_MAX = 20;

export const currentGeneration = operation(
  "currentGeneration",
  async (db: Executor): Promise<{ epoch: number; n: number }> => {
    const found = await sql<{ epoch: number; n: number }>`select epoch, n from routing_generation`.execute(db);
    return found.rows[0] ?? { epoch: 1, n: 0 };
  },
);

/** Releases that were served here within the last day, newest first. */
export const recentReleases = operation(
  "recentReleases",
  async (db: Executor, service: string, environment: string): Promise<string[]> => {
    const found = await sql<{ release_id: string }>`select release_id, max(id) as newest from deployment
    where service = ${service} and environment = ${environment} and release_id is not null and rollout_id is not null
      and (finished_at is null or finished_at > now() - make_interval(hours => ${ASSETS_HOURS}))
    group by release_id order by newest desc limit ${ASSETS_RELEASES_MAX}`.execute(db);
    return found.rows.map((row) => row.release_id);
  },
);

/** The routing table as desired: derived from the rollouts and environments, never stored twice. */
export async function routingTable(db: Executor, options: RoutingOptions): Promise<RoutingTable> {
  const generation = await currentGeneration(db);
  const services: RoutingService[] = [];
  const rows = await allServices(db);
  for (const service of rows) {
    for (const environment of await environmentsOf(db, service.project, service.name)) {
      services.push(...(await routeEnvironment(db, service, environment, rows.length === 1, options)));
    }
  }
  for (const preview of await listPullPreviews(db)) {
    const service = rows.find((row) => row.project === preview.project && row.name === preview.service);
    if (service) services.push(...(await routePullPreview(preview, service, options.upstreamOf)));
  }
  return { generation, services };
}

export interface RoutingOptions {
  readonly upstreamOf: (run: Run) => Promise<string | null>;
  readonly assetsUrl: (releaseId: string) => string;
}

/** The desired routing of one environment; null where nothing can serve. */
export async function routingOf(
  db: Executor,
  service: ServiceRow,
  environment: EnvironmentRow,
  options: RoutingOptions,
): Promise<RoutingService | null> {
  return (await routeEnvironment(db, service, environment, false, options))[0] ?? null;
}

async function routeEnvironment(
  db: Executor,
  service: ServiceRow,
  environment: EnvironmentRow,
  alone: boolean,
  options: RoutingOptions,
): Promise<RoutingService[]> {
  const rollout = await findActiveRollout(db, service.project, service.name, environment.name);
  const shares = rollout
    ? armsOf(rollout.machine, rollout.canary_release_id, rollout.baseline_release_id)
    : environment.serving_release_id
      ? [{ arm: "baseline" as const, releaseId: environment.serving_release_id, weightPercent: 100 }]
      : [];
  const releases = await findReleases(
    db,
    shares.map((s) => s.releaseId),
  );
  const arms: RoutingService["arms"] = [];
  for (const share of shares) {
    const upstream = await options.upstreamOf({ releaseId: share.releaseId, environment: environment.name });
    if (!upstream) continue;
    const number = releases.get(share.releaseId)?.number ?? 0;
    arms.push({ ...share, release: `${service.name}@${number}`, upstreams: [upstream] });
  }
  // A release whose process is gone for good leaves its share to the others: better than half an answer.
  const total = arms.reduce((sum, arm) => sum + arm.weightPercent, 0);
  if (arms.length === 0 || total === 0) return [];
  const recent = await recentReleases(db, service.name, environment.name);
  const isPublic = environment.name === publicEnvironmentOf(service.config);
  const own = [
    ...(isPublic ? [...service.config.routing.hosts, `${service.name}.localhost`] : []),
    `${environment.name}.${service.name}.localhost`,
  ];
  const main: RoutingService = {
    service: service.name,
    environment: environment.name,
    deploymentId:
      (rollout && !isTerminal(rollout.machine.state) ? rollout.deployment_id : environment.serving_deployment_id) ?? "",
    rolloutId: rollout?.id ?? null,
    hosts: [...own, ...(alone && isPublic ? ["*"] : [])],
    generation: { epoch: environment.epoch, n: environment.generation },
    arms: arms.map((arm) => ({ ...arm, weightPercent: (arm.weightPercent * 100) / total })),
    assetUpstreams: recent.map(options.assetsUrl),
    apiPrefixes: service.config.routing.apiPrefixes,
    injectBeacon: service.config.routing.injectBeacon,
    ...(rollout && isAtRisk(rollout.machine) ? { deadManMs: rollbackPolicyOf(service).deadManMs } : {}),
    counted: (service.config.analysis.metrics ?? []).flatMap(({ name, route }) => (route ? [{ name, ...route }] : [])),
  };
  const preview = arms.find((arm) => arm.releaseId === rollout?.canary_release_id);
  return preview ? [main, previewOf(main, own, preview)] : [main];
}

/** The new release alone, at `preview.<host>`: counted apart, so that those who look at it are no evidence. */
function previewOf(
  main: RoutingService,
  hosts: readonly string[],
  arm: RoutingService["arms"][number],
): RoutingService {
  return {
    ...main,
    environment: `${main.environment}/preview`,
    hosts: hosts.map((host) => `preview.${host}`),
    arms: [{ ...arm, weightPercent: 100 }],
    injectBeacon: false,
  };
}

export const previewAddress = (gatewayUrl: string, service: string, environment: string, isPublic: boolean): string => {
  const address = new URL(gatewayUrl);
  address.hostname = `preview.${isPublic ? "" : `${environment}.`}${service}.localhost`;
  return address.toString();
};
