import type { RoutingService } from "@latchkey/api/gateway";
import type { Preview } from "@latchkey/api/previews";
import type { Run } from "@latchkey/core/delivery/ports";
import type { ServiceRow } from "../catalog/index.ts";
import type { PullPreviewRow } from "./pull-previews.store.ts";

const hostOf = ({ service, name }: Pick<PullPreviewRow, "service" | "name">): string => `${name}.${service}.localhost`;

/** Where a preview is reached through the gateway. */
export function addressOfPreview(gatewayUrl: string, row: Pick<PullPreviewRow, "service" | "name">): string {
  const address = new URL(gatewayUrl);
  address.hostname = hostOf(row);
  return address.toString();
}

export const presentPreview = (row: PullPreviewRow, gatewayUrl: string): Preview => ({
  ...{ service: row.service, name: row.name, pullRequest: row.pull_request, state: row.state, words: row.words },
  ...{ branch: row.branch, commit: row.wanted_commit, servingCommit: row.serving_commit },
  address: row.serving_id === null ? null : addressOfPreview(gatewayUrl, row),
  createdAt: row.created_at.toISOString(),
  endsAt: row.ends_at.toISOString(),
});

/** The routing of a preview: one release, which nobody judges. */
export async function routePullPreview(
  row: PullPreviewRow,
  { config }: Pick<ServiceRow, "config">,
  upstreamOf: (run: Run) => Promise<string | null>,
): Promise<RoutingService[]> {
  if (row.serving_id === null) return [];
  const upstream = await upstreamOf({ releaseId: row.serving_id, environment: row.name });
  if (upstream === null) return [];
  const release = `${row.service}@${row.name}`;
  return [
    {
      ...{ service: row.service, environment: row.name, deploymentId: row.serving_id, rolloutId: null },
      hosts: [hostOf(row)],
      generation: { epoch: row.epoch, n: row.generation },
      arms: [{ arm: "baseline", releaseId: row.serving_id, release, weightPercent: 100, upstreams: [upstream] }],
      assetUpstreams: [],
      apiPrefixes: config.routing.apiPrefixes,
      injectBeacon: false,
      counted: [],
    },
  ];
}
