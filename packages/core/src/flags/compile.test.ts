import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isFailed } from "./answer.ts";
import { compileFlags } from "./compile.ts";
import { flagOf, rolledOut, ruleOf, served } from "./flags.testkit.ts";
import type { Condition, Flag, FlagRules, Segment } from "./model.ts";
import { problemsOf } from "./problems.ts";

const NOW = Date.parse("2026-06-01T12:00:00Z");
const ask = (flags: readonly Flag[], key: string, context: Record<string, unknown>, now = NOW) =>
  compileFlags(flags, [], "production").evaluate(key, context, now);
const is = (attribute: string, ...values: (string | number)[]): Condition => ({
  kind: "attribute",
  attribute,
  operator: "in",
  values,
});

describe("a flag", () => {
  it("answers its value with the reason and the rule", () => {
    const flag = flagOf("new-form", { rules: [ruleOf("friends", is("plan", "pro"))] });
    expect(ask([flag], "new-form", { plan: "pro" })).toMatchObject({
      value: true,
      variant: "on",
      reason: "TARGETING_MATCH",
      rule: "friends",
    });
    expect(ask([flag], "new-form", {})).toMatchObject({ value: false, reason: "DEFAULT", rule: "otherwise" });
    expect(ask([flagOf("plain")], "plain", {})).toMatchObject({ value: false, reason: "STATIC" });
  });
  it("gives everybody `off` when it is killed", () => {
    const flag = flagOf("f", { isEnabled: false, otherwise: served("on") });
    expect(ask([flag], "f", {})).toMatchObject({ value: false, reason: "DISABLED" });
  });
  it("gives who cannot be told apart `off`, never the full audience", () => {
    for (const targetingKey of [undefined, null, "", 0, {}, []])
      expect(ask([flagOf("f", { otherwise: rolledOut(100) })], "f", { targetingKey })).toMatchObject({
        value: false,
        because: "no_bucketing_attribute",
      });
  });
  it("follows its schedule to the second", () => {
    const rule = {
      ...ruleOf("june", is("plan", "pro")),
      from: "2026-06-01T12:00:00Z",
      until: "2026-06-01T14:00:01+02:00",
    };
    const at = (ms: number) => ask([flagOf("f", { rules: [rule] })], "f", { plan: "pro" }, NOW + ms).value;
    expect([at(-1), at(0), at(999), at(1_000)]).toEqual([false, true, true, false]);
  });
  it("asks its prerequisites first", () => {
    const basis = flagOf("basis", { rules: [ruleOf("r", is("plan", "pro"))] });
    const flag = flagOf("f", { prerequisites: [{ flag: "basis", variants: ["on"] }], otherwise: served("on") });
    expect(ask([flag, basis], "f", { plan: "pro" }).value).toBe(true);
    expect(ask([flag, basis], "f", {})).toMatchObject({ value: false, because: "prerequisite" });
  });
  it("knows no attribute and no flag that it only inherits", () => {
    const flag = flagOf("f", {
      rules: [ruleOf("r", { kind: "attribute", attribute: "constructor", operator: "exists", values: [] })],
    });
    expect(ask([flag], "f", {}).value).toBe(false);
    expect(ask([flag], "f", { constructor: "x" }).value).toBe(true);
    for (const key of ["constructor", "__proto__"])
      expect(ask([flag], key, {})).toMatchObject({ reason: "ERROR", errorCode: "FLAG_NOT_FOUND" });
  });
  it("never throws, whatever the context", () => {
    const flag = flagOf("f", { rules: [ruleOf("r", is("user.plan", "pro"))], otherwise: rolledOut(50) });
    const compiled = compileFlags([flag], [], "production");
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (context, user) => {
        for (const one of [context, { user, targetingKey: user }]) {
          const answer = compiled.evaluate("f", one as never, NOW);
          if (isFailed(answer)) expect(answer.errorCode).toBe("INVALID_CONTEXT");
        }
      }),
    );
    const trap = Object.defineProperty({}, "targetingKey", {
      enumerable: true,
      get: () => {
        throw new Error("no");
      },
    });
    expect(compiled.evaluate("f", trap, NOW)).toMatchObject({ errorCode: "GENERAL" });
    expect(compiled.evaluateAs("string", "f", {}, NOW)).toMatchObject({ errorCode: "TYPE_MISMATCH" });
  });
});

describe("a rollout", () => {
  it("lets nobody cross between control and treatment as it grows to half", () => {
    const arms = [1, 5, 10, 25, 50].map((percent) => {
      const compiled = compileFlags([flagOf("f", { otherwise: rolledOut(percent) })], [], "production");
      return Array.from({ length: 20_000 }, (_, i) => {
        const answer = compiled.evaluate("f", { targetingKey: `user-${i}` }, NOW);
        return isFailed(answer) ? null : answer.arm;
      });
    });
    let crossed = 0;
    for (const [i, later] of arms.slice(1).entries())
      for (const [user, arm] of later.entries()) {
        const before = arms[i]?.[user];
        if (before !== "outside" && arm !== before) crossed++;
      }
    expect(crossed).toBe(0);
    // 25 %: a quarter each, within six standard deviations.
    const treated = arms[3]?.filter((arm) => arm === "treatment").length ?? 0;
    expect(Math.abs(treated - 5_000)).toBeLessThan(6 * Math.sqrt(20_000 * 0.25 * 0.75));
  });
  it("is in step with the clock when it has a line to follow", () => {
    const ramp = { kind: "time" as const, from: "2026-06-01T12:00:00Z", until: "2026-06-01T13:00:00Z", toPercent: 100 };
    const flag = flagOf("f", {
      otherwise: { ...rolledOut(0), kind: "rollout", variant: "on", against: "off", by: "id", percent: 0, ramp },
    });
    const compiled = compileFlags([flag], [], "production");
    const share = (ms: number) =>
      Array.from({ length: 2_000 }, (_, i) => compiled.evaluate("f", { id: `u${i}` }, NOW + ms).value).filter(Boolean)
        .length / 2_000;
    expect(share(-1)).toBe(0);
    expect(share(3_600_000)).toBe(1);
    expect(Math.abs(share(1_800_000) - 0.5)).toBeLessThan(0.07);
  });
});

describe("what is wrong with a flag", () => {
  const wrong = (rules: Partial<FlagRules>, rest: Partial<Flag> = {}, segments: Segment[] = []) =>
    problemsOf([flagOf("f", rules, rest)], segments, "production").map((p) => `${p.field}: ${p.message}`);
  it("is named with its field and the fix", () => {
    const at = "environments.production";
    expect(wrong({ off: "of" })).toEqual([`${at}.off: There is no variant "of"; use one of on, off.`]);
    expect(wrong({ otherwise: { kind: "split", by: "id", shares: [{ variant: "on", percent: 40 }] } })).toEqual([
      `${at}.otherwise.shares: The shares make 40 %, not 100 %; change one of them.`,
    ]);
    expect(wrong({ otherwise: rolledOut(12.3456) })).toHaveLength(1);
    expect(wrong({ rules: [ruleOf("r", { kind: "segment", segment: "s" })] })).toEqual([
      `${at}.rules[0].when.segment: There is no segment "s"; make it first, or name another.`,
    ]);
    expect(wrong({}, { variants: { on: true, off: "no" } })).toEqual([
      "variants.off: The flag is of type boolean; give a value of that type.",
    ]);
  });
  it("is a circle, of segments or of prerequisites", () => {
    const segment: Segment = { key: "s", description: "", when: { kind: "segment", segment: "s" } };
    expect(wrong({ rules: [ruleOf("r", { kind: "segment", segment: "s" })] }, {}, [segment]).join()).toContain(
      "s -> s go in a circle",
    );
    const pair = [
      flagOf("a", { prerequisites: [{ flag: "b", variants: ["on"] }] }),
      flagOf("b", { prerequisites: [{ flag: "a", variants: ["on"] }] }),
      flagOf("c"),
    ];
    const compiled = compileFlags(pair, [], "production");
    expect(compiled.evaluate("a", {}, NOW)).toMatchObject({ errorCode: "PARSE_ERROR" });
    expect(compiled.evaluate("c", {}, NOW)).toMatchObject({ reason: "STATIC" });
  });
  it("is refused in time however segments multiply", () => {
    const segments = Array.from(
      { length: 9 },
      (_, i): Segment => ({
        key: `s${i}`,
        description: "",
        when: {
          kind: "any",
          of: Array.from({ length: 50 }, () => (i === 8 ? is("a", "b") : { kind: "segment", segment: `s${i + 1}` })),
        },
      }),
    );
    expect(wrong({ rules: [ruleOf("r", { kind: "segment", segment: "s0" })] }, {}, segments)).not.toEqual([]);
  });
});
