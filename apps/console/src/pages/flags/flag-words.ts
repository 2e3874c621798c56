import type { FlagCondition, FlagServe } from "../../api/types.ts";

/** Whether a day (`2026-12-31`) is over. */
export const isPast = (day: string | null): boolean => day !== null && Date.parse(`${day}T23:59:59Z`) < Date.now();

const WORDS: Readonly<Record<string, string>> = {
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
export function conditionWords(condition: FlagCondition, within = false): string {
  if (condition.kind === "segment") return `in the segment ${condition.segment}`;
  if (condition.kind === "not") return `not (${conditionWords(condition.of)})`;
  if (condition.kind === "attribute") {
    const values = condition.values.map(String).join(", ");
    const words = WORDS[condition.operator] ?? condition.operator;
    return `${condition.attribute} ${words}${values ? ` ${values}` : ""}${condition.ignoreCase ? " (any case)" : ""}`;
  }
  if (condition.of.length === 0) return condition.kind === "all" ? "everybody" : "nobody";
  const joined = condition.of
    .map((part) => conditionWords(part, true))
    .join(condition.kind === "all" ? " and " : " or ");
  return within && condition.of.length > 1 ? `(${joined})` : joined;
}

/** What each share of the users gets, as widths of a bar: the control at the far end where a rollout has one. */
export function sharesOf(
  serve: FlagServe,
): { readonly name: string; readonly variant: string; readonly percent: number }[] {
  if (serve.kind === "variant") return [{ name: serve.variant, variant: serve.variant, percent: 100 }];
  if (serve.kind === "split") return serve.shares.map((one) => ({ ...one, name: one.variant }));
  const control = Math.min(serve.percent, 100 - serve.percent);
  const between = 100 - serve.percent - control;
  return [
    { name: serve.variant, variant: serve.variant, percent: serve.percent },
    { name: serve.against, variant: serve.against, percent: between },
    { name: `${serve.against} (control)`, variant: serve.against, percent: control },
  ].filter((one) => one.percent > 0);
}
