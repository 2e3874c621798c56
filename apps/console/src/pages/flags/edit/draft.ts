import type { FlagRules, FlagServe, FlagView } from "../../../api/types.ts";

/** A definition that is being written. */
export type Draft = FlagView["definition"];
export type DraftRule = FlagRules["rules"][number];
export type DraftCondition = DraftRule["when"];
export type DraftAttribute = Extract<DraftCondition, { kind: "attribute" }>;
export type DraftOperator = DraftAttribute["operator"];

/** An id that no other rule of the environment has: a rollout's state and its exposures hang on it, so it stays. */
export function newRuleId(rules: readonly DraftRule[]): string {
  for (let n = rules.length + 1; ; n++) if (!rules.some((rule) => rule.id === `rule-${n}`)) return `rule-${n}`;
}

export const NEW_CONDITION: DraftAttribute = { kind: "attribute", attribute: "", operator: "equals", values: [] };

export function newRule(rules: readonly DraftRule[], serve: FlagServe): DraftRule {
  return { id: newRuleId(rules), when: { kind: "all", of: [NEW_CONDITION] }, serve };
}

/** The list with one of its members moved a place up or down; as it was at an end. */
export function moved<T>(list: readonly T[], at: number, by: -1 | 1): T[] {
  const [one, other] = [list[at], list[at + by]];
  const next = [...list];
  if (one === undefined || other === undefined) return next;
  next[at] = other;
  next[at + by] = one;
  return next;
}

const NUMBERS: readonly DraftOperator[] = ["less", "less_or_equal", "greater", "greater_or_equal"];
const TYPED: readonly DraftOperator[] = ["equals", "in"];

/**
 * Values as people type them, between commas. What looks like a number, true or false is one where the operator compares
 * values with their type; in quotes it stays a text.
 */
export function readValues(operator: DraftOperator, text: string): (string | number | boolean)[] {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return parts.map((part) => {
    if (/^".*"$/.test(part) && part.length > 1) return part.slice(1, -1);
    if (TYPED.includes(operator) && (part === "true" || part === "false")) return part === "true";
    if ([...NUMBERS, ...TYPED].includes(operator) && Number.isFinite(Number(part))) return Number(part);
    return part;
  });
}

/** What `readValues` reads back as the same values. */
export const valuesText = (operator: DraftOperator, values: readonly (string | number | boolean)[]): string =>
  values
    .map((value) => {
      const plain = String(value);
      const [read] = readValues(operator, plain);
      return read === value ? plain : `"${plain}"`;
    })
    .join(", ");

/** How a serve of another kind begins, with as much as it can keep of what was there. */
export function serveOfKind(kind: FlagServe["kind"], now: FlagServe, variants: readonly string[]): FlagServe {
  if (now.kind === kind) return now;
  const first =
    now.kind === "split" ? (now.shares[0]?.variant ?? variants[0] ?? "on") : now.variant || (variants[0] ?? "on");
  const other = variants.find((name) => name !== first) ?? first;
  const by = now.kind === "split" || now.kind === "rollout" ? now.by : "targetingKey";
  if (kind === "logic") return { kind, logic: {}, variant: first };
  if (kind === "variant") return { kind, variant: first };
  if (kind === "rollout") return { kind, by, variant: first, against: other, percent: 10 };
  return {
    kind,
    by,
    shares:
      first === other
        ? [{ variant: first, percent: 100 }]
        : [
            { variant: first, percent: 50 },
            { variant: other, percent: 50 },
          ],
  };
}

/** An instant as `datetime-local` has it, in the browser's own time zone; and back. */
export function localOf(instant: string | undefined): string {
  if (instant === undefined || Number.isNaN(Date.parse(instant))) return "";
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
export const instantOf = (local: string): string | undefined =>
  local === "" || Number.isNaN(Date.parse(local)) ? undefined : new Date(local).toISOString();

/** Leaves a key out, or sets it: what is optional is absent, never undefined. */
export function withField<T extends object, K extends keyof T>(of: T, key: K, value: T[K] | undefined): T {
  const { [key]: _, ...rest } = of;
  return value === undefined ? (rest as T) : { ...of, [key]: value };
}
