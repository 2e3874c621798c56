import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { poissonBand, wilson } from "./bands.ts";
import { clusteringOf } from "./dispersion.ts";
import { excessBounds } from "./effect.ts";
import { lnErrorsHarm, lnErrorsSafe } from "./errors.ts";
import { startGuards, stepGuards } from "./guards.ts";
import { lnAverage } from "./log-space.ts";
import { requestsForProof } from "./planning/needs.ts";
import { defaultPolicy } from "./policy.ts";
import type { ArmCounts, Look } from "./types.ts";

const NO_LATENCY = { latency: {}, pageViews: 0, pageErrors: 0 };
const arm = (requests: number, errors: number): ArmCounts => ({ requests, errors, ...NO_LATENCY });
const lookOf = (canaryShare: number, baseline: ArmCounts, canary: ArmCounts): Look => ({
  ...{ atMs: 2_000, canaryShare, baseline, canary, baselineProcess: null, canaryProcess: null, sourceUp: true },
});
/** ln of n! to the last digits of a double, by adding up. */
const lnFactorials = [0];
for (let n = 1; n <= 2_000; n++) lnFactorials.push((lnFactorials[n - 1] ?? 0) + Math.log(n));
const lnBinomial = (n: number, k: number, p: number): number =>
  (lnFactorials[n] ?? 0) -
  (lnFactorials[k] ?? 0) -
  (lnFactorials[n - k] ?? 0) +
  (k > 0 ? k * Math.log(p) : 0) +
  (n > k ? (n - k) * Math.log1p(-p) : 0);
const poisson = (k: number, mean: number): number => Math.exp(k * Math.log(mean) - mean - (lnFactorials[k] ?? 0));

describe("bands for people", () => {
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])(
    "Wilson's of %i in %i are those of Newcombe (Statistics in Medicine 1998, table I, method 3)",
    (k, n, low, high) => {
      expect(wilson(k, n).low).toBeCloseTo(low, 4);
      expect(wilson(k, n).high).toBeCloseTo(high, 4);
    },
  );
  it("the Poisson rate's hold the mean with 93 % or more, by the exact sum over all counts (none are tabled)", () => {
    for (const mean of [2, 5, 10, 30, 100]) {
      let held = 0;
      for (let k = 0; k <= 400; k++) {
        const { low, high } = poissonBand(k, 1);
        if ((low ?? 0) <= mean && mean <= (high ?? 0)) held += poisson(k, mean);
      }
      expect(held).toBeGreaterThan(0.93);
    }
  });
});

describe("the dispersion of two halves", () => {
  it("is McNemar's statistic, added up: 17.3559 for 150 and 86 (Agresti 1990, p. 350; R's mcnemar.test without correction)", () => {
    const minute = { errors: 236, halfErrors: 150, unitErrors: 236, halfUnitErrors: 150 };
    const found = clusteringOf(Array.from({ length: 10 }, () => minute));
    // Told higher by its standard error, sqrt(2 / minutes) of it.
    expect((found?.errors ?? 0) / (1 + Math.sqrt(2 / 10))).toBeCloseTo(17.3559, 3);
  });
  it("has mean m for errors in clusters of m that each fall on one half, by every way that they can fall", () => {
    for (const size of [1, 3, 4]) {
      const clusters = 8;
      let mean = 0;
      for (let heads = 0; heads <= clusters; heads++) {
        const [errors, halfErrors] = [clusters * size, heads * size];
        const minute = { errors, halfErrors, unitErrors: errors, halfUnitErrors: halfErrors };
        const found = clusteringOf(Array.from({ length: 50 }, () => minute));
        // Estimates below 1 are told as 1: what it is before, from the definition.
        const plain = (2 * halfErrors - errors) ** 2 / errors;
        expect(found?.errors).toBeCloseTo(Math.max(1, plain * 1.2), 9);
        mean += Math.exp(lnBinomial(clusters, heads, 0.5)) * plain;
      }
      expect(mean).toBeCloseTo(size, 9);
    }
  });
});

describe("the share test", () => {
  const ODDS = [0, 0.1, 0.5, 2, 10];
  it("is the average likelihood ratio of five odds against the share that was set, by binomial chances", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: 2, max: 90 }),
        (n, canary, w100) => {
          const [k, w] = [Math.min(n, canary), w100 / 100];
          const { state } = stepGuards(startGuards, lookOf(w, arm(n - k, 0), arm(k, 0)), defaultPolicy, 2_000);
          for (const [i, odds] of ODDS.entries()) {
            const q = (odds * w) / (odds * w + 1 - w);
            const exact = odds === 0 && k > 0 ? -1e9 : lnBinomial(n, k, q) - lnBinomial(n, k, w);
            if (exact > -1e8) expect(state.share[i]).toBeCloseTo(exact, 6);
            else expect(state.share[i]).toBeLessThan(-1e8);
          }
        },
      ),
    );
  });
  it("has mean 1 at the share that was set, by the sum over all counts (its odds are ours, and in no table)", () => {
    for (const w of [0.05, 0.3, 0.5]) {
      let mean = 0;
      for (let k = 0; k <= 60; k++) {
        const { state } = stepGuards(startGuards, lookOf(w, arm(60 - k, 0), arm(k, 0)), defaultPolicy, 2_000);
        const fifth = ODDS.map(() => 1 / ODDS.length);
        mean += Math.exp(lnBinomial(60, k, w) + lnAverage(state.share, fifth));
      }
      expect(mean).toBeCloseTo(1, 9);
    }
  });
  it("is the same for one look as for its parts", () => {
    const whole = stepGuards(startGuards, lookOf(0.2, arm(500, 0), arm(90, 0)), defaultPolicy, 2_000).state;
    let parts = startGuards;
    for (let i = 0; i < 10; i++)
      parts = stepGuards(parts, lookOf(0.2, arm(50, 0), arm(9, 0)), defaultPolicy, 200).state;
    for (const i of ODDS.keys()) expect(parts.share[i]).toBeCloseTo(whole.share[i] ?? 0, 6);
    expect([parts.canaryRequests, parts.total]).toEqual([whole.canaryRequests, whole.total]);
    expect(parts.expected).toBeCloseTo(whole.expected, 9);
  });
});

it("the bounds of the excess hold it with 95 % or more, by the exact chance of every outcome of 30 requests", () => {
  // Bounds of this sequence are in no table: they are what the judge's own tests exclude.
  const N = 30;
  for (const [w, pb, pc] of [
    [0.5, 0.1, 0.1],
    [0.2, 0.3, 0.1],
    [0.5, 0.05, 0.9],
    [0.8, 0.5, 0.5],
  ] as const) {
    let [missed, excluding] = [0, 0];
    for (let n = 0; n <= N; n++)
      for (let kc = 0; kc <= n; kc++)
        for (let kb = 0; kb <= N - n; kb++) {
          const chance = Math.exp(lnBinomial(N, n, w) + lnBinomial(n, kc, pc) + lnBinomial(N - n, kb, pb));
          // What hardly ever comes is taken for missed, unasked.
          if (chance < 1e-9) missed += chance;
          if (chance < 1e-9) continue;
          const tally = { share: w, baseline: N - n, baselineBad: kb, canary: n, canaryBad: kc };
          const bounds = excessBounds([tally]);
          if (bounds && (pc - pb < bounds.low - 1e-4 || pc - pb > bounds.high + 1e-4)) missed += chance;
          if (bounds && (bounds.low > -1 || bounds.high < 1)) excluding += chance;
        }
    expect(missed).toBeLessThanOrEqual(0.05);
    expect(excluding).toBeGreaterThan(0.5);
  }
});

describe("a metric's counts by the realised share", () => {
  it("have mean at most 1 for Poisson counts of equal rates, and 1 but for the floor, by the double sum over all of both", () => {
    for (const [nc, nb, rate] of [
      [20, 80, 0.1],
      [50, 50, 0.3],
      [5, 200, 0.05],
    ] as const) {
      const w = nc / (nc + nb);
      for (const psi of [2, 4, 10]) {
        let mean = 0;
        for (let kc = 0; kc <= 120; kc++)
          for (let kb = 0; kb <= 120; kb++)
            mean += poisson(kc, nc * rate) * poisson(kb, nb * rate) * Math.exp(lnErrorsHarm(psi, w, nc, kc, kb, 0));
        expect(mean).toBeCloseTo(1, 6);
      }
    }
  });
  it("have mean at most 1 for a ratio, at the margins of both tests, by the double sum of binomials", () => {
    for (const [nc, nb, p] of [
      [10, 40, 0.1],
      [30, 30, 0.4],
    ] as const) {
      const w = nc / (nc + nb);
      let [harm, safe] = [0, 0];
      for (let kc = 0; kc <= nc; kc++)
        for (let kb = 0; kb <= nb; kb++) {
          const b = lnBinomial(nb, kb, p);
          harm += Math.exp(lnBinomial(nc, kc, p + 0.01) + b + lnErrorsHarm(4, w, nc, kc, kb, 0.01));
          safe += Math.exp(lnBinomial(nc, kc, p + 0.05) + b + lnErrorsSafe(0.5, w, nc, kc, kb, 0.05));
        }
      expect(harm).toBeLessThanOrEqual(1 + 1e-9);
      expect(safe).toBeLessThanOrEqual(1 + 1e-9);
    }
  });
});

describe("what a proof needs", () => {
  it("is the first count that proves, asked one by one; never fewer than the rule of three's 3 / d (JAMA 1983)", () => {
    for (const [beta, d] of [
      [0.05, 0.005],
      [0.05, 0.05],
      [0.2, 0.02],
    ] as const) {
      const policy = { ...defaultPolicy, beta, safeErrorRatio: d, minimumCanaryRequests: 0 };
      const rs = [0.1, 0.3, 0.5, 0.7, 0.85];
      let n = 1;
      while (rs.reduce((sum, r) => sum + Math.exp(n * d * (1 - r)), 0) / rs.length < 1 / beta) n += 1;
      expect(requestsForProof(policy)).toBe(n);
      expect(n).toBeGreaterThanOrEqual(Math.log(1 / beta) / d);
      if (beta === 0.05) expect(n).toBeGreaterThanOrEqual(2.99 / d);
    }
  });
});
