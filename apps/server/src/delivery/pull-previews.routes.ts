import type { Repositories } from "@latchkey/core/delivery/ports";
import { findService } from "../catalog/index.ts";
import { record, type Subjects } from "../ledger/index.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { notFound, servicesIn } from "./asked-for.ts";
import {
  findPullPreview,
  listPullPreviews,
  lockPullPreview,
  type PullPreviewRow,
  savePullPreview,
} from "./pull-previews.store.ts";
import { endPullPreview } from "./pull-previews.ts";
import { presentPreview } from "./pull-previews.view.ts";
import { askForPreview, commitToPreview } from "./pull-previews-by-hand.ts";

export interface PullPreviewRoutesOptions {
  readonly database: Database;
  readonly subjects: Subjects;
  readonly gatewayUrl: string;
  readonly repositories: Repositories;
  readonly now: () => number;
  /** A preview changed: what no longer serves is ended. */
  readonly wake: () => void;
}

export function registerPullPreviews(http: Http, o: PullPreviewRoutesOptions): void {
  const { db } = o.database;
  const find = async (project: string, service: string, text: string): Promise<PullPreviewRow> => {
    const row = await findPullPreview(db, project, service, text);
    if (!row) throw notFound("preview", text);
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

  route(http, "createPreview", async ({ project, params, body, principal }) => {
    const service = await servicesIn(db)(project, params.service);
    const wanted = await commitToPreview(o.repositories, service, body);
    const reason = body.reason === undefined ? null : await o.subjects.sealWordsOf(principal.name, body.reason);
    const actor = { id: principal.id, kind: principal.kind, name: principal.name } as const;
    const name = await o.database.transaction((tx) =>
      askForPreview(tx, service, { ...wanted, reason, actor, nowMs: o.now() }),
    );
    o.wake();
    return presentPreview(await find(project, params.service, name), o.gatewayUrl);
  });

  route(http, "keepPreview", async ({ project, params, body, principal }) => {
    const { id } = await find(project, params.service, params.preview);
    const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
    await o.database.transaction(async (tx) => {
      const row = standing(await lockPullPreview(tx, id), params.preview);
      const endsAt = new Date(o.now() + body.forMs);
      await savePullPreview(tx, id, { ends_at: endsAt });
      await record(tx, {
        ...{ type: "delivery.preview.kept", subject: `preview/${id}`, project, correlation: id },
        actor: { id: principal.id, kind: principal.kind, name: principal.name },
        data: { service: row.service, name: row.name, endsAt: endsAt.toISOString(), reason },
      });
    });
    return presentPreview(await find(project, params.service, params.preview), o.gatewayUrl);
  });

  route(http, "removePreview", async ({ project, params, body, principal }) => {
    const { id } = await find(project, params.service, params.preview);
    const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
    await o.database.transaction(async (tx) => {
      const row = standing(await lockPullPreview(tx, id), params.preview);
      const actor = { id: principal.id, kind: principal.kind, name: principal.name } as const;
      const back = row.pull_request === null ? "" : " A newer commit brings it back.";
      await endPullPreview(tx, row, { actor, reason, words: `A person removed it.${back}` });
    });
    o.wake();
    return presentPreview(await find(project, params.service, params.preview), o.gatewayUrl);
  });
}

function standing(row: PullPreviewRow | null, text: string): PullPreviewRow {
  if (!row) throw notFound("preview", text);
  if (row.state !== "ended") return row;
  throw new ProblemError("LK_INVALID", {
    detail: `The preview "${text}" is removed already.`,
    remedy:
      row.pull_request === null
        ? "`latchkey previews <service> create` makes it again."
        : "A newer commit of the pull request brings it back.",
    fields: [{ field: "preview", message: "one whose preview is there: `latchkey previews` lists them" }],
  });
}
