import type { Answer } from "@latchkey/api/client";

/** One example of what the API answers about flags. */
const AT = "2026-11-25T02:00:00.000Z";
const shape = { type: "boolean", purpose: "release", owner: "growth", tags: ["leads"], isPublic: true } as const;
const words = "On for 25 %, else off.";
export const flagSummary: Answer<"listFlags">["items"][number] = {
  ...{ key: "new-lead-form", ...shape, description: "The new form", expires: "2027-03-31", isArchived: false },
  ...{ tags: ["leads"], manager: "console", version: 4, updatedAt: AT },
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
};
export const flagVersion: Answer<"listFlagVersions">["items"][number] = {
  ...{ version: 4, at: AT, by: "Ada", reason: "no complaints", verb: "rollout" },
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
  ...{ createdAt: AT, createdBy: "root", lastUsedAt: null },
};
