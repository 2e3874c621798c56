import { parseInstant } from "./instants.ts";
import type { AttributeCondition, Condition, Operator } from "./model.ts";
import { patternProblem } from "./patterns.ts";
import { isObject, Refused } from "./read.ts";

/** What a strategy asks: conditions that all hold, and the times between which it does. */
export interface Asked {
  readonly when: readonly Condition[];
  readonly from?: string;
  readonly until?: string;
}
/** Nobody. */
export const NEVER: Condition = { kind: "any", of: [] };

/** Who asks, in Unleash; an OpenFeature context has it as its targeting key. */
export const attributeOf = (name: string): string => (name === "userId" ? "targetingKey" : name);

/** Constraints of Unleash, all of which must hold. */
export function constraintsOf(given: unknown, path: string): Asked {
  let asked: Asked = { when: [] };
  for (const [i, one] of (Array.isArray(given) ? given : []).entries())
    asked = both(asked, constraintOf(one, `${path}.${i}`));
  return asked;
}

/** Two of them: the later beginning, the earlier end. */
export function both(a: Asked, b: Asked): Asked {
  const from = pick(a.from, b.from, (x, y) => x >= y);
  const until = pick(a.until, b.until, (x, y) => x <= y);
  return {
    when: [...a.when, ...b.when],
    ...(from === undefined ? {} : { from }),
    ...(until === undefined ? {} : { until }),
  };
}
function pick(a: string | undefined, b: string | undefined, wins: (x: number, y: number) => boolean) {
  if (a === undefined || b === undefined) return a ?? b;
  return wins(parseInstant(a) ?? 0, parseInstant(b) ?? 0) ? a : b;
}

function constraintOf(given: unknown, path: string): Asked {
  if (!isObject(given)) return { when: [NEVER] };
  const { contextName, operator, inverted, caseInsensitive } = given;
  const isInverted = inverted === true;
  if (operator === "DATE_AFTER" || operator === "DATE_BEFORE") {
    const instant = String(given.value);
    if (parseInstant(instant) === null) throw new Refused(`${path}.value`, `"${instant}" is no instant`);
    return (operator === "DATE_AFTER") !== isInverted ? { when: [], from: instant } : { when: [], until: instant };
  }
  const attribute = attributeOf(String(contextName));
  const condition = conditionOf(attribute, String(operator), given, path);
  const cased =
    caseInsensitive === true && condition.kind === "attribute" ? { ...condition, ignoreCase: true } : condition;
  const isNot = isInverted !== (operator === "NOT_IN");
  return { when: [isNot ? { kind: "not", of: cased } : cased] };
}

const TEXTS: Readonly<Record<string, Operator>> = {
  STR_STARTS_WITH: "starts_with",
  STR_ENDS_WITH: "ends_with",
  STR_CONTAINS: "contains",
};
const NUMBERS: Readonly<Record<string, Operator>> = {
  NUM_GT: "greater",
  NUM_GTE: "greater_or_equal",
  NUM_LT: "less",
  NUM_LTE: "less_or_equal",
};
const VERSIONS: Readonly<Record<string, Operator>> = {
  SEMVER_EQ: "semver_equals",
  SEMVER_GT: "semver_greater",
  SEMVER_GTE: "semver_greater_or_equal",
  SEMVER_LT: "semver_less",
  SEMVER_LTE: "semver_less_or_equal",
};

function conditionOf(attribute: string, operator: string, given: Record<string, unknown>, path: string): Condition {
  const values = (Array.isArray(given.values) ? given.values : []).map((one) => String(one).trim()).filter(Boolean);
  const is = (name: Operator, of: AttributeCondition["values"]): Condition =>
    of.length === 0 ? NEVER : { kind: "attribute", attribute, operator: name, values: of };
  if (operator === "IN" || operator === "NOT_IN") return is("in", values.flatMap(alike));
  const text = TEXTS[operator];
  if (text) return is(text, values);
  const value = String(given.value ?? "");
  const number = NUMBERS[operator];
  if (number || operator === "NUM_EQ") {
    const wanted = Number(value);
    if (Number.isNaN(wanted)) return NEVER;
    return number ? is(number, [wanted]) : is("in", [wanted, value]);
  }
  const version = VERSIONS[operator];
  if (version) return is(version, [value]);
  if (operator !== "REGEX")
    throw new Refused(
      `${path}.operator`,
      `there is no equal to ${operator}: list the values, or ask another attribute`,
    );
  const problem = patternProblem(value);
  if (problem) throw new Refused(`${path}.value`, `the pattern ${problem}: write it otherwise`);
  return is("matches", [value]);
}

/** Unleash compares texts: a number or true in the context is as good as its text. */
export function alike(value: string): (string | number | boolean)[] {
  if (value === "true" || value === "false") return [value, value === "true"];
  return String(Number(value)) === value && value !== "NaN" ? [value, Number(value)] : [value];
}
