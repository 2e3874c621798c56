import type { Claim, Correction, Deployment, Incident, Link, LinkEvidence } from "./history.ts";
import { earliest, firstVisitorsAtMs, reachedVisitors } from "./reach.ts";
import type { Conflict, DeploymentRecord, Failure, IncidentRecord } from "./records.ts";

/**
 * How sure one is that a deployment caused an incident, by what speaks for it: 0 to 1. These are our judgement and not
 * measured shares; only their order and on which side of COUNTS_FROM they stand decides anything.
 */
export const CONFIDENCE: Readonly<Record<LinkEvidence, number>> = {
  /** Somebody looked and answers for it with a name. */
  person: 1,
  /** Both arms lived through the same minutes, so what hits everybody is ruled out; at most 1 healthy canary in 100 is blamed. */
  verdict: 0.95,
  /** The incident's own record names the deployment, and nobody of ours has checked it. */
  stated: 0.9,
  /** The error budget began to burn at the visitors of this release, after it met them; there is no other arm to compare with. */
  burn: 0.65,
  /** Somebody took one of its commits back while the incident was open: more often right than wrong, also done on suspicion. */
  revert: 0.6,
  /**
   * The record names the artifact that was served: CDEvents' artifactId is "deployed with this service", which says where and not why.
   * Counted, it would be the clock again, service by service.
   */
  artifact: 0.45,
  /** An alert names the release that ran when it fired. It names one at every outage of a supplier too. */
  alert: 0.4,
};

/** From here on a link counts: it is more likely than not. */
export const COUNTS_FROM = 0.5;

/** Of corrections that were not withdrawn the latest comes first; of the same time always the same one. */
const inForce = (corrections: readonly Correction[]): Correction[] =>
  corrections
    .filter((correction) => !correction.isWithdrawn)
    .sort((a, b) => b.madeAtMs - a.madeAtMs || (a.key < b.key ? 1 : a.key > b.key ? -1 : 0));

interface Cause {
  readonly deployment: string;
  readonly by: LinkEvidence;
}

/** Of equal evidence for two deployments it is always the same one that wins, in whatever order it was told. */
const bestFirst = (a: Link, b: Link): number =>
  CONFIDENCE[b.by] - CONFIDENCE[a.by] || (a.deployment < b.deployment ? -1 : a.deployment > b.deployment ? 1 : 0);

/**
 * What an incident counts as, and which deployment caused it: the one with the best evidence, if that is more likely than
 * not, and never one that just happened to be the last before it. What a person said last overrides all evidence. The record is null
 * while no time of the incident is known.
 */
export function attributeIncident(
  incident: Incident,
  deployments: (key: string) => Deployment | null,
  corrections: readonly Correction[],
): { record: IncidentRecord | null; conflicts: Conflict[] } {
  const conflicts: Conflict[] = [];
  const { startedAtMs, detectedAtMs, acknowledgedAtMs, resolvedAtMs } = incident;
  const couldHave = (key: string): boolean => {
    const conflict = whyNotCausedBy(incident, key, deployments(key));
    if (conflict) conflicts.push(conflict);
    return conflict === null;
  };
  const cause = causeOf(incident, corrections, couldHave);
  const harmAtMs = detectedAtMs ?? startedAtMs;
  if (harmAtMs !== null && resolvedAtMs !== null && resolvedAtMs < harmAtMs)
    conflicts.push({
      ...{ kind: "resolved_before_detected", subject: incident.key, other: null },
      words: `${incident.title} was resolved before it was ${detectedAtMs === null ? "begun" : "detected"}, by the times given.`,
    });
  const atMs = startedAtMs ?? detectedAtMs ?? acknowledgedAtMs ?? resolvedAtMs;
  if (atMs === null) return { record: null, conflicts };
  const { key, service, environment } = incident;
  return {
    record: {
      ...{ key, service, environment, atMs, detectedAtMs, resolvedAtMs },
      deployment: cause?.deployment ?? null,
      by: cause?.by ?? null,
      confidence: cause ? CONFIDENCE[cause.by] : 0,
    },
    conflicts,
  };
}

function causeOf(
  incident: Incident,
  corrections: readonly Correction[],
  couldHave: (deployment: string) => boolean,
): Cause | null {
  const said = new Map<string, Claim>();
  for (const { claim, deployment, incident: of } of inForce(corrections)) {
    const isOfThis = of === incident.key && (claim === "caused_by" || claim === "not_caused_by");
    if (isOfThis && !said.has(deployment)) said.set(deployment, claim);
  }
  for (const [deployment, claim] of said)
    if (claim === "caused_by" && couldHave(deployment)) return { deployment, by: "person" };
  const links = incident.links.filter((link) => CONFIDENCE[link.by] >= COUNTS_FROM && !said.has(link.deployment));
  return links.sort(bestFirst).find((link) => couldHave(link.deployment)) ?? null;
}

/** What makes a link impossible: nobody knows the deployment, nobody ever met it, or all was over before anybody did. */
function whyNotCausedBy(incident: Incident, key: string, deployment: Deployment | null): Conflict | null {
  const at = { subject: incident.key, other: key };
  if (!deployment)
    return {
      kind: "unknown_deployment",
      ...at,
      words: `${incident.title} names deployment ${key}, which is not known.`,
    };
  if (!reachedVisitors(deployment))
    return {
      ...{ kind: "unknown_deployment", ...at },
      words: `${incident.title} names deployment ${deployment.label}, which no visitor ever met.`,
    };
  const metAtMs = firstVisitorsAtMs(deployment);
  if (metAtMs === null || incident.resolvedAtMs === null || incident.resolvedAtMs >= metAtMs) return null;
  return {
    ...{ kind: "ended_before_begun", ...at },
    words: `${incident.title} was over before ${deployment.label}, which is said to have caused it, met visitors.`,
  };
}

/** What speaks for and against a deployment beside its own facts. */
export interface Surroundings {
  /** Those that are attributed to it. */
  readonly incidents: readonly IncidentRecord[];
  /** Deployments whose `remedies` is this one. */
  readonly remediedBy: readonly Deployment[];
  readonly corrections: readonly Correction[];
}

/**
 * Whether a deployment failed, since when, and since when visitors are well again. However many incidents it caused, it failed
 * once. The record is null for what never reached visitors, and while no time of it is known.
 */
export function judgeDeployment(
  deployment: Deployment,
  { incidents, remediedBy, corrections }: Surroundings,
): { record: DeploymentRecord | null; conflicts: Conflict[] } {
  const atMs = countsAtMs(deployment);
  if (!reachedVisitors(deployment) || atMs === null) return { record: null, conflicts: [] };
  const said = inForce(corrections).filter((correction) => correction.deployment === deployment.key);
  const saysFirst = (...claims: readonly Claim[]) =>
    said.find((correction) => claims.includes(correction.claim))?.claim;
  const remedies = remediedBy.filter(isRemedy);
  const found = failureOf(deployment, incidents, remedies);
  const verdict = saysFirst("failure", "no_failure");
  const failure = verdict === "no_failure" ? null : (found ?? (verdict === "failure" ? "said" : null));
  const kind = saysFirst("planned", "rework");
  const failedAtMs = failure === null ? null : firstVisitorsAtMs(deployment);
  const recovery = failure === null ? null : recoveredAtMs(deployment, incidents, remedies);
  const isBent = recovery !== null && failedAtMs !== null && recovery < failedAtMs;
  const { key, service, environment, isProduction, outcome } = deployment;
  return {
    record: {
      ...{ key, service, environment, isProduction, atMs, outcome, kind: deployment.kind },
      reachedVisitors: true,
      isSettled: outcome !== "running" && outcome !== "soaking",
      ...{ failure, failedAtMs },
      detectedAtMs: failure === null ? null : detectedAtMs(deployment, incidents),
      recoveredAtMs: isBent ? null : recovery,
      isRework: kind === undefined ? isRemedy(deployment) && deployment.remedies !== null : kind === "rework",
      incidents: incidents.map((incident) => incident.key).sort(),
      isExcluded: saysFirst("excluded") !== undefined,
    },
    conflicts: isBent
      ? [
          {
            ...{ kind: "ended_before_begun", subject: key, other: null },
            words: `${deployment.label} had recovered before it met visitors, by the times given.`,
          },
        ]
      : [],
  };
}

const countsAtMs = (deployment: Deployment): number | null => {
  const { servedAllAtMs, outcome, finishedAtMs, exposedAtMs, startedAtMs, requestedAtMs } = deployment;
  const isTakenBack = outcome === "canary_aborted" || outcome === "rolled_back" || outcome === "failed";
  const takenBackAtMs = isTakenBack ? (finishedAtMs ?? deployment.recoveredAtMs) : null;
  return servedAllAtMs ?? takenBackAtMs ?? exposedAtMs ?? finishedAtMs ?? startedAtMs ?? requestedAtMs;
};

/** A hotfix or rollback under way already says that an intervention was needed; one that a gate rejected changed nothing. */
const isRemedy = (deployment: Deployment): boolean =>
  (deployment.kind === "hotfix" || deployment.kind === "rollback") &&
  (reachedVisitors(deployment) || deployment.outcome === "running");

function failureOf(
  { outcome }: Deployment,
  incidents: readonly IncidentRecord[],
  remedies: readonly Deployment[],
): Failure | null {
  if (outcome === "canary_aborted" || outcome === "rolled_back" || outcome === "failed") return outcome;
  // Sources without rollouts tell of going back as a deployment of its own.
  if (remedies.some((remedy) => remedy.kind === "rollback")) return "rolled_back";
  return incidents.length > 0 ? "incident" : remedies.length > 0 ? "hotfixed" : null;
}

const detectedAtMs = (deployment: Deployment, incidents: readonly IncidentRecord[]): number | null =>
  earliest([deployment.detectedAtMs, ...incidents.map((incident) => incident.detectedAtMs ?? incident.atMs)]);

/**
 * Its own recovery, else the first remedy that served everybody and was not taken back itself; but while an incident of it is
 * open it has not recovered, and not before the last one was resolved. With incidents alone, the last one's end is the recovery.
 */
function recoveredAtMs(
  deployment: Deployment,
  incidents: readonly IncidentRecord[],
  remedies: readonly Deployment[],
): number | null {
  const mended = remedies.filter(({ outcome }) => outcome !== "rolled_back" && outcome !== "failed");
  const own = deployment.recoveredAtMs ?? earliest(mended.map((remedy) => remedy.servedAllAtMs));
  if (incidents.length === 0) return own;
  let last = own;
  for (const { resolvedAtMs } of incidents) {
    if (resolvedAtMs === null) return null;
    if (last === null || resolvedAtMs > last) last = resolvedAtMs;
  }
  return last;
}
