import type { Answer } from "@latchkey/api/client";
import { routesItself, splitsItself, targetOf } from "@latchkey/api/targets";
import { compareGenerations } from "@latchkey/core/delivery/generation";
import { environmentsOf, type ServiceRow } from "../catalog/index.ts";
import type { Executor } from "../platform/database.ts";
import { liveGateways } from "./gateways.store.ts";
import { type RoutingOptions, routingOf } from "./routing.view.ts";
import { findRoute } from "./targets.store.ts";

type TargetView = Answer<"listTargets">["items"][number];

/** Where services run, and what is served there as it was acknowledged: by gateways, or by a target that routes by itself. */
export async function viewTargets(
  db: Executor,
  services: readonly ServiceRow[],
  options: RoutingOptions,
): Promise<TargetView[]> {
  const gateways = (await liveGateways(db)).filter(({ id }) => !id.includes(":"));
  const views: TargetView[] = [];
  for (const service of services)
    for (const place of await environmentsOf(db, service.project, service.name)) {
      const target = targetOf(service.config, place.name);
      const { kind } = target;
      const generation = { epoch: place.epoch, n: place.generation };
      const common = { service: service.name, environment: place.name, kind, generation };
      if (!routesItself(target)) {
        const desired = await routingOf(db, service, place, options);
        const arms = (desired?.arms ?? []).map((arm) => ({ ...arm, address: arm.upstreams[0] ?? "" }));
        const hasAll = (g: (typeof gateways)[number]) =>
          compareGenerations({ epoch: g.applied_epoch, n: g.applied_n }, generation) >= 0;
        const served = gateways.length > 0 && gateways.every(hasAll);
        const state = arms.length === 0 ? "waiting" : served ? "serving" : "behind";
        const behind = gateways.length === 0 ? "No gateway is there." : "Not every gateway has the newest shares yet.";
        const words = {
          waiting: "Nothing was deployed here.",
          serving: `${gateways.length === 1 ? "The gateway serves" : `All ${gateways.length} gateways serve`} these shares.`,
          behind,
        }[state];
        views.push({
          ...{ ...common, routedBy: "gateway" as const, state, words, acknowledged: served ? generation : null },
          shares: arms.map((arm) => ({ ...shareOf(arm), trafficPercent: arm.weightPercent })),
          ...{ acknowledgedAt: null, error: null, errorAt: null, notes: [] },
        });
        continue;
      }
      const routedBy = splitsItself(target) ? ("target" as const) : ("gateway" as const);
      views.push({ ...common, routedBy, ...(await ownRouting(db, service, place.name, generation)) });
    }
  return views;
}

const shareOf = ({ arm, release, releaseId, address }: Omit<TargetView["shares"][number], "trafficPercent">) => ({
  ...{ arm, release, releaseId, address },
});

/** What a target that routes by itself has said of itself. */
async function ownRouting(
  db: Executor,
  service: ServiceRow,
  environment: string,
  generation: TargetView["generation"],
): Promise<Omit<TargetView, "service" | "environment" | "kind" | "generation" | "routedBy">> {
  const row = await findRoute(db, { project: service.project, service: service.name, environment });
  const { kind } = targetOf(service.config, environment);
  if (!row || row.kind !== kind)
    return {
      ...{ state: "waiting", words: "It was not spoken to yet.", shares: [], acknowledged: null },
      ...{ acknowledgedAt: null, error: null, errorAt: null, notes: [] },
    };
  const acknowledged = row.served_epoch === null ? null : { epoch: row.served_epoch, n: row.served_n ?? 0 };
  const isNewest = acknowledged !== null && compareGenerations(acknowledged, generation) >= 0;
  const state = row.error !== null ? "failing" : isNewest ? "serving" : "behind";
  const words = {
    failing: "The last attempt failed; it is tried again every second.",
    serving: row.served_arms.length === 0 ? "It answers; nothing was deployed here." : "It serves these shares.",
    behind: "It was asked for newer shares than it serves.",
  }[state];
  return {
    ...{ state, words, acknowledged, error: row.error, notes: [...row.notes] },
    shares: row.served_arms.map((arm) => ({ ...shareOf(arm), trafficPercent: arm.trafficPercent })),
    acknowledgedAt: row.served_at?.toISOString() ?? null,
    errorAt: row.error_at?.toISOString() ?? null,
    ...(kind === "netlify" ? { deploys: [...row.deploys] } : {}),
  };
}
