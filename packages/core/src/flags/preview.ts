import type { FlagSet } from "./compile.ts";
import type { EvaluationContext } from "./model.ts";

/** How many of some users get which variant by two sets of flags: what is, and what would be. */
export interface FlagPreview {
  readonly users: number;
  /** Those who would get another variant than now. */
  readonly changed: number;
  readonly variants: readonly { readonly variant: string | null; readonly before: number; readonly after: number }[];
  /** By which rule they would be served, in the order of the rules asked first. */
  readonly rules: readonly { readonly rule: string | null; readonly after: number }[];
}

/** Counts each user once by each set, at one moment. */
export function previewFlag(
  now: FlagSet,
  then: FlagSet,
  key: string,
  users: readonly EvaluationContext[],
  nowMs: number,
): FlagPreview {
  const variants = new Map<string | null, { before: number; after: number }>();
  const rules = new Map<string | null, number>();
  const of = (variant: string | null) => {
    const known = variants.get(variant) ?? { before: 0, after: 0 };
    variants.set(variant, known);
    return known;
  };
  let changed = 0;
  for (const user of users) {
    const [was, will] = [now.evaluate(key, user, nowMs), then.evaluate(key, user, nowMs)];
    of(was.variant).before += 1;
    of(will.variant).after += 1;
    rules.set(will.rule, (rules.get(will.rule) ?? 0) + 1);
    if (was.variant !== will.variant) changed += 1;
  }
  return {
    ...{ users: users.length, changed },
    variants: [...variants].map(([variant, counts]) => ({ variant, ...counts })).sort((a, b) => b.after - a.after),
    rules: [...rules].map(([rule, count]) => ({ rule, after: count })).sort((a, b) => b.after - a.after),
  };
}
