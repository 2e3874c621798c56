import { GrowthBookClient } from "@growthbook/growthbook";
import { compileFlags } from "@latchkey/core/flags/compile";
import { flagdFlag } from "@latchkey/core/flags/flagd-write";
import type { Condition, Flag, FlagRules, Operator } from "@latchkey/core/flags/model";
import { FlagdCore } from "@openfeature/flagd-core";
import unleashModule from "unleash-client/lib/client.js";
import { defaultStrategies } from "unleash-client/lib/strategy/index.js";
import { type Bench, type Figure, figure, median } from "../figure.ts";

/**
 * The evaluators of this machine, asked for the same two flags by the same users in one run. CPU time: other work is left out.
 * Each goes through the users in a loop of its own, written out: an engine would pay for several behind one call.
 */
interface Evaluator {
  isOn(key: string, user: User): boolean;
  /** How many got the flag of so many who asked. */
  run(key: string, times: number): number;
}
interface User {
  readonly targetingKey: string;
  readonly id: string;
  readonly userId: string;
  readonly email: string;
  readonly country: string;
  readonly plan: string;
  readonly version: string;
  readonly [attribute: string]: string;
}

/** A module of CommonJS, which a bundler hands over unwrapped and Node does not. */
const UnleashClient = (unleashModule as unknown as { default?: typeof unleashModule }).default ?? unleashModule;

const USERS = 1_024;
const COUNTRIES = ["CH", "DE", "FR", "US", "BR", "JP", "IN", "SE"] as const;
const users: readonly User[] = Array.from({ length: USERS }, (_, i) => {
  const id = `01890a5d-ac96-774b-bcce-${String(i * 7919).padStart(12, "0")}`;
  return {
    targetingKey: id,
    id,
    userId: id,
    email: `user${i}@${i % 50 === 0 ? "example.org" : "example.com"}`,
    country: COUNTRIES[i % COUNTRIES.length] ?? "CH",
    plan: i % 5 === 0 ? "pro" : "free",
    version: `${1 + (i % 3)}.${i % 10}.${i % 7}`,
  };
});

const attribute = (name: string, operator: Operator, ...values: string[]): Condition => ({
  kind: "attribute",
  attribute: name,
  operator,
  values,
});
const both = (...of: Condition[]): Condition => ({ kind: "all", of });
const ON = { kind: "variant", variant: "on" } as const;

function flagOf(key: string, rules: Partial<FlagRules>): Flag {
  const production: FlagRules = { isEnabled: true, off: "off", prerequisites: [], rules: [], otherwise: ON, ...rules };
  return {
    key,
    type: "boolean",
    description: "",
    purpose: "release",
    owner: "bench",
    tags: [],
    isArchived: false,
    isPublic: false,
    variants: { on: true, off: false },
    salt: key,
    hashVersion: "flagd-2",
    environments: { production },
  };
}
const STATIC = "static";
const TARGETED = "three-rules";
const flags: readonly Flag[] = [
  flagOf(STATIC, {}),
  flagOf(TARGETED, {
    rules: [
      { id: "ours", when: attribute("email", "ends_with", "@example.org"), serve: ON },
      { id: "pro", when: both(attribute("country", "in", "CH", "DE"), attribute("plan", "equals", "pro")), serve: ON },
      {
        id: "new",
        when: both(attribute("version", "semver_greater_or_equal", "3.5.0"), attribute("country", "equals", "US")),
        serve: ON,
      },
    ],
    otherwise: { kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent: 30 },
  }),
];

const SOURCE = { flags, segments: [], environment: "production" };

function ours(): Evaluator {
  const compiled = compileFlags(SOURCE);
  const now = Date.now();
  return {
    isOn: (key, user) => compiled.evaluate(key, user, now).value === true,
    run: (key, times) => {
      let on = 0;
      for (let i = 0; i < times; i++)
        if (compiled.evaluate(key, users[i & (USERS - 1)] as User, now).value === true) on++;
      return on;
    },
  };
}

function flagd(): Evaluator {
  const core = new FlagdCore(undefined, { debug() {}, info() {}, warn() {}, error() {} });
  const written = flags.map((flag) => {
    const result = flagdFlag(flag, SOURCE);
    if (!result.ok) throw new Error(result.error.message);
    // As somebody who writes for flagd by hand would: without our guards against what these users do not have.
    return [flag.key, flag.key === TARGETED ? { ...result.value, targeting: BY_HAND } : result.value] as const;
  });
  core.setConfigurations(JSON.stringify({ flags: Object.fromEntries(written) }));
  return {
    isOn: (key, user) => core.resolveBooleanEvaluation(key, false, user).value,
    run: (key, times) => {
      let on = 0;
      for (let i = 0; i < times; i++)
        if (core.resolveBooleanEvaluation(key, false, users[i & (USERS - 1)] as User).value) on++;
      return on;
    },
  };
}
const variable = (name: string) => ({ var: name });
const BY_HAND = {
  if: [
    { ends_with: [variable("email"), "@example.org"] },
    "on",
    { and: [{ in: [variable("country"), ["CH", "DE"]] }, { "===": [variable("plan"), "pro"] }] },
    "on",
    { and: [{ sem_ver: [variable("version"), ">=", "3.5.0"] }, { "===": [variable("country"), "US"] }] },
    "on",
    { fractional: [{ cat: [TARGETED, variable("targetingKey")] }, ["on", 30], ["off", 70]] },
  ],
};

function unleash(): Evaluator {
  const constraint = (contextName: string, operator: string, o: { values?: string[]; value?: string }) => ({
    contextName,
    operator,
    inverted: false,
    values: [],
    ...o,
  });
  const rollout = (percent: number, ...constraints: unknown[]) => ({
    name: "flexibleRollout",
    parameters: { rollout: String(percent), stickiness: "userId", groupId: TARGETED },
    constraints,
  });
  const features = new Map<string, unknown>([
    [STATIC, { name: STATIC, enabled: true, strategies: [{ name: "default", parameters: {}, constraints: [] }] }],
    [
      TARGETED,
      {
        name: TARGETED,
        enabled: true,
        strategies: [
          rollout(100, constraint("email", "STR_ENDS_WITH", { values: ["@example.org"] })),
          rollout(
            100,
            constraint("country", "IN", { values: ["CH", "DE"] }),
            constraint("plan", "IN", { values: ["pro"] }),
          ),
          rollout(
            100,
            constraint("version", "SEMVER_GTE", { value: "3.5.0" }),
            constraint("country", "IN", { values: ["US"] }),
          ),
          rollout(30),
        ],
      },
    ],
  ]);
  const repository = { getToggle: (name: string) => features.get(name), getSegment: () => undefined };
  const client = new UnleashClient(repository as never, defaultStrategies);
  const no = () => false;
  return {
    isOn: (key, user) => client.isEnabled(key, user as never, no),
    run: (key, times) => {
      let on = 0;
      for (let i = 0; i < times; i++) if (client.isEnabled(key, users[i & (USERS - 1)] as never, no)) on++;
      return on;
    },
  };
}

function growthbook(): Evaluator {
  const features = {
    [STATIC]: { defaultValue: true },
    [TARGETED]: {
      defaultValue: false,
      rules: [
        { condition: { email: { $regex: "@example\\.org$" } }, force: true },
        { condition: { country: { $in: ["CH", "DE"] }, plan: "pro" }, force: true },
        { condition: { version: { $vgte: "3.5.0" }, country: "US" }, force: true },
        { coverage: 0.3, hashAttribute: "id", hashVersion: 2, seed: TARGETED, force: true },
      ],
    },
  };
  const client = new GrowthBookClient().initSync({ payload: { features } });
  return {
    isOn: (key, user) => client.isOn(key, { attributes: user }),
    run: (key, times) => {
      let on = 0;
      for (let i = 0; i < times; i++) if (client.isOn(key, { attributes: users[i & (USERS - 1)] as User })) on++;
      return on;
    },
  };
}

/** Nanoseconds of CPU for each evaluation. */
function nanoseconds(evaluator: Evaluator, key: string, times: number): number {
  const before = process.cpuUsage();
  const on = evaluator.run(key, times);
  const { user, system } = process.cpuUsage(before);
  // The answers are used, so that no engine leaves the work away.
  if (on === 0) throw new Error(`Nobody was given the flag "${key}".`);
  return ((user + system) * 1_000) / times;
}

/** Between these shares of users everybody must end up: the evaluators are asked the same. */
const SHARE = { least: 0.33, most: 0.46 } as const;

export async function measureEvaluation(bench: Bench): Promise<Figure[]> {
  const peers = { "flagd-core": flagd(), "unleash-client": unleash(), GrowthBook: growthbook() } as const;
  const all = Object.entries({ latchkey: ours(), ...peers });
  for (const [name, evaluator] of all) {
    const share = users.filter((user) => evaluator.isOn(TARGETED, user)).length / USERS;
    if (!(share > SHARE.least && share < SHARE.most))
      throw new Error(`${name} gives the flag to ${share} of the users.`);
  }
  const times = bench.quick ? 20_000 : 300_000;
  const measured = (key: string): Map<string, number> => {
    const rounds = Array.from({ length: bench.quick ? 3 : 7 }, () =>
      all.map(([, evaluator]) => nanoseconds(evaluator, key, times)),
    );
    // The first round warms up.
    return new Map(all.map(([name], i) => [name, median(rounds.slice(1).map((round) => round[i] ?? Number.NaN))]));
  };
  const figures: Figure[] = [];
  for (const [key, below] of [
    [STATIC, 15],
    [TARGETED, 250],
  ] as const) {
    bench.say(`${key}: ${all.length} evaluators`);
    const found = measured(key);
    const own = found.get("latchkey") ?? Number.NaN;
    figures.push(figure(`${key}: an evaluation`, own, "ns", { below }));
    for (const [name, least] of [
      ["flagd-core", 5],
      ["unleash-client", 6],
      ["GrowthBook", 15],
    ] as const)
      figures.push(
        figure(`${key}: faster than ${name}`, (found.get(name) ?? Number.NaN) / own, "times", { atLeast: least }),
      );
  }
  return figures;
}
