import { transition } from "@latchkey/core/delivery/transitions";
import type { Subjects } from "../ledger/index.ts";
import { actorOf } from "../platform/auth.ts";
import type { Database } from "../platform/database.ts";
import { type Http, type RouteContext, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { applyToRollout } from "./rollout-engine.ts";
import { findRollout } from "./rollouts.store.ts";
import { explain, type RolloutViews, viewLooks } from "./rollouts.view.ts";

export interface RolloutRoutesOptions {
  readonly database: Database;
  readonly subjects: Subjects;
  readonly views: RolloutViews;
  readonly onRerouted: () => void;
  readonly onChanged: (rolloutId: string) => void;
}

export function registerRollouts(http: Http, o: RolloutRoutesOptions): void {
  const { db } = o.database;
  const rowOf = async (project: string, id: string) => {
    const row = await findRollout(db, id);
    if (!row || row.project !== project)
      throw new ProblemError("LK_NOT_FOUND", { detail: `There is no rollout "${id}".` });
    return row;
  };
  const view = async (id: string) => {
    const rollout = await o.views.of(id);
    if (!rollout) throw new ProblemError("LK_NOT_FOUND", { detail: `There is no rollout "${id}".` });
    return rollout;
  };

  route(http, "getRollout", async ({ project, params }) => {
    await rowOf(project, params.rolloutId);
    return view(params.rolloutId);
  });

  route(http, "listLooks", async ({ project, params, query }) => {
    const row = await rowOf(project, params.rolloutId);
    return { items: await viewLooks(db, row, query.afterMs), next: null };
  });

  route(http, "explainRollout", async ({ project, params }) => {
    await rowOf(project, params.rolloutId);
    const explained = await explain(db, params.rolloutId);
    if (!explained) throw new ProblemError("LK_NOT_FOUND", { detail: `There is no rollout "${params.rolloutId}".` });
    return explained;
  });

  const act = async ({ project, params, body, principal, remember }: RouteContext<"actOnRollout">) => {
    const row = await rowOf(project, params.rolloutId);
    const actor = actorOf(principal);
    const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
    const event = { kind: body.action, atMs: Date.now(), actor, reason };
    // A wish that changes nothing (rolling back what is being rolled back) is granted and writes nothing.
    const asked = transition(row.machine, event);
    if (asked.ok && asked.value.decisions.length === 0) return view(row.id);
    const outcome = await applyToRollout(o.database, row.id, { kind: "event", event }, (tx) => remember(tx, row.id));
    if (!outcome.ok) throw new ProblemError(outcome.error.code, { detail: outcome.error.words });
    if (outcome.value.rerouted) o.onRerouted();
    o.onChanged(row.id);
    return view(row.id);
  };
  route(http, "actOnRollout", act, view);
}
