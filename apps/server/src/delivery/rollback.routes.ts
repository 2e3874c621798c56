import type { BurnRates } from "@latchkey/core/delivery/burning";
import type { ServiceRow } from "../catalog/index.ts";
import { record, type Subjects } from "../ledger/index.ts";
import type { ArtifactStore } from "../platform/adapters/artifacts/directory.ts";
import { actorOf } from "../platform/auth.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { servicesIn, summariesIn } from "./asked-for.ts";
import { deletePause } from "./pauses.store.ts";
import { rollBack } from "./rollback.ts";
import { planRollback, viewPauses } from "./rollback.view.ts";
import { viewFlagsBack } from "./rollback-flags.ts";

export interface RollbackRoutesOptions {
  readonly database: Database;
  readonly artifacts: Pick<ArtifactStore, "has">;
  readonly subjects: Subjects;
  readonly clock: Clock;
  readonly burnRatesOf: (service: ServiceRow) => BurnRates;
  readonly onRerouted: () => void;
  readonly onChanged: (rolloutId: string) => void;
  readonly wake: () => void;
}

export function registerRollbacks(http: Http, o: RollbackRoutesOptions): void {
  const { db } = o.database;
  const hasArtifact = (digest: string) => o.artifacts.has(digest);
  const serviceOf = servicesIn(db);
  const summaryOf = summariesIn(db);

  const answerTo = async (id: string) => ({ ...(await summaryOf(id)), flags: await viewFlagsBack(db, id) });

  route(http, "planRollback", async ({ project, params, query }) => {
    const service = await serviceOf(project, params.service);
    const burning = () => o.burnRatesOf(service).burning(service.name, query.environment);
    return planRollback(db, service, query, { nowMs: o.clock.now(), hasArtifact, burning });
  });

  route(
    http,
    "rollBack",
    async ({ project, params, body, principal, remember }) => {
      const made = await rollBack(
        o.database,
        {
          ...body,
          service: await serviceOf(project, params.service),
          reason: await o.subjects.sealWordsOf(principal.name, body.reason),
          actor: actorOf(principal),
          nowMs: o.clock.now(),
          hasArtifact,
        },
        remember,
      );
      if (made.rolloutId !== null) {
        o.onRerouted();
        o.onChanged(made.rolloutId);
      }
      o.wake();
      return answerTo(made.deploymentId);
    },
    answerTo,
  );

  route(http, "listDeploymentPauses", async ({ project }) => ({ items: await viewPauses(db, project) }));

  const answerOf = (resumed: boolean) => ({
    resumed,
    words: resumed ? "What waited goes on." : "Nothing was paused here.",
  });
  route(
    http,
    "resumeDeployments",
    async ({ project, params, body, principal, remember }) => {
      const service = await serviceOf(project, params.service);
      const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
      const resumed = await o.database.transaction(async (tx) => {
        const gone = await deletePause(tx, project, service.name, body.environment);
        if (gone)
          await record(tx, {
            type: "delivery.deployments.resumed",
            subject: `service/${service.name}`,
            project,
            actor: actorOf(principal),
            data: { service: service.name, environment: body.environment, reason },
          });
        await remember(tx, String(gone));
        return gone;
      });
      o.wake();
      return answerOf(resumed);
    },
    async (reference) => answerOf(reference === "true"),
  );
}
