import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Strategy } from "../../delivery/rollout.ts";
import { seeded } from "../../shared/random.ts";
import { defaultPolicy } from "../policy.ts";
import { measuredTraffic, scaledTo } from "./measured.ts";
import { marginFor, requestsForProof, supplyOf, timeOfRequests } from "./needs.ts";
import { type CanaryPlan, planCanary, runsOf } from "./plan.ts";
import { playRollout } from "./play.ts";
import { quantileOf } from "./search.ts";
import { suggest } from "./suggestion.ts";
import { healthy, trafficOf } from "./traffic.ts";

const strategy: Strategy = {
  kind: "canary",
  steps: [{ trafficPercent: 50, bakeMs: 30_000, minimumRequests: 50 }],
  maximumMs: 600_000,
  onInconclusive: "hold",
  holdbackPercent: 5,
  holdbackMs: 0,
};
const EVERY_2_S = { steps: 2_000, holdback: 2_000 };
function finish<T>(work: Generator<undefined, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
const planAt = (requestsPerHour: number, seed = 1): { plan: CanaryPlan; done: number } => {
  let done = 0;
  const traffic = scaledTo(measuredTraffic([], null), requestsPerHour);
  const plan = finish(
    planCanary({ traffic, strategy, policy: defaultPolicy, syntheticPerSecond: 0, runs: 20, seed }, (n) => {
      done += n;
    }),
  );
  return { plan, done };
};

describe("a plan", () => {
  let busy: ReturnType<typeof planAt>;
  let quiet: ReturnType<typeof planAt>;
  beforeAll(() => {
    busy = planAt(36_000);
    quiet = planAt(720);
  }, 240_000);

  it("counts its progress up to what it said", () => {
    expect([quiet.done, busy.done]).toEqual([runsOf(20), runsOf(20)]);
  });

  it("finds no greater harm at best where there is more traffic, beyond one size of noise", () => {
    for (const kind of ["errors", "slowdown"] as const) {
      const at = (plan: CanaryPlan) => {
        const { findings, smallest } = plan[kind];
        return smallest ? findings.findIndex((f) => f.size === smallest.size) : findings.length;
      };
      expect(at(busy.plan)).toBeLessThanOrEqual(at(quiet.plan));
      expect(busy.plan[kind].smallest).not.toBeNull();
    }
  });

  it("finds greater harm more often and sooner than lesser, and an outage always", () => {
    for (const { plan } of [busy, quiet]) {
      const outage = plan.errors.findings.at(-1);
      expect(outage).toMatchObject({ size: 1, chance: 1 });
      expect(outage?.canaryRequests).toBeLessThanOrEqual(20);
      const small = plan.errors.findings[0];
      expect(small?.chance).toBeLessThan(0.5);
      expect(plan.errors.smallest?.chance).toBeGreaterThanOrEqual(0.9);
      expect(plan.errors.smallest?.medianMs).toBeLessThanOrEqual(plan.errors.smallest?.p90Ms ?? 0);
    }
  });

  it("proves releases where there is traffic for it, and says that it can't where there is not", () => {
    expect(busy.plan.healthy.proved).toBeGreaterThan(15);
    expect(busy.plan.healthy.passMedianMs).toBeLessThan(600_000);
    expect(busy.plan.suggestion.provesInTime).toBe(true);
    expect(quiet.plan.healthy).toMatchObject({ proved: 0, passMedianMs: null, promotedUnproved: 0 });
    expect(quiet.plan.suggestion).toMatchObject({ provesInTime: false, strategy: { onInconclusive: "promote" } });
    expect(quiet.plan.suggestion.residual.chance).toBeLessThan(0.2);
    for (const { plan } of [busy, quiet]) expect(plan.healthy.falseRollbacks).toBeLessThanOrEqual(2);
  });

  it("says what each verdict needs and when that will have come", () => {
    const pass = quiet.plan.needs.at(-1);
    // 911 requests at 360 an hour.
    expect(pass).toEqual({
      verdict: "PASS",
      harm: null,
      canaryRequests: 911,
      atMs: expect.closeTo((911 / 360) * 3.6e6),
    });
    expect(quiet.plan.needs[0]).toMatchObject({ verdict: "FAIL", harm: { kind: "errors", size: 1 } });
  });
});

describe("a rollout that is played", () => {
  const alone = { synthetic: null };
  it("is proved by requests of our own where visitors are few, and counts visitors apart", () => {
    const stage = {
      traffic: trafficOf(healthy(0.2)),
      synthetic: trafficOf(healthy(6)),
      strategy,
      policy: defaultPolicy,
    };
    const played = finish(playRollout({ ...stage, lookMs: EVERY_2_S, fromMs: 0 }, seeded(2)));
    expect(played.proved).toBe(true);
    expect(played.canaryRequests).toBeGreaterThan(900);
    expect(played.visitorRequests).toBeLessThan(120);
  });
  it("comes again from the same seed, to the last bit, and another from another", () => {
    const harm = { errorRatio: 0.01 };
    const play = (seed: number) => {
      const traffic = trafficOf({ ...healthy(20), harm });
      return finish(
        playRollout({ ...alone, traffic, strategy, policy: defaultPolicy, lookMs: EVERY_2_S, fromMs: 0 }, seeded(seed)),
      );
    };
    expect(play(3)).toEqual(play(3));
    expect(play(3)).not.toEqual(play(4));
  });
  it.each(["hold", "promote", "roll_back"] as const)("comes to no verdict without traffic (%s)", (onInconclusive) => {
    const traffic = trafficOf(healthy(0));
    const stage = {
      ...alone,
      traffic,
      strategy: { ...strategy, onInconclusive },
      policy: defaultPolicy,
      lookMs: EVERY_2_S,
      fromMs: 0,
    };
    expect(finish(playRollout(stage, seeded(1)))).toEqual({
      foundMs: null,
      promotedMs: null,
      proved: false,
      requestsAtPromotion: 0,
      canaryRequests: 0,
      visitorRequests: 0,
    });
  });
  it("is promoted by the policy as soon as no guard holds, where visitors are few", () => {
    const stage = { ...alone, traffic: trafficOf(healthy(0.02)), policy: defaultPolicy, lookMs: EVERY_2_S, fromMs: 0 };
    const promoting: Strategy = { ...strategy, onInconclusive: "promote" };
    const played = [1, 2, 3, 4, 5, 6].map((seed) =>
      finish(playRollout({ ...stage, strategy: promoting }, seeded(seed))),
    );
    expect(played.filter((p) => p.promotedMs === null)).toEqual([]);
    expect(played.some((p) => p.proved)).toBe(false);
  });
  it("goes on in the holdback, and finds there what begins late", () => {
    const traffic = trafficOf({ ...healthy(145), harm: { fromMs: 300_000, errorRatio: 0.2 } });
    const held = { ...strategy, holdbackMs: 600_000 };
    const played = finish(
      playRollout(
        { ...alone, traffic, strategy: held, policy: defaultPolicy, lookMs: EVERY_2_S, fromMs: 0 },
        seeded(1),
      ),
    );
    expect(played.proved).toBe(true);
    expect(played.promotedMs).toBeLessThan(300_000);
    expect(played.foundMs).toBeGreaterThan(300_000);
    expect(played.foundMs).toBeLessThan(400_000);
  });
});

describe("what a proof needs", () => {
  it("is 911 requests without a failure with the defaults, and as much less as the margin is wider", () => {
    expect(requestsForProof(defaultPolicy)).toBe(911);
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.2, noNaN: true }), (safeErrorRatio) => {
        const policy = { ...defaultPolicy, safeErrorRatio, minimumCanaryRequests: 0 };
        const need = requestsForProof(policy);
        expect(Math.abs(need * safeErrorRatio - 911 * 0.005)).toBeLessThan(2 * safeErrorRatio + 0.01);
        expect(marginFor(need, policy)).toBeCloseTo(safeErrorRatio, 9);
      }),
    );
  });
  it("comes through the steps, each for its bake time and its requests", () => {
    const steps = [
      { trafficPercent: 10, bakeMs: 60_000, minimumRequests: 0 },
      { trafficPercent: 50, bakeMs: 0, minimumRequests: 0 },
    ];
    // 60 a minute: 6 in the first, then 30 a minute.
    expect(timeOfRequests(36, supplyOf(3_600, 0), { ...strategy, steps })).toBeCloseTo(120_000, 6);
    expect(timeOfRequests(1, supplyOf(0, 0), strategy)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("a suggestion", () => {
  it("takes the smallest share that proves a release in 20 minutes, up to a half", () => {
    const share = (perHour: number) =>
      suggest(supplyOf(perHour, 0), defaultPolicy, strategy).strategy.steps[0]?.trafficPercent;
    expect([100, 10_000, 20_000, 60_000, 1_000_000].map(share)).toEqual([50, 50, 25, 10, 5]);
    expect(suggest(supplyOf(10_000, 0), defaultPolicy, strategy).provesInTime).toBe(true);
  });
  it("says plainly that no strategy up to a day proves a release at 72 requests an hour, and what would", () => {
    const { words, ways, provesInTime, strategy: held } = suggest(supplyOf(72, 0), defaultPolicy, strategy);
    expect(provesInTime).toBe(false);
    expect(words[0]).toBe(
      "At 72 requests an hour a release can't be proved safe within 20 minutes: that needs at least 911 canary requests without a failure, and half of the traffic brings 12 in 20 minutes and 864 in a day, so that no strategy up to a day proves it.",
    );
    expect(held).toMatchObject({ onInconclusive: "promote", holdbackPercent: 20, holdbackMs: 86_400_000 });
    expect(ways.map((w) => w.words)).toEqual([
      "Synthetic journeys: with synthetic.requestsPerSecond 2.3 in the configuration, requests of Latchkey's own to both releases make up what is missing in 20 minutes. They prove what they walk through, and nothing else.",
      "A wider margin: with safeErrorRatio 0.380 instead of 0.005, 12 canary requests are enough. A release that fails 38.0 points more often may then pass, instead of 0.5.",
      "More time: at half of the traffic 911 canary requests have come after about 26 hours. A rollout lasts at most a day.",
    ]);
  });
  it("counts on synthetic journeys where they are enough, and keeps a day's holdback for what they don't walk through", () => {
    const { provesInTime, words, strategy: held } = suggest(supplyOf(72, 2.3), defaultPolicy, strategy);
    expect(provesInTime).toBe(true);
    expect(words[0]).toContain("most of them synthetic");
    expect(held).toMatchObject({ holdbackPercent: 20, holdbackMs: 86_400_000, onInconclusive: "hold" });
    expect(suggest(supplyOf(72, 1), defaultPolicy, strategy).provesInTime).toBe(false);
  });
  it("never promises anything without traffic", () => {
    const { words, ways } = suggest(supplyOf(0, 0), defaultPolicy, strategy);
    expect([...words, ...ways.map((w) => w.words)].join(" ")).not.toMatch(/NaN|Infinity/);
    expect(ways.map((w) => w.words).join(" ")).toContain("More time does not help");
  });
});

describe("measured traffic", () => {
  it("has the week's error ratio, median and spread; without any it stands in with a leads site's", () => {
    const latency = { "106": 500, "117": 400, "130": 100 };
    const hour = { hourMs: 0, requests: 1_000, errors: 20, latency };
    const { arm, requestsPerHour, measured } = measuredTraffic(
      [hour, { ...hour, requests: 0, errors: 0, latency: {} }],
      4,
    );
    expect(requestsPerHour).toEqual([1_000, 0]);
    expect(arm.errorRatio).toBeCloseTo(0.0205, 4);
    expect(arm.latencyMedianMs).toBeCloseTo(101, 0);
    expect(arm.latencySpread).toBeCloseTo((11 * Math.LN2) / 16 / 1.2816, 6);
    expect(measured).toBe(true);
    expect(measuredTraffic([], null)).toMatchObject({ requestsPerHour: [72], measured: false });
  });
  it("has quantiles in which what never came is last", () => {
    expect(quantileOf([3, 1, Number.POSITIVE_INFINITY, 2], 0.5)).toBe(2);
    expect(quantileOf([3, 1, Number.POSITIVE_INFINITY, 2], 0.9)).toBeNull();
    expect(quantileOf([], 0.5)).toBeNull();
  });
});
