import { BUCKETS, bucketsIn } from "./buckets.ts";
import { parseInstant } from "./instants.ts";
import { compileLogic, LogicProblem } from "./logic.ts";
import {
  type AttributeCondition,
  type Condition,
  type ExperimentPlan,
  type Flag,
  type FlagRules,
  type FlagType,
  type FlagValue,
  OTHERWISE,
  type Segment,
  type Serve,
  type ServeLogic,
} from "./model.ts";
import { patternProblem } from "./patterns.ts";
import { parseVersion } from "./versions.ts";

/** What is wrong with a flag: the field by its path from the definition, and how to mend it. */
export interface FlagProblem {
  readonly path: string;
  readonly message: string;
}
/** Conditions may be nested so deep, and hold so many parts: an evaluation goes through them all. */
const DEPTH_MAX = 8;
const PARTS_MAX = 200;

/** What each field allows by itself, but not together, or not with the other flags. Empty when the flag is good. */
export function flagProblems(
  flag: Flag,
  others: { readonly flags: readonly Flag[]; readonly segments: readonly Segment[] },
): FlagProblem[] {
  const found: FlagProblem[] = [];
  const say = (path: string, message: string): void => void found.push({ path, message });
  checkVariants(flag, say);
  for (const [environment, rules] of Object.entries(flag.environments))
    checkRules(flag, rules, { path: `environments.${environment}`, environment, others, say });
  return found;
}

type Say = (path: string, message: string) => void;

function checkVariants(flag: Flag, say: Say): void {
  const variants = Object.entries(flag.variants);
  if (variants.length === 0) say("variants", "name at least one");
  for (const [name, value] of variants)
    if (typeOf(value) !== flag.type)
      say(`variants.${name}`, `must be ${NAMES[flag.type]}, as the flag's type is ${flag.type}`);
}
const NAMES: Readonly<Record<FlagType, string>> = {
  boolean: "true or false",
  string: "a text",
  number: "a number",
  json: "an object or a list",
};
const typeOf = (value: FlagValue): FlagType =>
  typeof value === "boolean"
    ? "boolean"
    : typeof value === "string"
      ? "string"
      : typeof value === "number"
        ? "number"
        : "json";

interface Place {
  readonly path: string;
  readonly environment: string;
  readonly others: { readonly flags: readonly Flag[]; readonly segments: readonly Segment[] };
  readonly say: Say;
}

function checkRules(flag: Flag, rules: FlagRules, o: Place): void {
  const { path, say } = o;
  if (rules.off !== null) checkVariant(flag, rules.off, `${path}.off`, say);
  rules.prerequisites.forEach(({ flag: key, variants }, i) => {
    const at = `${path}.prerequisites.${i}`;
    const needed = o.others.flags.find((one) => one.key === key && !one.isArchived);
    if (key === flag.key || needs(key, flag.key, o, new Set()))
      say(
        `${at}.flag`,
        key === flag.key
          ? "a flag can't need itself"
          : `${key} needs ${flag.key} itself: they would wait for each other`,
      );
    else if (!needed) say(`${at}.flag`, `there is no flag ${key}`);
    else if (!Object.hasOwn(needed.environments, o.environment)) say(`${at}.flag`, `${key} is not in ${o.environment}`);
    else for (const variant of variants) checkVariant(needed, variant, `${at}.variants`, say);
  });
  const ids = new Set<string>([OTHERWISE]);
  rules.rules.forEach((rule, i) => {
    const at = `${path}.rules.${i}`;
    if (ids.has(rule.id))
      say(
        `${at}.id`,
        rule.id === OTHERWISE ? "this name is taken by what no rule matches" : `there is another rule ${rule.id}`,
      );
    ids.add(rule.id);
    checkTimes(rule.from, rule.until, at, say);
    checkCondition(rule.when, `${at}.when`, o.others.segments, say);
    checkServe(flag, rule.serve, `${at}.serve`, say);
  });
  checkServe(flag, rules.otherwise, `${path}.otherwise`, say);
}

/** Whether `key` needs `wanted`, over others too. */
function needs(key: string, wanted: string, o: Place, seen: Set<string>): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  const rules = o.others.flags.find((one) => one.key === key)?.environments ?? {};
  const here = Object.hasOwn(rules, o.environment) ? rules[o.environment] : undefined;
  return (here?.prerequisites ?? []).some(({ flag }) => flag === wanted || needs(flag, wanted, o, seen));
}

function checkVariant(flag: Flag, variant: string, path: string, say: Say): void {
  if (!Object.hasOwn(flag.variants, variant))
    say(path, `there is no variant "${variant}": ${flag.key} has ${Object.keys(flag.variants).join(", ")}`);
}
function checkTimes(from: string | undefined, until: string | undefined, path: string, say: Say): void {
  const [begin, end] = [from, until].map((text) => (text === undefined ? null : parseInstant(text)));
  if (from !== undefined && begin === null) say(`${path}.from`, "must be an instant such as 2026-12-01T08:00:00Z");
  if (until !== undefined && end === null) say(`${path}.until`, "must be an instant such as 2026-12-01T08:00:00Z");
  if (typeof begin === "number" && typeof end === "number" && end <= begin) say(`${path}.until`, "must be after from");
}

function checkServe(flag: Flag, serve: Serve, path: string, say: Say): void {
  if (serve.kind === "variant") {
    checkVariant(flag, serve.variant, `${path}.variant`, say);
    return;
  }
  if (serve.kind === "logic") {
    checkLogic(flag, serve, path, say);
    return;
  }
  if (serve.kind === "split") {
    for (const [i, share] of serve.shares.entries())
      checkVariant(flag, share.variant, `${path}.shares.${i}.variant`, say);
    const sum = serve.shares.reduce((all, share) => all + bucketsIn(share.percent), 0);
    if (sum !== BUCKETS) say(`${path}.shares`, `must make 100 % together; they make ${(sum * 100) / BUCKETS} %`);
    return;
  }
  checkVariant(flag, serve.variant, `${path}.variant`, say);
  checkVariant(flag, serve.against, `${path}.against`, say);
  if (serve.variant === serve.against)
    say(`${path}.against`, "must be another variant than the one that is rolled out");
  if (serve.experiment) checkPlan(serve.experiment, `${path}.experiment`, say);
  const { ramp } = serve;
  if (ramp?.kind === "time") {
    checkTimes(ramp.from, ramp.until, `${path}.ramp`, say);
    if (ramp.toPercent < serve.percent) say(`${path}.ramp.toPercent`, "must not be less than percent: a ramp grows");
  }
  if (ramp?.kind === "steps")
    ramp.steps.forEach((one, i) => {
      if (one.percent <= (ramp.steps[i - 1]?.percent ?? -1))
        say(`${path}.ramp.steps.${i}.percent`, "must be more than in the step before");
    });
}

/** A metric is counted once: as what must not get worse, or as what is hoped for. */
function checkPlan(plan: ExperimentPlan, path: string, say: Say): void {
  const seen = new Set<string>();
  for (const part of ["guardrails", "goals"] as const)
    plan[part].forEach(({ metric }, i) => {
      if (seen.has(metric))
        say(`${path}.${part}.${i}.metric`, `${metric} is named twice: give each metric one meaning`);
      seen.add(metric);
    });
}

/** Logic that no evaluation could follow, or whose default variant is not there. */
function checkLogic(flag: Flag, serve: ServeLogic, path: string, say: Say): void {
  if (serve.variant !== null) checkVariant(flag, serve.variant, `${path}.variant`, say);
  try {
    compileLogic(serve.logic, "flagd-2", "");
  } catch (error) {
    if (!(error instanceof LogicProblem)) throw error;
    say(`${path}.logic${error.path}`, error.message);
  }
}

/** What is wrong with a segment's condition. */
export function segmentProblems(segment: Segment, segments: readonly Segment[]): FlagProblem[] {
  const found: FlagProblem[] = [];
  const say: Say = (path, message) => void found.push({ path, message });
  checkCondition(segment.when, "when", segments, say);
  const reaches = (condition: Condition, seen: Set<string>): boolean =>
    parts(condition).some((part) => {
      if (part.kind !== "segment" || seen.has(part.segment)) return false;
      if (part.segment === segment.key) return true;
      seen.add(part.segment);
      const next = segments.find((one) => one.key === part.segment);
      return next !== undefined && reaches(next.when, seen);
    });
  if (reaches(segment.when, new Set())) say("when", "the segment names itself, over others: it would never end");
  return found;
}

/** A condition and all that is in it. */
function parts(condition: Condition): Condition[] {
  if (condition.kind === "not") return [condition, ...parts(condition.of)];
  if (condition.kind === "all" || condition.kind === "any") return [condition, ...condition.of.flatMap(parts)];
  return [condition];
}
const depthOf = (condition: Condition): number =>
  condition.kind === "not"
    ? 1 + depthOf(condition.of)
    : condition.kind === "all" || condition.kind === "any"
      ? 1 + Math.max(0, ...condition.of.map(depthOf))
      : 1;

function checkCondition(condition: Condition, path: string, segments: readonly Segment[], say: Say): void {
  if (depthOf(condition) > DEPTH_MAX) {
    say(path, `is nested more than ${DEPTH_MAX} deep: make a segment of a part`);
    return;
  }
  const all = parts(condition);
  if (all.length > PARTS_MAX) {
    say(path, `has more than ${PARTS_MAX} parts: use one list of values, or a segment`);
    return;
  }
  for (const part of all) {
    if (part.kind === "segment" && !segments.some((one) => one.key === part.segment))
      say(path, `there is no segment ${part.segment}`);
    if (part.kind === "attribute") checkAttribute(part, path, say);
  }
}

function checkAttribute({ attribute, operator, values }: AttributeCondition, path: string, say: Say): void {
  const wrong = (message: string): void => say(path, `${attribute} ${operator}: ${message}`);
  if (operator === "exists") return;
  if (values.length === 0) wrong("name at least one value");
  for (const value of values) {
    const shown = JSON.stringify(value);
    if (operator === "equals" || operator === "in") continue;
    if (/^(less|greater)/.test(operator)) {
      if (typeof value !== "number") wrong(`${shown} is no number`);
    } else if (operator === "before" || operator === "after") {
      if (typeof value !== "number" && (typeof value !== "string" || parseInstant(value) === null))
        wrong(`${shown} is no instant such as 2026-12-01T08:00:00Z`);
    } else if (typeof value !== "string") wrong(`${shown} is no text`);
    else if (operator.startsWith("semver") && parseVersion(value) === null)
      wrong(`${shown} is no version such as 1.4.0`);
    else if (operator === "matches") {
      const problem = patternProblem(value);
      if (problem) wrong(`${shown} ${problem}`);
    }
  }
}
