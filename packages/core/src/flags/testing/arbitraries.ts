import fc from "fast-check";
import type { AttributeCondition, Condition, Flag, FlagRules, Operator, Segment, Serve } from "../model.ts";

/** Flags of every kind that flagd has words for, and who may ask for them: for properties, and for the bench. */
export const served = (variant: string): Serve => ({ kind: "variant", variant });
export const flagOf = (key: string, rules: Partial<FlagRules>, more: Partial<Flag> = {}): Flag => ({
  ...{ key, type: "boolean", description: "", purpose: "release", owner: "", tags: [], isArchived: false },
  ...{ isPublic: false, variants: { on: true, off: false }, salt: key, hashVersion: "flagd-2" },
  environments: {
    production: { isEnabled: true, off: "off", prerequisites: [], rules: [], otherwise: served("off"), ...rules },
  },
  ...more,
});
export const sourceOf = (...flags: readonly Flag[]) => ({ flags, segments, environment: "production" });

const VARIANTS = ["on", "off"] as const;
export const variant = fc.constantFrom(...VARIANTS);
const word = fc.constantFrom("", "a", "ab", "abc", "pro", "5", "0", "@example.com", "me@example.com");
const version = fc.constantFrom("1", "1.2", "1.2.3", "v1.2.4", "2.0.0-rc.1", "2.0.0-rc.2", "2.0.0", "1.2.3+build");
const number = fc.oneof(fc.integer({ min: -3, max: 6 }), fc.constantFrom(0.5, 1e21));
const simple = fc.oneof(word, number, fc.boolean());
const attribute = fc.constantFrom("plan", "age", "version", "user.plan", "constructor", "tags");

const operators: Record<string, fc.Arbitrary<string | number | boolean>> = {
  equals: simple,
  in: simple,
  contains: word,
  starts_with: word,
  ends_with: word,
  less: number,
  less_or_equal: number,
  greater: number,
  greater_or_equal: number,
  semver_equals: version,
  semver_less: version,
  semver_less_or_equal: version,
  semver_greater: version,
  semver_greater_or_equal: version,
  semver_same_major: version,
  semver_same_minor: version,
  exists: simple,
};
const attributeCondition: fc.Arbitrary<Condition> = fc.constantFrom(...Object.keys(operators)).chain((operator) =>
  fc.record({
    kind: fc.constant("attribute" as const),
    attribute,
    operator: fc.constant(operator as Operator),
    values: fc.array(operators[operator] ?? simple, { minLength: 1, maxLength: 6 }),
  }),
);
const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    attributeCondition,
    fc.constant<Condition>({ kind: "segment", segment: "friends" }),
    fc.record({
      kind: fc.constantFrom("all" as const, "any" as const),
      of: fc.array(tie("condition"), { maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant("not" as const), of: tie("condition") }),
  ),
}));
const by = fc.constantFrom("targetingKey", "plan", "user.plan", "age");
const percent = fc.integer({ min: 0, max: 100_000 }).map((n) => n / 1_000);
/** An instant so many seconds into the first of June, or the day after. */
const at = (seconds: number): string => {
  const two = (n: number) => String(n).padStart(2, "0");
  const s = seconds % 86_400;
  const [day, hour] = [seconds < 86_400 ? 1 : 2, Math.floor(s / 3_600)];
  return `2026-06-${two(day)}T${two(hour)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}Z`;
};
const second = fc.integer({ min: 0, max: 86_399 });
export const instant = second.map(at);
const serve: fc.Arbitrary<Serve> = fc.oneof(
  variant.map(served),
  fc.record({ by, percent }).map(
    ({ by, percent }): Serve => ({
      kind: "split",
      by,
      shares: [
        { variant: "on", percent },
        { variant: "off", percent: Math.round(100_000 - percent * 1_000) / 1_000 },
      ],
    }),
  ),
  fc.record({ by, percent }).map((o): Serve => ({ kind: "rollout", variant: "on", against: "off", ...o })),
  fc.record({ by, percent, toPercent: percent, from: second, seconds: fc.integer({ min: 1, max: 40_000 }) }).map(
    (o): Serve => ({
      kind: "rollout",
      variant: "on",
      against: "off",
      by: o.by,
      percent: o.percent,
      ramp: {
        kind: "time",
        toPercent: Math.max(o.percent, o.toPercent),
        from: at(o.from),
        until: at(o.from + o.seconds),
      },
    }),
  ),
);
export const rules: fc.Arbitrary<Partial<FlagRules>> = fc.record({
  isEnabled: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
  off: variant,
  rules: fc
    .array(fc.record({ when: condition, serve, from: fc.option(instant) }), { maxLength: 4 })
    .map((all) => all.map(({ from, ...rule }, i) => ({ id: `r${i}`, ...rule, ...(from === null ? {} : { from }) }))),
  otherwise: serve,
});
export const context = fc
  .record(
    {
      targetingKey: fc.string({ unit: "grapheme-ascii" }),
      plan: simple,
      age: simple,
      version: fc.oneof(
        version,
        fc.constantFrom(
          "01.2.3",
          "1.2.3.4",
          "x",
          "V1.2.3",
          "1-rc.1",
          "1.0.0-01",
          "1.2.3+a..b",
          "01.2",
          "99999999999.1",
        ),
        simple,
      ),
      user: fc.oneof(fc.record({ plan: simple }, { requiredKeys: [] }), word),
      tags: fc.array(word, { maxLength: 3 }),
    },
    { requiredKeys: [] },
  )
  .map((o) => o as Record<string, never>);
const segments: Segment[] = [
  {
    key: "friends",
    description: "",
    when: { kind: "attribute", attribute: "plan", operator: "starts_with", values: ["a", "me@"] } as AttributeCondition,
  },
];
