import { FlagdCore } from "@openfeature/flagd-core";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compileFlags } from "./compile.ts";
import { flagdFlag } from "./flagd-write.ts";
import type { AttributeCondition, Condition, Flag, FlagRules, Operator, Segment, Serve } from "./model.ts";

const served = (variant: string): Serve => ({ kind: "variant", variant });
const flagOf = (key: string, rules: Partial<FlagRules>, more: Partial<Flag> = {}): Flag => ({
  ...{ key, type: "boolean", description: "", purpose: "release", owner: "", tags: [], isArchived: false },
  ...{ isPublic: false, variants: { on: true, off: false }, salt: key, hashVersion: "flagd-2" },
  environments: {
    production: { isEnabled: true, off: "off", prerequisites: [], rules: [], otherwise: served("off"), ...rules },
  },
  ...more,
});
const sourceOf = (...flags: readonly Flag[]) => ({ flags, segments, environment: "production" });

const VARIANTS = ["on", "off"] as const;
const variant = fc.constantFrom(...VARIANTS);
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
const instant = fc
  .integer({ min: 0, max: 86_399 })
  .map((s) => new Date(Date.UTC(2026, 5, 1) + s * 1_000).toISOString());
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
  fc.record({ by, percent, toPercent: percent, from: instant, seconds: fc.integer({ min: 1, max: 40_000 }) }).map(
    (o): Serve => ({
      kind: "rollout",
      variant: "on",
      against: "off",
      by: o.by,
      percent: o.percent,
      ramp: {
        kind: "time",
        toPercent: Math.max(o.percent, o.toPercent),
        from: o.from,
        until: new Date(Date.parse(o.from) + o.seconds * 1_000).toISOString(),
      },
    }),
  ),
);
const rules: fc.Arbitrary<Partial<FlagRules>> = fc.record({
  isEnabled: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
  off: variant,
  rules: fc
    .array(fc.record({ when: condition, serve, from: fc.option(instant) }), { maxLength: 4 })
    .map((all) => all.map(({ from, ...rule }, i) => ({ id: `r${i}`, ...rule, ...(from === null ? {} : { from }) }))),
  otherwise: serve,
});
const context = fc
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

/** What flagd's own evaluator makes of the flag; it looks at the clock itself. */
function flagdOf(flag: Flag, flags: readonly Flag[]): (user: Record<string, never>) => string | undefined {
  const written = flagdFlag(flag, sourceOf(...flags));
  if (!written.ok) throw new Error(`${written.error.path}: ${written.error.message}`);
  const core = new FlagdCore(undefined, { debug() {}, info() {}, warn() {}, error() {} });
  core.setConfigurations(JSON.stringify({ flags: { [flag.key]: written.value } }));
  return (user) => core.resolveBooleanEvaluation(flag.key, false, user).variant;
}

afterEach(() => void vi.useRealTimers());

describe("flagd JSON", () => {
  it("makes flagd's own evaluator answer as ours does", () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    fc.assert(
      fc.property(
        rules,
        rules,
        variant,
        fc.array(context, { minLength: 5, maxLength: 5 }),
        instant,
        (a, b, needed, users, at) => {
          const basis = flagOf("basis", a);
          const flag = flagOf("flag", { ...b, prerequisites: [{ flag: "basis", variants: [needed] }] });
          const flags = [basis, flag];
          const ours = compileFlags(sourceOf(...flags));
          vi.setSystemTime(at);
          for (const one of flags) {
            const theirs = flagdOf(one, flags);
            for (const user of users) expect(theirs(user)).toBe(ours.evaluate(one.key, user, Date.parse(at)).variant);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
  it("finds the empty text in an empty one", () => {
    const when = { kind: "attribute", attribute: "plan", operator: "contains", values: [""] } as const;
    const flag = flagOf("flag", { rules: [{ id: "r", when, serve: served("on") }] });
    expect(flagdOf(flag, [flag])({ plan: "" } as unknown as Record<string, never>)).toBe("on");
  });
  it("is refused, with the place, where flagd has no such operator or value", () => {
    const serve = served("on");
    const when = { kind: "attribute", attribute: "x", operator: "before", values: ["2026-12-31"] } as const;
    const dated = flagOf("flag", { rules: [{ id: "r", when, serve }] });
    expect(flagdFlag(dated, sourceOf(dated))).toMatchObject({
      error: { path: "environments.production.rules.0.when.operator" },
    });
    const cased = { ...when, operator: "equals", ignoreCase: true } as const;
    const lower = flagOf("flag", { rules: [{ id: "r", when: { kind: "not", of: cased }, serve }] });
    expect(flagdFlag(lower, sourceOf(lower))).toMatchObject({
      error: { path: "environments.production.rules.0.when.of.ignoreCase" },
    });
    const list = flagOf("flag", {}, { type: "json", variants: { on: [1], off: {} } });
    expect(flagdFlag(list, sourceOf(list))).toMatchObject({ error: { path: "variants.on" } });
  });
});
