import { FlagdCore } from "@openfeature/flagd-core";
import { describe, expect, it } from "vitest";
import { compileFlags } from "./compile.ts";
import { readFlagd } from "./flagd-read.ts";
import type { EvaluationContext } from "./model.ts";

/**
 * Who moves from flagd keeps what they have: as many users as a team has, through the reader that `latchkey flags import
 * --from flagd` uses and the evaluator that answers from then on, beside flagd's own evaluator for JavaScript.
 */
const USERS = 20_000;
const environment = "production";
const NOW = Date.UTC(2026, 10, 27);
const v = (name: string) => ({ var: name });
const on = (variants: Record<string, unknown>, defaultVariant: string, targeting: unknown) => ({
  ...{ state: "ENABLED", variants, defaultVariant, targeting },
});
const COLOURS = { red: "#f00", green: "#0f0", blue: "#00f" };
const shares = [
  ["red", 50],
  ["green", 30],
  ["blue", 20],
];
const FILE = {
  flags: {
    // Without a first term flagd hashes the flag's key and the user's.
    "by-default": on(COLOURS, "red", { fractional: shares }),
    "by-email": on(COLOURS, "red", { fractional: [{ cat: [v("$flagd.flagKey"), v("email")] }, ...shares] }),
    "by-salt": on(COLOURS, "red", { fractional: [{ cat: ["spring-2026", v("targetingKey")] }, ["red"], ["blue"]] }),
    "one-percent": on({ on: true, off: false }, "off", {
      fractional: [
        ["on", 1],
        ["off", 99],
      ],
    }),
    "uneven-weights": on(COLOURS, "blue", {
      fractional: [
        ["red", 7],
        ["green", 11],
        ["blue", 982],
      ],
    }),
    "for-some-by-share": on(COLOURS, "green", {
      if: [
        { in: [v("country"), ["DE", "AT"]] },
        {
          fractional: [
            ["red", 1],
            ["blue", 1],
          ],
        },
        "green",
      ],
    }),
    "share-within-a-segment": on({ on: true, off: false }, "off", {
      if: [
        { $ref: "staff" },
        "on",
        {
          fractional: [
            ["on", 25],
            ["off", 75],
          ],
        },
      ],
    }),
  },
  $evaluators: { staff: { ends_with: [v("email"), "@example.org"] } },
};

/** Ids of the kinds that systems make, of ASCII; each user has another. */
const USER_IDS: readonly ((i: number) => string)[] = [
  (i) => `user-${i}`,
  (i) => String(i),
  (i) =>
    `${(Math.imul(i, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0")}-0000-4000-8000-${String(i).padStart(12, "0")}`,
  (i) => `a.b+${i}@example.com`,
  (i) => `auth0|${i.toString(36)} ~!`,
];
const userOf = (i: number): EvaluationContext => ({
  targetingKey: (USER_IDS[i % USER_IDS.length] as (i: number) => string)(i),
  email: `u${i}@example.${i % 20 === 0 ? "org" : "com"}`,
  country: ["DE", "AT", "FR", "US"][(i >>> 3) % 4] ?? "",
});

describe(`${USERS} users that move from flagd`, () => {
  const read = readFlagd(FILE, { environment, hashVersion: "flagd-2" });
  const flags = read.flags.map(({ key, flag }) => ({ ...flag, key, isArchived: false }));
  const set = compileFlags({ flags, segments: [], environment });
  const core = new FlagdCore(undefined, { debug() {}, info() {}, warn() {}, error() {} });
  core.setConfigurations(JSON.stringify(FILE));

  it("are taken over with every flag", () => {
    expect(read.problems.filter((problem) => problem.isRefused)).toEqual([]);
    expect([...set.keys].sort()).toEqual(Object.keys(FILE.flags).sort());
  });

  it.each(Object.entries(FILE.flags))("keep their variant of %s", (key, { variants, defaultVariant }) => {
    const crossed: unknown[] = [];
    const counts = new Map<string | null, number>();
    const isBoolean = typeof variants[defaultVariant] === "boolean";
    for (let i = 0; i < USERS; i++) {
      const user = userOf(i);
      const theirs = isBoolean
        ? core.resolveBooleanEvaluation(key, false, user as never)
        : core.resolveStringEvaluation(key, "", user as never);
      const ours = set.evaluate(key, user, NOW);
      counts.set(ours.variant, (counts.get(ours.variant) ?? 0) + 1);
      if (theirs.variant !== ours.variant || theirs.value !== ours.value) crossed.push({ user, theirs, ours });
    }
    expect(crossed).toEqual([]);
    // Had everybody one variant, nobody could have crossed.
    expect(counts.size).toBeGreaterThan(1);
  });
});
