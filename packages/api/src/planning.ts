import { z } from "zod";
import { Step, StrategyKind } from "./models.ts";

/** What a canary can be expected to do at a service's traffic: the question and its answer. */
export const PlanQuery = z.object({
  environment: z.string().max(40).default("production"),
  /** Only a canary is compared with anything: another kind is refused. */
  strategy: StrategyKind.default("canary"),
  /** Percent of the traffic, in one step, instead of the configured steps. */
  share: z.coerce.number().min(0.1).max(90).optional(),
  /** How long a verdict is waited for. */
  durationMs: z.coerce.number().int().min(10_000).max(86_400_000).optional(),
  holdbackPercent: z.coerce.number().min(0).max(50).optional(),
  holdbackMs: z.coerce.number().int().min(0).max(86_400_000).optional(),
  onInconclusive: z.enum(["hold", "promote", "roll_back"]).optional(),
  /** A wider or narrower margin of errors for a PASS. */
  safeErrorRatio: z.coerce.number().min(0.0001).max(0.5).optional(),
  /** Synthetic journeys as if so many requests a second were configured, visitors' counted in; 0: none. */
  syntheticPerSecond: z.coerce.number().min(0).max(20).optional(),
  /** Instead of what was measured, spread over the hours as that was. */
  requestsPerHour: z.coerce.number().min(0.1).max(50_000_000).optional(),
  /** Rollouts of a healthy release that are played. */
  runs: z.coerce.number().int().min(50).max(1_000).default(200),
  seed: z.coerce.number().int().min(0).max(4_294_967_295).default(1),
});
export type PlanQuery = z.infer<typeof PlanQuery>;

const PlannedStrategy = z.object({
  steps: z.array(Step),
  maximumMs: z.int(),
  onInconclusive: z.enum(["hold", "promote", "roll_back"]),
  holdbackPercent: z.number(),
  holdbackMs: z.int(),
});

const HarmFinding = z.object({
  /** 0.05: 5 points more failures, or 5 % slower. */
  size: z.number(),
  runs: z.int(),
  found: z.int(),
  /** Share of the runs that found it, and its 95 % band. */
  chance: z.number(),
  chanceLow: z.number(),
  chanceHigh: z.number(),
  /** From the first exposure until half, and nine tenths, of all runs had found it; null where they never did. */
  medianMs: z.number().nullable(),
  p90Ms: z.number().nullable(),
  /** Median of what the canary had answered until then, of that visitors', and whom; users null where they are not told apart. */
  canaryRequests: z.number().nullable(),
  visitorRequests: z.number().nullable(),
  users: z.number().nullable(),
});

const HarmSearch = z.object({
  /** The smallest that is found with 90 %; null where none is. */
  smallest: HarmFinding.nullable(),
  findings: z.array(HarmFinding),
});

export const CanaryPlan = z.object({
  healthy: z.object({
    runs: z.int(),
    falseRollbacks: z.int(),
    /** Upper end of the simulation's 95 % band, and what the judge guarantees whatever the traffic. */
    falseRollbackHigh: z.number(),
    falseRollbackBound: z.number(),
    proved: z.int(),
    promotedUnproved: z.int(),
    passMedianMs: z.number().nullable(),
    passP90Ms: z.number().nullable(),
    passCanaryRequests: z.number().nullable(),
  }),
  errors: HarmSearch,
  slowdown: HarmSearch,
  /** Of each metric of the service's own that is played; a size of 0.3 is 30 % fewer events, or more where that is worse. */
  metrics: z.array(HarmSearch.extend({ metric: z.string(), direction: z.enum(["up_is_bad", "down_is_bad"]) })),
  /** What each verdict needs, and when that will have come at the mean traffic. */
  needs: z.array(
    z.object({
      verdict: z.enum(["FAIL", "PASS"]),
      harm: z.object({ kind: z.enum(["errors", "slowdown"]), size: z.number() }).nullable(),
      canaryRequests: z.number().nullable(),
      atMs: z.number().nullable(),
    }),
  ),
  requestsForProof: z.int(),
  lookMs: z.int(),
  suggestion: z.object({
    strategy: PlannedStrategy,
    provesInTime: z.boolean(),
    words: z.array(z.string()),
    ways: z.array(z.object({ way: z.enum(["synthetic_journeys", "wider_margin", "longer"]), words: z.string() })),
    errors: HarmSearch,
    slowdown: HarmSearch,
    /** The chance that so many more failures stay unseen until the end of the holdback. */
    residual: z.object({ errorRatio: z.number(), chance: z.number(), chanceHigh: z.number(), runs: z.int() }),
  }),
});
export type CanaryPlan = z.infer<typeof CanaryPlan>;

/** A plan while it is worked out (ask again for how far it is; it is dropped when nobody asks), and when it is there. */
export const CanaryPlanning = z.object({
  state: z.enum(["working", "done"]),
  /** Rollouts played, of so many. */
  done: z.int(),
  of: z.int(),
  traffic: z.object({
    /** False: nothing was measured yet, and a leads site's figure stands in. */
    measured: z.boolean(),
    /** Hours that were measured, up to 7 days. */
    hours: z.int(),
    requestsPerHour: z.number(),
    quietestHour: z.number(),
    busiestHour: z.number(),
    errorRatio: z.number(),
    latencyMedianMs: z.number(),
    requestsPerUser: z.number().nullable(),
    syntheticPerSecond: z.number(),
  }),
  strategy: PlannedStrategy,
  /** How many changes a day can go out, alone and in batches, as measured in the environment. */
  pace: z.object({
    /** Half of all rollouts took less, of so many; of 0, what the plan expects of a healthy release, or the steps at least. */
    rolloutMs: z.number(),
    rollouts: z.int(),
    /** Changes asked for in the last 7 days, at most the newest 20, and how many that makes a day; null with fewer than two. */
    changes: z.int(),
    changesPerDay: z.number().nullable(),
    alonePerDay: z.number(),
    batchedPerDay: z.number(),
    maximumChanges: z.int(),
    /** A single rollout takes longer than it takes for the next change to come. */
    outpaced: z.boolean(),
    /** As configured: whether deployments that ask for it go out together. */
    when: z.enum(["off", "auto", "always"]),
  }),
  /** What is played beside requests, failures and times, and what is not and why: a sentence each. */
  played: z.array(z.string()),
  plan: CanaryPlan.nullable(),
});
export type CanaryPlanning = z.infer<typeof CanaryPlanning>;
