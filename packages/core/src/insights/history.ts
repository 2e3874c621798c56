import { type Registers, registerValue, type Word } from "../shared/registers.ts";

/**
 * What the figures are made of: things of which sources tell facts. Facts are never changed and fold to a state in any order
 * (shared/registers); every figure is a pure function of those states. All times are milliseconds since 1970; null means
 * that nobody has told of it, which is never taken for zero.
 */
export const THING_KINDS = ["commit", "pull_request", "deployment", "incident", "correction"] as const;
export type ThingKind = (typeof THING_KINDS)[number];
export type FactValue =
  | string
  | number
  | boolean
  | null
  | readonly FactValue[]
  | { readonly [name: string]: FactValue };

/** What one source says of one thing at one time. */
export interface Fact extends Word<FactValue> {
  /** Who tells: `latchkey`, `git:<name>`, `github:<owner/name>`, `cdevents:<source>`, `webhook:<name>`, `csv:<name>`. */
  readonly source: string;
  /** The source's own id of this word: the same (source, id) twice is one. */
  readonly id: string;
  readonly kind: ThingKind;
  /** Of the thing: a commit's full SHA, `<repository>#<number>`, or what the source calls a deployment, incident or correction. */
  readonly key: string;
}
export type Thing = Registers<FactValue>;

export interface Commit {
  readonly key: string;
  readonly repository: string | null;
  readonly authoredAtMs: number | null;
  readonly committedAtMs: number | null;
  readonly title: string;
  /** A merge commit brings no change of its own. */
  readonly isMerge: boolean;
  /** The commit that this one takes back. */
  readonly reverts: string | null;
}

export interface PullRequest {
  readonly key: string;
  readonly repository: string | null;
  readonly number: number | null;
  readonly title: string;
  readonly openedAtMs: number | null;
  readonly firstReviewedAtMs: number | null;
  readonly approvedAtMs: number | null;
  readonly mergedAtMs: number | null;
  readonly closedAtMs: number | null;
  /** The commit on the main branch that it became, by whatever way of merging. */
  readonly mergeCommit: string | null;
  /** Its own commits, where they are known. */
  readonly commits: readonly string[];
  readonly labels: readonly string[];
}

/**
 * How a deployment ended. The first eight never reached visitors or changed nothing for them and are no deployments to DORA;
 * the others are.
 */
export const OUTCOMES = [
  "running",
  "build_failed",
  "gate_rejected",
  "start_failed",
  "canceled",
  "superseded",
  "unchanged",
  "rehearsal",
  /** It served a part of the visitors and was taken back before it served all of them. */
  "canary_aborted",
  /** It serves all of them and is still watched beside the release before it. */
  "soaking",
  "succeeded",
  /** It served all of them and was taken back. */
  "rolled_back",
  /** The source says that it failed in the environment, and no more. */
  "failed",
] as const;
export type Outcome = (typeof OUTCOMES)[number];
export const isOutcome = (value: unknown): value is Outcome => OUTCOMES.includes(value as Outcome);

/** Why it was made: to bring changes, to mend what an earlier one broke, to go back, or to bring the same once more. */
export const DEPLOYMENT_KINDS = ["planned", "hotfix", "rollback", "redeploy"] as const;
export type DeploymentKind = (typeof DEPLOYMENT_KINDS)[number];

export interface Deployment {
  readonly key: string;
  readonly source: string | null;
  readonly service: string;
  readonly environment: string;
  readonly isProduction: boolean;
  readonly outcome: Outcome;
  readonly kind: DeploymentKind;
  /** The commit that it serves, and the one that was served before. */
  readonly commit: string | null;
  readonly previousCommit: string | null;
  /** The commits that it brings; null where that can't be known, as for the first of all. */
  readonly commits: readonly string[] | null;
  readonly requestedAtMs: number | null;
  readonly gatesStartedAtMs: number | null;
  readonly gatesPassedAtMs: number | null;
  /** When its rollout began; of a source without rollouts, when it began. */
  readonly startedAtMs: number | null;
  /** When the first visitors were sent to it. */
  readonly exposedAtMs: number | null;
  readonly tenPercentAtMs: number | null;
  readonly servedAllAtMs: number | null;
  readonly finishedAtMs: number | null;
  /** When its visitors were on a release that works again. */
  readonly recoveredAtMs: number | null;
  /** When harm was seen. */
  readonly detectedAtMs: number | null;
  readonly isAutomatic: boolean | null;
  /** The deployment that it mends or takes back. */
  readonly remedies: string | null;
  readonly usersExposed: number | null;
  readonly label: string;
}

/** What speaks for an incident's having been caused by a deployment. Never the clock alone. */
export const LINK_EVIDENCE = ["person", "verdict", "stated", "artifact", "burn", "revert", "alert"] as const;
export type LinkEvidence = (typeof LINK_EVIDENCE)[number];
export interface Link {
  readonly deployment: string;
  readonly by: LinkEvidence;
  readonly words: string;
}

export interface Incident {
  readonly key: string;
  readonly source: string | null;
  readonly service: string | null;
  readonly environment: string | null;
  readonly title: string;
  readonly severity: string | null;
  readonly startedAtMs: number | null;
  readonly detectedAtMs: number | null;
  readonly acknowledgedAtMs: number | null;
  readonly resolvedAtMs: number | null;
  readonly links: readonly Link[];
  /** The commit or artifact that the source says was running. */
  readonly artifact: string | null;
}

/** What a person says against the record. It is kept beside it, never in its place. */
export const CLAIMS = ["not_caused_by", "caused_by", "no_failure", "failure", "planned", "rework", "excluded"] as const;
export type Claim = (typeof CLAIMS)[number];
export interface Correction {
  readonly key: string;
  readonly claim: Claim;
  readonly deployment: string;
  /** For `caused_by` and `not_caused_by`. */
  readonly incident: string | null;
  readonly reason: string;
  readonly madeAtMs: number;
  readonly isWithdrawn: boolean;
}

/** The last moment of the year 9999: a date's text has four digits for its year (RFC 3339, section 5.6). */
export const INSTANT_MAX_MS = 253_402_300_799_999;

const text = (thing: Thing, name: string): string | null => {
  const value = registerValue(thing, name);
  return typeof value === "string" && value !== "" ? value : null;
};
const instant = (thing: Thing, name: string): number | null => {
  const value = registerValue(thing, name);
  return typeof value === "number" && value >= 0 && value <= INSTANT_MAX_MS ? value : null;
};
const truth = (thing: Thing, name: string): boolean => registerValue(thing, name) === true;
const texts = (thing: Thing, name: string): readonly string[] | null => {
  const value = registerValue(thing, name);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : null;
};
const oneOf = <T extends string>(thing: Thing, name: string, known: readonly T[], otherwise: T): T => {
  const value = registerValue(thing, name);
  return known.find((word) => word === value) ?? otherwise;
};

export const commitOf = (key: string, thing: Thing): Commit => ({
  key,
  repository: text(thing, "repository"),
  authoredAtMs: instant(thing, "authoredAtMs"),
  committedAtMs: instant(thing, "committedAtMs"),
  title: text(thing, "title") ?? "",
  isMerge: truth(thing, "isMerge"),
  reverts: text(thing, "reverts"),
});

export const pullRequestOf = (key: string, thing: Thing): PullRequest => ({
  key,
  repository: text(thing, "repository"),
  number: instant(thing, "number"),
  title: text(thing, "title") ?? "",
  openedAtMs: instant(thing, "openedAtMs"),
  firstReviewedAtMs: instant(thing, "firstReviewedAtMs"),
  approvedAtMs: instant(thing, "approvedAtMs"),
  mergedAtMs: instant(thing, "mergedAtMs"),
  closedAtMs: instant(thing, "closedAtMs"),
  mergeCommit: text(thing, "mergeCommit"),
  commits: texts(thing, "commits") ?? [],
  labels: texts(thing, "labels") ?? [],
});

/** Null while nobody has said which service it is of. */
export function deploymentOf(key: string, thing: Thing): Deployment | null {
  const service = text(thing, "service");
  if (service === null) return null;
  const environment = text(thing, "environment") ?? "production";
  const said = registerValue(thing, "isProduction");
  return {
    ...{ key, source: text(thing, "source"), service, environment },
    isProduction: typeof said === "boolean" ? said : environment === "production",
    outcome: oneOf(thing, "outcome", OUTCOMES, "running"),
    kind: oneOf(thing, "kind", DEPLOYMENT_KINDS, "planned"),
    commit: text(thing, "commit"),
    previousCommit: text(thing, "previousCommit"),
    commits: texts(thing, "commits"),
    requestedAtMs: instant(thing, "requestedAtMs"),
    gatesStartedAtMs: instant(thing, "gatesStartedAtMs"),
    gatesPassedAtMs: instant(thing, "gatesPassedAtMs"),
    startedAtMs: instant(thing, "startedAtMs"),
    exposedAtMs: instant(thing, "exposedAtMs"),
    tenPercentAtMs: instant(thing, "tenPercentAtMs"),
    servedAllAtMs: instant(thing, "servedAllAtMs"),
    finishedAtMs: instant(thing, "finishedAtMs"),
    recoveredAtMs: instant(thing, "recoveredAtMs"),
    detectedAtMs: instant(thing, "detectedAtMs"),
    isAutomatic: typeof registerValue(thing, "isAutomatic") === "boolean" ? truth(thing, "isAutomatic") : null,
    remedies: text(thing, "remedies"),
    usersExposed: instant(thing, "usersExposed"),
    label: text(thing, "label") ?? key,
  };
}

const linkOf = (value: FactValue): Link | null => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { deployment, by, words } = value as { readonly [name: string]: FactValue };
  const evidence = LINK_EVIDENCE.find((known) => known === by);
  if (typeof deployment !== "string" || evidence === undefined) return null;
  return { deployment, by: evidence, words: typeof words === "string" ? words : "" };
};

export function incidentOf(key: string, thing: Thing): Incident {
  const links = registerValue(thing, "links");
  return {
    ...{ key, source: text(thing, "source"), service: text(thing, "service"), environment: text(thing, "environment") },
    title: text(thing, "title") ?? key,
    severity: text(thing, "severity"),
    startedAtMs: instant(thing, "startedAtMs"),
    detectedAtMs: instant(thing, "detectedAtMs"),
    acknowledgedAtMs: instant(thing, "acknowledgedAtMs"),
    resolvedAtMs: instant(thing, "resolvedAtMs"),
    links: Array.isArray(links) ? links.map(linkOf).filter((link) => link !== null) : [],
    artifact: text(thing, "artifact"),
  };
}

/** Null while it is not said what is claimed of which deployment. */
export function correctionOf(key: string, thing: Thing): Correction | null {
  const deployment = text(thing, "deployment");
  const claim = CLAIMS.find((known) => known === registerValue(thing, "claim"));
  if (deployment === null || claim === undefined) return null;
  return {
    ...{ key, claim, deployment, incident: text(thing, "incident"), reason: text(thing, "reason") ?? "" },
    madeAtMs: instant(thing, "madeAtMs") ?? 0,
    isWithdrawn: truth(thing, "isWithdrawn"),
  };
}
