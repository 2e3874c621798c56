import type { Answer } from "@latchkey/api/client";
import type { PlanQuery } from "@latchkey/api/planning";
import {
  clustersOf,
  type MeasuredTraffic,
  meanPerHour,
  measuredTraffic,
  scaledTo,
  usersOf,
} from "@latchkey/core/analysis/planning/measured";
import { plannedMetrics } from "@latchkey/core/analysis/planning/own-metrics";
import type { CanaryPlan } from "@latchkey/core/analysis/planning/plan";
import type { Finding, HarmSearch } from "@latchkey/core/analysis/planning/search";
import { playedWords } from "@latchkey/core/analysis/planning/words";
import type { Clustering, JudgeReport } from "@latchkey/core/analysis/types";
import type { Strategy } from "@latchkey/core/delivery/rollout";
import { findEnvironment, type ServiceRow } from "../catalog/index.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { servicesIn } from "./asked-for.ts";
import { batchPolicyOf, readPace } from "./batches.ts";
import { clusteringBefore } from "./minutes.store.ts";
import type { PlanAsked, PlanStanding, PlansController } from "./plans.controller.ts";
import { lastReport } from "./rollouts.store.ts";
import { requestsPerUser, trafficOfWeek } from "./traffic-hours.store.ts";

type Planning = Answer<"planCanary">;

export function registerPlans(http: Http, o: { readonly database: Database; readonly plans: PlansController }): void {
  const { db } = o.database;
  const paceOfPlan = async (row: ServiceRow, environment: string, { plan }: PlanStanding) => ({
    ...(await readPace(db, row, environment, Date.now(), plan?.healthy.passMedianMs ?? null)),
    when: batchPolicyOf(row).when,
  });
  const serviceOf = servicesIn(db);
  route(http, "planCanary", async ({ project, params, query }) => {
    const row = await serviceOf(project, params.service);
    check(row, query);
    // The same question about another configuration is another question.
    const key = JSON.stringify([project, row.name, row.config_digest, query]);
    const known = o.plans.standing(key);
    if (known) return { ...present(known), pace: await paceOfPlan(row, query.environment, known) };
    const place = { service: row.name, environment: query.environment };
    const measured = measuredTraffic(await trafficOfWeek(db, place), await requestsPerUser(db, place));
    const traffic = query.requestsPerHour === undefined ? measured : scaledTo(measured, query.requestsPerHour);
    const environment = await findEnvironment(db, project, row.name, query.environment);
    const clustering = await clusteringBefore(db, row.name, query.environment, environment?.serving_release_id ?? null);
    const last = await lastReport(db, { project, ...place });
    const begun = o.plans.begin(key, inputOf(row, query, { traffic, clustering, last }));
    return { ...present(begun), pace: await paceOfPlan(row, query.environment, begun) };
  });
}

function check(row: ServiceRow, query: PlanQuery): void {
  if (query.strategy !== "canary")
    throw new ProblemError("LK_INVALID", {
      detail: `With the strategy ${query.strategy} no release is compared with the one before, so there is nothing to plan.`,
      remedy: "Ask with strategy=canary.",
      fields: [{ field: "strategy", message: "canary" }],
    });
  if (!row.config.environments.includes(query.environment))
    throw new ProblemError("LK_INVALID", {
      detail: `${row.name} has no environment "${query.environment}".`,
      remedy: `It has ${row.config.environments.join(", ")}.`,
      fields: [{ field: "environment", message: row.config.environments.join(" or ") }],
    });
}

/** What the database knows of how the service does. */
interface Measured {
  readonly traffic: MeasuredTraffic;
  readonly clustering: Clustering | null;
  readonly last: JudgeReport | null;
}

/** The configured strategy and policy, with what the question has in their place. */
function inputOf(row: ServiceRow, query: PlanQuery, { traffic, clustering, last }: Measured): PlanAsked {
  const { strategy, analysis } = row.config;
  const final = strategy.steps.at(-1);
  const own = plannedMetrics(analysis.metrics ?? [], last);
  const steps =
    query.share === undefined
      ? strategy.steps
      : [{ trafficPercent: query.share, bakeMs: final?.bakeMs ?? 0, minimumRequests: analysis.minimumCanaryRequests }];
  return {
    traffic,
    strategy: {
      ...strategy,
      kind: "canary",
      steps,
      maximumMs: query.durationMs ?? strategy.maximumMs,
      onInconclusive: query.onInconclusive ?? strategy.onInconclusive,
      holdbackPercent: query.holdbackPercent ?? strategy.holdbackPercent,
      holdbackMs: query.holdbackMs ?? strategy.holdbackMs,
    },
    policy: {
      ...analysis,
      safeErrorRatio: query.safeErrorRatio ?? analysis.safeErrorRatio,
      ...(clustering ? { clustering } : {}),
    },
    own: own.played,
    played: playedWords({
      clusters: clustersOf(clustering),
      measured: clustering !== null,
      metrics: own.played,
      notPlayed: own.notPlayed,
    }),
    syntheticPerSecond: query.syntheticPerSecond ?? row.config.synthetic?.requestsPerSecond ?? 0,
    runs: query.runs,
    seed: query.seed,
  };
}

function present({ input, done, of, plan }: PlanStanding): Omit<Planning, "pace"> {
  const { traffic, strategy } = input;
  const hours = traffic.requestsPerHour;
  return {
    state: plan === null ? "working" : "done",
    done,
    of,
    traffic: {
      measured: traffic.measured,
      hours: traffic.measured ? hours.length : 0,
      requestsPerHour: meanPerHour(traffic),
      // Not spread: a year of hours would be too many arguments.
      quietestHour: hours.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
      busiestHour: hours.reduce((a, b) => Math.max(a, b), 0),
      errorRatio: traffic.arm.errorRatio,
      latencyMedianMs: traffic.arm.latencyMedianMs,
      requestsPerUser: traffic.requestsPerUser,
      syntheticPerSecond: input.syntheticPerSecond,
    },
    strategy: presentStrategy(strategy),
    played: [...input.played],
    plan: plan === null ? null : presentPlan(plan, traffic),
  };
}

function presentPlan(plan: CanaryPlan, traffic: MeasuredTraffic): NonNullable<Planning["plan"]> {
  const search = (s: HarmSearch) => ({
    smallest: s.smallest === null ? null : presentFinding(s.smallest, traffic),
    findings: s.findings.map((f) => presentFinding(f, traffic)),
  });
  const { suggestion } = plan;
  return {
    ...plan,
    errors: search(plan.errors),
    slowdown: search(plan.slowdown),
    metrics: plan.metrics.map(({ metric, direction, ...found }) => ({ metric, direction, ...search(found) })),
    needs: plan.needs.map((need) => ({ ...need })),
    suggestion: {
      ...suggestion,
      words: [...suggestion.words],
      ways: suggestion.ways.map((way) => ({ ...way })),
      strategy: presentStrategy(suggestion.strategy),
      errors: search(suggestion.errors),
      slowdown: search(suggestion.slowdown),
    },
  };
}

const presentFinding = (f: Finding, traffic: MeasuredTraffic) => ({
  ...f,
  users: f.visitorRequests === null ? null : usersOf(f.visitorRequests, traffic),
});

const presentStrategy = (s: Strategy): Planning["strategy"] => ({
  steps: s.steps.map((step) => ({ ...step })),
  maximumMs: s.maximumMs,
  onInconclusive: s.onInconclusive,
  holdbackPercent: s.holdbackPercent,
  holdbackMs: s.holdbackMs,
});
