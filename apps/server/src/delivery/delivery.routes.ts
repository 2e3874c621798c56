import type { Answer } from "@latchkey/api/client";
import { applyService, listServices } from "../catalog/index.ts";
import type { Subjects } from "../ledger/index.ts";
import type { ArtifactStore } from "../platform/adapters/artifacts/directory.ts";
import { actorOf } from "../platform/auth.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { notFound, servicesIn, summariesIn } from "./asked-for.ts";
import { viewBatch } from "./batches.view.ts";
import { cancelDeployment } from "./cancel.ts";
import { findDeployment, listDeployments } from "./deployments.store.ts";
import { overrideOf, overrideWindow } from "./override-window.ts";
import { presentDeployment, presentGate, presentRelease } from "./presentation.ts";
import { filesOf, findRelease, findReleases, listReleases } from "./releases.store.ts";
import { viewFlagsBack } from "./rollback-flags.ts";
import type { RoutingOptions } from "./routing.view.ts";
import { viewService, viewServices } from "./services.view.ts";
import { ship } from "./ship.ts";
import { splitBatch } from "./split.ts";
import { viewTargets } from "./targets.view.ts";
import type { TrafficController } from "./traffic.controller.ts";

export interface DeliveryRoutesOptions {
  readonly database: Database;
  readonly artifacts: ArtifactStore;
  readonly subjects: Subjects;
  readonly gatewayUrl: string;
  readonly routing: RoutingOptions;
  readonly traffic: TrafficController;
  /** Something was asked for: the controllers look at once. */
  readonly wake: () => void;
  /** What waits for its gates is asked at once. */
  readonly hurry: () => void;
}

export function registerDelivery(http: Http, o: DeliveryRoutesOptions): void {
  const { db } = o.database;

  route(http, "listServices", async ({ project, query }) => {
    const rows = await listServices(db, project, query.cursor ?? "", query.limit);
    const items = await viewServices(db, rows, o);
    return { items, next: rows.length === query.limit ? (rows.at(-1)?.name ?? null) : null };
  });

  route(http, "listTargets", async ({ project, query }) => {
    const rows = await listServices(db, project, query.cursor ?? "", query.limit);
    const next = rows.length === query.limit ? (rows.at(-1)?.name ?? null) : null;
    return { items: await viewTargets(db, rows, o.routing), next };
  });

  const serviceOf = servicesIn(db);

  route(http, "getService", async ({ project, params }) => {
    const row = await serviceOf(project, params.service);
    return {
      ...(await viewService(db, row, o)),
      config: row.config,
      configDigest: row.config_digest,
      manager: row.manager,
    };
  });

  route(
    http,
    "applyService",
    async ({ project, body, principal, remember }) =>
      applyService(o.database, { project, ...body, actor: actorOf(principal) }, (tx, applied) =>
        remember(tx, JSON.stringify(applied)),
      ),
    async (reference) => JSON.parse(reference) as Answer<"applyService">,
  );

  route(http, "listReleases", async ({ project, params, query }) => {
    await serviceOf(project, params.service);
    if (query.cursor !== undefined && !/^\d{1,9}$/.test(query.cursor))
      throw new ProblemError("LK_INVALID", {
        detail: "cursor must be a whole number.",
        fields: [{ field: "cursor", message: "the `next` of the page before" }],
      });
    const before = query.cursor === undefined ? 2 ** 31 - 1 : Number(query.cursor);
    const rows = await listReleases(db, project, params.service, before, query.limit);
    return { items: rows.map(presentRelease), next: rows.length === query.limit ? String(rows.at(-1)?.number) : null };
  });

  route(http, "getRelease", async ({ project, params }) => {
    const row = await findRelease(db, params.releaseId);
    if (!row || row.project !== project) throw notFound("release", params.releaseId);
    const deployments = await listDeployments(db, project, { releaseId: row.id, limit: 50 });
    return {
      ...presentRelease(row),
      files: await filesOf(db, row.id),
      deployments: deployments.map((d) => ({
        id: d.id,
        environment: d.environment,
        status: d.status,
        createdAt: d.created_at.toISOString(),
      })),
    };
  });

  const summaryOf = summariesIn(db);
  route(
    http,
    "ship",
    async ({ project, params, body, principal, remember }) => {
      if (body.overrideFreeze !== undefined && principal.role !== "owner")
        throw new ProblemError("LK_FORBIDDEN", { detail: "Only an owner may let a deployment out during a freeze." });
      if (body.overridePath !== undefined && principal.role !== "owner")
        throw new ProblemError("LK_FORBIDDEN", { detail: "Only an owner may go past the environment before." });
      if (body.overrideWindow !== undefined && principal.role !== "owner")
        throw new ProblemError("LK_FORBIDDEN", {
          detail: "Only an owner may let a deployment out outside of its hours.",
        });
      const asked = {
        project,
        service: params.service,
        environment: body.environment,
        fault: body.fault ?? null,
        strategy: body.strategy ?? null,
        releaseId: body.releaseId ?? null,
        reason: await o.subjects.sealWordsOf(principal.name, body.reason),
        ifBusy: body.ifBusy,
        overrideFreeze: body.overrideFreeze && (await o.subjects.sealWordsOf(principal.name, body.overrideFreeze)),
        overrideWindow:
          body.overrideWindow === undefined
            ? undefined
            : await overrideOf(o.subjects, principal.name, body.overrideWindow),
        overridePath: body.overridePath && (await o.subjects.sealWordsOf(principal.name, body.overridePath)),
        byMachine: principal.role === "ci",
        actor: actorOf(principal),
        hasArtifact: (digest: string) => o.artifacts.has(digest),
      };
      const made = await ship(o.database, asked, remember);
      o.wake();
      return summaryOf(made.id);
    },
    summaryOf,
  );

  route(
    http,
    "cancelDeployment",
    async ({ project, params, body, principal, remember }) => {
      await cancelDeployment(o.database, {
        project,
        deploymentId: params.deploymentId,
        reason: await o.subjects.sealWordsOf(principal.name, body.reason),
        actor: actorOf(principal),
        also: (tx) => remember(tx, params.deploymentId),
        onEnded: o.wake,
      });
      return summaryOf(params.deploymentId);
    },
    summaryOf,
  );

  route(
    http,
    "overrideWindow",
    async ({ project, params, body, principal, remember }) => {
      await overrideWindow(o.database, {
        ...{ project, deploymentId: params.deploymentId, actor: actorOf(principal) },
        override: await overrideOf(o.subjects, principal.name, body.reason),
        also: (tx) => remember(tx, params.deploymentId),
        onDone: o.hurry,
      });
      return summaryOf(params.deploymentId);
    },
    summaryOf,
  );

  const partsOf = async (reference: string) => ({
    items: await Promise.all((JSON.parse(reference) as string[]).map(summaryOf)),
  });
  route(
    http,
    "splitDeployment",
    async ({ project, params, body, principal, remember }) => {
      const ids = await splitBatch(o.database, {
        project,
        deploymentId: params.deploymentId,
        reason: await o.subjects.sealWordsOf(principal.name, body.reason),
        actor: actorOf(principal),
        hasArtifact: (digest) => o.artifacts.has(digest),
        also: (tx, made) => remember(tx, JSON.stringify(made)),
      });
      o.wake();
      return partsOf(JSON.stringify(ids));
    },
    partsOf,
  );

  route(http, "listDeployments", async ({ project, query }) => {
    const rows = await listDeployments(db, project, {
      service: query.service,
      before: query.cursor,
      limit: query.limit,
    });
    const releases = await findReleases(
      db,
      rows.map((r) => r.release_id),
    );
    return {
      items: rows.map((row) => presentDeployment(row, releases)),
      next: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null,
    };
  });

  route(http, "getDeployment", async ({ project, params }) => {
    const row = await findDeployment(db, params.deploymentId);
    if (!row || row.project !== project) throw notFound("deployment", params.deploymentId);
    const releases = await findReleases(db, [row.release_id]);
    return {
      ...presentDeployment(row, releases),
      gates: row.gates.map(presentGate),
      buildOutput: row.build_output,
      changes: row.changes.map((c) => ({ ...c })),
      ...(await viewBatch(db, row)),
      flags: await viewFlagsBack(db, row.id),
    };
  });
}
