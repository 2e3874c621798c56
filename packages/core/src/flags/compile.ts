import { type Answer, failed, type Metadata, type Served } from "./answer.ts";
import { armOf, bucketing, edgesOf, NO_BUCKET, secondFrom, treatedAt } from "./bucket.ts";
import { type Bag, type Test, testOf } from "./condition.ts";
import {
  type EvaluationContext,
  type Flag,
  type FlagRules,
  type FlagType,
  OTHERWISE,
  type Rule,
  type Segment,
  type Serve,
  type ServeRollout,
  type ServeSplit,
} from "./model.ts";
import { type Problem, problemsOf } from "./problems.ts";

/** The flags of one environment, ready to answer. */
export interface CompiledFlags {
  /** The flag's answer for a context at an instant (milliseconds since 1970). Never throws. */
  evaluate(key: string, context: EvaluationContext, nowMs: number): Answer;
  /** The same, and `TYPE_MISMATCH` where the flag is of another type. */
  evaluateAs(type: FlagType, key: string, context: EvaluationContext, nowMs: number): Answer;
  /** The keys that are answered, in the order they were given. */
  readonly keys: readonly string[];
  /** What is wrong with flags that answer `PARSE_ERROR`. */
  readonly problems: readonly Problem[];
}

type Evaluate = (context: Bag, second: number) => Answer;
interface CompiledFlag {
  readonly type: FlagType;
  readonly evaluate: Evaluate;
}

/**
 * Compiles the flags for an environment. A flag with a problem answers `PARSE_ERROR` and spoils no other; archived ones, and
 * those without rules for the environment, are not found.
 */
export function compileFlags(flags: readonly Flag[], segments: readonly Segment[], environment: string): CompiledFlags {
  const problems = problemsOf(flags, segments, environment);
  const wrong = new Map(problems.toReversed().map((problem) => [problem.flag, problem]));
  const known = new Map(segments.map((segment) => [segment.key, segment]));
  const compiled = new Map<string, CompiledFlag>();
  for (const flag of flags) {
    if (flag.isArchived || !Object.hasOwn(flag.environments, environment)) continue;
    const rules = flag.environments[environment];
    const problem = wrong.get(flag.key);
    if (problem) {
      const answer = failed("PARSE_ERROR", `The flag "${flag.key}" is not valid: ${problem.field}: ${problem.message}`);
      compiled.set(flag.key, { type: flag.type, evaluate: () => answer });
    } else if (rules) compiled.set(flag.key, { type: flag.type, evaluate: compileFlag(flag, rules, known, compiled) });
  }
  const answer = (type: FlagType | null, key: string, context: EvaluationContext, nowMs: number): Answer => {
    const flag = compiled.get(key);
    if (flag === undefined) return failed("FLAG_NOT_FOUND", `There is no flag "${key}" here.`);
    if (type !== null && type !== flag.type)
      return failed("TYPE_MISMATCH", `The flag "${key}" is of type ${flag.type}, not ${type}.`);
    if (typeof context !== "object" || context === null)
      return failed("INVALID_CONTEXT", "The context must be an object of attributes.");
    try {
      return flag.evaluate(context, nowMs / 1_000);
    } catch (error) {
      // An attribute may be a getter that throws; the caller still gets an answer.
      return failed("GENERAL", `The context could not be read: ${String((error as Error)?.message ?? error)}`);
    }
  };
  return {
    evaluate: (key, context, nowMs) => answer(null, key, context, nowMs),
    evaluateAs: answer,
    keys: [...compiled.keys()],
    problems,
  };
}

type Servings = Pick<Served, "variant" | "reason" | "rule"> & Partial<Pick<Served, "arm" | "because">>;
type Serving = (o: Servings) => Served;

function servingOf(flag: Flag): Serving {
  const metadata: Metadata = Object.freeze({ purpose: flag.purpose });
  return ({ variant, reason, rule, arm = null, because = null }) =>
    Object.freeze({ value: flag.variants[variant] ?? null, variant, reason, rule, arm, because, metadata });
}

function compileFlag(
  flag: Flag,
  rules: FlagRules,
  segments: ReadonlyMap<string, Segment>,
  others: ReadonlyMap<string, CompiledFlag>,
): Evaluate {
  const serving = servingOf(flag);
  if (!rules.isEnabled) {
    const disabled = serving({ variant: rules.off, reason: "DISABLED", rule: null });
    return () => disabled;
  }
  const tests = rules.rules.map((rule) => compileRule(flag, rules, rule, segments, serving));
  const isStatic = tests.length === 0 && rules.prerequisites.length === 0;
  const otherwise = compileServe(flag, rules, OTHERWISE, rules.otherwise, isStatic ? "STATIC" : "DEFAULT", serving);
  const served = firstOf(tests, otherwise);
  if (rules.prerequisites.length === 0) return served;
  const unmet = serving({ variant: rules.off, reason: "DEFAULT", rule: null, because: "prerequisite" });
  const wanted = rules.prerequisites.map((one) => ({ key: one.flag, variants: new Set(one.variants) }));
  return (context, second) => {
    for (const { key, variants } of wanted) {
      const variant = others.get(key)?.evaluate(context, second).variant;
      if (variant === undefined || !variants.has(variant)) return unmet;
    }
    return served(context, second);
  };
}

interface CompiledRule {
  readonly isOn: (context: Bag, second: number) => boolean;
  readonly serve: Evaluate;
}

/** One closure calls the next: no list to walk for each user. */
function firstOf(rules: readonly CompiledRule[], otherwise: Evaluate): Evaluate {
  return rules.reduceRight<Evaluate>(
    (next, { isOn, serve }) =>
      (context, second) =>
        isOn(context, second) ? serve(context, second) : next(context, second),
    otherwise,
  );
}

function compileRule(
  flag: Flag,
  rules: FlagRules,
  rule: Rule,
  segments: ReadonlyMap<string, Segment>,
  serving: Serving,
): CompiledRule {
  const test = testOf(rule.when, segments);
  return {
    isOn: scheduled(rule, test),
    serve: compileServe(flag, rules, rule.id, rule.serve, "TARGETING_MATCH", serving),
  };
}

function scheduled(rule: Rule, test: Test): CompiledRule["isOn"] {
  if (rule.from === undefined && rule.until === undefined) return test;
  const from = rule.from === undefined ? Number.NEGATIVE_INFINITY : secondFrom(rule.from);
  const until = rule.until === undefined ? Number.POSITIVE_INFINITY : secondFrom(rule.until);
  return (context, second) => second >= from && second < until && test(context);
}

function compileServe(
  flag: Flag,
  rules: FlagRules,
  rule: string,
  serve: Serve,
  reason: "STATIC" | "DEFAULT" | "TARGETING_MATCH",
  serving: Serving,
): Evaluate {
  if (serve.kind === "variant") {
    const answer = serving({ variant: serve.variant, reason, rule });
    return () => answer;
  }
  const unknown = serving({ variant: rules.off, reason: "DEFAULT", rule, because: "no_bucketing_attribute" });
  return serve.kind === "split"
    ? compileSplit(flag, rule, serve, unknown, serving)
    : compileRollout(flag, rule, serve, unknown, serving);
}

function compileSplit(flag: Flag, rule: string, serve: ServeSplit, unknown: Served, serving: Serving): Evaluate {
  const bucketOf = bucketing(flag, serve.by);
  const edges = edgesOf(serve).map(({ variant, end }) => ({
    end,
    answer: serving({ variant, reason: "SPLIT", rule }),
  }));
  return (context) => {
    const bucket = bucketOf(context);
    if (bucket === NO_BUCKET) return unknown;
    for (const { end, answer } of edges) if (bucket < end) return answer;
    return unknown;
  };
}

function compileRollout(flag: Flag, rule: string, serve: ServeRollout, unknown: Served, serving: Serving): Evaluate {
  const bucketOf = bucketing(flag, serve.by);
  const treated = treatedAt(serve);
  const answers: Readonly<Record<"treatment" | "control" | "outside", Answer>> = {
    treatment: serving({ variant: serve.variant, reason: "SPLIT", rule, arm: "treatment" }),
    control: serving({ variant: serve.against, reason: "SPLIT", rule, arm: "control" }),
    outside: serving({ variant: serve.against, reason: "SPLIT", rule, arm: "outside" }),
  };
  return (context, second) => {
    const bucket = bucketOf(context);
    return bucket === NO_BUCKET ? unknown : answers[armOf(bucket, treated(second))];
  };
}
