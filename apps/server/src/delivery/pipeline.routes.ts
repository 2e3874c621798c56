import type { GithubAccess } from "../platform/adapters/github/configured.ts";
import type { Executor } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { servicesIn } from "./asked-for.ts";
import { findChange, listChanges } from "./changes.store.ts";
import { presentChange, viewPipeline } from "./pipeline.view.ts";

export interface PipelineRoutesOptions {
  readonly db: Executor;
  readonly github: GithubAccess;
}

/** Changes, and where each of them is. */
export function registerPipeline(http: Http, o: PipelineRoutesOptions): void {
  const serviceOf = servicesIn(o.db);

  route(http, "getPipeline", async ({ project, query }) => {
    if (query.service !== undefined) await serviceOf(project, query.service);
    const github = {
      hasSecret: (await o.github.webhookSecrets()).length > 0,
      identity: await o.github.identity(),
    };
    return viewPipeline({ db: o.db, nowMs: Date.now(), github }, project, query);
  });

  route(http, "listChanges", async ({ project, params, query }) => {
    const service = await serviceOf(project, params.service);
    const rows = await listChanges(o.db, project, {
      service: service.name,
      state: query.state,
      before: query.cursor === undefined ? undefined : cursorOf(query.cursor),
      limit: query.limit,
    });
    const last = rows.at(-1);
    const at = last && (last.merged_at ?? last.committed_at ?? last.opened_at);
    return {
      items: rows.map((row) => presentChange(row, [service])),
      next: last && at && rows.length === query.limit ? `${at.toISOString()}_${last.key}` : null,
    };
  });

  route(http, "getChange", async ({ project, params }) => {
    const service = await serviceOf(project, params.service);
    const row = await findChange(o.db, project, service.name, params.change);
    if (!row)
      throw new ProblemError("LK_NOT_FOUND", { detail: `There is no change "${params.change}" of ${service.name}.` });
    return presentChange(row, [service]);
  });
}

function cursorOf(text: string): { at: string; key: string } {
  const [, at = "", key = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)_([a-z0-9-]{1,60})$/.exec(text) ?? [];
  if (at === "" || Number.isNaN(Date.parse(at)))
    throw new ProblemError("LK_INVALID", {
      detail: "cursor must be the `next` of the page before.",
      fields: [{ field: "cursor", message: "the `next` of the page before" }],
    });
  return { at, key };
}
