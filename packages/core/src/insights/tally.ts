import { Distribution, type DistributionJson } from "./distribution.ts";
import { DEPLOYMENT_KINDS, type DeploymentKind } from "./history.ts";
import {
  type DeploymentRecord,
  FAILURES,
  type Failure,
  type IncidentRecord,
  LEAD_STAGES,
  type LeadRecord,
  type LeadStage,
} from "./records.ts";

/**
 * All that any definition of the keys needs of some history, added up: such sums can be kept per day and service and put together to
 * any window, so that a figure never reads the history itself. Only deployments to production that reached visitors and that
 * nobody excluded are in it.
 */
export interface Tally {
  readonly counts: Record<Count, number>;
  /** Deployments by kind; of those that are settled by kind; and failures among these by kind and by what showed them. */
  readonly byKind: Record<DeploymentKind, number>;
  readonly settledByKind: Record<DeploymentKind, number>;
  readonly failedByKind: Record<DeploymentKind, number>;
  readonly byFailure: Record<Failure, number>;
  readonly durations: Record<Duration, Distribution>;
  /** The parts of lead times. */
  readonly stages: Record<LeadStage, Distribution>;
}

const COUNTS = [
  /** Made to mend what failed, going back included. */
  "rework",
  /** Taken back, before or after they served everybody: deployments that went out, not those that went back. */
  "takenBack",
  /** Failures that are not over, and failures whose recovery contradicts itself or has no beginning. */
  "openFailures",
  "unmeasuredFailures",
  /** Changes that reached everybody, and those of them of which it isn't known when they were begun, or opened. */
  "changes",
  "changesOfUnknownAge",
  "changesOfUnknownOpening",
  "incidents",
  "openIncidents",
  /** Incidents that a deployment is held to have caused. */
  "causedIncidents",
  "unmeasuredIncidents",
] as const;
type Count = (typeof COUNTS)[number];

const DURATIONS = [
  /** First commit, or pull request opened, to all visitors. */
  "lead",
  "openedLead",
  /** Begin of the rollout to a tenth, and to all, of the visitors. */
  "toTenPercent",
  "toAll",
  /** First visitors of a failed deployment to visitors well again. */
  "recovery",
  /** Incidents, whatever caused them: begin, or detection, to resolution. */
  "incidentFromStart",
  "incidentFromDetection",
] as const;
type Duration = (typeof DURATIONS)[number];

const recordOf = <Name extends string, Value>(names: readonly Name[], value: () => Value): Record<Name, Value> =>
  Object.fromEntries(names.map((name) => [name, value()])) as Record<Name, Value>;
const zero = () => 0;

/** Nothing yet. `exactUpTo`: how many durations are kept as they are (distribution.ts); Infinity for figures without any error. */
export function emptyTally(exactUpTo?: number): Tally {
  const distribution = () => new Distribution(exactUpTo);
  return {
    counts: recordOf(COUNTS, zero),
    byKind: recordOf(DEPLOYMENT_KINDS, zero),
    settledByKind: recordOf(DEPLOYMENT_KINDS, zero),
    failedByKind: recordOf(DEPLOYMENT_KINDS, zero),
    byFailure: recordOf(FAILURES, zero),
    durations: recordOf(DURATIONS, distribution),
    stages: recordOf(LEAD_STAGES, distribution),
  };
}

/** Adds a deployment, unless it doesn't count: in another environment than production, met by nobody, or excluded by a person. */
export function addDeployment(tally: Tally, record: DeploymentRecord): void {
  if (!record.isProduction || !record.reachedVisitors || record.isExcluded) return;
  const { kind, outcome, failure, failedAtMs, recoveredAtMs } = record;
  tally.byKind[kind] += 1;
  if (record.isRework) tally.counts.rework += 1;
  if (outcome === "canary_aborted" || outcome === "rolled_back" || failure === "rolled_back")
    tally.counts.takenBack += 1;
  if (record.isSettled) {
    tally.settledByKind[kind] += 1;
    if (failure) {
      tally.failedByKind[kind] += 1;
      tally.byFailure[failure] += 1;
    }
  }
  if (!failure) return;
  if (recoveredAtMs === null) tally.counts.openFailures += 1;
  else if (failedAtMs === null || recoveredAtMs < failedAtMs) tally.counts.unmeasuredFailures += 1;
  else tally.durations.recovery.add(recoveredAtMs - failedAtMs);
}

/** Adds a change that reached everybody in production. */
export function addLead(tally: Tally, record: LeadRecord): void {
  if (!record.isProduction) return;
  const { counts, durations } = tally;
  counts.changes += 1;
  const addTo = (distribution: Distribution, ms: number | null): boolean => {
    if (ms === null || ms < 0) return false;
    distribution.add(ms);
    return true;
  };
  if (!addTo(durations.lead, record.leadMs)) counts.changesOfUnknownAge += 1;
  if (!addTo(durations.openedLead, record.openedLeadMs)) counts.changesOfUnknownOpening += 1;
  addTo(durations.toTenPercent, record.toTenPercentMs);
  addTo(durations.toAll, record.toAllMs);
  for (const stage of LEAD_STAGES) addTo(tally.stages[stage], record.stages[stage]);
}

/** Adds an incident, whatever caused it. */
export function addIncident(tally: Tally, record: IncidentRecord): void {
  const { counts, durations } = tally;
  const { atMs, resolvedAtMs } = record;
  const detectedAtMs = record.detectedAtMs ?? atMs;
  counts.incidents += 1;
  if (record.deployment !== null) counts.causedIncidents += 1;
  if (resolvedAtMs === null) counts.openIncidents += 1;
  else if (resolvedAtMs < atMs || resolvedAtMs < detectedAtMs) counts.unmeasuredIncidents += 1;
  else {
    durations.incidentFromStart.add(resolvedAtMs - atMs);
    durations.incidentFromDetection.add(resolvedAtMs - detectedAtMs);
  }
}

const mapped = <Name extends string, From, To>(record: Record<Name, From>, to: (value: From, name: Name) => To) =>
  Object.fromEntries(
    (Object.entries(record) as [Name, From][]).map(([name, value]) => [name, to(value, name)]),
  ) as Record<Name, To>;

/** A new one: the tally of the union of what both were made of. Nothing may be in both. */
export const mergeTallies = (a: Tally, b: Tally): Tally => sumTallies([a, b]);

/** A new one: the tally of all that these were made of, such as the days of a window. Nothing may be in two of them. */
export function sumTallies(tallies: Iterable<Tally>): Tally {
  // It keeps as many values exactly as the tallies do themselves.
  const sum = emptyTally(Number.POSITIVE_INFINITY);
  const add = (to: Record<string, number>, more: Readonly<Record<string, number>>) => {
    for (const [name, n] of Object.entries(more)) to[name] = (to[name] ?? 0) + n;
  };
  for (const tally of tallies) {
    for (const name of COUNTED) add(sum[name], tally[name]);
    for (const name of DURATIONS) sum.durations[name].absorb(tally.durations[name]);
    for (const stage of LEAD_STAGES) sum.stages[stage].absorb(tally.stages[stage]);
  }
  return sum;
}
const COUNTED = ["counts", "byKind", "settledByKind", "failedByKind", "byFailure"] as const;

/** Tallies added up by what they are of. */
export function sumsBy<Item extends { readonly tally: Tally }>(
  items: Iterable<Item>,
  nameOf: (item: Item) => string,
): Map<string, Tally> {
  const groups = new Map<string, Tally[]>();
  for (const item of items) {
    const group = groups.get(nameOf(item));
    if (group) group.push(item.tally);
    else groups.set(nameOf(item), [item.tally]);
  }
  return new Map([...groups].map(([name, tallies]) => [name, sumTallies(tallies)]));
}

/** A tally as JSON can hold it. `version` rises when tallies kept before can't be read any more and must be made anew. */
export interface TallyJson extends Omit<Tally, "durations" | "stages"> {
  readonly version: 1;
  readonly durations: Record<Duration, DistributionJson>;
  readonly stages: Record<LeadStage, DistributionJson>;
}

export const tallyToJson = (tally: Tally): TallyJson => ({
  version: 1,
  ...tally,
  durations: mapped(tally.durations, (distribution) => distribution.toJson()),
  stages: mapped(tally.stages, (distribution) => distribution.toJson()),
});

/** Throws when it is of another version. */
export function tallyFromJson(json: TallyJson): Tally {
  const { version, ...rest } = json;
  if (version !== 1) throw new Error(`This tally is of version ${String(version)}; only version 1 can be read.`);
  return {
    ...rest,
    durations: mapped(json.durations, Distribution.fromJson),
    stages: mapped(json.stages, Distribution.fromJson),
  };
}
