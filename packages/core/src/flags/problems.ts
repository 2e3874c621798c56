import { BUCKETS, bucketsOf } from "./bucket.ts";
import { instantOf } from "./instant.ts";
import type {
  AttributeCondition,
  Condition,
  Flag,
  FlagRules,
  FlagType,
  FlagValue,
  Rule,
  Segment,
  Serve,
} from "./model.ts";
import { versionOf } from "./version.ts";

/** Something wrong with a flag: where, what, and what to do. */
export interface Problem {
  readonly flag: string;
  /** A path into the definition, such as `environments.production.rules[1].serve.variant`. */
  readonly field: string;
  readonly message: string;
}

/** Bounds of what one flag may ask for, so that an evaluation is short whatever is written. */
export const FLAG_LIMITS = {
  rules: 100,
  values: 5_000,
  depth: 10,
  prerequisites: 10,
  variants: 100,
  conditions: 1_000,
  asked: 100,
} as const;

type Say = (field: string, message: string) => void;
interface Known {
  readonly flags: ReadonlyMap<string, Flag>;
  readonly segments: ReadonlyMap<string, Segment>;
  readonly environment: string;
}

/** All that is wrong with the flags in an environment, the first problem of each flag first. Empty where all is well. */
export function problemsOf(flags: readonly Flag[], segments: readonly Segment[], environment: string): Problem[] {
  const known: Known = {
    flags: new Map(flags.map((flag) => [flag.key, flag])),
    segments: new Map(segments.map((segment) => [segment.key, segment])),
    environment,
  };
  const problems: Problem[] = [];
  for (const flag of flags) {
    const rules = Object.hasOwn(flag.environments, environment) ? flag.environments[environment] : undefined;
    if (flag.isArchived || !rules) continue;
    const at = `environments.${environment}`;
    const say: Say = (field, message) => problems.push({ flag: flag.key, field, message });
    checkVariants(flag, say);
    checkRules(flag, rules, at, known, say);
  }
  return [...problems, ...spoiled(flags, problems, environment)];
}

/** Flags whose prerequisite is itself not valid: they could never be answered rightly. */
function spoiled(flags: readonly Flag[], problems: readonly Problem[], environment: string): Problem[] {
  const wrong = new Set(problems.map((problem) => problem.flag));
  const found: Problem[] = [];
  for (let size = -1; size !== wrong.size; ) {
    size = wrong.size;
    for (const flag of flags) {
      if (flag.isArchived || wrong.has(flag.key) || !Object.hasOwn(flag.environments, environment)) continue;
      const on = flag.environments[environment]?.prerequisites.find((one) => wrong.has(one.flag));
      if (!on) continue;
      wrong.add(flag.key);
      const field = `environments.${environment}.prerequisites`;
      found.push({
        flag: flag.key,
        field,
        message: `The prerequisite "${on.flag}" is not valid; mend that flag first.`,
      });
    }
  }
  return found;
}

const typeOf = (value: FlagValue): FlagType | "none" =>
  typeof value === "object" ? (value === null ? "none" : "json") : (typeof value as FlagType);

function checkVariants(flag: Flag, say: Say): void {
  const names = Object.keys(flag.variants);
  if (names.length === 0) say("variants", "A flag needs at least one variant.");
  if (names.length > FLAG_LIMITS.variants) say("variants", `A flag has at most ${FLAG_LIMITS.variants} variants.`);
  for (const [name, value] of Object.entries(flag.variants))
    if (typeOf(value) !== flag.type)
      say(`variants.${name}`, `The flag is of type ${flag.type}; give a value of that type.`);
  if (flag.hashVersion === "flagd-3") say("hashVersion", `"flagd-3" is not supported yet; use "flagd-2".`);
  if (flag.salt === "")
    say("salt", "The salt is empty, so the flag would meet the same users as others; use the flag's key.");
}

function checkRules(flag: Flag, rules: FlagRules, at: string, known: Known, say: Say): void {
  checkVariant(flag, rules.off, `${at}.off`, say);
  if (rules.rules.length > FLAG_LIMITS.rules) say(`${at}.rules`, `A flag has at most ${FLAG_LIMITS.rules} rules.`);
  const ids = new Set<string>();
  for (const [i, rule] of rules.rules.entries()) {
    const where = `${at}.rules[${i}]`;
    if (ids.has(rule.id) || rule.id === "otherwise")
      say(`${where}.id`, `"${rule.id}" is taken; give each rule an id of its own.`);
    ids.add(rule.id);
    checkSchedule(rule, where, say);
    checkCondition(rule.when, `${where}.when`, {
      known,
      say,
      path: [],
      depth: 0,
      budget: { left: FLAG_LIMITS.conditions + 1 },
    });
    checkServe(flag, rule.serve, `${where}.serve`, say);
  }
  checkServe(flag, rules.otherwise, `${at}.otherwise`, say);
  checkPrerequisites(flag, rules, `${at}.prerequisites`, known, say);
}

function checkVariant(flag: Flag, variant: string, field: string, say: Say): void {
  if (Object.hasOwn(flag.variants, variant)) return;
  say(field, `There is no variant "${variant}"; use one of ${Object.keys(flag.variants).join(", ") || "none yet"}.`);
}

function checkSchedule(rule: Rule, at: string, say: Say): void {
  const [from, until] = [checkInstant(rule.from, `${at}.from`, say), checkInstant(rule.until, `${at}.until`, say)];
  if (from !== null && until !== null && from >= until)
    say(`${at}.until`, "The rule ends before it begins; set a later end.");
}

function checkInstant(text: string | undefined, field: string, say: Say): number | null {
  if (text === undefined) return null;
  const instant = instantOf(text);
  if (instant === null) say(field, `"${text}" is no instant; write it like 2026-12-31T23:00:00Z.`);
  return instant;
}

function checkServe(flag: Flag, serve: Serve, at: string, say: Say): void {
  if (serve.kind === "variant") {
    checkVariant(flag, serve.variant, `${at}.variant`, say);
    return;
  }
  if (serve.by === "") say(`${at}.by`, `Name the attribute that decides the bucket, such as "targetingKey".`);
  const percent = (value: number, field: string) => checkPercent(flag, value, field, say);
  if (serve.kind === "split") {
    for (const [i, share] of serve.shares.entries()) {
      checkVariant(flag, share.variant, `${at}.shares[${i}].variant`, say);
      percent(share.percent, `${at}.shares[${i}].percent`);
    }
    const sum = serve.shares.reduce((all, share) => all + bucketsOf(share.percent), 0);
    if (sum !== BUCKETS) say(`${at}.shares`, `The shares make ${sum / 1_000} %, not 100 %; change one of them.`);
    return;
  }
  checkVariant(flag, serve.variant, `${at}.variant`, say);
  checkVariant(flag, serve.against, `${at}.against`, say);
  percent(serve.percent, `${at}.percent`);
  if (serve.ramp?.kind === "time") {
    percent(serve.ramp.toPercent, `${at}.ramp.toPercent`);
    const from = checkInstant(serve.ramp.from, `${at}.ramp.from`, say);
    const until = checkInstant(serve.ramp.until, `${at}.ramp.until`, say);
    if (from !== null && until !== null && from >= until)
      say(`${at}.ramp.until`, "The ramp ends before it begins; set a later end.");
  }
  if (serve.ramp?.kind === "steps") {
    for (const [i, step] of serve.ramp.steps.entries()) percent(step.percent, `${at}.ramp.steps[${i}].percent`);
    if (serve.ramp.steps.length === 0) say(`${at}.ramp.steps`, "A ramp needs at least one step.");
  }
}

function checkPercent(flag: Flag, percent: number, field: string, say: Say): void {
  const unit = flag.hashVersion === "unleash" ? 1 : 0.001;
  const isRound = Math.abs(percent / unit - Math.round(percent / unit)) < 1e-6;
  if (Number.isFinite(percent) && percent >= 0 && percent <= 100 && isRound) return;
  const digits =
    unit === 1 ? "in whole percents, as Unleash buckets users" : "with at most three digits after the point";
  say(field, `${percent} is no percentage; use a number from 0 to 100 ${digits}.`);
}

interface Where {
  readonly known: Known;
  readonly say: Say;
  /** The segments on the way here. */
  readonly path: readonly string[];
  readonly depth: number;
  /** Counts down over a whole rule: segments in segments multiply. */
  readonly budget: { left: number };
}

function checkCondition(condition: Condition, at: string, where: Where): void {
  const deeper = { ...where, depth: where.depth + 1 };
  where.budget.left--;
  if (where.budget.left === 0)
    where.say(at, `A rule has at most ${FLAG_LIMITS.conditions} conditions, with its segments.`);
  else if (deeper.depth > FLAG_LIMITS.depth) where.say(at, `Conditions nest at most ${FLAG_LIMITS.depth} deep.`);
  else if (where.budget.left > 0) checkInside(condition, at, deeper);
}

function checkInside(condition: Condition, at: string, where: Where): void {
  switch (condition.kind) {
    case "all":
    case "any":
      for (const [i, one] of condition.of.entries()) checkCondition(one, `${at}.of[${i}]`, where);
      break;
    case "not":
      checkCondition(condition.of, `${at}.of`, where);
      break;
    case "segment":
      checkSegment(condition.segment, at, where);
      break;
    case "attribute":
      checkAttribute(condition, at, where.say);
  }
}

function checkSegment(key: string, at: string, where: Where): void {
  const segment = where.known.segments.get(key);
  if (!segment) where.say(`${at}.segment`, `There is no segment "${key}"; make it first, or name another.`);
  else if (where.path.includes(key))
    where.say(`${at}.segment`, `The segments ${[...where.path, key].join(" -> ")} go in a circle; break it.`);
  else checkCondition(segment.when, `${at}.segment(${key})`, { ...where, path: [...where.path, key] });
}

function checkAttribute(condition: AttributeCondition, at: string, say: Say): void {
  const { operator, values } = condition;
  if (condition.attribute === "") say(`${at}.attribute`, "Name an attribute of the context.");
  if (operator !== "exists" && values.length === 0) say(`${at}.values`, "Give at least one value to compare with.");
  if (values.length > FLAG_LIMITS.values) say(`${at}.values`, `Give at most ${FLAG_LIMITS.values} values.`);
  if (operator === "matches")
    say(`${at}.operator`, `"matches" is not supported yet; use "contains", "starts_with" or "ends_with".`);
  const want = WANTED.find(([operators]) => operators.test(operator));
  const wrong = want && values.findIndex((value) => !want[1](value));
  if (want && wrong !== undefined && wrong >= 0)
    say(`${at}.values[${wrong}]`, `${JSON.stringify(values[wrong])} is no ${want[2]}.`);
}

type Value = AttributeCondition["values"][number];
/** What the values of an operator must be. */
const WANTED: readonly (readonly [RegExp, (value: Value) => boolean, string])[] = [
  [/^(less|greater)/, (v) => typeof v === "number" && Number.isFinite(v), "number; write it without quotes"],
  [/^semver/, (v) => versionOf(v) !== null, "version; write it like 1.2.3"],
  [
    /^(before|after)$/,
    (v) => (typeof v === "string" ? instantOf(v) !== null : typeof v === "number"),
    "instant; write it like 2026-12-31T23:00:00Z, or in milliseconds since 1970",
  ],
  [/^(starts_with|ends_with)$/, (v) => typeof v === "string", "text; write it in quotes"],
];

function checkPrerequisites(flag: Flag, rules: FlagRules, at: string, known: Known, say: Say): void {
  if (rules.prerequisites.length > FLAG_LIMITS.prerequisites)
    say(at, `A flag has at most ${FLAG_LIMITS.prerequisites} prerequisites.`);
  for (const [i, one] of rules.prerequisites.entries()) {
    const other = known.flags.get(one.flag);
    if (!other || other.isArchived || !Object.hasOwn(other.environments, known.environment)) {
      say(
        `${at}[${i}].flag`,
        `There is no flag "${one.flag}" in ${known.environment}; make it first, or name another.`,
      );
      continue;
    }
    for (const variant of one.variants) checkVariant(other, variant, `${at}[${i}].variants`, say);
    if (one.variants.length === 0) say(`${at}[${i}].variants`, "Name the variants that it must answer with.");
  }
  const wrong = circleOf(flag.key, known);
  if (wrong) say(at, wrong);
}

/** What is wrong with all that a flag asks before it answers: a circle, or too much. Null where nothing is. */
function circleOf(start: string, known: Known): string | null {
  const next = (key: string) => {
    const environments = known.flags.get(key)?.environments;
    const rules =
      environments && Object.hasOwn(environments, known.environment) ? environments[known.environment] : undefined;
    return rules?.prerequisites.map((one) => one.flag) ?? [];
  };
  let asked = 0;
  const walk = (key: string, way: readonly string[]): string | null => {
    if (way.slice(0, -1).includes(key)) return `The prerequisites ${way.join(" -> ")} go in a circle; break it.`;
    if (way.length > FLAG_LIMITS.depth) return `Prerequisites follow each other at most ${FLAG_LIMITS.depth} deep.`;
    if (++asked > FLAG_LIMITS.asked)
      return `A flag asks at most ${FLAG_LIMITS.asked} others, with their prerequisites.`;
    for (const one of next(key)) {
      const found = walk(one, [...way, one]);
      if (found) return found;
    }
    return null;
  };
  return walk(start, [start]);
}
