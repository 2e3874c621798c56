import { exponential, pick, type Random, seeded, weighted } from "../../shared/random.ts";
import type { DeploymentKind, Fact, FactValue, LinkEvidence, Outcome, ThingKind } from "../history.ts";

/**
 * A made-up world in which it is known what really happened, for tests and benches: a repository with three services, whose deployments
 * sometimes fail, and incidents of which some have nothing to do with any deployment. What it tells are facts as sources tell them. All
 * its shares and durations are our assumptions; they say how well figures are counted, and nothing of any real team.
 */
export interface WorldPlan {
  readonly seed: number;
  readonly fromMs: number;
  readonly days: number;
  /** Deployments that are attempted, as a mean. */
  readonly perDay: number;
  /**
   * Of failures that all visitors met, the share that is mended along with something planned, so that nothing but its incident tells
   * of it: 0 to 1. At 0 every failure ends in an intervention that is on record.
   */
  readonly mendedAlong: number;
}

export const PIPELINE_FAILURES = 0.04;
export const BAD = 0.08;
/** Of the bad ones, how many the canary finds before all visitors are on them. */
export const CAUGHT_BY_CANARY = 0.5;
/** At each deployment, the chance of an incident that it has nothing to do with. */
export const UNRELATED = 0.02;
/** Of bad deployments that served everybody, how many are told of by two incidents. */
const TWO_INCIDENTS = 0.2;
/** Alerts and records name whatever ran: so much of the unrelated incidents has one that names the deployment before it. */
const MISLEADING = 0.5;
/** What says where and not why. */
const TOO_LITTLE: readonly LinkEvidence[] = ["alert", "artifact"];
/** What speaks for the cause of an incident that was caused: in one of ten only what is too little. */
const EVIDENCE: Readonly<Record<LinkEvidence, number>> = {
  ...{ verdict: 40, stated: 20, burn: 20, revert: 5, person: 5, artifact: 5, alert: 5 },
};

/** Of those that are mended by an intervention: taken back by the plane, by a deployment of its own, or with a hotfix. */
const INTERVENTIONS = { taken_back: 40, rollback: 20, hotfix: 40 };

const SERVICES = ["shop", "search", "mail"] as const;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What really happened. */
export interface Truth {
  /** Deployments that visitors met: all, and those that brought something. */
  readonly met: ReadonlySet<string>;
  readonly delivered: ReadonlySet<string>;
  readonly failed: ReadonlyMap<string, { readonly fromMs: number; readonly untilMs: number }>;
  /** Failures of which nobody can know by the facts: mended along with something planned, and nothing that says why speaks for them. */
  readonly hidden: ReadonlySet<string>;
  readonly rework: ReadonlySet<string>;
  /** The deployment that caused each incident, null for none. */
  readonly causes: ReadonlyMap<string, string | null>;
  /** First commit to all visitors, of each change. */
  readonly leadMs: ReadonlyMap<string, number>;
}
export interface World {
  readonly facts: readonly Fact[];
  readonly truth: Truth;
  /** Everything of it is in here. */
  readonly window: { readonly fromMs: number; readonly toMs: number };
}

interface Making {
  readonly random: Random;
  readonly mendedAlong: number;
  readonly facts: Fact[];
  readonly met: Set<string>;
  readonly delivered: Set<string>;
  readonly failed: Map<string, { fromMs: number; untilMs: number }>;
  readonly hidden: Set<string>;
  readonly rework: Set<string>;
  readonly causes: Map<string, string | null>;
  readonly leadMs: Map<string, number>;
  deployments: number;
  changes: number;
  incidents: number;
}

/** The world of a seed: the same plan makes the same one. */
export function makeWorld({ seed, fromMs, days, perDay, mendedAlong }: WorldPlan): World {
  const making: Making = {
    ...{
      random: seeded(seed),
      facts: [],
      met: new Set(),
      delivered: new Set(),
      failed: new Map(),
      rework: new Set(),
      hidden: new Set(),
    },
    ...{ causes: new Map(), leadMs: new Map(), mendedAlong, deployments: 0, changes: 0, incidents: 0 },
  };
  let last = 0;
  for (let atMs = fromMs; ; ) {
    atMs += Math.round(exponential(making.random, DAY / perDay));
    if (atMs >= fromMs + days * DAY) break;
    deploy(making, atMs, pick(making.random, SERVICES));
  }
  for (const fact of making.facts) last = Math.max(last, fact.atMs);
  const { facts, met, delivered, failed, hidden, rework, causes, leadMs } = making;
  const truth = { met, delivered, failed, hidden, rework, causes, leadMs };
  return { facts, truth, window: { fromMs, toMs: last + DAY } };
}

/** A whole number of milliseconds around a mean. */
const some = (random: Random, meanMs: number): number => 1 + Math.round(exponential(random, meanMs));

function tell(making: Making, kind: ThingKind, key: string, atMs: number, rank: number, fields: Fact["fields"]): void {
  const id = `${kind}:${key}:${making.facts.length}`;
  making.facts.push({ source: "world", id, kind, key, atMs, rank, fields });
}

/** A pull request of one to four commits, merged before `atMs`. Answers what it is on the main branch, and when it was begun. */
function change(making: Making, atMs: number): { commits: string[]; key: string; begunAtMs: number } {
  const { random } = making;
  making.changes += 1;
  const number = making.changes;
  const key = `mono#${number}`;
  const mergedAtMs = atMs - some(random, 10 * MINUTE);
  const openedAtMs = mergedAtMs - some(random, 10 * HOUR);
  const begunAtMs = openedAtMs - some(random, 12 * HOUR);
  const own = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, i) => `${key}:${i}`);
  for (const [i, sha] of own.entries()) {
    const authoredAtMs = begunAtMs + Math.floor((i * (mergedAtMs - begunAtMs)) / own.length);
    tell(making, "commit", sha, authoredAtMs, 0, { repository: "mono", authoredAtMs, committedAtMs: authoredAtMs });
  }
  const way = weighted(random, { squash: 60, merge: 30, rebase: 10 });
  const mergeCommit = `${key}:main`;
  tell(making, "commit", mergeCommit, mergedAtMs, 0, {
    ...{ repository: "mono", authoredAtMs: mergedAtMs, committedAtMs: mergedAtMs, isMerge: way === "merge" },
  });
  tell(making, "pull_request", key, openedAtMs, 0, { repository: "mono", number, openedAtMs, commits: own });
  tell(making, "pull_request", key, mergedAtMs, 1, { mergedAtMs, mergeCommit });
  return { key, begunAtMs, commits: way === "merge" ? [...own, mergeCommit] : [mergeCommit] };
}

interface Deploying {
  readonly key: string;
  readonly service: string;
  /** What it brings. */
  readonly change: string | null;
  readonly exposedAtMs: number;
  readonly servedAllAtMs: number;
}

/** Tells of a deployment up to where visitors meet it; `remedies` is what it mends. */
function begin(
  making: Making,
  atMs: number,
  service: string,
  kind: DeploymentKind,
  remedies: string | null,
): Deploying {
  const { random } = making;
  making.deployments += 1;
  const key = `deployment-${making.deployments}`;
  const gatesStartedAtMs = atMs + some(random, MINUTE);
  const startedAtMs = gatesStartedAtMs + some(random, 5 * MINUTE);
  const exposedAtMs = startedAtMs + some(random, MINUTE);
  const isUrgent = kind !== "planned";
  const servedAllAtMs = exposedAtMs + (isUrgent ? some(random, 2 * MINUTE) : 5 * MINUTE + some(random, 20 * MINUTE));
  const brought = kind === "rollback" ? null : change(making, atMs);
  const told: Record<string, FactValue> = { service, environment: "production", isProduction: true, kind };
  tell(making, "deployment", key, atMs, 0, {
    ...{ ...told, requestedAtMs: atMs, outcome: "running", commits: brought?.commits ?? [] },
    ...(remedies === null ? {} : { remedies }),
  });
  tell(making, "deployment", key, startedAtMs, 1, { gatesStartedAtMs, startedAtMs });
  if (brought) making.leadMs.set(brought.key, servedAllAtMs - brought.begunAtMs);
  return { key, service, change: brought?.key ?? null, exposedAtMs, servedAllAtMs };
}

/** Tells how it ended. */
function end(making: Making, { key }: Deploying, outcome: Outcome, atMs: number, fields: Fact["fields"]): void {
  tell(making, "deployment", key, atMs, 2, { outcome, finishedAtMs: atMs, ...fields });
}

function deploy(making: Making, atMs: number, service: string): void {
  const { random, met, delivered, failed, leadMs } = making;
  const made = begin(making, atMs, service, "planned", null);
  const { key, change, exposedAtMs, servedAllAtMs } = made;
  const isStopped = random() < PIPELINE_FAILURES;
  const isBad = random() < BAD;
  const isCaught = isBad && random() < CAUGHT_BY_CANARY;
  // What doesn't come to all visitors has no lead time.
  if (change !== null && (isStopped || isCaught)) leadMs.delete(change);
  if (isStopped) {
    end(making, made, pick(random, ["build_failed", "gate_rejected"]), exposedAtMs, {});
    return;
  }
  met.add(key);
  delivered.add(key);
  if (random() < UNRELATED) unrelatedIncident(making, made);
  if (isCaught) {
    const detectedAtMs = exposedAtMs + some(random, 4 * MINUTE);
    const recoveredAtMs = detectedAtMs + some(random, 5000);
    failed.set(key, { fromMs: exposedAtMs, untilMs: recoveredAtMs });
    end(making, made, "canary_aborted", recoveredAtMs, { exposedAtMs, detectedAtMs, recoveredAtMs });
  } else if (isBad) fail(making, made);
  else end(making, made, "succeeded", servedAllAtMs, { exposedAtMs, servedAllAtMs });
}

/** Harm that shows when all visitors are on it: found by people or monitors, mended in one of four ways. */
function fail(making: Making, made: Deploying): void {
  const { random } = making;
  const { key, exposedAtMs, servedAllAtMs } = made;
  const detectedAtMs = servedAllAtMs + some(random, 25 * MINUTE);
  const decidedAtMs = detectedAtMs + some(random, 20 * MINUTE);
  const way = random() < making.mendedAlong ? "planned" : weighted(random, INTERVENTIONS);
  let untilMs: number;
  if (way === "taken_back") {
    untilMs = decidedAtMs + some(random, 5000);
    end(making, made, "rolled_back", untilMs, { exposedAtMs, servedAllAtMs, detectedAtMs, recoveredAtMs: untilMs });
  } else {
    end(making, made, "succeeded", servedAllAtMs, { exposedAtMs, servedAllAtMs });
    const remedy = begin(making, decidedAtMs, made.service, way, way === "planned" ? null : key);
    untilMs = remedy.servedAllAtMs;
    const { exposedAtMs: metAtMs } = remedy;
    end(making, remedy, "succeeded", untilMs, { exposedAtMs: metAtMs, servedAllAtMs: untilMs });
    making.met.add(remedy.key);
    if (way !== "planned") making.rework.add(remedy.key);
    if (way !== "rollback") making.delivered.add(remedy.key);
  }
  making.failed.set(key, { fromMs: exposedAtMs, untilMs });
  let isHidden = way === "planned";
  for (let i = random() < TWO_INCIDENTS ? 2 : 1; i > 0; i -= 1) {
    const by = weighted(random, EVIDENCE);
    isHidden &&= TOO_LITTLE.includes(by);
    const seenAtMs = detectedAtMs + Math.floor(((i - 1) * (untilMs - detectedAtMs)) / 3);
    incident(making, made, seenAtMs, untilMs, [{ deployment: key, by, words: "" }], key);
  }
  if (isHidden) making.hidden.add(key);
}

function unrelatedIncident(making: Making, made: Deploying): void {
  const { random } = making;
  const atMs = made.servedAllAtMs + Math.round(random() * DAY);
  const by = random() < 0.5 ? "alert" : "artifact";
  const links: FactValue = random() < MISLEADING ? [{ deployment: made.key, by, words: "It was served then." }] : [];
  incident(making, made, atMs, atMs + some(random, HOUR), links, null);
}

function incident(
  making: Making,
  { service }: Deploying,
  detectedAtMs: number,
  resolvedAtMs: number,
  links: FactValue,
  cause: string | null,
): void {
  making.incidents += 1;
  const key = `incident-${making.incidents}`;
  making.causes.set(key, cause);
  const startedAtMs = detectedAtMs - 1;
  tell(making, "incident", key, detectedAtMs, 0, { service, environment: "production", startedAtMs, detectedAtMs });
  tell(making, "incident", key, resolvedAtMs, 1, { resolvedAtMs, links });
}
