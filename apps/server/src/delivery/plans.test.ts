import { measuredTraffic, scaledTo } from "@latchkey/core/analysis/planning/measured";
import { planCanary } from "@latchkey/core/analysis/planning/plan";
import { defaultPolicy } from "@latchkey/core/analysis/policy";
import { beforeEach, describe, expect, it } from "vitest";
import { type PlanAsked, PlansController } from "./plans.controller.ts";

const input: PlanAsked = {
  // So few that the simulation is quick.
  traffic: scaledTo(measuredTraffic([], null), 5),
  strategy: {
    kind: "canary",
    steps: [{ trafficPercent: 50, bakeMs: 0, minimumRequests: 0 }],
    maximumMs: 60_000,
    onInconclusive: "hold",
    holdbackPercent: 5,
    holdbackMs: 0,
  },
  policy: defaultPolicy,
  syntheticPerSecond: 0,
  runs: 20,
  played: [],
  seed: 1,
};

/** A clock on which each look takes a millisecond: it moves on whenever somebody reads it. */
let nowMs = 0;
let waiting: (() => void)[] = [];
let reads = 0;
const options = {
  now: () => {
    reads += 1;
    nowMs += 1;
    return nowMs;
  },
  yieldTo: (next: () => void) => {
    waiting.push(next);
  },
};
const turn = () => {
  const [next, ...rest] = waiting;
  waiting = rest;
  next?.();
};
let plans: PlansController;
beforeEach(() => {
  [nowMs, reads, waiting] = [0, 0, []];
  plans = new PlansController(options);
});

describe("plans that are worked out", () => {
  it("give way after a few looks each time, and come to what they come to in one go", () => {
    expect(plans.begin("a", input)).toMatchObject({ done: 0, plan: null });
    let turns = 0;
    let seen = plans.standing("a");
    for (; seen !== null && seen.plan === null; turns++) {
      reads = 0;
      turn();
      // A slice is 3 ms of this clock, and what is looked up before it.
      expect(reads).toBeLessThanOrEqual(10);
      const now = plans.standing("a");
      expect(now?.done).toBeGreaterThanOrEqual(seen.done);
      seen = now;
    }
    expect(turns).toBeGreaterThan(100);
    expect(seen?.done).toBe(seen?.of);
    const work = planCanary(input, () => {});
    let step = work.next();
    while (!step.done) step = work.next();
    expect(seen?.plan).toEqual(step.value);
  });
  it("are dropped when nobody asks any more, and nothing goes on then", () => {
    plans.begin("a", input);
    turn();
    nowMs += 14_000;
    turn();
    expect(plans.standing("a")).not.toBeNull();
    nowMs += 16_000;
    turn();
    expect(waiting).toEqual([]);
    expect(plans.standing("a")).toBeNull();
    expect(plans.begin("a", input).done).toBe(0);
    expect(waiting).toHaveLength(1);
  });
  it("are one for all who ask the same, and no more than four at once", () => {
    for (const key of ["a", "b", "c", "d", "a"]) plans.begin(key, input);
    expect(waiting).toHaveLength(1);
    expect(() => plans.begin("e", input)).toThrow("4 plans are worked out already.");
  });
  it("end with the server", () => {
    plans.begin("a", input);
    plans.stop();
    turn();
    expect(waiting).toEqual([]);
  });
});
