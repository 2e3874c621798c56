import { createHmac } from "node:crypto";
import type { LiveRollout } from "@latchkey/core/flags/experiment-rules";
import type { ExperimentPlan } from "@latchkey/core/flags/model";
import type { Clock } from "../platform/clock.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import type { ClientKey } from "./client-keys.ts";
import {
  addOutcomes,
  addVariantCounts,
  type EarlyEvent,
  earlyEventsOf,
  exposuresOf,
  insertEarlyEvents,
  insertExposures,
  type NewExposure,
  type NewOutcome,
  takeRun,
  type VariantCount,
} from "./experiments.store.ts";
import { type FlagSets, rolloutKey } from "./sets.ts";

export interface Exposure {
  readonly flag: string;
  readonly variant: string;
  /** `otherwise`, or the id of the rule that served; null where none did. */
  readonly rule: string | null;
  readonly key: string;
  readonly at: number;
}
export interface MetricEvent {
  readonly metric: string;
  readonly key: string;
  readonly isBad: boolean | undefined;
  readonly value: number | undefined;
  readonly at: number;
}
export interface ExposuresOptions {
  readonly database: Transactions;
  readonly sets: FlagSets;
  readonly clock: Pick<Clock, "now">;
  /** What users' keys are hashed with: who has the tables alone can't try keys. */
  readonly hashKey: Buffer;
  /** The most that a browser's key may tell. */
  readonly browserRows?: { readonly ofMinute: number; readonly ofDay: number };
  /** Called after the commit, with the projects whose evidence grew. */
  readonly onEvidence: (project: string) => void;
}

/** Half of SHA-256 is enough to tell users apart: two of 10^12 are the same with chance 10^-15. */
const HASH_BYTES = 16;
export const hashOfKey = (hashKey: Buffer, project: string, key: string): Buffer =>
  createHmac("sha256", hashKey).update(`${project}\n${key}`).digest().subarray(0, HASH_BYTES);

/** What a page told of a user before they met a flag is kept apart: it counts for public flags alone. */
const pageHashOf = (hashKey: Buffer, project: string, key: string): Buffer =>
  hashOfKey(hashKey, project, `page\n${key}`);

/**
 * Notes who met which flag; durable when it resolves. The arm is worked out here, from the rollout as it stands: what was
 * served must be what that arm gets, or the client did not know of the last step yet and tells again. Those of neither arm
 * are counted by variant only. Answers how many were of flags that there are.
 */
export async function takeExposures(o: ExposuresOptions, by: ClientKey, given: readonly Exposure[]): Promise<number> {
  const { project, environment } = by;
  const nowMs = o.clock.now();
  // The client may have heard of a step before this server did: what it tells would be of no arm here.
  await o.sets.look();
  const [flags, rollouts] = [await o.sets.flags(project), await o.sets.rollouts(project, environment)];
  const counted = given.filter((one) => {
    const flag = flags.get(one.flag);
    if (!flag || !Object.hasOwn(flag.environments, environment) || !Object.hasOwn(flag.variants, one.variant))
      return false;
    return by.kind === "server" || flag.isPublic;
  });
  const enrolled = counted.flatMap((one) => {
    const rollout = one.rule === null ? undefined : rollouts.get(rolloutKey(one.flag, one.rule));
    const standing = rollout?.isEnabled ? rollout.standingOf(one.key, nowMs) : null;
    if (!rollout || !standing || standing.variant !== one.variant) return [];
    return [{ ...one, rollout, standing }];
  });
  await o.database.transaction(async (tx) => {
    const runs = new Map<string, number | null>();
    for (const { rollout } of enrolled) {
      const key = rolloutKey(rollout.flag, rollout.rule);
      if (runs.has(key)) continue;
      const { flag, rule, fingerprint } = rollout;
      const run = await takeRun(tx, { project, flag, environment, rule, fingerprint });
      // The definition changed a moment ago: what this server knows of it is not what is compared.
      runs.set(key, run.fingerprint === fingerprint ? run.id : null);
    }
    const pages = new Map<string, Buffer>();
    const rows = new Map<string, NewExposure>();
    for (const { rollout, standing, key, at } of enrolled) {
      const run = runs.get(rolloutKey(rollout.flag, rollout.rule)) ?? null;
      if (run === null) continue;
      const keyHash = hashOfKey(o.hashKey, project, key);
      const id = `${run}/${keyHash.toString("base64")}`;
      const before = rows.get(id);
      if (before && before.at.getTime() <= at) continue;
      if (rollout.isPublic) pages.set(id, pageHashOf(o.hashKey, project, key));
      rows.set(id, { run, keyHash, arm: standing.arm, depth: standing.depth, at: new Date(at) });
    }
    const added = await insertExposures(tx, [...rows.values()]);
    await addOutcomes(tx, await earlyOutcomes(tx, by, { added, pages, plans: planOf(enrolled, runs) }));
    await addVariantCounts(tx, project, environment, variantCounts(counted));
  });
  if (enrolled.length > 0) o.onEvidence(project);
  return counted.length;
}

function variantCounts(given: readonly Exposure[]): VariantCount[] {
  const counts = new Map<string, VariantCount>();
  for (const { flag, variant } of given) {
    const id = rolloutKey(flag, variant);
    const before = counts.get(id)?.exposures ?? 0;
    counts.set(id, { flag, variant, evaluations: 0, exposures: before + 1 });
  }
  return [...counts.values()];
}

/** What each run watches. */
function planOf(
  enrolled: readonly { readonly rollout: LiveRollout }[],
  runs: ReadonlyMap<string, number | null>,
): ReadonlyMap<number, ExperimentPlan> {
  const plans = new Map<number, ExperimentPlan>();
  for (const { rollout } of enrolled) {
    const run = runs.get(rolloutKey(rollout.flag, rollout.rule)) ?? null;
    if (run !== null) plans.set(run, rollout.plan);
  }
  return plans;
}

/** What had been told of users before it was told that they met the flag, and happened after that. */
async function earlyOutcomes(
  tx: Transaction,
  { project, environment }: ClientKey,
  {
    added,
    pages,
    plans,
  }: {
    readonly added: readonly NewExposure[];
    /** Under which hash a page's events of a user are kept; none where the run is not of a public flag. */
    readonly pages: ReadonlyMap<string, Buffer>;
    readonly plans: ReadonlyMap<number, ExperimentPlan>;
  },
): Promise<NewOutcome[]> {
  const hashesOf = (row: NewExposure): Buffer[] => {
    const page = pages.get(`${row.run}/${row.keyHash.toString("base64")}`);
    return page ? [row.keyHash, page] : [row.keyHash];
  };
  const early = new Map<string, MetricEvent[]>();
  for (const found of await earlyEventsOf(tx, project, environment, added.flatMap(hashesOf))) {
    const id = found.key_hash.toString("base64");
    const { metric, is_bad, value, at } = found;
    const one = { metric, key: "", isBad: is_bad ?? undefined, value: value ?? undefined, at: at.getTime() };
    early.set(id, [...(early.get(id) ?? []), one]);
  }
  return added.flatMap((row) => {
    const plan = plans.get(row.run);
    const events = hashesOf(row).flatMap((hash) => early.get(hash.toString("base64")) ?? []);
    return plan ? outcomesOf(row, plan, row.at, events) : [];
  });
}

/** What events come to for a user in a run: those after they met the flag. */
function outcomesOf(
  of: Pick<NewExposure, "run" | "arm" | "keyHash">,
  plan: ExperimentPlan,
  metAt: Date,
  events: readonly MetricEvent[],
): NewOutcome[] {
  const after = events.filter((one) => one.at >= metAt.getTime());
  const { run, arm, keyHash } = of;
  return [...sumsOf(plan, after)].map(([metric, sum]) => ({ run, arm, metric, keyHash, ...sum }));
}

/**
 * Notes what happened to users; it counts for those who met a flag before. Durable when it resolves. Of those who may have
 * met one of which nobody has told yet, it is kept for some minutes: reports come in any order.
 */
export async function takeEvents(o: ExposuresOptions, by: ClientKey, given: readonly MetricEvent[]): Promise<number> {
  const { project, environment } = by;
  const nowMs = o.clock.now();
  const rollouts = await o.sets.rollouts(project, environment);
  const watched = [...rollouts.values()].filter((one) => one.isEnabled && (by.kind === "server" || one.isPublic));
  const byUser = new Map<string, MetricEvent[]>();
  for (const one of given) {
    const id = hashOfKey(o.hashKey, project, one.key).toString("base64");
    const known = byUser.get(id);
    if (known) known.push(one);
    else byUser.set(id, [one]);
  }
  const kept = ({ key, ...event }: EarlyEvent & { readonly key: string }): EarlyEvent =>
    by.kind === "server" ? event : { ...event, key_hash: pageHashOf(o.hashKey, project, key) };
  const noted = await o.database.transaction(async (tx) => {
    const hashes = [...byUser.keys()].map((id) => Buffer.from(id, "base64"));
    const outcomes: NewOutcome[] = [];
    const told = new Set<string>();
    for (const met of await exposuresOf(tx, project, environment, hashes)) {
      const rollout = rollouts.get(rolloutKey(met.flag, met.rule));
      if (!rollout || rollout.fingerprint !== met.fingerprint || !watched.includes(rollout)) continue;
      const id = met.key_hash.toString("base64");
      told.add(`${id} ${rolloutKey(met.flag, met.rule)}`);
      if (!rollout.isCompared(met.depth, nowMs)) continue;
      const of = { run: met.run, arm: met.arm, keyHash: met.key_hash };
      outcomes.push(...outcomesOf(of, rollout.plan, met.at, byUser.get(id) ?? []));
    }
    await addOutcomes(tx, outcomes);
    await insertEarlyEvents(tx, project, environment, earlyOf(byUser, watched, told, nowMs).map(kept));
    return outcomes.length;
  });
  if (noted > 0) o.onEvidence(project);
  return given.length;
}

/** Events of users who are of an arm of a rollout that watches for them, and of whom it was not told that they met it. */
function earlyOf(
  byUser: ReadonlyMap<string, readonly MetricEvent[]>,
  watched: readonly LiveRollout[],
  told: ReadonlySet<string>,
  nowMs: number,
): (EarlyEvent & { readonly key: string })[] {
  const found: (EarlyEvent & { readonly key: string })[] = [];
  for (const [id, events] of byUser) {
    const [first] = events;
    if (!first) continue;
    const waiting = watched.filter(
      (one) => !told.has(`${id} ${rolloutKey(one.flag, one.rule)}`) && one.standingOf(first.key, nowMs) !== null,
    );
    for (const { metric, isBad, value, at } of events)
      if (waiting.some((one) => isNamed(one.plan, metric)))
        found.push({
          ...{
            key: first.key,
            key_hash: Buffer.from(id, "base64"),
            metric,
            is_bad: isBad ?? null,
            value: value ?? null,
          },
          at: new Date(at),
        });
  }
  return found;
}
const isNamed = ({ guardrails, goals }: ExperimentPlan, metric: string): boolean =>
  guardrails.some((one) => one.metric === metric) || goals.some((one) => one.metric === metric);

interface Sum {
  readonly bad: number;
  readonly total: number;
  readonly events: number;
}
/** What a user's events come to, of the metrics that a plan names. */
function sumsOf(plan: ExperimentPlan, events: readonly MetricEvent[]): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const one of events) {
    const found = weigh(plan, one);
    if (!found) continue;
    const before = sums.get(one.metric) ?? { bad: 0, total: 0, events: 0 };
    sums.set(one.metric, {
      ...{ bad: before.bad + found.bad, total: before.total + found.total, events: before.events + 1 },
    });
  }
  return sums;
}
function weigh(plan: ExperimentPlan, { metric, isBad, value }: MetricEvent): Omit<Sum, "events"> | null {
  const guardrail = plan.guardrails.find((one) => one.metric === metric);
  if (guardrail) {
    // The plan's own threshold goes before what the program takes for slow.
    const isOver = guardrail.over !== undefined && value !== undefined ? value > guardrail.over : isBad;
    return { bad: isOver ? 1 : 0, total: 0 };
  }
  const goal = plan.goals.find((one) => one.metric === metric);
  if (!goal) return null;
  return goal.kind === "conversion" ? { bad: 1, total: 0 } : { bad: 1, total: value ?? 1 };
}
