import type { Commit, Deployment, PullRequest } from "./history.ts";
import { earliest, reachedVisitors } from "./reach.ts";
import type { Conflict, LeadRecord } from "./records.ts";

/** What is known of the changes that deployments bring. */
export interface ChangeLookup {
  commit(sha: string): Commit | null;
  /** The pull request that has this commit, as the one that it became or as one of its own. */
  pullOf(sha: string): PullRequest | null;
}

/** The times of one change. All in milliseconds since 1970. */
interface Times {
  readonly change: string;
  readonly authoredAtMs: number | null;
  readonly openedAtMs: number | null;
  /** When it came to the main branch: merged, or committed there without a pull request. */
  readonly mergedAtMs: number | null;
}

/**
 * How long each change of a deployment took to all visitors of production. The unit is the pull request, by whatever way it
 * was merged, else the commit; a merge commit brings no change of its own, and neither does going back or bringing the same
 * once more. The first deployment of all (`commits` null) has no leads, because everything that was ever written would be as
 * old as the repository. A duration that would be negative is null and told as a conflict.
 */
export function leadsOf(deployment: Deployment, lookup: ChangeLookup): { leads: LeadRecord[]; conflicts: Conflict[] } {
  const leads: LeadRecord[] = [];
  const conflicts: Conflict[] = [];
  if (!bringsChanges(deployment)) return { leads, conflicts };
  const rollout = rolloutOf(deployment, conflicts);
  const seen = new Set<string>();
  for (const sha of deployment.commits ?? []) {
    const pull = lookup.pullOf(sha);
    const commit = lookup.commit(sha);
    if (!pull && !commit) {
      conflicts.push({
        ...{ kind: "unknown_commit", subject: sha, other: deployment.key },
        words: `${deployment.label} brings commit ${sha}, of which nobody has told: its lead time is not known.`,
      });
    } else if (!pull && commit?.isMerge) continue;
    const change = pull?.key ?? sha;
    if (seen.has(change)) continue;
    seen.add(change);
    if (pull) leads.push(leadOf(deployment, rollout, timesOfPull(pull, deployment, lookup, conflicts), conflicts));
    else if (commit) leads.push(leadOf(deployment, rollout, timesOfCommit(commit), conflicts));
  }
  return { leads, conflicts };
}

const bringsChanges = (deployment: Deployment): boolean =>
  deployment.isProduction &&
  reachedVisitors(deployment) &&
  deployment.servedAllAtMs !== null &&
  (deployment.kind === "planned" || deployment.kind === "hotfix");

/** When somebody wrote it. The author's date survives a rebase; the committer's does not. */
const writtenAtMs = (commit: Commit): number | null => commit.authoredAtMs ?? commit.committedAtMs;

const timesOfCommit = (commit: Commit): Times => ({
  change: commit.key,
  authoredAtMs: writtenAtMs(commit),
  openedAtMs: null,
  mergedAtMs: commit.committedAtMs,
});

/**
 * The first commit of a pull request is the earliest of its own. Where these are not known, those that came to the main branch
 * stand for them – but not one that was written only after the pull request was opened: that is what squashing made of them.
 */
function timesOfPull(pull: PullRequest, deployment: Deployment, lookup: ChangeLookup, conflicts: Conflict[]): Times {
  const own = pull.commits.map((sha) => lookup.commit(sha));
  const missing = pull.commits.filter((_, i) => own[i] === null);
  let authoredAtMs: number | null = null;
  if (missing[0] !== undefined) {
    conflicts.push({
      ...{ kind: "unknown_commit", subject: missing[0], other: pull.key },
      words: `Of ${missing.length} of the ${pull.commits.length} commits of ${pull.key} nobody has told, so it is not known when its first one was written.`,
    });
  } else if (own.length > 0) {
    authoredAtMs = firstWritten(own);
  } else {
    const brought = deployment.commits ?? [];
    const delivered = brought.filter((sha) => lookup.pullOf(sha)?.key === pull.key).map((sha) => lookup.commit(sha));
    const first = firstWritten(delivered);
    authoredAtMs = first !== null && pull.openedAtMs !== null && first > pull.openedAtMs ? null : first;
  }
  return { change: pull.key, authoredAtMs, openedAtMs: pull.openedAtMs, mergedAtMs: pull.mergedAtMs };
}

const firstWritten = (commits: readonly (Commit | null)[]): number | null =>
  earliest(commits.map((commit) => (commit && !commit.isMerge ? writtenAtMs(commit) : null)));

/** What all changes of a deployment have in common. */
interface Rollout {
  /** When the waiting for a gate, else for the rollout, ended. */
  readonly queueEndAtMs: number | null;
  readonly servedAllAtMs: number;
  readonly gatesMs: number | null;
  readonly canaryMs: number | null;
  readonly toTenPercentMs: number | null;
}

function rolloutOf(deployment: Deployment, conflicts: Conflict[]): Rollout {
  const servedAllAtMs = deployment.servedAllAtMs ?? 0;
  const startedAtMs = deployment.startedAtMs ?? deployment.exposedAtMs;
  const span = (from: number | null, to: number | null, words: string): number | null => {
    if (from === null || to === null) return null;
    if (to >= from) return to - from;
    const subject = deployment.key;
    conflicts.push({ kind: "ended_before_begun", subject, other: null, words: `${deployment.label}: ${words}` });
    return null;
  };
  return {
    queueEndAtMs: deployment.gatesStartedAtMs ?? startedAtMs,
    servedAllAtMs,
    gatesMs: span(deployment.gatesStartedAtMs, startedAtMs, "its rollout began before its gates did."),
    canaryMs: span(startedAtMs, servedAllAtMs, "it served all visitors before its rollout began."),
    toTenPercentMs: span(startedAtMs, deployment.tenPercentAtMs, "it served a tenth before its rollout began."),
  };
}

function leadOf(deployment: Deployment, rollout: Rollout, times: Times, conflicts: Conflict[]): LeadRecord {
  const { change, authoredAtMs, openedAtMs, mergedAtMs } = times;
  const told = (kind: Conflict["kind"], words: string): null => {
    conflicts.push({ kind, subject: change, other: deployment.key, words: `${change} ${words}` });
    return null;
  };
  const isAuthorAtOdds = authoredAtMs !== null && mergedAtMs !== null && authoredAtMs > mergedAtMs;
  if (isAuthorAtOdds)
    told("authored_after_merged", "was written after it came to the main branch, by the dates given.");
  const begun = isAuthorAtOdds ? null : authoredAtMs;
  const span = (from: number | null, to: number | null, kind: Conflict["kind"], words: string): number | null =>
    from === null || to === null ? null : to >= from ? to - from : told(kind, words);
  const all = rollout.servedAllAtMs;
  return {
    deployment: deployment.key,
    change,
    service: deployment.service,
    environment: deployment.environment,
    isProduction: deployment.isProduction,
    atMs: all,
    leadMs: span(begun, all, "ended_before_begun", `was written after ${deployment.label} served it to all visitors.`),
    openedLeadMs: openedAtMs !== null && openedAtMs <= all ? all - openedAtMs : null,
    stages: {
      coding: span(begun, openedAtMs, "ended_before_begun", "was opened before its first commit was written."),
      review: span(openedAtMs, mergedAtMs, "ended_before_begun", "was merged before it was opened."),
      queue: span(
        mergedAtMs,
        rollout.queueEndAtMs,
        "merged_after_deployed",
        `came to the main branch after ${deployment.label} had begun.`,
      ),
      gates: rollout.gatesMs,
      canary: rollout.canaryMs,
    },
    toTenPercentMs: rollout.toTenPercentMs,
    toAllMs: rollout.canaryMs,
  };
}

/**
 * A commit's pull request: the one that it became comes before those that merely have it among their own. Of several the
 * first counts, so that they are to be given in the order of their keys.
 */
export function pullsByCommit(pulls: Iterable<PullRequest>): ReadonlyMap<string, PullRequest> {
  const own = new Map<string, PullRequest>();
  const merged = new Map<string, PullRequest>();
  for (const pull of pulls) {
    for (const sha of pull.commits) if (!own.has(sha)) own.set(sha, pull);
    if (pull.mergeCommit !== null && !merged.has(pull.mergeCommit)) merged.set(pull.mergeCommit, pull);
  }
  return new Map([...own, ...merged]);
}
