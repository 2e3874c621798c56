import type { UserMetric } from "@latchkey/core/analysis/metrics";
import { GUARD_FAULTS, type GuardFaultName } from "./guard-faults.ts";
import { type Plan, planOf } from "./plan.ts";

/** Margins that no comparison is beyond: what its bound says is the bound's. */
const METRIC: UserMetric = {
  ...{ name: "declined", kind: "ratio", source: "prometheus", direction: "up_is_bad", severity: "critical" },
  ...{ weight: 0.1, harm: 0.9, safe: 0.95, max: 0.1, events: "events/{{arm}}", total: "total/{{arm}}" },
};
/** Deaths and growth that are over within seconds. */
const BRIEF: readonly GuardFaultName[] = ["memory_grows", "restarts"];
const OF_METRICS: readonly GuardFaultName[] = ["source_clock", "metric_down", "metric_missing", "metric_limit"];

/**
 * A world for one guard: a healthy release, then one more, at which its fault happens. Servers die and messages are lost,
 * but nothing else befalls a release or a clock, and nobody interferes: what becomes of the rollout is the guard's doing.
 */
export function guardPlan(seed: number, guardFault: GuardFaultName): Plan {
  const plan = planOf(seed);
  const { afterMs, seenMs } = GUARD_FAULTS[guardFault];
  // Half and half, so that there are enough failures of both in each look.
  const isShared = guardFault === "shared_incident";
  // A step is over soon after the guard must have seen its fault: without the guard the rollout would move on then.
  const bakeMs = afterMs + Math.max(seenMs, 5_000) + 1_000;
  return {
    ...plan,
    guardFault,
    // Where the canary gets nothing, few requests: many would show that its share is wrong, which holds as well.
    requestsPerSecond: isShared ? 60 : guardFault === "canary_silent" ? 10 : 30,
    gateways: guardFault === "gateway_clock" ? plan.gateways : 1,
    // A release that moves to another machine leaves its dead process behind, which nobody sees there.
    servers: BRIEF.includes(guardFault) ? 1 : plan.servers,
    strategy: {
      ...plan.strategy,
      kind: "canary",
      steps: [
        { trafficPercent: isShared ? 50 : 20, bakeMs, minimumRequests: 0 },
        { trafficPercent: isShared ? 80 : 50, bakeMs: 3_000, minimumRequests: 0 },
      ],
      maximumMs: 600_000,
      onInconclusive: "hold",
      holdbackMs: 5_000,
      autoPromote: true,
    },
    policy: {
      ...plan.policy,
      restartLimit: 2,
      // A process that is away fails its visitors: that alone must not be the end of it here.
      ...(guardFault === "restarts" ? { alpha: 1e-60 } : {}),
      ...(OF_METRICS.includes(guardFault) ? { metrics: [METRIC] } : {}),
      ...(guardFault === "clustered" ? { clustering: { minutes: 60, errors: 3, unitErrors: 1 } } : {}),
    },
    smoke: false,
    isCalm: true,
    shipsBatches: false,
    busyMs: 30_000,
    // What is over before a server is back, or has its connection back, nobody could have seen.
    crashPerStep: BRIEF.includes(guardFault) ? 0 : Math.min(plan.crashPerStep, 0.000_3),
    cutPerStep: BRIEF.includes(guardFault) ? 0 : Math.min(plan.cutPerStep, 0.000_5),
    lossPerMessage: Math.min(plan.lossPerMessage, 0.02),
    ...{ backupAtMs: null, restoreAtMs: [], newEpochAtMs: null, clocksWander: false },
    ...{ hungLoop: null, nobody: null },
  };
}
