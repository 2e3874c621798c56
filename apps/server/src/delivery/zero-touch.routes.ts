import type { Answer } from "@latchkey/api/client";
import { decideZeroTouch, ZERO_TOUCH_VERSION } from "@latchkey/core/delivery/zero-touch";
import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import type { Executor } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { notFound, servicesIn } from "./asked-for.ts";
import { viewAutomation } from "./automation.view.ts";
import { findDeployment } from "./deployments.store.ts";
import { type ZeroTouchRow, zeroTouchOf } from "./zero-touch.store.ts";
import type { ZeroTouchPreviewer } from "./zero-touch-preview.ts";

export interface ZeroTouchRoutesOptions {
  readonly db: Executor;
  readonly now: () => number;
  readonly preview: ZeroTouchPreviewer;
}

/** Which changes go out with nobody watching, and how many do. */
export function registerZeroTouch(http: Http, { db, now, preview }: ZeroTouchRoutesOptions): void {
  const serviceOf = servicesIn(db);
  route(http, "getZeroTouch", async ({ project, params }) => {
    const deployment = await findDeployment(db, params.deploymentId);
    if (!deployment || deployment.project !== project) throw notFound("deployment", params.deploymentId);
    return { items: (await zeroTouchOf(db, deployment.id)).map(present) };
  });

  route(http, "previewZeroTouch", async ({ project, params, query }) =>
    preview(await serviceOf(project, params.service), query),
  );

  route(http, "getAutomation", async ({ project, query }) => {
    if (query.service !== undefined) await serviceOf(project, query.service);
    return viewAutomation(db, project, query, now());
  });
}

const present = (row: ZeroTouchRow): Answer<"getZeroTouch">["items"][number] => ({
  ...{ deploymentId: row.deployment_id, gate: row.gate, alone: row.alone, version: row.version },
  reasons: [...row.reasons],
  decidedAt: row.decided_at.toISOString(),
  isReplayed:
    row.version === ZERO_TOUCH_VERSION
      ? canonicalJson(decideZeroTouch(row.policy, row.evidence).reasons) === canonicalJson(row.reasons)
      : null,
});
