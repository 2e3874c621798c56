import { mergeHistograms, quantileMs } from "@latchkey/core/shared/histogram";
import { environmentsOf, type ServiceRow } from "../catalog/index.ts";
import type { Executor } from "../platform/database.ts";
import { listDeployments } from "./deployments.store.ts";
import { countersSince } from "./gateways.store.ts";
import { presentDeployment, presentRelease } from "./presentation.ts";
import type { ServiceSummary } from "./presented.ts";
import { findReleases } from "./releases.store.ts";
import { findActiveRollout } from "./rollouts.store.ts";

/** Totals at a moment, kept in memory to tell the rate over the last minute or so. */
interface Totals {
  readonly at: number;
  readonly requests: number;
  readonly errors: number;
}
const WINDOW_MS = 60_000;
const remembered = new Map<string, Totals[]>();

function rates(key: string, now: Totals): { requestsPerSecond: number; errorRatio: number | null } {
  const list = (remembered.get(key) ?? []).filter((t) => now.at - t.at <= WINDOW_MS);
  const first = list[0] ?? now;
  const newest = list.at(-1);
  if (!newest || now.at - newest.at >= 1_000) list.push(now);
  remembered.set(key, list);
  const requests = Math.max(0, now.requests - first.requests);
  const seconds = (now.at - first.at) / 1000;
  return {
    requestsPerSecond: seconds > 0 ? requests / seconds : 0,
    errorRatio: requests > 0 ? Math.max(0, now.errors - first.errors) / requests : null,
  };
}

export async function viewService(db: Executor, row: ServiceRow, gatewayUrl: string): Promise<ServiceSummary> {
  const environments = await Promise.all(
    (await environmentsOf(db, row.project, row.name)).map(async (environment) => {
      const rollout = await findActiveRollout(db, row.project, row.name, environment.name);
      const latest = (await listDeployments(db, row.project, { service: row.name, limit: 20 })).find(
        (d) => d.environment === environment.name,
      );
      const releases = await findReleases(db, [environment.serving_release_id, latest?.release_id ?? null]);
      const serving = environment.serving_release_id ? releases.get(environment.serving_release_id) : undefined;
      const counters = (await countersSince(db, row.name, environment.name, environment.generation)).filter(
        (c) => c.routeClass !== "asset",
      );
      const latency = counters.reduce((h, c) => mergeHistograms(h, c.latency), {});
      const totals = {
        at: Date.now(),
        requests: counters.reduce((n, c) => n + c.requests, 0),
        errors: counters.reduce((n, c) => n + c.errors, 0),
      };
      return {
        name: environment.name,
        serving: serving ? presentRelease(serving) : null,
        deployment: latest ? presentDeployment(latest, releases) : null,
        rolloutId: rollout?.id ?? null,
        ...rates(`${row.project}/${row.name}/${environment.name}`, totals),
        p95Ms: quantileMs(latency, 0.95),
      };
    }),
  );
  return { name: row.name, description: row.config.description, url: gatewayUrl, environments };
}
