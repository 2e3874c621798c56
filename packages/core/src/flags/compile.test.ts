import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { armOf } from "./buckets.ts";
import { compileFlags } from "./compile.ts";
import { explainFlag } from "./explain.ts";
import {
  type Condition,
  type Flag,
  type FlagRules,
  type Rule,
  type Segment,
  type Serve,
  withRollouts,
} from "./model.ts";

const NOON = 1_764_763_200_000;
const rulesOf = (more: Partial<FlagRules> = {}): FlagRules => ({
  ...{ isEnabled: true, off: "off", prerequisites: [], rules: [], otherwise: { kind: "variant", variant: "on" } },
  ...more,
});
const flagOf = (key: string, rules: FlagRules, more: Partial<Flag> = {}): Flag => ({
  ...{ key, type: "boolean", description: "", purpose: "release", owner: "", tags: [], isArchived: false },
  ...{ isPublic: false, variants: { on: true, off: false }, salt: key, hashVersion: "flagd-2" },
  environments: { production: rules },
  ...more,
});
const rollout = (percent: number): Serve => ({
  ...{ kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent },
});
const setOf = (flags: readonly Flag[], segments: readonly Segment[] = []) =>
  compileFlags({ flags, segments, environment: "production" });
const asked = (rules: FlagRules, context: Record<string, unknown>, nowMs = NOON) =>
  setOf([flagOf("one", rules)]).evaluate("one", context, nowMs);
const users = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);

describe("a flag", () => {
  it("answers why, in OpenFeature's words", () => {
    const when: Condition = { kind: "attribute", attribute: "plan", operator: "equals", values: ["pro"] };
    const targeted = rulesOf({
      rules: [{ id: "pro", when, serve: { kind: "variant", variant: "off" } }],
      otherwise: rollout(50),
    });
    expect(asked(rulesOf(), {})).toMatchObject({ value: true, variant: "on", reason: "STATIC" });
    expect(asked(rulesOf({ isEnabled: false }), {})).toMatchObject({ value: false, reason: "DISABLED" });
    expect(asked(targeted, { plan: "pro" })).toMatchObject({ variant: "off", reason: "TARGETING_MATCH", rule: "pro" });
    expect(asked(targeted, { targetingKey: "u" })).toMatchObject({ reason: "SPLIT", rule: "otherwise" });
    expect(setOf([]).evaluate("one", {}, NOON)).toMatchObject({ value: null, errorCode: "FLAG_NOT_FOUND" });
    for (const key of ["constructor", "__proto__", "toString"])
      expect(setOf([flagOf("one", rulesOf())]).evaluate(key, {}, NOON).errorCode).toBe("FLAG_NOT_FOUND");
  });

  it("gives nobody what is rolled out who can't be told from others", () => {
    for (const context of [{}, { targetingKey: "" }, { targetingKey: null }, { targetingKey: {} }])
      expect(asked(rulesOf({ otherwise: rollout(100) }), context)).toMatchObject({ variant: "off" });
  });

  it("never throws, whatever it is asked, and answers the same each time", () => {
    const operators = ["equals", "contains", "matches", "less", "before", "semver_greater", "exists", "in"] as const;
    const condition = fc.letrec<{ condition: Condition }>((tie) => ({
      condition: fc.oneof(
        { maxDepth: 4 },
        fc.record({
          kind: fc.constant("attribute" as const),
          attribute: fc.constantFrom("a", "a.b", "constructor", "__proto__", "targetingKey"),
          operator: fc.constantFrom(...operators),
          values: fc.array(fc.oneof(fc.string(), fc.double(), fc.boolean()), { maxLength: 3 }),
          ignoreCase: fc.boolean(),
        }),
        fc.record({
          kind: fc.constantFrom("all" as const, "any" as const),
          of: fc.array(tie("condition"), { maxLength: 3 }),
        }),
        fc.record({ kind: fc.constant("not" as const), of: tie("condition") }),
        fc.record({ kind: fc.constant("segment" as const), segment: fc.constantFrom("s", "t", "nowhere") }),
      ),
    })).condition;
    fc.assert(
      fc.property(condition, condition, fc.object(), (when, other, context) => {
        const segments = [{ key: "s", description: "", when: other }];
        const rules = rulesOf({ rules: [{ id: "r", when, serve: rollout(50) }], otherwise: rollout(1) });
        const source = { flags: [flagOf("one", rules)], segments, environment: "production" };
        const first = compileFlags(source).evaluate("one", context, NOON);
        expect(first.errorCode).toBe(null);
        expect(compileFlags(source).evaluate("one", context, NOON)).toEqual(first);
        const { steps, ...explained } = explainFlag(source, "one", context, NOON);
        expect(explained).toEqual(first);
        expect(steps.filter((step) => step.matched).map((step) => step.rule)).toEqual([first.rule]);
      }),
      { numRuns: 500 },
    );
  });

  it("needs another flag first, and serves off where two need each other", () => {
    const needs = (flag: string) => rulesOf({ prerequisites: [{ flag, variants: ["on"] }] });
    const base = (variant: string) => flagOf("base", rulesOf({ otherwise: { kind: "variant", variant } }));
    expect(setOf([base("on"), flagOf("one", needs("base"))]).evaluate("one", {}, NOON).variant).toBe("on");
    expect(setOf([base("off"), flagOf("one", needs("base"))]).evaluate("one", {}, NOON).variant).toBe("off");
    expect(setOf([flagOf("one", needs("base"))]).evaluate("one", {}, NOON).variant).toBe("off");
    const cycle = setOf([flagOf("one", needs("two")), flagOf("two", needs("one")), flagOf("three", needs("one"))]);
    for (const key of ["one", "two", "three"]) expect(cycle.evaluate(key, {}, NOON).variant).toBe("off");
  });

  it("holds a rule within its times only", () => {
    const rule: Rule = {
      ...{ id: "launch", from: "2025-12-03T12:00:00Z", until: "2025-12-03T14:00:00+01:00" },
      when: { kind: "all", of: [] },
      serve: { kind: "variant", variant: "on" },
    };
    const rules = rulesOf({ rules: [rule], otherwise: { kind: "variant", variant: "off" } });
    const at = (ms: number) => asked(rules, {}, NOON + ms).variant;
    expect([at(-1), at(0), at(3_600_000 - 1), at(3_600_000)]).toEqual(["off", "on", "on", "off"]);
  });
});

describe("a rollout", () => {
  it("gives each share its part, another for each flag, and keeps everybody as it grows", () => {
    let before = new Set<string>();
    for (const percent of [1, 5, 10, 25, 50, 90, 100]) {
      const set = setOf([flagOf("one", rulesOf({ otherwise: rollout(percent) }))]);
      const got = new Set(users.filter((targetingKey) => set.evaluate("one", { targetingKey }, NOON).value === true));
      // Five standard errors of a binomial share.
      const error = 5 * Math.sqrt((percent / 100) * (1 - percent / 100) * users.length);
      expect(Math.abs(got.size - (users.length * percent) / 100)).toBeLessThanOrEqual(error);
      expect([...before].filter((user) => !got.has(user))).toEqual([]);
      before = got;
    }
    const both = setOf([
      flagOf("one", rulesOf({ otherwise: rollout(10) })),
      flagOf("two", rulesOf({ otherwise: rollout(10) })),
    ]);
    const overlap = users.filter((targetingKey) =>
      ["one", "two"].every((key) => both.evaluate(key, { targetingKey }, NOON).value === true),
    );
    expect(overlap.length).toBeLessThan(users.length * 0.02);
  });

  it("never makes a user of the control a treated one while it grows to a half", () => {
    for (let bucket = 0; bucket < 100_000; bucket += 7) {
      const arms = [1, 5, 10, 25, 50].map((percent) => armOf(bucket, percent));
      const control = arms.indexOf("control");
      if (control >= 0) expect(arms.slice(control)).not.toContain("treated");
      const treated = arms.indexOf("treated");
      if (treated >= 0) expect(new Set(arms.slice(treated))).toEqual(new Set(["treated"]));
    }
  });

  it("grows on a straight line where its ramp goes by time", () => {
    const ramp = { kind: "time", from: "2025-12-03T12:00:00Z", until: "2025-12-03T13:00:00Z", toPercent: 100 } as const;
    const set = setOf([flagOf("one", rulesOf({ otherwise: { ...rollout(0), ramp } as Serve }))]);
    const share = (ms: number) =>
      users.filter((targetingKey) => set.evaluate("one", { targetingKey }, NOON + ms).value === true).length /
      users.length;
    expect(share(0)).toBe(0);
    expect(share(1_800_000)).toBeCloseTo(0.5, 1);
    expect(share(3_600_000)).toBe(1);
  });

  it("stands where its state says, and is ended for all by a kill", () => {
    const flag = flagOf("one", rulesOf({ otherwise: rollout(1) }));
    const state = {
      flag: "one",
      environment: "production",
      rule: "otherwise",
      percent: 100,
      state: "running",
    } as const;
    const answer = (states: Parameters<typeof withRollouts>[2]) =>
      setOf([withRollouts(flag, "production", states)]).evaluate("one", { targetingKey: "somebody" }, NOON).variant;
    expect(answer([state])).toBe("on");
    expect(answer([{ ...state, state: "killed" }])).toBe("off");
    expect(answer([{ ...state, environment: "staging", state: "killed" }])).toBe(answer([]));
  });
});
