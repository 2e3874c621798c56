import { z } from "zod";

/** The five keys of DORA over what was deployed here and what was imported, with everything that they are made of. */
const when = z.iso.datetime({ offset: true });
const Text = z.string().min(1).max(300);

/** The words of core/insights, which this package does not import; the server's types hold both together. */
const THING_KINDS = ["commit", "pull_request", "deployment", "incident", "correction"] as const;
const OUTCOMES = [
  ...(["running", "build_failed", "gate_rejected", "start_failed", "canceled", "superseded", "unchanged"] as const),
  ...(["rehearsal", "canary_aborted", "soaking", "succeeded", "rolled_back", "failed"] as const),
] as const;
const LINK_EVIDENCE = ["person", "verdict", "stated", "artifact", "burn", "revert", "alert"] as const;
export const CLAIM_NAMES = [
  "not_caused_by",
  "caused_by",
  "no_failure",
  "failure",
  "planned",
  "rework",
  "excluded",
] as const;
const CONFLICTS = [
  ...(["merged_after_deployed", "authored_after_merged", "unknown_commit", "unknown_deployment"] as const),
  ...(["ended_before_begun", "resolved_before_detected", "in_the_future"] as const),
] as const;

export const DEFINITIONS = ["dora-2025", "dora-2021", "guide"] as const;
export const SPANS = ["day", "week", "month"] as const;

/** A word of a source about one thing. */
export const InsightFact = z.object({
  source: Text,
  id: Text,
  kind: z.enum(THING_KINDS),
  key: Text,
  /** The source's time, in milliseconds since 1970. */
  atMs: z.number().min(0).max(8_640_000_000_000_000),
  rank: z.int().min(0).max(1_000),
  fields: z.record(z.string().max(60), z.json()),
});

/** A figure with what it is drawn from. Values are milliseconds, ratios from 0 to 1, or deployments a day. */
export const KeyFigure = z.object({
  /** Null: there is nothing to tell it from. */
  value: z.number().nullable(),
  p90: z.number().nullable(),
  /** 95 %. */
  interval: z.object({ low: z.number(), high: z.number() }).nullable(),
  /** How many it is drawn from. */
  of: z.int(),
  /** What is not known yet: failures without an end, deployments that are still watched. */
  open: z.int(),
  soaking: z.int(),
  words: z.string(),
});
export const FiveKeys = z.object({
  deploymentFrequency: KeyFigure,
  changeLeadTime: KeyFigure,
  changeFailRate: KeyFigure,
  recoveryTime: KeyFigure,
  reworkRate: KeyFigure,
});
const Duration = z.object({ median: z.number().nullable(), p90: z.number().nullable(), of: z.int() });
const LeadStages = z.object({
  ...{ coding: Duration, review: Duration, queue: Duration, gates: Duration, canary: Duration },
  ...{ toTenPercent: Duration, toAll: Duration },
});
const Score = z.object({
  key: z.enum(["deploymentFrequency", "changeLeadTime", "changeFailRate", "recoveryTime", "reworkRate"]),
  /** 0 to 10, as DORA's Quick Check scores an answer; null without data. */
  score: z.number().nullable(),
  industry: z.object({ mean: z.number(), deviation: z.number().nullable() }),
  /** Of the survey of that year; null where it had none for this key. */
  level: z.object({ year: z.int(), name: z.string() }).nullable(),
  /** The guide's target; null where it sets none. */
  goal: z.object({ words: z.string(), holds: z.boolean().nullable() }).nullable(),
  /** Against the window before, of the same length; null where one of them has no data. `isClear`: more than chance would do. */
  trend: z.object({ direction: z.enum(["better", "worse", "same"]), isClear: z.boolean() }).nullable(),
});
export const Dora = z.object({
  from: when,
  to: when,
  definition: z.enum(DEFINITIONS),
  /** What this definition counts differently, in a sentence. */
  definitionWords: z.string(),
  asKnownAt: when.nullable(),
  keys: FiveKeys,
  stages: LeadStages,
  scores: z.array(Score),
  by: z.enum(SPANS),
  series: z.array(z.object({ from: when, to: when, keys: FiveKeys })),
  /** Side by side, those of the same window. */
  services: z.array(z.object({ service: z.string(), keys: FiveKeys })),
  /** What failed, for marks in pictures: at most 500, newest first. */
  marks: z.array(
    z.object({
      at: when,
      kind: z.enum(["failure", "incident"]),
      key: z.string(),
      service: z.string(),
      words: z.string(),
    }),
  ),
  conflicts: z.int(),
  /** The newest fact that was taken in; null where there is none at all. */
  newestFactAt: when.nullable(),
});
export type Dora = z.infer<typeof Dora>;

export const InsightDeployment = z.object({
  key: z.string(),
  label: z.string(),
  source: z.string().nullable(),
  service: z.string(),
  environment: z.string(),
  isProduction: z.boolean(),
  at: when,
  outcome: z.enum(OUTCOMES),
  kind: z.enum(["planned", "hotfix", "rollback", "redeploy"]),
  reachedVisitors: z.boolean(),
  isSettled: z.boolean(),
  failure: z.string().nullable(),
  failedAt: when.nullable(),
  recoveredAt: when.nullable(),
  isRework: z.boolean(),
  isExcluded: z.boolean(),
  commit: z.string().nullable(),
  incidents: z.array(z.string()),
  changes: z.array(
    z.object({
      change: z.string(),
      title: z.string(),
      leadMs: z.number().nullable(),
      stages: z.record(z.string(), z.number().nullable()),
    }),
  ),
  corrections: z.array(
    z.object({
      key: z.string(),
      claim: z.enum(CLAIM_NAMES),
      incident: z.string().nullable(),
      reason: z.string(),
      at: when,
      isWithdrawn: z.boolean(),
    }),
  ),
});
export const InsightIncident = z.object({
  key: z.string(),
  title: z.string(),
  source: z.string().nullable(),
  service: z.string().nullable(),
  environment: z.string().nullable(),
  at: when,
  detectedAt: when.nullable(),
  resolvedAt: when.nullable(),
  deployment: z.string().nullable(),
  by: z.enum(LINK_EVIDENCE).nullable(),
  confidence: z.number(),
});

const Window = {
  service: z.string().max(80).optional(),
  environment: z.string().max(80).optional(),
  /** Whole days in UTC; by default the last 90. */
  from: when.optional(),
  to: when.optional(),
};
const Page = { cursor: z.string().max(200).optional(), limit: z.coerce.number().int().min(1).max(200).default(50) };

export const insightsContract = {
  postInsightFacts: {
    summary:
      "Takes in what a source tells of commits, pull requests, deployments and incidents. The same word twice is one.",
    body: z.object({ facts: z.array(InsightFact).min(1).max(500) }),
    status: 200,
    answers: z.object({ accepted: z.int(), known: z.int() }),
  },
  getDora: {
    summary: "The five keys of DORA in a window, with their intervals, what is not known yet, and how they came about.",
    query: z.object({
      ...Window,
      by: z.enum(SPANS).default("week"),
      definition: z.enum(DEFINITIONS).default("dora-2025"),
      /** As it was known then. */
      asKnownAt: when.optional(),
    }),
    status: 200,
    answers: Dora,
  },
  listInsightDeployments: {
    summary: "The deployments behind the figures, newest first.",
    query: z.object({ ...Window, ...Page, only: z.enum(["failed", "rework", "counted"]).optional() }),
    status: 200,
    answers: z.object({ items: z.array(InsightDeployment), next: z.string().nullable() }),
  },
  listInsightIncidents: {
    summary: "The incidents behind the figures, newest first, each with what it is held to come from and why.",
    query: z.object({ ...Window, ...Page }),
    status: 200,
    answers: z.object({ items: z.array(InsightIncident), next: z.string().nullable() }),
  },
  listInsightConflicts: {
    summary: "What contradicts itself in the facts: kept as it was told, and left out of the durations it would bend.",
    query: z.object({ ...Page }),
    status: 200,
    answers: z.object({
      items: z.array(
        z.object({
          id: z.string(),
          kind: z.enum(CONFLICTS),
          subject: z.string(),
          other: z.string().nullable(),
          words: z.string(),
        }),
      ),
      next: z.string().nullable(),
    }),
  },
  correctInsight: {
    summary:
      "Says of a deployment what the record does not know: that an incident was not its doing, or that it failed after all.",
    body: z.object({
      claim: z.enum(CLAIM_NAMES),
      deployment: Text,
      incident: Text.optional(),
      reason: z.string().trim().min(3).max(500),
    }),
    status: 200,
    answers: z.object({ key: z.string() }),
  },
  withdrawInsightCorrection: {
    summary: "Takes a correction back; both stay on record.",
    body: z.object({ reason: z.string().trim().min(3).max(500) }),
    status: 200,
    answers: z.object({ key: z.string() }),
  },
} as const;
