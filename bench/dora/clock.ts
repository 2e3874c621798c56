import type { Deployment, Incident } from "@latchkey/core/insights/history";
import type { History } from "@latchkey/core/insights/replay";
import { median } from "../figure.ts";

/**
 * The rule by which DevLake and Middleware link incidents (apache/devlake, plugins/dora/tasks/incident_deploy_connector.go, read 2026-06): the
 * last successful production deployment of the whole project that was finished before the incident. Written anew from that description, with
 * their formulas for the change fail rate and the recovery time.
 */
export interface ByClock {
  /** The deployment that each incident is held to come from; null where there was none before it. */
  readonly links: ReadonlyMap<string, string | null>;
  readonly failRate: number;
  /** Median of an incident's resolution less its deployment's end. Milliseconds. */
  readonly recoveryMs: number;
}

export function byClock(history: History): ByClock {
  const successes = [...history.deployments.values()]
    .filter(isSuccess)
    .sort((a, b) => (a.servedAllAtMs ?? 0) - (b.servedAllAtMs ?? 0));
  const ends = successes.map((deployment) => deployment.servedAllAtMs ?? 0);
  const links = new Map<string, string | null>();
  const blamed = new Set<string>();
  const recoveries: number[] = [];
  for (const incident of history.incidents.values()) {
    const at = lastBefore(ends, seenAtMs(incident));
    const deployment = successes[at];
    links.set(incident.key, deployment?.key ?? null);
    if (!deployment) continue;
    blamed.add(deployment.key);
    if (incident.resolvedAtMs !== null) recoveries.push(incident.resolvedAtMs - (ends[at] ?? 0));
  }
  return { links, failRate: blamed.size / successes.length, recoveryMs: median(recoveries) };
}

/** A pipeline that came to its end: what a canary aborted did not. What was rolled back later did. */
const isSuccess = (deployment: Deployment): boolean => deployment.isProduction && deployment.servedAllAtMs !== null;

const seenAtMs = (incident: Incident): number => incident.detectedAtMs ?? incident.startedAtMs ?? 0;

/** The place of the last of rising numbers that is less than `than`; -1 where none is. */
function lastBefore(rising: readonly number[], than: number): number {
  let [from, to] = [0, rising.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((rising[middle] ?? 0) < than) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}
