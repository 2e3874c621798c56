import { sql } from "kysely";
import type { ServiceRow } from "../catalog/index.ts";
import type { Executor } from "../platform/database.ts";
import { findListed } from "./deployments.store.ts";
import { presentDeployment, presentRelease } from "./presentation.ts";
import type { ServiceSummary } from "./presented.ts";
import { findReleases } from "./releases.store.ts";
import type { TrafficController } from "./traffic.controller.ts";

export interface ServiceViewOptions {
  readonly gatewayUrl: string;
  readonly traffic: TrafficController;
}
interface PlaceRow {
  readonly project: string;
  readonly service: string;
  readonly environment: string;
  readonly serving_release_id: string | null;
  readonly rollout_id: string | null;
  readonly deployment_id: string | null;
}

/** Each environment of the services, with what goes on there: the open rollout and the newest deployment. */
async function placesOf(db: Executor, rows: readonly ServiceRow[]): Promise<PlaceRow[]> {
  const found = await sql<PlaceRow>`select e.project, e.service, e.name as environment, e.serving_release_id,
      r.id as rollout_id, d.id as deployment_id
    from unnest(${rows.map((row) => row.project)}::text[], ${rows.map((row) => row.name)}::text[]) as s(project, name)
    join environment e on e.project = s.project and e.service = s.name
    left join rollout r on r.project = e.project and r.service = e.service and r.environment = e.name and r.finished_at is null
    left join lateral (select id from deployment where project = e.project and service = e.service and environment = e.name
      order by id desc limit 1) d on true
    order by e.name`.execute(db);
  return found.rows;
}

/** In the order in which the configuration names them: from the first to production. Those it names no more come last. */
const placeIn = ({ config }: ServiceRow, { environment }: PlaceRow): number =>
  (config.environments.indexOf(environment) + 1 || config.environments.length + 1) - 1;

/** Services with what each environment serves, in three queries however many they are. */
export async function viewServices(
  db: Executor,
  rows: readonly ServiceRow[],
  { gatewayUrl, traffic }: ServiceViewOptions,
): Promise<ServiceSummary[]> {
  const places = await placesOf(db, rows);
  const newest = await findListed(
    db,
    places.flatMap((p) => p.deployment_id ?? []),
  );
  const releases = await findReleases(
    db,
    places.flatMap((p) => [p.serving_release_id, newest.get(p.deployment_id ?? "")?.release_id ?? null]),
  );
  return rows.map((row) => {
    const environments = places
      .filter((p) => p.project === row.project && p.service === row.name)
      .sort((a, b) => placeIn(row, a) - placeIn(row, b))
      .map((place) => {
        const serving = releases.get(place.serving_release_id ?? "");
        const latest = newest.get(place.deployment_id ?? "");
        return {
          name: place.environment,
          serving: serving ? presentRelease(serving) : null,
          deployment: latest ? presentDeployment(latest, releases) : null,
          rolloutId: place.rollout_id,
          ...traffic.of(row.name, place.environment),
        };
      });
    return { name: row.name, description: row.config.description, url: gatewayUrl, environments };
  });
}

/** One service with what each environment serves. */
export async function viewService(db: Executor, row: ServiceRow, o: ServiceViewOptions): Promise<ServiceSummary> {
  const [view] = await viewServices(db, [row], o);
  if (!view) throw new Error("a service that was given is not among those that were viewed");
  return view;
}
