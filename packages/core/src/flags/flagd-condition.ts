import { BUCKETS, bucketsIn } from "./buckets.ts";
import type { AttributeCondition, Condition, FlagValue, HashVersion, Segment } from "./model.ts";

/** JSON logic. */
export type Logic = FlagValue;

/** How many conditions one flag may become: prerequisites and segments are written out, and multiply. */
export const CONDITIONS_MAX = 2_000;

/** Why a flag cannot be written as flagd JSON. Thrown inside of the writer only. */
export class NotWritten extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** What is known while a flag is written. */
export interface Written {
  readonly segments: ReadonlyMap<string, Segment>;
  /** Counts down over all conditions of a flag. */
  readonly size: { left: number };
}

/** The condition in JSON logic with flagd's operators. `path` names the place in a refusal. */
export function conditionLogic(condition: Condition, path: string, o: Written, within: readonly string[] = []): Logic {
  if (o.size.left-- <= 0)
    throw new NotWritten(path, `makes more than ${CONDITIONS_MAX} conditions of flagd: use lists of values`);
  const parts = (of: readonly Condition[]) => of.map((one, i) => conditionLogic(one, `${path}.of.${i}`, o, within));
  switch (condition.kind) {
    case "all":
      return condition.of.length === 0 ? true : { and: parts(condition.of) };
    case "any":
      return condition.of.length === 0 ? false : { or: parts(condition.of) };
    case "not":
      return { "!": [conditionLogic(condition.of, `${path}.of`, o, within)] };
    case "segment": {
      const segment = within.includes(condition.segment) ? undefined : o.segments.get(condition.segment);
      return segment ? conditionLogic(segment.when, `${path}.${segment.key}`, o, [...within, segment.key]) : false;
    }
    case "share": {
      checkHash(condition.hashVersion, `${path}.hashVersion`);
      const [by, last]: [Logic, number] = [{ var: condition.by }, bucketsIn(condition.percent)];
      const share: Logic = {
        fractional: [{ cat: [condition.salt, by] }, ["in", last], ["out", BUCKETS - last]],
      };
      return { and: [hasBucket(by), { "===": [share, "in"] }] };
    }
    case "attribute":
      return attributeLogic(condition, path);
  }
}

/** What flagd's evaluators hash as we do, so that everybody keeps their variant. */
export function checkHash(version: HashVersion, path: string): void {
  if (version !== "flagd-2")
    throw new NotWritten(path, `flagd's evaluators know no hashing by ${version}: they would choose other users`);
}

/** flagd's evaluators do different things without the attribute, so it is asked for first: a text with something in it, or a number. */
export function hasBucket(by: Logic): Logic {
  const isWord: Logic = { and: [isText(by), { "!==": [by, ""] }] };
  return { and: [{ "!==": [by, null] }, { or: [isWord, { and: isNumber(by) }] }] };
}

/** A list stands in a relation when any one of its members does; what is no list is a list of one. */
function attributeLogic(condition: AttributeCondition, path: string): Logic {
  const value: Logic = { var: condition.attribute };
  // Not `!=`: JSON logic takes 0 for null.
  const exists: Logic = { "!==": [value, null] };
  if (condition.operator === "exists") return exists;
  if (condition.ignoreCase && condition.values.some((one) => typeof one === "string"))
    throw new NotWritten(`${path}.ignoreCase`, "flagd compares texts with their case only");
  const relation = VERSIONS[condition.operator];
  // Not within `some`, where flagd's own operators fail on what they can't read.
  if (relation)
    return { and: [isText(value), { or: condition.values.map((one) => ({ sem_ver: [value, relation, one] })) }] };
  const isEdge = condition.operator === "starts_with" || condition.operator === "ends_with";
  const edges: Logic[] = isEdge ? condition.values.map((one) => ({ [condition.operator]: [value, one] })) : [];
  const ofMembers: Logic = { and: [exists, { some: [{ merge: [value] }, memberLogic(condition, path)] }] };
  return isEdge ? { if: [isText(value), { or: edges }, ofMembers] } : ofMembers;
}

const MEMBER: Logic = { var: "" };
/** JSON logic takes "5" and true for numbers, and some operators fail on what they are not made for: so types come first. */
export const isText = (value: Logic): Logic => ({ "===": [value, { cat: [value] }] });
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

function memberLogic({ operator, values }: AttributeCondition, path: string): Logic {
  const anyOf = (one: (value: AttributeCondition["values"][number]) => Logic): Logic => ({ or: values.map(one) });
  const comparison = COMPARISONS[operator];
  if (comparison) return { and: [...isNumber(MEMBER), anyOf((one) => ({ [comparison]: [MEMBER, one] }))] };
  switch (operator) {
    case "equals":
    case "in":
      return anyOf((one) => ({ "===": [MEMBER, one] }));
    case "contains":
      // flagd finds no empty text in an empty one.
      return { and: [isText(MEMBER), anyOf((one) => (one === "" ? true : { in: [one, MEMBER] }))] };
    case "starts_with":
    case "ends_with":
      return { and: [isText(MEMBER), anyOf((one) => edgeLogic(operator, String(one)))] };
    default:
      throw new NotWritten(`${path}.operator`, `flagd has no operator "${operator}"`);
  }
}

/**
 * Whether a value is a number: it is among its own members once made a list (a list is not), is not itself made a text (a text
 * is), and is neither true nor false. flagd fails on an object where a number is compared.
 */
export const isNumber = (value: Logic): Logic[] => [
  { in: [value, { merge: [value] }] },
  { "!==": [value, { cat: [value] }] },
  { "!==": [value, true] },
  { "!==": [value, false] },
];

/** The beginning or end of a list's member, without flagd's own operator. */
const edgeLogic = (operator: "starts_with" | "ends_with", edge: string): Logic =>
  edge === ""
    ? true
    : { "===": [{ substr: operator === "starts_with" ? [MEMBER, 0, edge.length] : [MEMBER, -edge.length] }, edge] };
