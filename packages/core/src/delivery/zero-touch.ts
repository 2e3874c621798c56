import type { BudgetReading } from "./gates/error-budget.ts";
import { counted } from "./gates/judgement.ts";
import { globToRegExp } from "./gates/size.ts";
import type { ChangedFile } from "./gates/unified-diff.ts";
import { inHours, type OpenHours } from "./window.ts";

/**
 * Which changes go out with nobody watching. Every rule must hold; whoever is asked instead sees all that do not. What is
 * not known holds nothing: a person is asked.
 */
export interface ZeroTouchPolicy {
  /** Globs of the files that may go alone; none: every file. */
  readonly paths: readonly string[];
  /** Globs of the files for which a person is asked, whatever else holds. */
  readonly attended: readonly string[];
  readonly maximumFiles: number;
  /** Lines added and taken away together. */
  readonly maximumLines: number;
  readonly maximumCommits: number;
  /** Roles, one of which every author must have; none: anybody's changes may go. */
  readonly authorRoles: readonly string[];
  /** Of the error budget that must be left; null: it is not asked for. */
  readonly minimumBudgetPercent: number | null;
  /** When changes may go alone; none: at any time. */
  readonly hours: readonly OpenHours[];
  /** How long after a rollback the next change is attended, ms. */
  readonly quietMs: number;
}

export interface ZeroTouchEvidence {
  readonly atMs: number;
  /** What is new since the served release; null where nobody can say, such as outside git. */
  readonly files: readonly ChangedFile[] | null;
  readonly commits: number;
  /** The roles of each author; null of one whom nobody knows. */
  readonly authors: readonly (readonly string[] | null)[];
  readonly budget: BudgetReading | null;
  /** When this environment was last rolled back; null: not lately. */
  readonly rolledBackAtMs: number | null;
}
export const ZERO_TOUCH_RULES = [
  "paths",
  "attended",
  "size",
  "commits",
  "authors",
  "budget",
  "hours",
  "quiet",
] as const;
export interface ZeroTouchReason {
  readonly rule: (typeof ZERO_TOUCH_RULES)[number];
  readonly holds: boolean;
  /** A sentence, also of a rule that holds. */
  readonly words: string;
}
export interface ZeroTouchDecision {
  /** Whether it goes out with nobody watching. */
  readonly alone: boolean;
  readonly reasons: readonly ZeroTouchReason[];
}
/** Of `decideZeroTouch`: evidence that was recorded with another version may come to another decision. */
export const ZERO_TOUCH_VERSION = "zero-touch-1";

const HOUR_MS = 3_600_000;
/** So many names of files are told; whoever reads more looks at the change itself. */
const NAMED = 3;

/** Every rule with its answer, in the order of `ZERO_TOUCH_RULES`; a rule that the policy leaves open is not among them. */
export function decideZeroTouch(policy: ZeroTouchPolicy, evidence: ZeroTouchEvidence): ZeroTouchDecision {
  const reasons = [
    ...ofFiles(policy, evidence.files),
    ofCommits(policy, evidence),
    ...ofAuthors(policy, evidence),
    ...ofBudget(policy, evidence),
    ...ofHours(policy, evidence),
    ofRest(policy, evidence),
  ];
  return { alone: reasons.every(({ holds }) => holds), reasons };
}

/** The reasons for which a person is asked, as one sentence each. */
export const whyAttended = ({ reasons }: ZeroTouchDecision): readonly string[] =>
  reasons.filter(({ holds }) => !holds).map(({ words }) => words);

function ofFiles(policy: ZeroTouchPolicy, files: readonly ChangedFile[] | null): ZeroTouchReason[] {
  if (files === null)
    return [{ rule: "paths", holds: false, words: "What has changed is not known: a person must look at it." }];
  const reasons: ZeroTouchReason[] = [];
  if (policy.paths.length > 0) {
    const allowed = policy.paths.map(globToRegExp);
    const others = files.filter(({ path }) => !allowed.some((glob) => glob.test(path)));
    reasons.push({
      ...{ rule: "paths", holds: others.length === 0 },
      words:
        others.length === 0
          ? "Every file is one that may go alone."
          : `${namesOf(others)} ${others.length === 1 ? "is" : "are"} not among what may go alone.`,
    });
  }
  const watched = policy.attended.map(globToRegExp);
  const attended = files.filter(({ path }) => watched.some((glob) => glob.test(path)));
  reasons.push({
    ...{ rule: "attended", holds: attended.length === 0 },
    words:
      attended.length === 0
        ? "No file is one that a person must look at."
        : `A person must look at ${namesOf(attended)}.`,
  });
  const lines = files.reduce((sum, file) => sum + file.lines, 0);
  const isSmall = files.length <= policy.maximumFiles && lines <= policy.maximumLines;
  const size = `${counted(files.length, "file")} with ${counted(lines, "changed line")}`;
  reasons.push({
    ...{ rule: "size", holds: isSmall },
    words: isSmall
      ? `It is small: ${size}.`
      : `It is large: ${size}; ${policy.maximumFiles} and ${policy.maximumLines} may go alone.`,
  });
  return reasons;
}

function ofCommits({ maximumCommits }: ZeroTouchPolicy, { commits }: ZeroTouchEvidence): ZeroTouchReason {
  const holds = commits <= maximumCommits;
  const words = `It carries ${counted(commits, "commit")}`;
  return { rule: "commits", holds, words: holds ? `${words}.` : `${words}; ${maximumCommits} may go alone.` };
}

function ofAuthors({ authorRoles }: ZeroTouchPolicy, { authors }: ZeroTouchEvidence): ZeroTouchReason[] {
  if (authorRoles.length === 0) return [];
  const among = `one of these roles: ${authorRoles.join(", ")}`;
  const unknown = authors.filter((roles) => roles === null).length;
  const others = authors.filter((roles) => roles !== null && !roles.some((role) => authorRoles.includes(role))).length;
  // Who wrote it is not known at all: nobody can have the role.
  const holds = authors.length > 0 && unknown === 0 && others === 0;
  const words = holds
    ? `Every author has ${among}.`
    : unknown > 0 || authors.length === 0
      ? `Not every author is a person whom Latchkey knows; each must have ${among}.`
      : `${counted(others, "author")} ${others === 1 ? "has" : "have"} not ${among}.`;
  return [{ rule: "authors", holds, words }];
}

function ofBudget({ minimumBudgetPercent }: ZeroTouchPolicy, { budget }: ZeroTouchEvidence): ZeroTouchReason[] {
  if (minimumBudgetPercent === null) return [];
  if (budget?.kind !== "known" || !Number.isFinite(budget.remainingRatio))
    return [{ rule: "budget", holds: false, words: "Nobody can tell how much of the error budget is left." }];
  const left = Math.round(budget.remainingRatio * 1_000) / 10;
  const holds = budget.remainingRatio * 100 >= minimumBudgetPercent;
  const words = `${left} % of the error budget is left`;
  return [{ rule: "budget", holds, words: holds ? `${words}.` : `${words}; it takes ${minimumBudgetPercent} %.` }];
}

function ofHours({ hours }: ZeroTouchPolicy, { atMs }: ZeroTouchEvidence): ZeroTouchReason[] {
  if (hours.length === 0) return [];
  const holds = inHours(hours, atMs);
  const words = holds
    ? "Somebody could be called at this time."
    : "It is outside of the hours in which changes go alone.";
  return [{ rule: "hours", holds, words }];
}

function ofRest({ quietMs }: ZeroTouchPolicy, { rolledBackAtMs, atMs }: ZeroTouchEvidence): ZeroTouchReason {
  const agoMs = rolledBackAtMs === null ? Number.POSITIVE_INFINITY : atMs - rolledBackAtMs;
  if (agoMs >= quietMs) return { rule: "quiet", holds: true, words: "Nothing was taken back here lately." };
  const hours = Math.max(1, Math.round((quietMs / HOUR_MS) * 10) / 10);
  return {
    ...{ rule: "quiet", holds: false },
    words: `A release was taken back here; for ${counted(hours, "hour")} after that a person looks at each change.`,
  };
}

function namesOf(files: readonly ChangedFile[]): string {
  const named = files.slice(0, NAMED).map(({ path }) => path);
  const left = files.length - named.length;
  return left > 0 ? `${named.join(", ")} and ${left} more` : named.join(" and ");
}
