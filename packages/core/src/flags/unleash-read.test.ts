import UnleashClient from "unleash-client/lib/client.js";
import { defaultStrategies } from "unleash-client/lib/strategy/index.js";
import { describe, expect, it } from "vitest";
import { compileFlags } from "./compile.ts";
import type { Flag } from "./model.ts";
import { readUnleash } from "./unleash-read.ts";
import { flagProblems } from "./validate.ts";

const environment = "production";
const constraint = (contextName: string, operator: string, more: object) => ({
  ...{ contextName, operator, inverted: false, values: [] as string[] },
  ...more,
});
const rollout = (percent: number, more: object = {}, constraints: object[] = []) => ({
  name: "flexibleRollout",
  parameters: { rollout: String(percent), stickiness: "userId", ...more },
  constraints,
});
const feature = (name: string, strategies: object[], more: object = {}) => ({
  ...{ name, type: "release", enabled: true, strategies, variants: [] as object[] },
  ...more,
});
const weights = (...all: [string, number, string?][]) =>
  all.map(([name, weight, value]) => ({
    ...{ name, weight, stickiness: "userId" },
    ...(value ? { payload: { type: "string", value } } : {}),
  }));

/** What a client of Unleash is given. */
const FILE = {
  version: 2,
  segments: [{ id: 1, constraints: [constraint("country", "IN", { values: ["CH", "DE"] })] }],
  features: [
    feature("plain", [{ name: "default", parameters: {}, constraints: [] }]),
    feature("none", []),
    feature("off", [{ name: "default", parameters: {}, constraints: [] }], { enabled: false }),
    feature("third", [rollout(33, { groupId: "third" })]),
    feature("camelCase", [rollout(50, { groupId: "shared-group" })]),
    feature("no-group", [rollout(20)]),
    feature("either", [
      rollout(10, { groupId: "either" }, [constraint("plan", "NOT_IN", { values: ["free"] })]),
      rollout(40, { groupId: "other" }, [
        constraint("email", "STR_ENDS_WITH", { values: ["@EXAMPLE.org"], caseInsensitive: true }),
      ]),
      rollout(5, { groupId: "either", stickiness: "sessionId" }),
    ]),
    feature("named", [{ name: "userWithId", parameters: { userIds: "u-1, u-2,u-3" }, constraints: [] }]),
    feature("old", [
      { name: "gradualRolloutUserId", parameters: { percentage: "25", groupId: "old" }, constraints: [] },
    ]),
    feature("of-segment", [{ ...rollout(60, { groupId: "of-segment" }), segments: [1] }]),
    feature("of-nobody", [{ ...rollout(100), segments: [9] }]),
    feature("numbers", [
      rollout(100, {}, [constraint("age", "NUM_GTE", { value: "40" }), constraint("age", "NUM_LT", { value: "60" })]),
      rollout(100, {}, [
        constraint("version", "SEMVER_GT", { value: "2.5.0" }),
        constraint("plan", "IN", { values: ["pro"], inverted: true }),
      ]),
    ]),
    feature("dated", [
      rollout(100, {}, [constraint("currentTime", "DATE_BEFORE", { value: "2020-01-01T00:00:00Z", inverted: true })]),
    ]),
    feature("tried", [rollout(70, { groupId: "tried" })], {
      variants: weights(["a", 333, "red"], ["b", 333, "blue"], ["c", 334]),
    }),
    feature("own-variants", [
      { ...rollout(80, { groupId: "own-variants" }), variants: weights(["x", 500], ["y", 500]) },
    ]),
    feature("overridden", [rollout(100)], {
      variants: weights(["a", 500], ["b", 500]).map((one, i) =>
        i === 1 ? { ...one, overrides: [{ contextName: "userId", values: ["u-5", "u-6"] }] } : one,
      ),
    }),
    feature("child", [rollout(100)], { dependencies: [{ feature: "third" }] }),
    feature("grandchild", [rollout(100)], { dependencies: [{ feature: "tried", variants: ["a", "c"] }] }),
    feature("unless", [rollout(100)], { dependencies: [{ feature: "third", enabled: false }] }),
  ],
};

describe("features of Unleash", () => {
  it("give each of 20,000 users what unleash-client gives them", () => {
    const read = readUnleash(FILE, { environment });
    expect(read.problems.filter((problem) => problem.isRefused)).toEqual([]);
    const flags: Flag[] = read.flags.map(({ key, flag }) => ({ ...flag, key, isArchived: false }));
    const source = { flags, segments: [], environment };
    for (const flag of flags)
      expect({ key: flag.key, problems: flagProblems(flag, source) }).toEqual({ key: flag.key, problems: [] });
    const set = compileFlags(source);
    const features = new Map(FILE.features.map((one) => [one.name, one]));
    const segments = new Map(FILE.segments.map((one) => [one.id, one]));
    const repository = {
      getToggle: (name: string) => features.get(name),
      getSegment: (id: number) => segments.get(id),
    };
    const client = new UnleashClient(repository as never, defaultStrategies);
    const now = Date.now();
    const seen = new Map<string, Set<string | null>>();
    for (let i = 0; i < 20_000; i++) {
      const user = {
        ...{
          userId: `u-${i}`,
          sessionId: `s-${i % 7_000}`,
          country: ["CH", "DE", "FR"][i % 3],
          plan: ["free", "pro"][i % 2],
        },
        ...{
          email: `u${i}@example.${i % 5 === 0 ? "org" : "com"}`,
          version: `${i % 4}.${i % 7}.0`,
          age: String(i % 90),
        },
      };
      const { userId, ...rest } = user;
      // OpenFeature knows numbers; so do our comparisons.
      const context = { ...rest, targetingKey: userId, age: i % 90 };
      for (const { name } of FILE.features) {
        const own = set.evaluate(name, context, now).variant;
        const isOn = client.isEnabled(name, user as never, () => false);
        const theirs =
          flags.find((one) => one.key === name)?.type === "boolean"
            ? isOn
              ? "on"
              : "off"
            : client.getVariant(name, user as never).name;
        if ((own ?? "disabled") !== theirs)
          throw new Error(`${name} for ${JSON.stringify(user)}: ${own}, not ${theirs}`);
        seen.set(name, (seen.get(name) ?? new Set()).add(own));
      }
    }
    // Nobody was asked for nothing.
    for (const name of ["third", "either", "numbers", "child", "unless"]) expect(seen.get(name)?.size).toBe(2);
    for (const name of ["tried", "own-variants"]) expect(seen.get(name)?.size).toBeGreaterThan(2);
  });

  it("are read from an export too, with a rollout that can go on", () => {
    const exported = {
      features: [{ name: "third", type: "kill-switch", description: "A third", archived: false }],
      featureEnvironments: [{ featureName: "third", environment: "default", enabled: true, variants: [] }],
      featureStrategies: [
        { ...rollout(33, { groupId: "third" }), featureName: "third", disabled: false, sortOrder: 1 },
      ],
      featureTags: [{ featureName: "third", tagType: "simple", tagValue: "checkout" }],
      segments: [],
    };
    const [first] = readUnleash(exported, { environment }).flags;
    expect(first).toMatchObject({
      key: "third",
      flag: {
        ...{
          purpose: "operational",
          description: "A third",
          tags: ["checkout"],
          salt: "third",
          hashVersion: "unleash",
        },
        environments: {
          production: {
            isEnabled: true,
            otherwise: { kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent: 33 },
          },
        },
      },
    });
  });

  it("that have no equal are left out, with place and fix", () => {
    const problem = (strategy: object, more: object = {}) => {
      const { problems, flags } = readUnleash({ features: [feature("f", [strategy], more)] }, { environment });
      expect(flags).toEqual([]);
      return problems
        .filter((one) => one.isRefused)
        .map(({ path, message }) => `${path}: ${message}`)
        .join();
    };
    expect(problem(rollout(50, { stickiness: "random" }))).toMatch(
      /^f\.strategies\.0\.parameters\.stickiness: .*choose an attribute/,
    );
    expect(problem({ name: "ours", parameters: {} })).toMatch(
      /strategies\.0\.name: there is no equal to the strategy ours/,
    );
    expect(problem(rollout(9, {}, [constraint("ip", "IN_CIDR", { values: ["10.0.0.0/8"] })]))).toMatch(
      /constraints\.0\.operator: .*IN_CIDR/,
    );
    expect(problem(rollout(9), { variants: weights(["a", 10]) })).toMatch(/weights make 10 together/);
    expect(problem(rollout(9), { dependencies: [{ feature: "gone" }] })).toMatch(
      /depends on gone, which is not in the file/,
    );
    expect(readUnleash({}, { environment }).problems).toMatchObject([{ flag: null, path: "features" }]);
  });
});
