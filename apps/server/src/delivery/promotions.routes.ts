import type { PromotionStep } from "@latchkey/core/delivery/promotion";
import { findEnvironment, type ServiceRow } from "../catalog/index.ts";
import type { Subjects } from "../ledger/index.ts";
import type { ArtifactStore } from "../platform/adapters/artifacts/directory.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { servicesIn, summariesIn } from "./asked-for.ts";
import { viewPromotions } from "./promotions.view.ts";
import { ship } from "./ship.ts";

export interface PromotionRoutesOptions {
  readonly database: Database;
  readonly artifacts: Pick<ArtifactStore, "has">;
  readonly subjects: Subjects;
  readonly clock: Clock;
  readonly wake: () => void;
}

export function registerPromotions(http: Http, o: PromotionRoutesOptions): void {
  const { db } = o.database;
  const serviceOf = servicesIn(db);
  const summaryOf = summariesIn(db);

  route(http, "listPromotions", async ({ project, params }) => ({
    items: await viewPromotions(db, await serviceOf(project, params.service), o.clock.now()),
  }));

  route(
    http,
    "promote",
    async ({ project, params, body, principal, remember }) => {
      const service = await serviceOf(project, params.service);
      const step = stepTo(service, body.to);
      const serving = await findEnvironment(db, project, service.name, step.from);
      const releaseId = body.releaseId ?? serving?.serving_release_id ?? null;
      if (releaseId === null)
        throw new ProblemError("LK_INVALID", {
          detail: `${step.from} serves nothing yet: there is nothing to promote.`,
          remedy: `\`latchkey ship ${service.name} --environment ${step.from}\` first.`,
          fields: [{ field: "to", message: `an environment behind one that serves; ${step.from} does not` }],
        });
      const made = await ship(
        o.database,
        {
          ...{ project, service: service.name, environment: step.to, fault: null, strategy: null, releaseId },
          reason: await o.subjects.sealWordsOf(principal.name, body.reason),
          ifBusy: body.ifBusy,
          byMachine: principal.role === "ci",
          actor: { id: principal.id, kind: principal.kind, name: principal.name },
          hasArtifact: (digest) => o.artifacts.has(digest),
        },
        remember,
      );
      o.wake();
      return summaryOf(made.id);
    },
    summaryOf,
  );
}

function stepTo({ name, config }: ServiceRow, to: string): PromotionStep {
  const steps = config.promotions ?? [];
  const step = steps.find((s) => s.to === to);
  if (step) return step;
  throw new ProblemError("LK_INVALID", {
    detail:
      steps.length === 0
        ? `${name} has no path of environments: its configuration names no promotions.`
        : `Nothing is promoted to ${to}; ${name} has ${steps.map((s) => `${s.from} to ${s.to}`).join(", ")}.`,
    remedy: "docs/guides/environments.md shows how a path is configured.",
    fields: [{ field: "to", message: steps.map((s) => s.to).join(", ") || "an environment that promotions leads to" }],
  });
}
