import { FlagdCore } from "@openfeature/flagd-core";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compileFlags } from "./compile.ts";
import { readFlagd } from "./flagd-read.ts";
import { flagdFlag } from "./flagd-write.ts";
import type { Flag, FlagRules } from "./model.ts";
import { flagProblems } from "./validate.ts";

const environment = "production";
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const NOW = Date.UTC(2026, 10, 27, 12);
const flagOf = ({ key, flag }: ReturnType<typeof readFlagd>["flags"][number]): Flag => ({
  ...flag,
  key,
  isArchived: false,
});

const names = ["plan", "age", "user.name", "version", "tags", "targetingKey", "$flagd.flagKey", "$flagd.timestamp"];
const value = fc.oneof(
  fc.constantFrom("", "a", "ab", "pro", "5", "0", "1.2.3", "v1.2", "2.0.0-rc.1", "me@example.com"),
  fc.constantFrom(0, 1, 2.5, -3, 100),
  fc.boolean(),
  fc.constant(null),
);
const variable = fc.oneof(
  fc.constantFrom(...names).map((name): unknown => ({ var: name })),
  fc.tuple(fc.constantFrom(...names), value).map(([name, other]): unknown => ({ var: [name, other] })),
);
const pair = (tie: fc.Arbitrary<unknown>, ...operators: string[]) =>
  fc.tuple(fc.constantFrom(...operators), tie, tie).map(([operator, a, b]): unknown => ({ [operator]: [a, b] }));
const many = (tie: fc.Arbitrary<unknown>, minLength: number, ...operators: string[]) =>
  fc
    .tuple(fc.constantFrom(...operators), fc.array(tie, { minLength, maxLength: 4 }))
    .map(([operator, all]): unknown => ({ [operator]: all }));
const member = fc.oneof(
  fc.constantFrom({ "===": [{ var: "" }, "a"] }, { in: [{ var: "" }, ["a", "pro", 5]] }, { "!": [{ var: "" }] }),
  fc.constantFrom({ var: "" }, true, { cat: [{ var: "" }, "!"] }),
);
const list = fc.constantFrom({ var: "tags" }, { merge: [{ var: "tags" }, "a"] });
/**
 * A term of constants alone. flagd-core works these out beforehand and writes the result down as JSON: a list becomes the
 * operator's arguments, and -3 / 0 becomes null. Ours is worked out as any other; nobody has such a term in a rule.
 */
const isConstant = (one: unknown): boolean =>
  typeof one === "object" && one !== null && !/"(var|missing|fractional)":/.test(JSON.stringify(one));
const { logic } = fc.letrec<{ logic: unknown }>((tie) => ({
  logic: fc
    .oneof(
      { depthSize: "medium", withCrossShrink: true },
      { weight: 2, arbitrary: value },
      { weight: 3, arbitrary: variable },
      { weight: 4, arbitrary: pair(fc.oneof(value, variable), "==", "!=", "<", "<=", ">", ">=") },
      { weight: 2, arbitrary: pair(tie("logic"), "===", "!==", "starts_with", "ends_with") },
      fc.tuple(tie("logic"), fc.oneof(value, variable, list)).map(([one, of]) => ({ in: [one, of] })),
      pair(fc.oneof(value, variable), "%", "/", "-"),
      many(tie("logic"), 1, "and", "or", "merge"),
      many(fc.oneof(value, variable), 1, "+", "*"),
      many(fc.oneof(fc.constantFrom("", "a"), variable), 1, "cat"),
      many(tie("logic"), 3, "if", "substr", "==="),
      tie("logic").map((one) => ({ "!": [one] })),
      tie("logic").map((one) => ({ "!!": one })),
      fc
        .tuple(
          tie("logic"),
          fc.constantFrom("=", "!=", "<", ">=", "^", "~", "=="),
          fc.constantFrom("1.2.3", "1.2", "x"),
        )
        .map(([one, operator, other]) => ({ sem_ver: [one, operator, other] })),
      fc
        .tuple(fc.constantFrom("some", "all", "none", "filter", "map"), list, member)
        .map(([operator, of, one]) => ({ [operator]: [of, one] })),
      fc
        .tuple(fc.option(variable), fc.integer({ min: -2, max: 9 }), fc.integer({ min: 0, max: 9 }))
        .map(([by, a, b]) => ({ fractional: [...(by ? [{ cat: ["s", by] }] : []), ["on", a], ["off", b]] })),
      fc.subarray(names, { minLength: 1 }).map((of) => ({ missing: of })),
    )
    .filter((one) => !isConstant(one)),
}));
/** Logic that mostly ends in a variant. */
const targeting = fc
  .tuple(logic, logic)
  .map(([a, b]) => ({ if: [a, "on", { if: [b, "off", { if: [{ var: "plan" }, a, null] }] }] }));
const ascii = fc.string({ unit: "grapheme-ascii", maxLength: 12 });
const context = fc.record(
  {
    targetingKey: ascii,
    plan: value,
    age: value,
    version: fc.constantFrom("1.2.3", "1.2", "v2.0.0", "2.0.0-rc.1", "x", 1, 1.2),
    user: fc.oneof(fc.record({ name: ascii }), value),
    tags: fc.array(value, { maxLength: 3 }),
  },
  { requiredKeys: [] },
);

afterEach(() => void vi.useRealTimers());

describe("flagd logic", () => {
  it("gives everybody what flagd's own evaluator gives, and is written as it was read", () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(NOW);
    let variants = 0;
    fc.assert(
      fc.property(targeting, fc.array(context, { minLength: 8, maxLength: 8 }), (of, users) => {
        const one = { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off", targeting: of };
        const file = JSON.parse(JSON.stringify({ flags: { flag: one } }));
        const read = readFlagd(file, { environment });
        const [first] = read.flags;
        const core = new FlagdCore(undefined, SILENT);
        core.setConfigurations(JSON.stringify(file));
        if (!first) {
          expect(core.resolveBooleanEvaluation("flag", false, {}).errorCode).toBe("PARSE_ERROR");
          return;
        }
        const flag = flagOf(first);
        const source = { flags: [flag], segments: [], environment };
        expect(flagProblems(flag, source)).toEqual([]);
        const ours = compileFlags(source);
        for (const user of users) {
          const theirs = core.resolveBooleanEvaluation("flag", false, user as never);
          // Of constants that fail it tells beforehand, whether or not anybody comes to them.
          if (theirs.errorCode === "PARSE_ERROR") continue;
          const own = ours.evaluate("flag", user, NOW);
          expect(own.variant).toBe(theirs.variant ?? null);
          if (theirs.errorCode === undefined) expect(own.reason).toBe(theirs.reason);
          variants += own.variant === "on" ? 1 : 0;
        }
        expect(flagdFlag(flag, source)).toMatchObject({ ok: true, value: file.flags.flag });
      }),
      { numRuns: 1_000 },
    );
    expect(variants).toBeGreaterThan(500);
  });

  it("reads only what is the context's own", () => {
    const targeting = {
      if: [{ var: "constructor.name" }, "on", { if: [{ "===": [{ var: "__proto__" }, null] }, "off"] }],
    };
    const variants = { on: true, off: false };
    const read = readFlagd({ flags: { flag: { state: "ENABLED", variants, targeting } } }, { environment });
    const set = compileFlags({ flags: read.flags.map(flagOf), segments: [], environment });
    expect(set.evaluate("flag", {}, NOW)).toMatchObject({ variant: "off", reason: "TARGETING_MATCH" });
  });

  it("that nobody could follow is told of with its place", () => {
    const read = (of: unknown, more: object = {}) =>
      readFlagd({ flags: { f: { state: "ENABLED", variants: { on: true }, targeting: of, ...more } } }, { environment })
        .problems.map(({ path, message }) => `${path}: ${message}`)
        .join();
    expect(read({ if: [{ nope: [1] }, "on"] })).toMatch(
      /^flags\.f\.targeting\.if\.0\.nope: flagd has no operator "nope"/,
    );
    expect(read({ if: [{ $ref: "gone" }, "on"] })).toMatch(/\$ref: there is no evaluator "gone"/);
    expect(read({ and: true })).toMatch(/and: needs a list/);
    expect(read({}, { defaultVariant: "gone" })).toMatch(/defaultVariant: there is no variant "gone"/);
    expect(read({}, { variants: { on: true, off: "no" } })).toMatch(/variants: has values of boolean and of string/);
    expect(readFlagd({ flag: {} }, { environment }).problems).toMatchObject([{ flag: null, path: "flags" }]);
  });

  it("names evaluators that name others, in any order, but not themselves", () => {
    const file = (more: object) => ({
      $evaluators: { both: { and: [{ $ref: "pro" }, true] }, pro: { "==": [{ var: "plan" }, "pro"] }, ...more },
      flags: {
        f: { state: "ENABLED", variants: { on: true, off: false }, targeting: { if: [{ $ref: "both" }, "on", "off"] } },
      },
    });
    const set = compileFlags({
      flags: readFlagd(file({}), { environment }).flags.map(flagOf),
      segments: [],
      environment,
    });
    expect(set.evaluate("f", { plan: "pro" }, NOW).variant).toBe("on");
    expect(set.evaluate("f", { plan: "free" }, NOW).variant).toBe("off");
    expect(readFlagd(file({ pro: { $ref: "both" } }), { environment }).problems).toMatchObject([
      { flag: "f", message: 'the evaluator "both" names itself, over others' },
    ]);
  });

  it("among rules of our own is what flagd makes of it too", () => {
    const served = (variant: string) => ({ kind: "variant", variant }) as const;
    const production: FlagRules = {
      ...{ isEnabled: true, off: "off", prerequisites: [] },
      rules: [
        {
          id: "share",
          when: { kind: "share", by: "plan", percent: 40, salt: "s", hashVersion: "flagd-2" },
          serve: served("off"),
        },
      ],
      otherwise: { kind: "logic", logic: { if: [{ "==": [{ var: "age" }, 5] }, "off", null] }, variant: "on" },
    };
    const flag: Flag = {
      ...{ key: "f", type: "boolean", description: "", purpose: "release", owner: "", tags: [], isArchived: false },
      ...{ isPublic: false, variants: { on: true, off: false }, salt: "f", hashVersion: "flagd-2" },
      environments: { production },
    };
    const source = { flags: [flag], segments: [], environment };
    const written = flagdFlag(flag, source);
    if (!written.ok) throw new Error(written.error.message);
    const core = new FlagdCore(undefined, SILENT);
    core.setConfigurations(JSON.stringify({ flags: { f: written.value } }));
    const ours = compileFlags(source);
    const seen = new Set<string | null>();
    for (const plan of ["a", "b", "c", "d", "e", "f", "g", "", undefined])
      for (const age of [5, 6]) {
        const user = plan === undefined ? { age } : { age, plan };
        const { variant } = ours.evaluate("f", user, NOW);
        seen.add(variant);
        expect(core.resolveBooleanEvaluation("f", false, user).variant).toBe(variant);
      }
    expect(seen.size).toBe(2);
  });
});
