import type { Answer } from "@latchkey/api/client";

/** Answers of the room of insights, for tests of commands. */
const AT = "2026-01-01T00:00:00.000Z";
const figure = {
  value: 0.1,
  p90: null,
  interval: { low: 0.02, high: 0.3 },
  of: 10,
  open: 1,
  soaking: 2,
  words: "1 of 10.",
};
const keys: Answer<"getDora">["keys"] = {
  deploymentFrequency: { ...figure, value: 1.4, interval: null },
  changeLeadTime: { ...figure, value: 90_000_000, p90: 180_000_000, interval: { low: 7_200_000, high: 260_000_000 } },
  changeFailRate: figure,
  recoveryTime: { ...figure, value: null, interval: null, of: 0 },
  reworkRate: { ...figure, value: 0 },
};
const duration = { median: 3_600_000, p90: 7_200_000, of: 10 };

export const dora: Answer<"getDora"> = {
  ...{ from: AT, to: AT, definition: "dora-2025", definitionWords: "Counts what deployments cause.", asKnownAt: null },
  ...{ keys, by: "week", series: [{ from: AT, to: AT, keys }], services: [{ service: "leads", keys }] },
  stages: {
    ...{ coding: duration, review: duration, queue: duration, gates: duration, canary: duration },
    ...{ toTenPercent: duration, toAll: duration },
  },
  scores: [
    {
      ...{
        key: "changeFailRate",
        score: 9,
        industry: { mean: 1.9, deviation: 2.1 },
        trend: { direction: "better", isClear: false },
      },
      ...{ level: { year: 2023, name: "high" }, goal: { words: "under 5 %", holds: false } },
    },
  ],
  marks: [{ at: AT, kind: "failure", key: "dep_1", service: "leads", words: "Its canary was taken back." }],
  ...{ conflicts: 1, newestFactAt: AT },
};
export const insightDeployment: Answer<"listInsightDeployments">["items"][number] = {
  ...{ key: "dep_1", label: "Release 7", source: "latchkey", service: "leads", environment: "production" },
  ...{ isProduction: true, at: AT, outcome: "rolled_back", kind: "planned", reachedVisitors: true, isSettled: true },
  ...{
    failure: "rolled_back",
    failedAt: AT,
    recoveredAt: AT,
    isRework: false,
    isExcluded: false,
    commit: "0".repeat(40),
  },
  incidents: ["INC-7"],
  changes: [{ change: "leads#12", title: "A form", leadMs: 90_000_000, stages: { coding: 3_600_000 } }],
  corrections: [{ key: "cor_1", claim: "no_failure", incident: null, reason: "A drill.", at: AT, isWithdrawn: false }],
};
export const insightIncident: Answer<"listInsightIncidents">["items"][number] = {
  ...{ key: "INC-7", title: "Leads are lost", source: "webhook:pager", service: "leads", environment: "production" },
  ...{ at: AT, detectedAt: AT, resolvedAt: null, deployment: "dep_1", by: "stated", confidence: 0.9 },
};
export const insightConflict: Answer<"listInsightConflicts">["items"][number] = {
  ...{ id: "1", kind: "merged_after_deployed", subject: "leads#12", other: "dep_1", words: "It was merged later." },
};
