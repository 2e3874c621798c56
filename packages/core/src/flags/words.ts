import type { Condition, FlagRules, Operator, Serve } from "./model.ts";

/** A percentage as people write it: `12.5 %`. */
export const percentWords = (percent: number): string => `${Number(percent.toFixed(3))} %`;

/** A variant that is served; none is the value in the code. */
export const variantWords = (variant: string | null): string => variant ?? "the value in the code";

/** What a serve gives: `on`, `on for 10 %, else off`, `a 50 %, b 50 %`. */
export function serveWords(serve: Serve): string {
  if (serve.kind === "variant") return serve.variant;
  if (serve.kind === "logic") return `by flagd logic, else ${variantWords(serve.variant)}`;
  if (serve.kind === "split")
    return serve.shares.map(({ variant, percent }) => `${variant} ${percentWords(percent)}`).join(", ");
  const share = `${serve.variant} for ${percentWords(serve.percent)}, else ${serve.against}`;
  return serve.ramp?.kind === "time" ? `${share}, growing to ${percentWords(serve.ramp.toPercent)}` : share;
}

/** Who gets what in an environment, in one line. */
export function rulesWords(rules: FlagRules): string {
  if (!rules.isEnabled) return `Off: everybody gets ${variantWords(rules.off)}.`;
  const others = serveWords(rules.otherwise);
  const n = rules.rules.length;
  if (n === 0) return rules.otherwise.kind === "variant" ? `Everybody gets ${others}.` : `${upper(others)}.`;
  return `${n === 1 ? "1 rule" : `${n} rules`}, then ${others}.`;
}
const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const OPERATORS: Readonly<Record<Operator, string>> = {
  equals: "is",
  in: "is one of",
  contains: "contains",
  starts_with: "begins with",
  ends_with: "ends with",
  matches: "matches",
  less: "<",
  less_or_equal: "≤",
  greater: ">",
  greater_or_equal: "≥",
  before: "is before",
  after: "is after",
  semver_equals: "is version",
  semver_less: "is a version below",
  semver_less_or_equal: "is a version up to",
  semver_greater: "is a version above",
  semver_greater_or_equal: "is a version from",
  semver_same_major: "is a version with the major of",
  semver_same_minor: "is a version with the major and minor of",
  exists: "is given",
};

/** A condition as a sentence's part: `country is one of DE, AT and plan is pro`. */
export function conditionWords(condition: Condition, isWithin = false): string {
  if (condition.kind === "segment") return `in the segment ${condition.segment}`;
  if (condition.kind === "not") return `not (${conditionWords(condition.of)})`;
  if (condition.kind === "share") return `among the first ${percentWords(condition.percent)} by ${condition.by}`;
  if (condition.kind === "attribute") {
    const values = condition.values.map(String).join(", ");
    const words = OPERATORS[condition.operator];
    return `${condition.attribute} ${words}${values ? ` ${values}` : ""}${condition.ignoreCase ? " (any case)" : ""}`;
  }
  if (condition.of.length === 0) return condition.kind === "all" ? "everybody" : "nobody";
  const joined = condition.of
    .map((part) => conditionWords(part, true))
    .join(condition.kind === "all" ? " and " : " or ");
  return isWithin && condition.of.length > 1 ? `(${joined})` : joined;
}
