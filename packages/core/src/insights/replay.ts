import { fold } from "../shared/registers.ts";
import { attributeIncident, judgeDeployment } from "./attribution.ts";
import {
  type Commit,
  type Correction,
  commitOf,
  correctionOf,
  type Deployment,
  deploymentOf,
  type Fact,
  type Incident,
  incidentOf,
  type PullRequest,
  pullRequestOf,
  THING_KINDS,
  type Thing,
  type ThingKind,
} from "./history.ts";
import type { Window } from "./keys.ts";
import { leadsOf, pullsByCommit } from "./leads.ts";
import type { Conflict, DeploymentRecord, IncidentRecord, LeadRecord } from "./records.ts";
import { addDeployment, addIncident, addLead, emptyTally, type Tally } from "./tally.ts";

/** Everything that happened, by key. */
export interface History {
  readonly commits: ReadonlyMap<string, Commit>;
  readonly pulls: ReadonlyMap<string, PullRequest>;
  readonly deployments: ReadonlyMap<string, Deployment>;
  readonly incidents: ReadonlyMap<string, Incident>;
  readonly corrections: readonly Correction[];
}

/** The history that facts tell of. It is the same in whatever order, and however often, they come. */
export function historyOf(facts: Iterable<Fact>): History {
  const things = Object.fromEntries(THING_KINDS.map((kind) => [kind, new Map()])) as Record<
    ThingKind,
    Map<string, Thing>
  >;
  for (const fact of facts) things[fact.kind].set(fact.key, fold(things[fact.kind].get(fact.key) ?? {}, fact));
  const read = <Made>(kind: ThingKind, of: (key: string, thing: Thing) => Made | null): Map<string, Made> => {
    const made = new Map<string, Made>();
    // By key, as facts may come in any order and what is made of them may not hang on it.
    for (const [key, thing] of [...things[kind]].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const one = of(key, thing);
      if (one !== null) made.set(key, one);
    }
    return made;
  };
  return {
    commits: read("commit", commitOf),
    pulls: read("pull_request", pullRequestOf),
    deployments: read("deployment", deploymentOf),
    incidents: read("incident", incidentOf),
    corrections: [...read("correction", correctionOf).values()],
  };
}

export interface Records {
  readonly deployments: readonly DeploymentRecord[];
  readonly leads: readonly LeadRecord[];
  readonly incidents: readonly IncidentRecord[];
  readonly conflicts: readonly Conflict[];
}

/** All records of a history, made anew: what is kept beside the facts must be the same as this. */
export function recordsOf(history: History): Records {
  const { deployments: known, corrections } = history;
  const conflicts: Conflict[] = [];
  const pullOf = pullsByCommit(history.pulls.values());
  const lookup = {
    commit: (sha: string) => history.commits.get(sha) ?? null,
    pullOf: (sha: string) => pullOf.get(sha) ?? null,
  };
  const incidents: IncidentRecord[] = [];
  const caused = new Map<string, IncidentRecord[]>();
  const saidOf = groupedBy(corrections, (correction) => correction.deployment);
  const saidOfIncident = groupedBy(corrections, (correction) => correction.incident);
  for (const incident of history.incidents.values()) {
    const made = attributeIncident(incident, (key) => known.get(key) ?? null, saidOfIncident.get(incident.key) ?? []);
    conflicts.push(...made.conflicts);
    if (!made.record) continue;
    incidents.push(made.record);
    if (made.record.deployment !== null) append(caused, made.record.deployment, made.record);
  }
  const remedies = groupedBy(known.values(), (deployment) => deployment.remedies);
  const deployments: DeploymentRecord[] = [];
  const leads: LeadRecord[] = [];
  for (const deployment of known.values()) {
    const judged = judgeDeployment(deployment, {
      incidents: caused.get(deployment.key) ?? [],
      remediedBy: remedies.get(deployment.key) ?? [],
      corrections: saidOf.get(deployment.key) ?? [],
    });
    const brought = leadsOf(deployment, lookup);
    if (judged.record) deployments.push(judged.record);
    leads.push(...brought.leads);
    conflicts.push(...judged.conflicts, ...brought.conflicts);
  }
  return { deployments, leads, incidents, conflicts };
}

/** Everything of production in a window, added up; changes of a deployment that somebody excluded are left out with it. */
export function tallyOf(records: Records, window: Window, exactUpTo?: number): Tally {
  const tally = emptyTally(exactUpTo);
  const isIn = ({ atMs }: { readonly atMs: number }) => atMs >= window.fromMs && atMs < window.toMs;
  const excluded = new Set(records.deployments.filter((one) => one.isExcluded).map((one) => one.key));
  for (const record of records.deployments) if (isIn(record)) addDeployment(tally, record);
  for (const record of records.leads) if (isIn(record) && !excluded.has(record.deployment)) addLead(tally, record);
  for (const record of records.incidents) if (isIn(record)) addIncident(tally, record);
  return tally;
}

function append<Value>(groups: Map<string, Value[]>, key: string, value: Value): void {
  const group = groups.get(key);
  if (group) group.push(value);
  else groups.set(key, [value]);
}

function groupedBy<Value>(values: Iterable<Value>, keyOf: (value: Value) => string | null): Map<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    const key = keyOf(value);
    if (key !== null) append(groups, key, value);
  }
  return groups;
}
