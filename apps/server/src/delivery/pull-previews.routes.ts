import { findService } from "../catalog/index.ts";
import { record, type Subjects } from "../ledger/index.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { notFound } from "./asked-for.ts";
import {
  findPullPreview,
  listPullPreviews,
  lockPullPreview,
  type PullPreviewRow,
  savePullPreview,
} from "./pull-previews.store.ts";
import { endPullPreview } from "./pull-previews.ts";
import { presentPreview } from "./pull-previews.view.ts";

export interface PullPreviewRoutesOptions {
  readonly database: Database;
  readonly subjects: Subjects;
  readonly gatewayUrl: string;
  readonly now: () => number;
  /** A preview changed: what no longer serves is ended. */
  readonly wake: () => void;
}

export function registerPullPreviews(http: Http, o: PullPreviewRoutesOptions): void {
  const { db } = o.database;
  const find = async (project: string, service: string, text: string): Promise<PullPreviewRow> => {
    const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : null;
    const row = number === null ? null : await findPullPreview(db, project, service, number);
    if (!row) throw notFound("preview of pull request", text);
    return row;
  };

  route(http, "listPreviews", async ({ project, query }) => {
    if (query.service !== undefined && !(await findService(db, project, query.service)))
      throw notFound("service", query.service);
    const rows = await listPullPreviews(db, project);
    return {
      items: rows
        .filter((row) => query.service === undefined || row.service === query.service)
        .map((row) => presentPreview(row, o.gatewayUrl)),
    };
  });

  route(http, "keepPreview", async ({ project, params, body, principal }) => {
    const { id } = await find(project, params.service, params.pullRequest);
    const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
    await o.database.transaction(async (tx) => {
      const row = standing(await lockPullPreview(tx, id), params.pullRequest);
      const endsAt = new Date(o.now() + body.forMs);
      await savePullPreview(tx, id, { ends_at: endsAt });
      await record(tx, {
        ...{ type: "delivery.preview.kept", subject: `preview/${id}`, project, correlation: id },
        actor: { id: principal.id, kind: principal.kind, name: principal.name },
        data: { service: row.service, name: row.name, endsAt: endsAt.toISOString(), reason },
      });
    });
    return presentPreview(await find(project, params.service, params.pullRequest), o.gatewayUrl);
  });

  route(http, "removePreview", async ({ project, params, body, principal }) => {
    const { id } = await find(project, params.service, params.pullRequest);
    const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
    await o.database.transaction(async (tx) => {
      const row = standing(await lockPullPreview(tx, id), params.pullRequest);
      const actor = { id: principal.id, kind: principal.kind, name: principal.name } as const;
      await endPullPreview(tx, row, { actor, reason, words: "A person removed it. A newer commit brings it back." });
    });
    o.wake();
    return presentPreview(await find(project, params.service, params.pullRequest), o.gatewayUrl);
  });
}

function standing(row: PullPreviewRow | null, text: string): PullPreviewRow {
  if (!row) throw notFound("preview of pull request", text);
  if (row.state !== "ended") return row;
  throw new ProblemError("LK_INVALID", {
    detail: `The preview of pull request ${text} is removed already.`,
    remedy: "A newer commit of the pull request brings it back.",
    fields: [{ field: "pullRequest", message: "one whose preview is there: `latchkey previews` lists them" }],
  });
}
