import type { AttributeCondition, Condition, FlagValue, Segment } from "./model.ts";

/** JSON logic. */
export type Logic = FlagValue;

/** How much JSON one flag may become: prerequisites and segments are written out. */
export const WRITE_LIMITS = { nodes: 10_000 } as const;

/** Why a flag cannot be written as flagd JSON. Thrown inside of the writer only. */
export class NotLowered extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** The condition in JSON logic with flagd's operators. */
export function lowerCondition(
  condition: Condition,
  segments: ReadonlyMap<string, Segment>,
  at: string,
  size: { left: number },
): Logic {
  if (size.left-- <= 0)
    throw new NotLowered(at, `A flag becomes at most ${WRITE_LIMITS.nodes} conditions in flagd JSON.`);
  const lower = (one: Condition, field: string) => lowerCondition(one, segments, field, size);
  switch (condition.kind) {
    case "all":
      return condition.of.length === 0 ? true : { and: condition.of.map((one, i) => lower(one, `${at}.of[${i}]`)) };
    case "any":
      return condition.of.length === 0 ? false : { or: condition.of.map((one, i) => lower(one, `${at}.of[${i}]`)) };
    case "not":
      return { "!": [lower(condition.of, `${at}.of`)] };
    case "segment": {
      const segment = segments.get(condition.segment);
      if (!segment) throw new NotLowered(`${at}.segment`, `There is no segment "${condition.segment}".`);
      return lower(segment.when, `${at}.segment(${condition.segment})`);
    }
    case "attribute":
      return lowerAttribute(condition, at);
  }
}

const COMPARISONS: Readonly<Record<string, string>> = {
  less: "<",
  less_or_equal: "<=",
  greater: ">",
  greater_or_equal: ">=",
};
const VERSIONS: Readonly<Record<string, string>> = {
  semver_equals: "=",
  semver_less: "<",
  semver_less_or_equal: "<=",
  semver_greater: ">",
  semver_greater_or_equal: ">=",
  semver_same_major: "^",
  semver_same_minor: "~",
};

function lowerAttribute(condition: AttributeCondition, at: string): Logic {
  const { attribute, operator, values } = condition;
  const value: Logic = { var: attribute };
  // Not `!=`: it takes 0 for null.
  const exists: Logic = { "!==": [value, null] };
  if (operator === "exists") return exists;
  if (condition.ignoreCase && values.some((v) => typeof v === "string"))
    throw new NotLowered(`${at}.ignoreCase`, "flagd compares texts with their case only.");
  const each = (one: (v: AttributeCondition["values"][number]) => Logic): Logic => ({
    and: [exists, { or: values.map(one) }],
  });
  const comparison = COMPARISONS[operator];
  if (comparison)
    return { and: [exists, ...isNumber(value), { or: values.map((v) => ({ [comparison]: [value, v] })) }] };
  const version = VERSIONS[operator];
  if (version) return each((v) => ({ sem_ver: [value, version, v] }));
  switch (operator) {
    case "equals":
    case "in":
      return each((v) => ({ "===": [value, v] }));
    case "contains":
      return each((v) => ({ or: [partOf(v, value), { some: [{ merge: [value] }, { "===": [{ var: "" }, v] }] }] }));
    case "starts_with":
      return each((v) => ({ starts_with: [value, v] }));
    case "ends_with":
      return each((v) => ({ ends_with: [value, v] }));
    default:
      throw new NotLowered(`${at}.operator`, `flagd has no operator for "${operator}".`);
  }
}

/** `in` fails on a number: only a text is what equals itself made a text. */
const partOf = (part: string | number | boolean, text: Logic): Logic =>
  typeof part === "string" ? { and: [{ "===": [{ cat: [text] }, text] }, { in: [part, text] }] } : false;

/**
 * JSON logic takes "5" and true for numbers and fails on lists. A number is no list (which is not among its own members), no
 * text (which equals itself made a text) and neither true nor false. An object in a number's place still fails in flagd.
 */
const isNumber = (value: Logic): Logic[] => [
  { in: [value, { merge: [value] }] },
  { "!==": [value, { cat: [value] }] },
  { "!==": [value, true] },
  { "!==": [value, false] },
];
