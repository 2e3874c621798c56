import type { Dora, DoraKey, InsightDeployment, InsightIncident, KeyFigure } from "../../api/types.ts";
import type { Unit } from "../../charts/chart-data.ts";
import { duration, percent, plural } from "../../ui/format.ts";

/** The five keys in words. What has no data is said to have none: it is never 0. */
export const NO_DATA = "No data";
export const DORA_KEYS = [
  "deploymentFrequency",
  "changeLeadTime",
  "changeFailRate",
  "recoveryTime",
  "reworkRate",
] as const satisfies readonly DoraKey[];

interface Words {
  readonly name: string;
  readonly about: string;
  readonly unit: Unit;
  /** What it is drawn from. */
  readonly one: string;
  readonly many: string;
  /** Which deployments stand behind it. */
  readonly only: "counted" | "failed" | "rework";
  /** What is open of it. */
  readonly open: string;
}
export const KEY_WORDS: Record<DoraKey, Words> = {
  deploymentFrequency: {
    name: "Deployment frequency",
    about: "Deployments to production that reached visitors.",
    unit: "perDay",
    one: "deployment",
    many: "deployments",
    only: "counted",
    open: "open",
  },
  changeLeadTime: {
    name: "Change lead time",
    about: "From a change's first commit until all visitors have it; the median.",
    unit: "duration",
    one: "change",
    many: "changes",
    only: "counted",
    open: "without a known begin",
  },
  changeFailRate: {
    name: "Change fail rate",
    about: "Of the deployments, those that failed in production and had to be dealt with at once.",
    unit: "ratio",
    one: "deployment",
    many: "deployments",
    only: "failed",
    open: "open",
  },
  recoveryTime: {
    name: "Failed deployment recovery time",
    about: "From a deployment's failure until visitors were well again; the median.",
    unit: "duration",
    one: "failure",
    many: "failures",
    only: "failed",
    open: "not recovered yet",
  },
  reworkRate: {
    name: "Deployment rework rate",
    about: "Of the deployments, those that nobody planned and that a failure in production made necessary.",
    unit: "ratio",
    one: "deployment",
    many: "deployments",
    only: "rework",
    open: "open",
  },
};

/** "3.2 a day", "2 a week", "1 in 40 days": in the unit that has a number worth reading. */
export function frequency(perDay: number): string {
  const trimmed = (n: number): string => String(Number(n.toPrecision(n >= 100 ? 3 : 2)));
  if (perDay === 0) return "0 a day";
  if (perDay >= 1) return `${trimmed(perDay)} a day`;
  if (perDay * 7 >= 1) return `${trimmed(perDay * 7)} a week`;
  return perDay * 30 >= 1 ? `${trimmed(perDay * 30)} in 30 days` : `1 in ${trimmed(1 / perDay)} days`;
}

export function valueWords(value: number | null, unit: Unit): string {
  if (value === null) return NO_DATA;
  if (unit === "perDay") return frequency(value);
  return unit === "duration" ? duration(value) : percent(value);
}

export const intervalWords = (figure: KeyFigure, unit: Unit): string | null =>
  figure.interval && `${valueWords(figure.interval.low, unit)} to ${valueWords(figure.interval.high, unit)}`;

/** How sure a figure is, and how it spreads. A frequency counts all there was: it has no interval, and lacks none. */
export function sureness(figure: KeyFigure, key: DoraKey): string {
  const { unit } = KEY_WORDS[key];
  const interval = intervalWords(figure, unit);
  const none = unit === "perDay" ? null : "Too few for an interval";
  const spread = figure.p90 === null ? null : `90 % within ${valueWords(figure.p90, unit)}`;
  return [interval ? `95 %: ${interval}` : none, spread].filter((part) => part !== null).join("; ");
}

/** What a figure is drawn from, and what is not known yet. */
export function drawnFrom(key: DoraKey, figure: KeyFigure): string {
  const words = KEY_WORDS[key];
  return [
    `from ${plural(figure.of, words.one, words.many)}`,
    figure.open > 0 ? `${figure.open} ${words.open}` : null,
    figure.soaking > 0 ? `${figure.soaking} still watched` : null,
  ]
    .filter((part) => part !== null)
    .join(", ");
}

export type Direction = "better" | "worse" | "same" | "unknown";
export const DIRECTION_WORDS: Record<Direction, string> = {
  better: "Better than in the window before",
  worse: "Worse than in the window before",
  same: "As in the window before",
  unknown: "Nothing to compare with before",
};

export const DEFINITION_NAMES: Record<Dora["definition"], string> = {
  "dora-2025": "DORA, 2025",
  "dora-2021": "DORA, 2021",
  guide: "This guide's",
};

export const STAGES = [
  ["coding", "Coding", "first commit to pull request"],
  ["review", "Review", "pull request opened to merged"],
  ["queue", "Queue", "merged to taken up"],
  ["gates", "Gates", "build and gates"],
  ["canary", "Canary", "first visitors to all"],
] as const satisfies readonly (readonly [keyof Dora["stages"], string, string])[];
export const REACHES = [
  ["toTenPercent", "Until a tenth", "rollout begun to 10 % of visitors"],
  ["toAll", "Until all", "rollout begun to 100 % of visitors"],
] as const satisfies readonly (readonly [keyof Dora["stages"], string, string])[];

export const FAILURE_WORDS: Record<string, string> = {
  canary_aborted: "Its canary was taken back",
  rolled_back: "It was rolled back",
  failed: "It failed in production",
  incident: "It caused an incident",
  hotfixed: "A hotfix had to follow",
  said: "A person says it failed",
};
export const OUTCOME_WORDS: Record<InsightDeployment["outcome"], string> = {
  running: "Under way",
  build_failed: "Build failed",
  gate_rejected: "Stopped at a gate",
  start_failed: "Did not start",
  canceled: "Cancelled",
  superseded: "Superseded",
  unchanged: "Nothing changed",
  rehearsal: "Rehearsal",
  canary_aborted: "Canary taken back",
  soaking: "Still watched",
  succeeded: "Succeeded",
  rolled_back: "Rolled back",
  failed: "Failed",
};
type Claim = InsightDeployment["corrections"][number]["claim"];
export const CLAIM_WORDS: Record<Claim, { name: string; about: string }> = {
  not_caused_by: { name: "Did not cause the incident", about: "The incident stays, and is not held against it." },
  caused_by: { name: "Caused the incident", about: "The incident is held against this deployment." },
  no_failure: { name: "Was no failure", about: "It counts as one that went well." },
  failure: { name: "Was a failure", about: "It counts as failed, though nothing here saw it." },
  planned: { name: "Was planned", about: "It is no rework." },
  rework: { name: "Was rework", about: "Nobody planned it; a failure made it necessary." },
  excluded: { name: "Leave it out", about: "No figure counts it, say because it was a drill." },
};
/** Why an incident is held to come from a deployment. */
export const EVIDENCE_WORDS: Record<NonNullable<InsightIncident["by"]>, string> = {
  person: "a person says so",
  verdict: "the canary's verdict saw it",
  stated: "its source names it",
  artifact: "its record names the artifact",
  burn: "the error budget began to burn at its visitors",
  revert: "one of its commits was taken back while it was open",
  alert: "an alert names it as what ran then",
};

/** How sure a link is, in words: the number behind it is a judgement about evidence, not a measured share. */
export function confidenceWords(confidence: number): string {
  if (confidence >= 0.99) return "sure";
  if (confidence >= 0.85) return "nearly sure";
  return confidence >= 0.65 ? "likely" : "more likely than not";
}

/** Claims that name an incident. */
export const isOfIncident = (claim: Claim): boolean => claim === "not_caused_by" || claim === "caused_by";
