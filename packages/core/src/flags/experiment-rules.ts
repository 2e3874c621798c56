import { type Arm, armBuckets, armOf, type BucketOf, bucketOf, depthOf, percentAt } from "./buckets.ts";
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
  /** Where the user with this bucketing key stands; null when they are of neither arm. */
  standingOf(key: string, nowMs: number): Standing | null;
}
export interface Standing {
  readonly arm: Arm;
  readonly variant: string;
  readonly depth: number;
}

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
    return [
      {
        ...{ flag: flag.key, environment, rule: id, isEnabled: rules.isEnabled, isPublic: flag.isPublic, serve },
        plan: serve.experiment ?? DEFAULT_PLAN,
        state: found?.state ?? "running",
        fingerprint: fingerprintOf(flag, serve),
        percentAt: percent,
        standingOf: (key, nowMs) => standing(bucket, serve, key, percent(nowMs)),
      },
    ];
  });
}

function standing(bucket: BucketOf, serve: ServeRollout, key: string, percent: number): Standing | null {
  const at = bucket({ [serve.by]: key });
  if (at === null) return null;
  const arm = armOf(at, percent);
  if (arm === "neither") return null;
  return { arm, variant: arm === "treated" ? serve.variant : serve.against, depth: depthOf(at) };
}

/** Whether a user of this depth is compared at a percentage: beyond half, both arms lose users alike. */
export const isCompared = (depth: number, percent: number): boolean => depth < armBuckets(percent);

/** Values of variants are part of it: the same name for another thing is another thing. */
export function fingerprintOf(flag: Flag, serve: ServeRollout): string {
  const { by, variant, against, experiment = DEFAULT_PLAN } = serve;
  const values = [flag.variants[variant] ?? null, flag.variants[against] ?? null];
  return JSON.stringify([by, variant, against, values, flag.salt, flag.hashVersion, experiment]);
}
