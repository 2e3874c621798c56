import { createHmac } from "node:crypto";
import { isCompared } from "@latchkey/core/flags/experiment-rules";
import type { ExperimentPlan } from "@latchkey/core/flags/model";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import type { ClientKey } from "./client-keys.ts";
import {
  addOutcomes,
  addVariantCounts,
  exposuresOf,
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
  /** Called after the commit, with the projects whose evidence grew. */
  readonly onEvidence: (project: string) => void;
}

/** Half of SHA-256 is enough to tell users apart: two of 10^12 are the same with chance 10^-15. */
const HASH_BYTES = 16;
export const hashOfKey = (hashKey: Buffer, project: string, key: string): Buffer =>
  createHmac("sha256", hashKey).update(`${project}\n${key}`).digest().subarray(0, HASH_BYTES);

/**
 * Notes who met which flag; durable when it resolves. The arm is worked out here, from the rollout as it stands: what was
 * served must be what that arm gets, or the client did not know of the last step yet and tells again. Those of neither arm
 * are counted by variant only. Answers how many were of flags that there are.
 */
export async function takeExposures(o: ExposuresOptions, by: ClientKey, given: readonly Exposure[]): Promise<number> {
  const { project, environment } = by;
  const nowMs = o.clock.now();
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
    const rows = new Map<string, NewExposure>();
    for (const { rollout, standing, key, at } of enrolled) {
      const run = runs.get(rolloutKey(rollout.flag, rollout.rule)) ?? null;
      if (run === null) continue;
      const keyHash = hashOfKey(o.hashKey, project, key);
      const id = `${run}/${keyHash.toString("base64")}`;
      const before = rows.get(id);
      if (before && before.at.getTime() <= at) continue;
      rows.set(id, { run, keyHash, arm: standing.arm, depth: standing.depth, at: new Date(at) });
    }
    await insertExposures(tx, [...rows.values()]);
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

/** Notes what happened to users; it counts for those who had met a flag before. Durable when it resolves. */
export async function takeEvents(o: ExposuresOptions, by: ClientKey, given: readonly MetricEvent[]): Promise<number> {
  const { project, environment } = by;
  const nowMs = o.clock.now();
  const rollouts = await o.sets.rollouts(project, environment);
  const byUser = new Map<string, MetricEvent[]>();
  for (const one of given) {
    const id = hashOfKey(o.hashKey, project, one.key).toString("base64");
    const known = byUser.get(id);
    if (known) known.push(one);
    else byUser.set(id, [one]);
  }
  const noted = await o.database.transaction(async (tx) => {
    const hashes = [...byUser.keys()].map((id) => Buffer.from(id, "base64"));
    const outcomes: NewOutcome[] = [];
    for (const met of await exposuresOf(tx, project, environment, hashes)) {
      const rollout = rollouts.get(rolloutKey(met.flag, met.rule));
      if (!rollout || rollout.fingerprint !== met.fingerprint || (by.kind === "browser" && !rollout.isPublic)) continue;
      if (!isCompared(met.depth, rollout.percentAt(nowMs))) continue;
      const after = (byUser.get(met.key_hash.toString("base64")) ?? []).filter((one) => one.at >= met.at.getTime());
      for (const [metric, sum] of sumsOf(rollout.plan, after))
        outcomes.push({ run: met.run, arm: met.arm, metric, keyHash: met.key_hash, ...sum });
    }
    await addOutcomes(tx, outcomes);
    return outcomes.length;
  });
  if (noted > 0) o.onEvidence(project);
  return given.length;
}

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
    const isOver = guardrail.over !== undefined && value !== undefined && value > guardrail.over;
    return { bad: (isBad ?? isOver) ? 1 : 0, total: 0 };
  }
  const goal = plan.goals.find((one) => one.metric === metric);
  if (!goal) return null;
  return goal.kind === "conversion" ? { bad: 1, total: 0 } : { bad: 1, total: value ?? 1 };
}
