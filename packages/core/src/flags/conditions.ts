import { attributeReader } from "./attribute.ts";
import { bucketOf, bucketsIn } from "./buckets.ts";
import { parseInstant } from "./instants.ts";
import type { AttributeCondition, Condition, EvaluationContext, Segment } from "./model.ts";
import { patternProblem, TEXT_MAX } from "./patterns.ts";
import { comparePlain, compareVersions, parseVersion, type Version } from "./versions.ts";

/** Whether a condition holds for who asks. Never throws: what has another type than the operator wants does not match. */
export type Matcher = (context: EvaluationContext) => boolean;

const ALWAYS: Matcher = () => true;
const NEVER: Matcher = () => false;

/** The closure of a condition. A segment that there is not, or that names itself, matches nobody. */
export function compileCondition(
  condition: Condition,
  segments: ReadonlyMap<string, Segment>,
  within: readonly string[] = [],
): Matcher {
  const part = (one: Condition): Matcher => compileCondition(one, segments, within);
  switch (condition.kind) {
    case "all":
      return allOf(condition.of.map(part));
    case "any":
      return anyOf(condition.of.map(part));
    case "not": {
      const not = part(condition.of);
      return (context) => !not(context);
    }
    case "segment": {
      const segment = within.includes(condition.segment) ? undefined : segments.get(condition.segment);
      return segment ? compileCondition(segment.when, segments, [...within, segment.key]) : NEVER;
    }
    case "share": {
      const bucket = bucketOf(condition.by, condition.salt, condition.hashVersion);
      const last = bucketsIn(condition.percent);
      return (context) => {
        const at = bucket(context);
        return at !== null && at < last;
      };
    }
    case "attribute":
      return compileAttribute(condition);
  }
}

function allOf(parts: readonly Matcher[]): Matcher {
  const [a, b] = parts;
  if (!a) return ALWAYS;
  if (!b) return a;
  if (parts.length === 2) return (context) => a(context) && b(context);
  return (context) => {
    for (const part of parts) if (!part(context)) return false;
    return true;
  };
}
function anyOf(parts: readonly Matcher[]): Matcher {
  const [a, b] = parts;
  if (!a) return NEVER;
  if (!b) return a;
  return (context) => {
    for (const part of parts) if (part(context)) return true;
    return false;
  };
}

function compileAttribute(condition: AttributeCondition): Matcher {
  const read = attributeReader(condition.attribute);
  if (condition.operator === "exists")
    return (context) => {
      const value = read(context);
      return value !== undefined && value !== null;
    };
  const test = testOf(condition);
  // A list has no version.
  if (condition.operator.startsWith("semver")) return (context) => test(read(context));
  return (context) => {
    const value = read(context);
    if (typeof value === "string" || !Array.isArray(value)) return test(value);
    for (const member of value as readonly unknown[]) if (test(member)) return true;
    return false;
  };
}

function testOf({ operator, values, ignoreCase = false }: AttributeCondition): (value: unknown) => boolean {
  const same = ignoreCase ? (text: string) => text.toLowerCase() : (text: string) => text;
  const texts = values.filter((value) => typeof value === "string").map(same);
  const only = !ignoreCase && texts.length === 1 ? (texts[0] ?? null) : null;
  const ofText = (test: (value: string) => boolean) => (value: unknown) =>
    typeof value === "string" && test(ignoreCase ? value.toLowerCase() : value);
  switch (operator) {
    case "equals":
    case "in": {
      const known = new Set<unknown>(values.map((value) => (typeof value === "string" ? same(value) : value)));
      if (!ignoreCase && known.size <= FEW) return isOneOf([...known]);
      return ignoreCase
        ? (value) => known.has(typeof value === "string" ? value.toLowerCase() : value)
        : (value) => known.has(value);
    }
    case "contains":
      return ofText((value) => texts.some((text) => value.includes(text)));
    case "starts_with":
      if (only !== null) return (value) => typeof value === "string" && value.startsWith(only);
      return ofText((value) => texts.some((text) => value.startsWith(text)));
    case "ends_with":
      if (only !== null) return (value) => typeof value === "string" && value.endsWith(only);
      return ofText((value) => texts.some((text) => value.endsWith(text)));
    case "matches": {
      const patterns = values
        .filter((value) => typeof value === "string" && patternProblem(value) === null)
        .map((value) => new RegExp(String(value), ignoreCase ? "iu" : "u"));
      return (value) =>
        typeof value === "string" && value.length <= TEXT_MAX && patterns.some((one) => one.test(value));
    }
    case "less":
    case "less_or_equal":
    case "greater":
    case "greater_or_equal":
      return numbersTest(operator, values);
    case "before":
    case "after":
      return instantsTest(operator, values);
    case "exists":
      return (value) => value !== undefined && value !== null;
    default:
      return versionsTest(operator, texts);
  }
}

/** So many values are compared one after the other; a set costs more. */
const FEW = 4;
function isOneOf(values: readonly unknown[]): (value: unknown) => boolean {
  const [a, b] = values;
  if (values.length === 1) return (value) => value === a;
  if (values.length === 2) return (value) => value === a || value === b;
  return (value) => {
    for (let i = 0; i < values.length; i++) if (values[i] === value) return true;
    return false;
  };
}

function numbersTest(operator: string, values: readonly unknown[]): (value: unknown) => boolean {
  const numbers = values.filter((value) => typeof value === "number");
  const holds =
    operator === "less"
      ? (a: number, b: number) => a < b
      : operator === "less_or_equal"
        ? (a: number, b: number) => a <= b
        : operator === "greater"
          ? (a: number, b: number) => a > b
          : (a: number, b: number) => a >= b;
  return (value) => typeof value === "number" && numbers.some((one) => holds(value, one));
}

/** Instants are texts (RFC 3339) or milliseconds since 1970. */
const instantOf = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : typeof value === "string" ? parseInstant(value) : null;
function instantsTest(operator: "before" | "after", values: readonly unknown[]): (value: unknown) => boolean {
  const instants = values.map(instantOf).filter((at) => at !== null);
  return (value) => {
    const at = instantOf(value);
    return at !== null && instants.some((one) => (operator === "before" ? at < one : at > one));
  };
}

function versionsTest(operator: string, texts: readonly string[]): (value: unknown) => boolean {
  const versions = texts.map(parseVersion).filter((version) => version !== null);
  const isSame = operator === "semver_same_major" || operator === "semver_same_minor";
  const ordered = (order: number): boolean => {
    if (operator === "semver_equals") return order === 0;
    if (operator === "semver_less") return order < 0;
    if (operator === "semver_less_or_equal") return order <= 0;
    if (operator === "semver_greater") return order > 0;
    return order >= 0;
  };
  const holds = (a: Version, b: Version): boolean => {
    if (!isSame) return ordered(compareVersions(a, b));
    if (a.numbers[0] !== b.numbers[0]) return false;
    return operator === "semver_same_major" || a.numbers[1] === b.numbers[1];
  };
  const [only] = versions;
  return (value) => {
    if (only && !isSame && versions.length === 1 && typeof value === "string") {
      const order = comparePlain(value, only);
      if (order !== null) return ordered(order);
    }
    const version = typeof value === "string" ? parseVersion(value) : null;
    return version !== null && versions.some((one) => holds(version, one));
  };
}
