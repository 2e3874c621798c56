import { attributeReader } from "./attribute.ts";
import { BUCKETS, bucketOf, percentAt, variantHash } from "./buckets.ts";
import { compileFlags, compileRule, type Evaluated, type FlagSource, rulesIn } from "./compile.ts";
import type { EvaluationContext, Flag, Serve } from "./model.ts";
import { conditionWords, percentWords, variantWords } from "./words.ts";

export interface ExplainedStep {
  /** Null for what is asked before the rules. */
  readonly rule: string | null;
  readonly matched: boolean;
  readonly words: string;
}
export interface Explained extends Evaluated {
  readonly steps: readonly ExplainedStep[];
}

/** What somebody gets and why, step by step: each rule that did not match, and the one that did. */
export function explainFlag(source: FlagSource, key: string, context: EvaluationContext, nowMs: number): Explained {
  const set = compileFlags(source);
  const found = set.evaluate(key, context, nowMs);
  const flag = source.flags.find((one) => one.key === key);
  return {
    ...found,
    steps: flag ? stepsOf({ source, flag, context, nowMs, set, found }) : [step(null, `There is no flag ${key}.`)],
  };
}

const step = (rule: string | null, words: string, matched = false): ExplainedStep => ({ rule, matched, words });

interface Asked {
  readonly source: FlagSource;
  readonly flag: Flag;
  readonly context: EvaluationContext;
  readonly nowMs: number;
  readonly set: ReturnType<typeof compileFlags>;
  readonly found: Evaluated;
}

function stepsOf(o: Asked): ExplainedStep[] {
  const { source, flag, context, nowMs, set } = o;
  if (flag.isArchived) return [step(null, "It is archived: the value in the code holds.", true)];
  const rules = rulesIn(flag, source.environment);
  if (!rules) return [step(null, `It is not in ${source.environment}: the value in the code holds.`, true)];
  if (!rules.isEnabled)
    return [step(null, `It is off in ${source.environment}: everybody gets ${variantWords(rules.off)}.`, true)];
  const steps: ExplainedStep[] = [];
  for (const { flag: needed, variants } of rules.prerequisites) {
    const has = set.evaluate(needed, context, nowMs).variant;
    const wanted = variants.join(" or ");
    if (has === null || !variants.includes(has))
      return [
        ...steps,
        step(
          null,
          `It needs ${needed} to be ${wanted}, which is ${has ?? "not there"}: so ${variantWords(rules.off)}.`,
          true,
        ),
      ];
    steps.push(step(null, `It needs ${needed} to be ${wanted}, which it is.`));
  }
  const segments = new Map(source.segments.map((segment) => [segment.key, segment]));
  for (const rule of rules.rules) {
    const words = conditionWords(rule.when);
    if (compileRule(rule, segments)(context, nowMs))
      return [
        ...steps,
        step(rule.id, `Rule ${rule.id} holds (${words}): ${servedWords(o, rule.serve, rules.off)}`, true),
      ];
    const isOut = compileRule({ ...rule, when: { kind: "all", of: [] } }, segments)(context, nowMs) === false;
    const why = isOut ? "it is not its time" : `not ${words}${givenWords(rule.when, context)}`;
    steps.push(step(rule.id, `Rule ${rule.id} does not hold: ${why}.`));
  }
  const head = rules.rules.length > 0 ? "No rule holds" : "It has no rules";
  return [...steps, step("otherwise", `${head}: ${servedWords(o, rules.otherwise, rules.off)}`, true)];
}

/** What the context says of the attribute that a simple condition asks about. */
function givenWords(when: Parameters<typeof conditionWords>[0], context: EvaluationContext): string {
  if (when.kind !== "attribute") return "";
  const value = attributeReader(when.attribute)(context);
  if (value === undefined || value === null) return `, as ${when.attribute} is not given`;
  return `, as ${when.attribute} is ${clip(JSON.stringify(value) ?? "nothing")}`;
}
const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);

function servedWords({ flag, context, nowMs, found }: Asked, serve: Serve, off: string | null): string {
  if (serve.kind === "variant") return `${serve.variant}.`;
  if (serve.kind === "logic") {
    const failure = found.errorMessage ? ` (${found.errorMessage})` : "";
    return found.reason === "DEFAULT"
      ? `its flagd logic answers nothing: so ${variantWords(found.variant)}.`
      : `its flagd logic says ${variantWords(found.variant)}${failure}.`;
  }
  const hashing = serve.kind === "split" ? variantHash(flag.hashVersion) : flag.hashVersion;
  const bucket = bucketOf(serve.by, flag.salt, hashing)(context);
  if (bucket === null) return `${serve.by} is not given, so nobody knows which share this is: ${variantWords(off)}.`;
  const at = percentWords((bucket * 100) / BUCKETS);
  const to =
    serve.kind === "rollout" ? ` of which the first ${percentWords(percentAt(serve, nowMs))} get ${serve.variant}` : "";
  return `${serve.by} lies at ${at}${to}: so ${found.variant ?? "nothing"}.`;
}
