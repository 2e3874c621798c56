import type { Answer } from "@latchkey/api/client";

/** One example of what the API answers about flags. */
const AT = "2026-11-25T02:00:00.000Z";
const shape = { type: "boolean", purpose: "release", owner: "growth", tags: ["leads"], isPublic: true } as const;
const words = "On for 25 %, else off.";
export const flagSummary: Answer<"listFlags">["items"][number] = {
  ...{ key: "new-lead-form", ...shape, description: "The new form", expires: "2027-03-31", isArchived: false },
  ...{ tags: ["leads"], manager: "console", version: 4, updatedAt: AT },
  ...{ health: "in_use", healthWords: "Asked for 4200 times in 7 days." },
  variants: ["on", "off"],
  environments: [{ name: "production", isEnabled: true, words }],
};
export const flag: Answer<"getFlag"> = {
  ...{ ...flagSummary, createdAt: AT },
  definition: {
    ...{ ...shape, tags: ["leads"], description: "The new form", expires: "2027-03-31", salt: "new-lead-form" },
    ...{ hashVersion: "flagd-2", variants: { on: true, off: false } },
    environments: {
      production: {
        ...{ isEnabled: true, off: "off", prerequisites: [], rules: [] },
        otherwise: { kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent: 1 },
      },
    },
  },
  rollouts: [
    {
      ...{ environment: "production", rule: "otherwise", percent: 25, state: "running", since: AT },
      words: "Running at 25 % by a person",
    },
  ],
  served: [{ environment: "production", variant: "on", evaluations: 4_200, exposures: 0 }],
};
export const flagVersion: Answer<"listFlagVersions">["items"][number] = {
  ...{ version: 4, at: AT, by: "Ada", approvedBy: null, reason: "no complaints", verb: "rollout" },
  changes: [{ path: "environments.production.rollouts.otherwise.percent", before: 10, after: 25 }],
};
export const flagAnswer: Answer<"explainFlag"> = {
  ...{ key: "new-lead-form", value: true, variant: "on", reason: "SPLIT", errorCode: null, rule: null },
  steps: [{ rule: null, matched: true, words: "No rule before: bucket 12.345 % of 25 %, so on." }],
};
export const flagSegment: Answer<"listFlagSegments">["items"][number] = {
  ...{ key: "abroad", description: "Investors abroad", version: 1, updatedAt: AT, usedBy: ["new-lead-form"] },
  when: { kind: "attribute", attribute: "country", operator: "in", values: ["DE", "AT"] },
};
export const flagClientKey: Answer<"listFlagKeys">["items"][number] = {
  ...{ id: "flk_1", name: "leads-functions", environment: "production", kind: "server", key: null },
  ...{ createdAt: AT, createdBy: "root", lastUsedAt: null, droppedRows: 0 },
};
export const flagPreview: Answer<"previewFlag"> = {
  ...{ users: 500, estimatedUsers: 12_400, changed: 50, rules: [{ rule: "otherwise", after: 500 }] },
  variants: [
    { variant: "off", before: 500, after: 450 },
    { variant: "on", before: 0, after: 50 },
  ],
};
export const flagProposal: Answer<"proposeFlagChange"> = {
  ...{ takesEffect: [], flagsChanged: [], segment: null },
  ...{ id: "flp_1", flag: "new-lead-form", kind: "switch", state: "waiting", proposedBy: "Ada", isOwn: true },
  ...{ reason: "it is mended", createdAt: AT, decidedBy: null, decisionReason: null, decidedAt: null },
  changes: [{ path: "environments.production.isEnabled", before: false, after: true }],
};
export const segmentProposal: Answer<"proposeFlagSegmentChange"> = {
  ...flagProposal,
  ...{ id: "flp_2", flag: null, segment: "abroad", kind: "set_segment", reason: "a new market" },
  changes: [{ path: "when.values.1", before: "AT", after: "CH" }],
  flagsChanged: [{ flag: "new-lead-form", environments: ["production", "staging"] }],
};
export const flagResults: Answer<"getFlagResults"> = {
  flag: "new-lead-form",
  items: [
    {
      ...{ environment: "production", rule: "otherwise", variant: "on", against: "off", isEnabled: true, percent: 25 },
      ...{
        state: "running",
        words: "Running at 25 % by a person",
        next: "Watched.",
        advice: "keep_going",
        startedAt: AT,
      },
      ...{
        exposed: { treated: 4_000, control: 4_012 },
        isMismatched: false,
        mismatchEvidence: 0,
        exposedPerDay: 2_000,
      },
      ...{ alpha: 0.01, minExposures: 100, points: [] },
      guardrails: [
        { metric: "errors", treated: 3, control: 4, evidence: 0, ratio: { from: 0.4, to: 2.1 }, state: "well" },
        {
          metric: "browser-errors",
          treated: 0,
          control: 0,
          evidence: 0,
          ratio: { from: 0, to: null },
          state: "unheard",
        },
      ],
      goals: [
        {
          ...{ metric: "signup", kind: "conversion", treated: 0.11, control: 0.1, percent: 10, advice: "keep_going" },
          ...{ interval: { from: -6, to: 27 }, usersNeeded: 9_000, daysLeft: 2.5 },
          words: "signup: +10 %, between −6.0 % and +27 % users with it. Keep going: about 60 h until 5 % would show.",
        },
      ],
    },
  ],
};
