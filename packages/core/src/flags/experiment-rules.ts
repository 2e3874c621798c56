import { type Arm, armBuckets, BUCKETS, type BucketOf, bucketOf, depthOf, percentAt } from "./buckets.ts";
import { rulesIn } from "./compile.ts";
import { DEFAULT_PLAN } from "./experiment.ts";
import {
  type ExperimentPlan,
  type Flag,
  OTHERWISE,
  type RolloutState,
  type ServeRollout,
  withRollouts,
} from "./model.ts";

/** The rollouts of a flag's rules as experiments: who is of which arm, and what is watched. */
export interface LiveRollout {
  readonly flag: string;
  readonly environment: string;
  readonly rule: string;
  readonly isEnabled: boolean;
  readonly isPublic: boolean;
  /** As it is defined, with its ramp. */
  readonly serve: ServeRollout;
  readonly plan: ExperimentPlan;
  readonly state: RolloutState["state"];
  /** What is compared: evidence of another is no evidence of this. */
  readonly fingerprint: string;
  percentAt(nowMs: number): number;
  /** Whether a user of this depth is compared: beyond half, and as a ramp by the clock goes on, both arms change alike. */
  isCompared(depth: number, nowMs: number): boolean;
  /** Where the user with this bucketing key stands; null when they are of neither arm. */
  standingOf(key: string, nowMs: number): Standing | null;
}
export interface Standing {
  readonly arm: Arm;
  readonly variant: string;
  readonly depth: number;
}

/**
 * A client tells of a user once, and again after five minutes or when flags changed. A ramp by the clock changes nothing that
 * it could see: the users that it adds are compared from the next of these moments on, when both arms are told of anew.
 */
const RAMP_STEP_MS = 10 * 60_000;

export function liveRollouts(flag: Flag, environment: string, states: readonly RolloutState[]): LiveRollout[] {
  const rules = rulesIn(flag, environment);
  const moved = rulesIn(withRollouts(flag, environment, states), environment);
  if (!rules || !moved) return [];
  const now = [...moved.rules.map((rule) => rule.serve), moved.otherwise];
  return [...rules.rules, { id: OTHERWISE, serve: rules.otherwise }].flatMap(({ id, serve }, i) => {
    if (serve.kind !== "rollout") return [];
    const found = states.find((one) => one.flag === flag.key && one.environment === environment && one.rule === id);
    const bucket = bucketOf(serve.by, flag.salt, flag.hashVersion);
    const current = now[i];
    const percent = (nowMs: number) => (current?.kind === "rollout" ? percentAt(current, nowMs) : 0);
    // Who got the variant since the last moment of these was told of, and whose control they are not yet: neither counts.
    const zone = (nowMs: number) =>
      current?.kind === "rollout" && current.ramp?.kind === "time"
        ? Math.min(armBuckets(percent(nowMs - (nowMs % RAMP_STEP_MS))), armBuckets(percent(nowMs)))
        : armBuckets(percent(nowMs));
    return [
      {
        ...{ flag: flag.key, environment, rule: id, isEnabled: rules.isEnabled, isPublic: flag.isPublic, serve },
        plan: serve.experiment ?? DEFAULT_PLAN,
        state: found?.state ?? "running",
        fingerprint: fingerprintOf(flag, serve),
        percentAt: percent,
        isCompared: (depth, nowMs) => depth < zone(nowMs),
        standingOf: (key, nowMs) => standing(bucket, serve, key, zone(nowMs)),
      },
    ];
  });
}

/** @param zone buckets of each arm that are compared. */
function standing(bucket: BucketOf, serve: ServeRollout, key: string, zone: number): Standing | null {
  const at = bucket({ [serve.by]: key });
  if (at === null || depthOf(at) >= zone) return null;
  const arm: Arm = at < BUCKETS / 2 ? "treated" : "control";
  return { arm, variant: arm === "treated" ? serve.variant : serve.against, depth: depthOf(at) };
}

/** Values of variants are part of it: the same name for another thing is another thing. */
export function fingerprintOf(flag: Flag, serve: ServeRollout): string {
  const { by, variant, against, experiment = DEFAULT_PLAN } = serve;
  const values = [flag.variants[variant] ?? null, flag.variants[against] ?? null];
  return JSON.stringify([by, variant, against, values, flag.salt, flag.hashVersion, experiment]);
}
