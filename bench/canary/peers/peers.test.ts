import { normalBelow } from "@latchkey/core/analysis/planning/draws";
import { healthy, looksOf, type TrafficModel, trafficOf } from "@latchkey/core/analysis/planning/traffic";
import { startVariation } from "@latchkey/core/analysis/variation";
import { seeded } from "@latchkey/core/shared/random";
import { describe, expect, it } from "vitest";
import { flagger } from "./flagger.ts";
import { guideOnce, guidePeeking } from "./guide.ts";
import { isHigh, kayenta, shiftOf, zAtShift } from "./kayenta.ts";
import type { Peer } from "./peer.ts";
import { bandHalf, largestGap, lnGamma, lnMixture, published } from "./published.ts";
import { zOfProportions, zTest } from "./z-test.ts";

/** What a rule does with a model of traffic, and when. */
function play(peer: Peer, model: TrafficModel, seed = 1, canaryShare = 0.5) {
  const decide = peer.start(() => startVariation);
  for (const look of looksOf(trafficOf(model), { canaryShare }, seeded(seed))) {
    const action = decide(look);
    if (action) return { action, atMs: look.atMs };
  }
  return null;
}

describe("the guide's rule", () => {
  const failing = { ...healthy(100, 0), harm: { errorRatio: 0.05 } };
  it("waits for five minutes, and peeking does not", () => {
    expect(play(guideOnce, failing)).toEqual({ action: "roll_back", atMs: 300_000 });
    expect(play(guideOnce, healthy(100, 0))).toEqual({ action: "promote", atMs: 300_000 });
    expect(play(guidePeeking, failing)).toEqual({ action: "roll_back", atMs: 5_000 });
    expect(play(guidePeeking, healthy(100, 0))).toBeNull();
  });
});

describe("the Flagger-like rule", () => {
  it("rolls back at the check after the fifth bad one, and promotes after ten good ones", () => {
    expect(play(flagger, { ...healthy(100, 0), harm: { errorRatio: 0.5 } })).toEqual({
      action: "roll_back",
      atMs: 360_000,
    });
    expect(play(flagger, healthy(100, 0))).toEqual({ action: "promote", atMs: 600_000 });
    // No value is a bad check, too.
    expect(play(flagger, healthy(0))).toEqual({ action: "roll_back", atMs: 360_000 });
  });
  it("adds bad checks up, whatever comes between", () => {
    const decide = flagger.start(() => startVariation);
    const actions = Array.from({ length: 12 }, (_, i) => {
      const canary = {
        requests: 100,
        errors: i % 2 === 0 ? 50 : 0,
        latency: { 100: 100 },
        pageViews: 0,
        pageErrors: 0,
      };
      return decide({
        atMs: (i + 1) * 60_000,
        canaryShare: 0.5,
        baseline: canary,
        canary,
        baselineProcess: null,
        canaryProcess: null,
        sourceUp: true,
      });
    });
    expect(actions.indexOf("roll_back")).toBe(9);
  });
});

describe("the z-test", () => {
  it("is the root of Pearson's chi-square of the same table", () => {
    const [a, b, c, d] = [15, 85, 25, 75];
    const chiSquare = ((a * d - b * c) ** 2 * (a + b + c + d)) / ((a + b) * (c + d) * (a + c) * (b + d));
    expect(zOfProportions(25, 100, 15, 100)).toBeCloseTo(Math.sqrt(chiSquare), 12);
    expect(zOfProportions(15, 100, 25, 100)).toBeCloseTo(-Math.sqrt(chiSquare), 12);
    expect(zOfProportions(0, 200, 0, 210)).toBe(0);
  });
  it("blames a healthy release far more often than it says", () => {
    const blamed = Array.from({ length: 60 }, (_, i) => play(zTest, healthy(145, 0.01), 100 + i, 0.1)).filter(Boolean);
    expect(blamed.length).toBeGreaterThan(12);
  });
});

// R's own example, ?wilcox.test: airquality, Ozone in May and in August, with ties.
const MAY = [41, 36, 12, 18, 28, 23, 19, 8, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, 23, 45, 115, 37];
const AUGUST = [
  39, 9, 16, 78, 35, 66, 122, 89, 110, 44, 28, 65, 22, 59, 23, 31, 44, 21, 9, 45, 168, 73, 76, 118, 84, 85,
];
const up = (list: number[]) => [...list].sort((a, b) => a - b);

describe("the Kayenta-like judge", () => {
  it("has R's z: W = 127.5, p = 0.0001208", () => {
    expect(2 * normalBelow(zAtShift(up(MAY), up(AUGUST), 0))).toBeCloseTo(0.0001208, 7);
  });
  it("has R's interval of the shift: -53 to -15, about -32", () => {
    const { low, estimate, high } = shiftOf(MAY, AUGUST, 1.959964);
    expect(low).toBeCloseTo(-53, 2);
    expect(high).toBeCloseTo(-15, 2);
    expect(estimate).toBeCloseTo(-32, 2);
  });
  it("calls clearly higher points high, and equal or few points not", () => {
    const points = Array.from({ length: 60 }, (_, i) => 100 + ((i * 37) % 60));
    expect(
      isHigh(
        points.map((v) => v + 40),
        points,
      ),
    ).toBe(true);
    expect(
      isHigh(
        points.map((v) => v - 40),
        points,
      ),
    ).toBe(false);
    expect(isHigh(points, points)).toBe(false);
    expect(
      isHigh(
        points.slice(0, 40).map((v) => v + 40),
        points,
      ),
    ).toBe(false);
    expect(isHigh(Array(60).fill(0), Array(60).fill(0))).toBe(false);
  });
  it("judges every five minutes", () => {
    expect(play(kayenta, { ...healthy(10), harm: { latencyFactor: 2 } })).toEqual({
      action: "roll_back",
      atMs: 300_000,
    });
    expect(play(kayenta, healthy(10))).toBeNull();
  });
});

describe("the published tests", () => {
  it("knows the gamma function", () => {
    expect(lnGamma(1)).toBeCloseTo(0, 8);
    expect(lnGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 8);
    expect(lnGamma(11)).toBeCloseTo(Math.log(3_628_800), 7);
    expect(lnGamma(1001)).toBeCloseTo(5912.128178488163, 5);
  });
  it("is a martingale: the mean after the next error is what it was", () => {
    for (const w of [0.1, 0.5])
      for (const [kc, kb] of [
        [0, 0],
        [3, 7],
        [20, 4],
      ] as const) {
        const next = w * Math.exp(lnMixture(w, kc + 1, kb)) + (1 - w) * Math.exp(lnMixture(w, kc, kb + 1));
        expect(next / Math.exp(lnMixture(w, kc, kb))).toBeCloseTo(1, 6);
      }
    // All of n errors on one arm of two: 2^n / (n + 1).
    expect(lnMixture(0.5, 9, 0)).toBeCloseTo(Math.log(512 / 10), 7);
  });
  it("has a band within 2 % of the authors' own, whose constant is fitted to alpha", () => {
    // confseq's test: empirical_process_lil_bound(1000, 0.05, 100, 0.85) = 0.08204769.
    const ours = bandHalf(1000, 0.05, 100);
    expect(ours).toBeGreaterThan(0.08204769);
    expect(ours).toBeLessThan(0.08204769 * 1.02);
  });
  it("measures how far the canary's distribution lies behind", () => {
    expect(
      largestGap(
        new Map([[2, 4]]),
        4,
        new Map([
          [1, 3],
          [3, 1],
        ]),
        4,
      ),
    ).toBeCloseTo(0.75, 12);
    expect(largestGap(new Map([[1, 4]]), 4, new Map([[2, 4]]), 4)).toBe(0);
  });
  it("finds harm, and leaves the healthy alone", () => {
    expect(play(published, { ...healthy(145), harm: { errorRatio: 0.05 } }, 1, 0.1)?.action).toBe("roll_back");
    expect(play(published, { ...healthy(145), harm: { latencyFactor: 2 } }, 1, 0.1)?.action).toBe("roll_back");
    expect(play(published, healthy(145), 1, 0.1)).toBeNull();
  });
});
