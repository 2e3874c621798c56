import { routesItself, splitsItself, targetOf } from "@latchkey/api/targets";
import { compareGenerations, type Generation } from "@latchkey/core/delivery/generation";
import { environmentsOf, findService } from "../catalog/index.ts";
import type { Executor } from "../platform/database.ts";
import { liveGateways } from "./gateways.store.ts";
import { findReleases } from "./releases.store.ts";
import { currentGeneration } from "./routing.view.ts";
import { findRoute, type Place } from "./targets.store.ts";

/** Whether those who split the traffic go by a generation: gateways, and targets that route by themselves. */
type Gateways = Awaited<ReturnType<typeof liveGateways>>;
const haveApplied = (gateways: Gateways, { epoch, n }: Generation): boolean =>
  gateways
    .filter(({ id }) => !isTarget(id))
    .every((g) => compareGenerations({ epoch: g.applied_epoch, n: g.applied_n }, { epoch, n }) >= 0);

/** Of a target's own traffic alone its acknowledgement is asked: one that died holds nobody else up. */
const isTarget = (id: string): boolean => id.includes(":");

/** What a target that routes by itself is called among the gateways. */
export const gatewayOf = (place: Place & { readonly kind: string }): string =>
  `${place.kind}:${place.service}/${place.environment}`;

/** Of a target that routes by itself whether it serves a generation and is heard of; null where the gateway routes. */
export async function standingOf(
  db: Executor,
  place: Place,
  generation: Generation,
): Promise<{ readonly serves: boolean; readonly isHeard: boolean } | null> {
  const service = await findService(db, place.project, place.service);
  const target = service ? targetOf(service.config, place.environment) : { kind: "local" as const };
  if (!routesItself(target)) return null;
  const { kind } = target;
  const route = await findRoute(db, place);
  const served = { epoch: route?.served_epoch ?? -1, n: route?.served_n ?? -1 };
  const gateways = await liveGateways(db);
  // A target that only publishes needs a gateway, whose counts are the source.
  const isHeard = splitsItself(target)
    ? // Once it fails to answer, what it said before is old.
      route?.error === null && gateways.some(({ id }) => id === gatewayOf({ ...place, kind }))
    : gateways.some(({ id }) => !id.includes(":"));
  const hasServed = route?.kind === kind && route.error === null && compareGenerations(served, generation) >= 0;
  return {
    serves: hasServed && (splitsItself(target) || isHeard),
    isHeard,
  };
}

/**
 * True when every live gateway has applied the generation, and the environment's own target where it routes by itself.
 * Without either nobody has.
 */
export async function isServed(db: Executor, generation: Generation, place: Place): Promise<boolean> {
  const gateways = await liveGateways(db);
  if (!haveApplied(gateways, generation)) return false;
  const target = await standingOf(db, place, generation);
  return target ? target.serves : gateways.some(({ id }) => !isTarget(id));
}

/** Those of the releases whose service's routing is served as it is desired: nobody sends a visitor elsewhere any more. */
export async function servedEverywhere(db: Executor, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const newest = await currentGeneration(db);
  const gateways = await liveGateways(db);
  if (!haveApplied(gateways, newest)) return new Set();
  const services = new Map<string, boolean>();
  const served = new Set<string>();
  for (const [id, { project, service }] of await findReleases(db, ids)) {
    const key = JSON.stringify([project, service]);
    if (!services.has(key)) services.set(key, await isServiceServed(db, project, service, gateways));
    if (services.get(key)) served.add(id);
  }
  return served;
}

async function isServiceServed(db: Executor, project: string, service: string, gateways: Gateways): Promise<boolean> {
  for (const { name, epoch, generation } of await environmentsOf(db, project, service)) {
    const target = await standingOf(db, { project, service, environment: name }, { epoch, n: generation });
    if (target ? !target.serves : gateways.every(({ id }) => isTarget(id))) return false;
  }
  return true;
}
