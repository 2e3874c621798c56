import { FlagdCore } from "@openfeature/flagd-core";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compileFlags } from "./compile.ts";
import { flagdFlag } from "./flagd-write.ts";
import type { Flag } from "./model.ts";
import { context, flagOf, instant, rules, served, sourceOf, variant } from "./testing/arbitraries.ts";

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
