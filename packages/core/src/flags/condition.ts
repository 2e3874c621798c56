import { instantOf } from "./instant.ts";
import type { AttributeCondition, Condition, Segment } from "./model.ts";
import { compareVersions, type Version, versionOf } from "./version.ts";

/** What is asked about: own properties only, so that `constructor` is an attribute like any other. */
export type Bag = Readonly<Record<string, unknown>>;
export type Test = (context: Bag) => boolean;

/** The attribute of that very name, or what the path with dots leads to. Undefined where there is none. */
export function attributeReader(attribute: string): (context: Bag) => unknown {
  const own = (context: Bag) => (Object.hasOwn(context, attribute) ? context[attribute] : undefined);
  if (!attribute.includes(".")) return own;
  const path = attribute.split(".");
  return (context) => {
    if (Object.hasOwn(context, attribute)) return context[attribute];
    let at: unknown = context;
    for (const step of path) {
      if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined;
      at = (at as Bag)[step];
    }
    return at;
  };
}

/** A test of the condition; an unknown segment matches nobody (`problemsOf` refuses it first). */
export function testOf(condition: Condition, segments: ReadonlyMap<string, Segment>): Test {
  switch (condition.kind) {
    case "all":
      return allOf(condition.of.map((one) => testOf(one, segments)));
    case "any":
      return anyOf(condition.of.map((one) => testOf(one, segments)));
    case "not": {
      const inner = testOf(condition.of, segments);
      return (context) => !inner(context);
    }
    case "segment": {
      const segment = segments.get(condition.segment);
      return segment ? testOf(segment.when, segments) : () => false;
    }
    case "attribute":
      return attributeTest(condition);
  }
}

/** Two are written out: a call for each without a list to walk. */
function allOf(tests: readonly Test[]): Test {
  const [first, second] = tests;
  if (!first) return () => true;
  if (!second) return first;
  if (tests.length === 2) return (context) => first(context) && second(context);
  return (context) => {
    for (const test of tests) if (!test(context)) return false;
    return true;
  };
}

function anyOf(tests: readonly Test[]): Test {
  const [first, second] = tests;
  if (!first) return () => false;
  if (!second) return first;
  if (tests.length === 2) return (context) => first(context) || second(context);
  return (context) => {
    for (const test of tests) if (test(context)) return true;
    return false;
  };
}

function attributeTest(condition: AttributeCondition): Test {
  const read = attributeReader(condition.attribute);
  const matches = valueTest(condition);
  return (context) => {
    const value = read(context);
    return value !== undefined && value !== null && matches(value);
  };
}

type ValueTest = (value: unknown) => boolean;

function valueTest(condition: AttributeCondition): ValueTest {
  const { operator, values } = condition;
  switch (operator) {
    case "exists":
      return () => true;
    case "equals":
    case "in":
      return membership(values, condition.ignoreCase ?? false);
    case "contains":
    case "starts_with":
    case "ends_with":
      return textTest(condition);
    case "less":
    case "less_or_equal":
    case "greater":
    case "greater_or_equal":
      return numberTest(operator, values);
    case "before":
    case "after":
      return instantTest(operator, values);
    case "matches":
      return () => false;
    default:
      return versionTest(operator, values);
  }
}

/** Beyond this many values a set is faster than looking at each. */
const FEW = 4;

function membership(values: AttributeCondition["values"], ignoreCase: boolean): ValueTest {
  if (ignoreCase) {
    const lower = new Set<unknown>(values.map((v) => (typeof v === "string" ? v.toLowerCase() : v)));
    return (value) => lower.has(typeof value === "string" ? value.toLowerCase() : value);
  }
  const [only] = values;
  if (values.length === 1) return (value) => value === only;
  if (values.length > FEW) {
    const set = new Set<unknown>(values);
    return (value) => set.has(value);
  }
  return (value) => {
    for (const one of values) if (value === one) return true;
    return false;
  };
}

/** Parts of a text; `contains` also of a list, which then holds one of the values; a number is a list of one. */
function textTest({ operator, values, ignoreCase }: AttributeCondition): ValueTest {
  const seen = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const wanted = values.filter((v) => typeof v === "string").map(seen);
  if (operator === "contains") {
    const member = membership(values, ignoreCase ?? false);
    return (value) => {
      if (Array.isArray(value)) return value.some(member);
      if (typeof value !== "string") return member(value);
      const text = seen(value);
      return wanted.some((one) => text.includes(one));
    };
  }
  const isStart = operator === "starts_with";
  return (value) => {
    if (typeof value !== "string") return false;
    const text = seen(value);
    for (const one of wanted) if (isStart ? text.startsWith(one) : text.endsWith(one)) return true;
    return false;
  };
}

/** Any one of the values is enough, so only the easiest to reach counts. */
function numberTest(operator: string, values: AttributeCondition["values"]): ValueTest {
  const numbers = values.filter((v) => typeof v === "number");
  if (numbers.length === 0) return () => false;
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  if (operator === "less") return (v) => typeof v === "number" && v < high;
  if (operator === "less_or_equal") return (v) => typeof v === "number" && v <= high;
  if (operator === "greater") return (v) => typeof v === "number" && v > low;
  return (v) => typeof v === "number" && v >= low;
}

/** Milliseconds since 1970, of an RFC 3339 text or a number of such milliseconds. */
const millisOf = (value: unknown): number | null =>
  typeof value === "number" ? value : typeof value === "string" ? instantOf(value) : null;

function instantTest(operator: "before" | "after", values: AttributeCondition["values"]): ValueTest {
  const instants = values.map(millisOf).filter((v) => v !== null);
  if (instants.length === 0) return () => false;
  const edge = operator === "before" ? Math.max(...instants) : Math.min(...instants);
  return (value) => {
    const at = millisOf(value);
    return at !== null && (operator === "before" ? at < edge : at > edge);
  };
}

type VersionOperator = Extract<AttributeCondition["operator"], `semver_${string}`>;
const VERSION_RELATIONS: Readonly<Record<VersionOperator, (a: Version, b: Version) => boolean>> = {
  semver_equals: (a, b) => compareVersions(a, b) === 0,
  semver_less: (a, b) => compareVersions(a, b) < 0,
  semver_less_or_equal: (a, b) => compareVersions(a, b) <= 0,
  semver_greater: (a, b) => compareVersions(a, b) > 0,
  semver_greater_or_equal: (a, b) => compareVersions(a, b) >= 0,
  semver_same_major: (a, b) => a.major === b.major,
  semver_same_minor: (a, b) => a.major === b.major && a.minor === b.minor,
};

function versionTest(operator: VersionOperator, values: AttributeCondition["values"]): ValueTest {
  const relation = VERSION_RELATIONS[operator];
  const wanted = values.map(versionOf).filter((v) => v !== null);
  return (value) => {
    const version = versionOf(value);
    if (version === null) return false;
    for (const one of wanted) if (relation(version, one)) return true;
    return false;
  };
}
