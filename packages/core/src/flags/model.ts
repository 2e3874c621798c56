/**
 * What a flag is. The definition (variants, rules, who owns it) belongs to whoever writes it: code, the console, Terraform.
 * How far a rollout has come belongs to the ramp and is kept apart (`RolloutState`), so that applying a definition again
 * never sets a ramp back.
 */

export type FlagType = "boolean" | "string" | "number" | "json";
/** A value of a variant; of a flag of type `json` an object or a list. */
export type FlagValue = boolean | string | number | FlagObject | readonly FlagValue[] | null;
export interface FlagObject {
  readonly [key: string]: FlagValue;
}

/** What a flag is for, and so how long it may live: `permanent` and `permission` flags never are stale. */
export type FlagPurpose = "release" | "experiment" | "operational" | "permission" | "permanent";

/** How a user becomes a bucket. It is stored with the flag: another version gives every user another bucket. */
export type HashVersion = "flagd-2" | "flagd-3" | "unleash";

export interface Flag {
  /** Lower-case words with `-`, `.` or `_`; what code names. */
  readonly key: string;
  readonly type: FlagType;
  readonly description: string;
  readonly purpose: FlagPurpose;
  /** A person or a team. */
  readonly owner: string;
  readonly tags: readonly string[];
  /** The day (`2026-12-31`) after which the flag should be gone from the code. */
  readonly expires?: string;
  /** An archived flag is answered with `FLAG_NOT_FOUND`; its history stays. */
  readonly isArchived: boolean;
  /** Whether browsers are given its value. */
  readonly isPublic: boolean;
  readonly variants: { readonly [name: string]: FlagValue };
  /** JSON Schema of the value, of flags of type `json`. */
  readonly schema?: FlagObject;
  /** Put before the bucketing key, so that two flags of 10 % do not meet the same users. Never changed silently. */
  readonly salt: string;
  readonly hashVersion: HashVersion;
  /** Facts that applications are told with every answer (OpenFeature, flag metadata). */
  readonly metadata?: { readonly [name: string]: string | number | boolean };
  readonly environments: { readonly [environment: string]: FlagRules };
}

/** A flag in one environment. */
export interface FlagRules {
  /** The kill switch: when false everybody gets `off`, whatever the rules say. */
  readonly isEnabled: boolean;
  /**
   * The variant that is served when the flag is not enabled, a prerequisite is not met, or a rollout cannot tell users apart.
   * Null: the value in the code holds then.
   */
  readonly off: string | null;
  /** Other flags that must answer with one of these variants first. */
  readonly prerequisites: readonly Prerequisite[];
  /** The first that matches serves. */
  readonly rules: readonly Rule[];
  /** What is served when no rule matches. */
  readonly otherwise: Serve;
}
export interface Prerequisite {
  readonly flag: string;
  readonly variants: readonly string[];
}

export interface Rule {
  /** Unique in the flag and the environment; a rollout's state and its exposures hang on it. */
  readonly id: string;
  readonly description?: string;
  /** Instants (RFC 3339); outside of them the rule does not match. */
  readonly from?: string;
  readonly until?: string;
  readonly when: Condition;
  readonly serve: Serve;
}

export type Serve = ServeVariant | ServeSplit | ServeRollout | ServeLogic;
export interface ServeVariant {
  readonly kind: "variant";
  readonly variant: string;
}
/** What flagd's targeting answers, kept as it was written: for what our own rules have no equal to. */
export interface ServeLogic {
  readonly kind: "logic";
  /** JSON logic with flagd's operators; it answers the name of a variant, or nothing. */
  readonly logic: FlagObject;
  /** Served where the logic answers nothing; null: the value in the code holds. */
  readonly variant: string | null;
}
/** Several variants by share; the shares make 100. */
export interface ServeSplit {
  readonly kind: "split";
  /** The attribute that decides the bucket; `targetingKey` unless told. */
  readonly by: string;
  readonly shares: readonly { readonly variant: string; readonly percent: number }[];
}
/**
 * One variant to a growing share of users, the others keep `against`. Laid out `on | off | control`: the first `percent` of the
 * buckets get `variant`; as many at the far end are its control. So nobody who was control becomes treated as it grows
 * (until half; measured: 0 of 100,000 users, 41,045 when the control lies next to the treated).
 */
export interface ServeRollout {
  readonly kind: "rollout";
  readonly by: string;
  readonly variant: string;
  readonly against: string;
  /** Percent with up to three digits after the point: where it stands, or where it begins if it has a ramp. */
  readonly percent: number;
  readonly ramp?: Ramp;
  /** What is watched while it grows, and what is hoped for; see DEFAULT_PLAN where it is left out. */
  readonly experiment?: ExperimentPlan;
}
/** A rollout is an experiment: those who get the variant are compared with as many who would have got it next. */
export interface ExperimentPlan {
  /** Chance that a harmless rollout is ever killed, over all guardrails and steps. */
  readonly alpha: number;
  /** Users of each arm at a step, before the next one. */
  readonly minExposures: number;
  readonly guardrails: readonly Guardrail[];
  readonly goals: readonly Goal[];
}
/** What must not get worse. A user is hurt by one bad event. */
export interface Guardrail {
  readonly metric: string;
  /** Of events with a value (milliseconds): bad is what is above. Without it an event says itself whether it is bad. */
  readonly over?: number;
  /** Up to so much more often is no harm. */
  readonly tolerancePercent?: number;
}
export interface Goal {
  readonly metric: string;
  /** Whether a user did it at all; or how much of it each user has. */
  readonly kind: "conversion" | "mean";
  readonly better: "more" | "less";
  /** The smallest effect that one would act on, percent of the control. */
  readonly minEffectPercent: number;
}
export type Ramp = StepRamp | TimeRamp;
/** Step by step, each held for a time and only taken when the guardrails allow. */
export interface StepRamp {
  readonly kind: "steps";
  readonly steps: readonly { readonly percent: number; readonly holdMs: number }[];
}
/** A straight line between two instants, worked out from the clock at each evaluation. */
export interface TimeRamp {
  readonly kind: "time";
  readonly from: string;
  readonly until: string;
  readonly toPercent: number;
}

export type Condition =
  | { readonly kind: "all"; readonly of: readonly Condition[] }
  | { readonly kind: "any"; readonly of: readonly Condition[] }
  | { readonly kind: "not"; readonly of: Condition }
  | { readonly kind: "segment"; readonly segment: string }
  | ShareCondition
  | AttributeCondition;
export type Operator =
  | "equals"
  | "in"
  | "contains"
  | "starts_with"
  | "ends_with"
  | "matches"
  | "less"
  | "less_or_equal"
  | "greater"
  | "greater_or_equal"
  | "before"
  | "after"
  | "semver_equals"
  | "semver_less"
  | "semver_less_or_equal"
  | "semver_greater"
  | "semver_greater_or_equal"
  | "semver_same_major"
  | "semver_same_minor"
  | "exists";
/** The attribute stands in the operator's relation to any one of the values; one that is missing matches nothing. */
export interface AttributeCondition {
  readonly kind: "attribute";
  /** A path with dots into the context: `user.plan`. An attribute of that very name goes first. */
  readonly attribute: string;
  readonly operator: Operator;
  readonly values: readonly (string | number | boolean)[];
  readonly ignoreCase?: boolean;
}

/**
 * Who lies in the first `percent` of the users, as a rollout counts them: for what is more than one share of one flag. Who has
 * not the attribute does not.
 */
export interface ShareCondition {
  readonly kind: "share";
  readonly by: string;
  readonly percent: number;
  /** Put before the attribute, instead of the flag's own salt. */
  readonly salt: string;
  readonly hashVersion: HashVersion;
}

/** A named condition that many flags use. */
export interface Segment {
  readonly key: string;
  readonly description: string;
  readonly when: Condition;
}

/** What the evaluation is asked for: who the user is. */
export interface EvaluationContext {
  readonly targetingKey?: string;
  readonly [attribute: string]: unknown;
}

/** How far the rollout of a rule has come. Owned by the ramp, never by the definition. */
export interface RolloutState {
  readonly flag: string;
  readonly environment: string;
  readonly rule: string;
  readonly percent: number;
  readonly state: "running" | "held" | "killed" | "done";
}

/** The rule of what no rule matched, where a rollout's state names its rule. */
export const OTHERWISE = "otherwise";

/** The definition with the rollouts where they stand: the share of each, or `against` for everybody where it was killed. */
export function withRollouts(flag: Flag, environment: string, states: readonly RolloutState[]): Flag {
  const rules = Object.hasOwn(flag.environments, environment) ? flag.environments[environment] : undefined;
  const own = states.filter((state) => state.flag === flag.key && state.environment === environment);
  if (!rules || own.length === 0) return flag;
  const at = (rule: string, serve: Serve): Serve => {
    const state = own.find((one) => one.rule === rule);
    if (!state || serve.kind !== "rollout") return serve;
    if (state.state === "killed") return { kind: "variant", variant: serve.against };
    const { ramp, ...fixed } = serve;
    // A ramp by the clock goes on by it, unless it is held.
    return ramp?.kind === "time" && state.state !== "held" ? serve : { ...fixed, percent: state.percent };
  };
  const moved: FlagRules = {
    ...rules,
    rules: rules.rules.map((rule) => ({ ...rule, serve: at(rule.id, rule.serve) })),
    otherwise: at(OTHERWISE, rules.otherwise),
  };
  return { ...flag, environments: { ...flag.environments, [environment]: moved } };
}

/** The segments that a condition names. */
export function segmentsIn(condition: Condition): ReadonlySet<string> {
  const found = new Set<string>();
  const look = (one: Condition): void => {
    if (one.kind === "segment") found.add(one.segment);
    else if (one.kind === "not") look(one.of);
    else if (one.kind === "all" || one.kind === "any") for (const part of one.of) look(part);
  };
  look(condition);
  return found;
}

/** The segments that a flag's rules name, in any environment. */
export function segmentsNamed(flag: Flag): ReadonlySet<string> {
  const rules = Object.values(flag.environments).flatMap((environment) => environment.rules);
  return new Set(rules.flatMap((rule) => [...segmentsIn(rule.when)]));
}
