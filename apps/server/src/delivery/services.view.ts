import { environmentsOf, type ServiceRow } from "../catalog/index.ts";
import type { Executor } from "../platform/database.ts";
import { listDeployments } from "./deployments.store.ts";
import { presentDeployment, presentRelease } from "./presentation.ts";
import type { ServiceSummary } from "./presented.ts";
import { findReleases } from "./releases.store.ts";
import { findActiveRollout } from "./rollouts.store.ts";
import type { TrafficController } from "./traffic.controller.ts";

export async function viewService(
  db: Executor,
  row: ServiceRow,
  o: { gatewayUrl: string; traffic: TrafficController },
): Promise<ServiceSummary> {
  const environments = await Promise.all(
    (await environmentsOf(db, row.project, row.name)).map(async (environment) => {
      const rollout = await findActiveRollout(db, row.project, row.name, environment.name);
      const place = { service: row.name, environment: environment.name };
      const [latest] = await listDeployments(db, row.project, { ...place, limit: 1 });
      const releases = await findReleases(db, [environment.serving_release_id, latest?.release_id ?? null]);
      const serving = environment.serving_release_id ? releases.get(environment.serving_release_id) : undefined;
      return {
        name: environment.name,
        serving: serving ? presentRelease(serving) : null,
        deployment: latest ? presentDeployment(latest, releases) : null,
        rolloutId: rollout?.id ?? null,
        ...o.traffic.of(row.name, environment.name),
      };
    }),
  );
  return { name: row.name, description: row.config.description, url: o.gatewayUrl, environments };
}
