import { describe, expect, it } from "vitest";
import { armBuckets, armOf, BUCKETS, bucketOf } from "./buckets.ts";
import { type ArmCounts, DEFAULT_PLAN, decideRamp, evidenceOf, type RampStanding } from "./experiment.ts";
import { goalEffect } from "./experiment-goals.ts";
import { liveRollouts } from "./experiment-rules.ts";
import type { Flag, Goal } from "./model.ts";

const arm = (exposed: number, hit: Record<string, number> = {}): ArmCounts => ({
  exposed,
  metrics: Object.fromEntries(
    Object.entries(hit).map(([metric, n]) => [metric, { users: n, total: n, squares: n, hit: n, events: n }]),
  ),
});
const steps = [1, 5, 10, 25, 50].map((percent) => ({ percent, holdMs: 60_000 }));
const standing: RampStanding = {
  ...{ percent: 5, state: "running", sinceMs: 120_000, ramp: { kind: "steps", steps } },
  newlyExposed: { treated: 400, control: 400 },
};
const decide = (treated: ArmCounts, control: ArmCounts, more: Partial<RampStanding> = {}) =>
  decideRamp(DEFAULT_PLAN, evidenceOf(DEFAULT_PLAN, { treated, control }), { ...standing, ...more });
const well = [arm(400, { errors: 2 }), arm(400, { errors: 3 })] as const;

describe("arms", () => {
  it("are equally large at every percentage, and mirrors of each other", () => {
    for (const percent of [0, 0.001, 1, 12.345, 50, 75, 99.999, 100]) {
      let [treated, control] = [0, 0];
      for (let b = 0; b < BUCKETS; b++) {
        const at = armOf(b, percent);
        if (at === "treated") treated++;
        if (at === "control") control++;
        if (at === "treated" && armOf(BUCKETS - 1 - b, percent) !== "control") throw new Error(`${b} has no mirror`);
      }
      expect([treated, control]).toEqual([armBuckets(percent), armBuckets(percent)]);
    }
  });
  it("are left by none of 100,000 users for the other while a rollout grows from 1 to 50 %", () => {
    const bucket = bucketOf("targetingKey", "new-lead-form", "flagd-2");
    let crossed = 0;
    for (let i = 0; i < 100_000; i++) {
      const at = bucket({ targetingKey: `u-${i}` }) ?? -1;
      const arms = new Set([1, 5, 10, 25, 50].map((percent) => armOf(at, percent)));
      if (arms.has("treated") && arms.has("control")) crossed++;
    }
    expect(crossed).toBe(0);
  });
});

describe("a rollout by steps", () => {
  it("goes on when it stood long enough, with users enough, and nothing speaks of harm", () => {
    expect(decide(...well)).toMatchObject({ kind: "step", percent: 10, isLast: false });
    expect(decide(...well, { percent: 25 })).toMatchObject({ kind: "step", percent: 50, isLast: true });
    expect(decide(...well, { percent: 50 })).toMatchObject({ kind: "keep" });
    expect(decide(...well, { sinceMs: 59_000 })).toMatchObject({ kind: "keep", words: /1 min/ as never });
  });
  it("waits for users, and where a guardrail is near harm", () => {
    expect(decide(...well, { newlyExposed: { treated: 400, control: 99 } })).toMatchObject({ kind: "keep" });
    expect(decide(arm(400, { errors: 7 }), arm(400, { errors: 0 }))).toMatchObject({ kind: "keep" });
  });
  it("takes its first step at once, and none while a person holds it", () => {
    const nobody = [arm(0), arm(0)] as const;
    expect(decide(...nobody, { percent: 0, sinceMs: 0, newlyExposed: { treated: 0, control: 0 } })).toMatchObject({
      ...{ kind: "step", percent: 1 },
    });
    expect(decide(...well, { state: "held" })).toMatchObject({ kind: "keep" });
  });
  it("is killed by harm, whether it goes by steps or time, is held or done", () => {
    const harm = [arm(400, { errors: 30 }), arm(400, { errors: 3 })] as const;
    for (const more of [{}, { state: "held" }, { state: "done" }, { ramp: undefined }] as const)
      expect(decide(...harm, more)).toMatchObject({ kind: "kill", metric: "errors" });
    expect(decide(...harm, { state: "killed" })).toMatchObject({ kind: "keep" });
    // Fewer errors than the control is no harm.
    expect(decide(harm[1], harm[0])).toMatchObject({ kind: "step" });
  });
  it("is held where the arms are not filled alike: harm and health are then not to be told apart", () => {
    expect(decide(arm(400, { errors: 30 }), arm(200))).toMatchObject({ kind: "hold" });
  });
});

describe("a goal", () => {
  const goal: Goal = { metric: "signup", kind: "conversion", better: "more", minEffectPercent: 10 };
  it("is told as percent with its interval, and what to do", () => {
    const more = goalEffect(
      goal,
      { treated: arm(20_000, { signup: 2_600 }), control: arm(20_000, { signup: 2_000 }) },
      1_000,
    );
    expect(more).toMatchObject({ advice: "ship", treated: 0.13, control: 0.1 });
    expect(more.percent).toBeCloseTo(30, 5);
    const less = goalEffect(
      goal,
      { treated: arm(20_000, { signup: 2_000 }), control: arm(20_000, { signup: 2_600 }) },
      1_000,
    );
    expect(less.advice).toBe("stop");
    expect(
      goalEffect(
        { ...goal, better: "less" },
        { treated: arm(20_000, { signup: 2_000 }), control: arm(20_000, { signup: 2_600 }) },
        1_000,
      ).advice,
    ).toBe("ship");
    const same = goalEffect(
      goal,
      { treated: arm(1e6, { signup: 100_000 }), control: arm(1e6, { signup: 100_000 }) },
      1_000,
    );
    expect(same.advice).toBe("no_difference");
  });
  it("says how long it takes with the traffic there is", () => {
    const arms = { treated: arm(1_000, { signup: 100 }), control: arm(1_000, { signup: 100 }) };
    const slow = goalEffect(goal, arms, 1_000);
    const fast = goalEffect(goal, arms, 10_000);
    expect(slow.advice).toBe("keep_going");
    expect((slow.daysLeft ?? 0) / (fast.daysLeft ?? 1)).toBeCloseTo(10, 5);
    expect(goalEffect(goal, arms, 0).daysLeft).toBeNull();
    expect(goalEffect(goal, { treated: arm(0), control: arm(0) }, 0)).toMatchObject({ percent: null, interval: null });
  });
  it("of a mean counts who has none as 0", () => {
    const of = (users: number, each: number): ArmCounts => ({
      exposed: 10_000,
      metrics: { spent: { users, total: users * each, squares: users * each * each, hit: users, events: users } },
    });
    const spent: Goal = { metric: "spent", kind: "mean", better: "more", minEffectPercent: 5 };
    const found = goalEffect(spent, { treated: of(3_000, 12), control: of(3_000, 10) }, 1_000);
    expect([found.treated, found.control]).toEqual([3.6, 3]);
    expect(found.percent).toBeCloseTo(20, 6);
    expect(found.advice).toBe("ship");
  });
});

describe("a ramp by the clock", () => {
  it("compares the users that it adds from the next ten minutes on, in both arms alike", () => {
    const from = 1_764_763_200_000;
    const iso = (ms: number) => new Date(ms).toISOString();
    const flag: Flag = {
      ...{ key: "clock", type: "boolean", description: "", purpose: "release", owner: "", tags: [], isArchived: false },
      ...{ isPublic: false, variants: { on: true, off: false }, salt: "clock", hashVersion: "flagd-2" },
      environments: {
        production: {
          ...{ isEnabled: true, off: "off", prerequisites: [], rules: [] },
          otherwise: {
            ...{ kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent: 0 },
            ramp: { kind: "time", from: iso(from), until: iso(from + 100 * 60_000), toPercent: 100 },
          },
        },
      },
    };
    const [live] = liveRollouts(flag, "production", []);
    const armsAt = (minutes: number) => {
      const found = { treated: 0, control: 0 };
      for (let i = 0; i < 20_000; i++) {
        const standing = live?.standingOf(`u-${i}`, from + minutes * 60_000);
        if (standing) found[standing.arm] += 1;
      }
      return found;
    };
    const [ten, nineteen, twenty] = [armsAt(10), armsAt(19), armsAt(20)];
    expect(nineteen).toEqual(ten);
    for (const [found, share] of [
      [ten, 0.1],
      [twenty, 0.2],
      [armsAt(55), 0.45],
      [armsAt(90), 0.1],
    ] as const)
      for (const n of [found.treated, found.control]) expect(Math.abs(n / 20_000 - share)).toBeLessThan(0.01);
    expect(armsAt(100)).toEqual({ treated: 0, control: 0 });
  });
});
