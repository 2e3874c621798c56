import { bucketOf, bucketsIn, percentAt, variantHash } from "./buckets.ts";
import { compileCondition, type Matcher } from "./conditions.ts";
import { parseInstant } from "./instants.ts";
import { compileLogic, type LogicCall, LogicProblem, type Term } from "./logic.ts";
import {
  type EvaluationContext,
  type Flag,
  type FlagRules,
  type FlagValue,
  OTHERWISE,
  type Rule,
  type Segment,
  type Serve,
  type ServeLogic,
} from "./model.ts";

/** OpenFeature specification, section 1.4 and types: `resolution reason` and `error code`. */
export type Reason = "STATIC" | "DEFAULT" | "TARGETING_MATCH" | "SPLIT" | "DISABLED" | "ERROR";
export type ErrorCode = "FLAG_NOT_FOUND" | "PARSE_ERROR" | "GENERAL";
/** What somebody gets, and why. */
export interface Evaluated {
  /** Null with an error, and where there is no variant: the value in the code holds. */
  readonly value: FlagValue;
  readonly variant: string | null;
  readonly reason: Reason;
  /** The rule that served; `otherwise` where none of the flag's rules did. */
  readonly rule: string | null;
  readonly errorCode: ErrorCode | null;
  readonly errorMessage?: string;
}
export type Evaluate = (context: EvaluationContext, nowMs: number) => Evaluated;

export interface FlagSource {
  readonly flags: readonly Flag[];
  readonly segments: readonly Segment[];
  readonly environment: string;
}
/** The flags of one environment, compiled to closures. An evaluation makes no object and never throws. */
export interface FlagSet {
  readonly keys: readonly string[];
  /** Those that browsers are given. */
  readonly publicKeys: readonly string[];
  isPublic(key: string): boolean;
  /** The flag's own metadata; undefined where it has none. */
  metadata(key: string): Flag["metadata"];
  evaluate(key: string, context: EvaluationContext, nowMs: number): Evaluated;
}

const NOT_FOUND: Evaluated = Object.freeze({
  ...{ value: null, variant: null, reason: "ERROR", rule: null, errorCode: "FLAG_NOT_FOUND" },
} as const);

export function compileFlags(source: FlagSource): FlagSet {
  const segments = new Map(source.segments.map((segment) => [segment.key, segment]));
  const here = new Map<string, { readonly flag: Flag; readonly rules: FlagRules }>();
  for (const flag of source.flags) {
    const rules = rulesIn(flag, source.environment);
    if (rules) here.set(flag.key, { flag, rules });
  }
  const compiled = new Map<string, Evaluate>();
  const evaluators = { get: (key: string) => compiled.get(key) };
  for (const [key, { flag, rules }] of here)
    compiled.set(key, compileFlag(flag, rules, segments, isInCycle(key, here) ? null : evaluators));
  const keys = [...here.keys()].sort();
  const open = new Set(keys.filter((key) => here.get(key)?.flag.isPublic));
  return {
    keys,
    publicKeys: [...open],
    isPublic: (key) => open.has(key),
    metadata: (key) => here.get(key)?.flag.metadata,
    evaluate: (key, context, nowMs) => compiled.get(key)?.(context, nowMs) ?? NOT_FOUND,
  };
}

/** The rules of a flag in an environment; undefined where it is not, or is archived. */
export const rulesIn = (flag: Flag, environment: string): FlagRules | undefined =>
  !flag.isArchived && Object.hasOwn(flag.environments, environment) ? flag.environments[environment] : undefined;

/** Whether a flag needs itself, over others. The definition is refused then; what is stored all the same serves `off`. */
function isInCycle(key: string, here: ReadonlyMap<string, { readonly rules: FlagRules }>): boolean {
  const seen = new Set<string>();
  const look = (one: string): boolean =>
    (here.get(one)?.rules.prerequisites ?? []).some(({ flag }) => {
      if (flag === key) return true;
      if (seen.has(flag)) return false;
      seen.add(flag);
      return look(flag);
    });
  return look(key);
}

interface Others {
  get(key: string): Evaluate | undefined;
}

function compileFlag(
  flag: Flag,
  rules: FlagRules,
  segments: ReadonlyMap<string, Segment>,
  others: Others | null,
): Evaluate {
  const answer = answers(flag);
  const off = answer(rules.off, "DISABLED", null);
  if (!rules.isEnabled || !others) return () => off;
  const isPlain = rules.rules.length === 0 && rules.prerequisites.length === 0;
  const otherwise = compileServe(flag, rules.otherwise, {
    ...{ rule: OTHERWISE, reason: isPlain ? "STATIC" : "DEFAULT", off: rules.off },
  });
  const steps = rules.rules.map((rule) => ({
    matches: compileRule(rule, segments),
    serve: compileServe(flag, rule.serve, { rule: rule.id, reason: "TARGETING_MATCH", off: rules.off }),
  }));
  const byRules: Evaluate =
    steps.length === 0
      ? otherwise
      : (context, nowMs) => {
          for (let i = 0; i < steps.length; i++) {
            const step = steps[i] as (typeof steps)[number];
            if (step.matches(context, nowMs)) return step.serve(context, nowMs);
          }
          return otherwise(context, nowMs);
        };
  if (rules.prerequisites.length === 0) return byRules;
  const needed = rules.prerequisites.map(({ flag: key, variants }) => ({ key, variants: new Set(variants) }));
  const unmet = answer(rules.off, "DEFAULT", null);
  return (context, nowMs) => {
    for (const { key, variants } of needed) {
      const found = others.get(key)?.(context, nowMs);
      if (!found || found.variant === null || !variants.has(found.variant)) return unmet;
    }
    return byRules(context, nowMs);
  };
}

/** Whether a rule holds now: its condition, within its times. */
export function compileRule(
  rule: Rule,
  segments: ReadonlyMap<string, Segment>,
): (context: EvaluationContext, nowMs: number) => boolean {
  const matches: Matcher = compileCondition(rule.when, segments);
  if (rule.from === undefined && rule.until === undefined) return matches;
  const from =
    rule.from === undefined ? Number.NEGATIVE_INFINITY : (parseInstant(rule.from) ?? Number.POSITIVE_INFINITY);
  const until =
    rule.until === undefined ? Number.POSITIVE_INFINITY : (parseInstant(rule.until) ?? Number.NEGATIVE_INFINITY);
  return (context, nowMs) => nowMs >= from && nowMs < until && matches(context);
}

/**
 * One answer object per variant and reason, made once. No variant: the value in the code. A variant that there is not is an
 * error of the definition.
 */
function answers(flag: Flag): (variant: string | null, reason: Reason, rule: string | null) => Evaluated {
  return (variant, reason, rule) => {
    if (variant === null) return Object.freeze({ value: null, variant, reason, rule, errorCode: null });
    return Object.hasOwn(flag.variants, variant)
      ? Object.freeze({ value: flag.variants[variant] ?? null, variant, reason, rule, errorCode: null })
      : failed(rule, "GENERAL", `The flag has no variant "${variant}".`);
  };
}
const failed = (rule: string | null, errorCode: ErrorCode, errorMessage: string): Evaluated =>
  Object.freeze({ value: null, variant: null, reason: "ERROR", rule, errorCode, errorMessage } as const);

function compileServe(
  flag: Flag,
  serve: Serve,
  o: { readonly rule: string; readonly reason: Reason; readonly off: string | null },
): Evaluate {
  const answer = answers(flag);
  if (serve.kind === "logic") return compileServeLogic(flag, serve, o.rule);
  if (serve.kind === "variant") {
    const only = answer(serve.variant, o.reason, o.rule);
    return () => only;
  }
  const bucket = bucketOf(
    serve.by,
    flag.salt,
    serve.kind === "split" ? variantHash(flag.hashVersion) : flag.hashVersion,
  );
  // Who can't be told from others never gets what is rolled out.
  const unknown = answer(o.off, "DEFAULT", o.rule);
  if (serve.kind === "split") {
    const shares = serve.shares.map(({ variant, percent }) => ({
      buckets: bucketsIn(percent),
      answer: answer(variant, "SPLIT", o.rule),
    }));
    return (context) => {
      let left = bucket(context) ?? Number.NaN;
      for (const share of shares) {
        if (left < share.buckets) return share.answer;
        left -= share.buckets;
      }
      return unknown;
    };
  }
  const on = answer(serve.variant, "SPLIT", o.rule);
  const against = answer(serve.against, "SPLIT", o.rule);
  if (serve.ramp?.kind !== "time") {
    const treated = bucketsIn(serve.percent);
    return (context) => {
      const at = bucket(context);
      return at === null ? unknown : at < treated ? on : against;
    };
  }
  return (context, nowMs) => {
    const at = bucket(context);
    return at === null ? unknown : at < bucketsIn(percentAt(serve, nowMs)) ? on : against;
  };
}

/** flagd's rules: no answer is the default variant, another is the name of one; what fails is an error. */
function compileServeLogic(flag: Flag, serve: ServeLogic, rule: string): Evaluate {
  const answer = answers(flag);
  const byDefault = answer(serve.variant, "DEFAULT", rule);
  if (Object.keys(serve.logic).length === 0) return () => byDefault;
  const known = new Map<string, Evaluated>();
  for (const name of Object.keys(flag.variants)) known.set(name, answer(name, "TARGETING_MATCH", rule));
  let term: Term;
  try {
    term = compileLogic(serve.logic, flag.hashVersion === "flagd-3" ? "flagd-3" : "flagd-2");
  } catch (error) {
    if (!(error instanceof LogicProblem)) throw error;
    const unread = failed(rule, "PARSE_ERROR", `${error.path}: ${error.message}.`);
    return () => unread;
  }
  const broken = failed(rule, "GENERAL", "The targeting can't work with what this context holds.");
  return (context, nowMs) => {
    const call: LogicCall = { flagKey: flag.key, context, nowMs };
    let found: unknown;
    try {
      found = term(context, call);
      if (found === null || found === undefined) return byDefault;
      const name = String(found);
      return known.get(name) ?? failed(rule, "GENERAL", `The flag has no variant "${name.slice(0, 100)}".`);
    } catch {
      return broken;
    }
  };
}
