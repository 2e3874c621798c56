import { describe, expect, it } from "vitest";
import { countOf, quantileMs } from "../../shared/histogram.ts";
import { seeded } from "../../shared/random.ts";
import type { Look } from "../types.ts";
import { bucketTable, draw, normalBelow, poissonTable } from "./draws.ts";
import { healthy, looksOf, type TrafficModel, trafficOf } from "./traffic.ts";

const play = (model: TrafficModel, canaryShare = 0.1, seed = 1, skipEmpty = false): Look[] => [
  ...looksOf(trafficOf(model), { canaryShare, skipEmpty }, seeded(seed)),
];
const sum = (looks: readonly Look[], of: (look: Look) => number): number => looks.reduce((n, l) => n + of(l), 0);
/** Within five standard deviations of a count's mean. */
const near = (count: number, mean: number, dispersion = 1) =>
  expect(Math.abs(count - mean)).toBeLessThan(5 * Math.sqrt(mean * dispersion));

describe("draws", () => {
  // Abramowitz & Stegun, Handbook of Mathematical Functions, table 26.1.
  it.each([
    [0, 0.5],
    [1, 0.841344746068543],
    [2, 0.977249868051821],
    [-1.96, 0.02499789514822],
    [3, 0.99865010196837],
  ])("knows the normal distribution at %d", (x, p) => expect(normalBelow(x)).toBeCloseTo(p, 12));
  it.each([0, 0.01, 1, 7.5, 400])("draws Poisson counts of mean and variance %d", (mean) => {
    const table = poissonTable(mean);
    const random = seeded(5);
    const list = Array.from({ length: 20_000 }, () => draw(table, random));
    const average = list.reduce((a, b) => a + b, 0) / list.length;
    expect(Math.abs(average - mean)).toBeLessThanOrEqual(5 * Math.sqrt(mean / list.length));
    const variance = list.reduce((a, b) => a + (b - mean) ** 2, 0) / list.length;
    // The variance of (X - mean)^2 is mean + 2 mean^2.
    expect(Math.abs(variance - mean)).toBeLessThanOrEqual(5 * Math.sqrt((mean + 2 * mean ** 2) / list.length));
  });
  it("has the exact chances of a Poisson count", () => {
    const { first, sums } = poissonTable(2);
    expect(first).toBe(0);
    expect(sums[0]).toBeCloseTo(Math.exp(-2), 14);
    expect((sums[3] ?? 0) - (sums[2] ?? 0)).toBeCloseTo((Math.exp(-2) * 8) / 6, 14);
  });
  it("puts half of a lognormal's answers below its median", () => {
    const { first, sums } = bucketTable([{ share: 1, medianMs: 128, spread: 0.7 }]);
    // 128 ms is the upper end of bucket 7 * 16 - 1.
    expect(sums[7 * 16 - 1 - first]).toBeCloseTo(0.5, 10);
  });
});

describe("traffic", () => {
  it.each([0.2, 10, 145, 1000])("has the rate, the share and the error ratios it is asked for at %d/s", (rate) => {
    const looks = play({ ...healthy(rate, 0.02), harm: { errorRatio: 0.1 } });
    expect(looks).toHaveLength(360);
    near(
      sum(looks, (l) => l.baseline.requests),
      rate * 1800 * 0.9,
    );
    near(
      sum(looks, (l) => l.canary.requests),
      rate * 1800 * 0.1,
    );
    near(
      sum(looks, (l) => l.baseline.errors),
      rate * 1800 * 0.9 * 0.02,
    );
    near(
      sum(looks, (l) => l.canary.errors),
      rate * 1800 * 0.1 * 0.1,
    );
    for (const { baseline, canary } of looks)
      for (const arm of [baseline, canary]) expect(countOf(arm.latency)).toBe(arm.requests);
  });
  it.each([10, 1000])("has the latency it is asked for, few requests or many (%d/s)", (rate) => {
    const slow = { latencyFactor: 2, tail: { share: 0.03, factor: 10 } };
    const all: Record<string, number> = {};
    for (const { canary } of play({ ...healthy(rate), harm: slow }, 0.5))
      for (const [bucket, n] of Object.entries(canary.latency)) all[bucket] = (all[bucket] ?? 0) + n;
    // Median of ln latency: ln 200, a little more for the tail; the 98.5th percentile is the tail's own median.
    const n = countOf(all);
    const late = Object.entries(all).reduce((k, [b, c]) => (Number(b) >= Math.log2(1024) * 16 ? k + c : k), 0);
    const chance =
      0.97 * (1 - normalBelow(Math.log(1024 / 200) / 0.5)) + 0.03 * (1 - normalBelow(Math.log(1024 / 2000) / 0.5));
    near(late, n * chance);
    expect(Math.abs(Math.log((quantileMs(all, 0.5) ?? 0) / 200))).toBeLessThan(0.06);
  });
  it("comes again from the same seed, and does not from another", () => {
    expect(play(healthy(145), 0.1, 3)).toEqual(play(healthy(145), 0.1, 3));
    expect(play(healthy(145), 0.1, 3)).not.toEqual(play(healthy(145), 0.1, 4));
  });
  it("begins harm and ends an incident when it is told to, within a look as well", () => {
    const harm = { fromMs: 602_500, errorRatio: 1 };
    const looks = play({ ...healthy(100, 0), harm });
    expect(
      sum(
        looks.filter((l) => l.atMs <= 600_000),
        (l) => l.canary.errors,
      ),
    ).toBe(0);
    const cut = looks.find((l) => l.atMs === 605_000) as Look;
    expect(cut.canary.errors).toBeGreaterThan(0);
    expect(cut.canary.errors).toBeLessThan(cut.canary.requests);
    expect(looks.every((l) => l.atMs <= 605_000 || l.canary.errors === l.canary.requests)).toBe(true);
    const incident = { fromMs: 120_000, toMs: 720_000, errorRatio: 0.05, latencyFactor: 2 };
    const struck = play({ ...healthy(100, 0), incident });
    expect(
      sum(
        struck.filter((l) => l.atMs <= 120_000 || l.atMs > 720_000),
        (l) => l.baseline.errors,
      ),
    ).toBe(0);
    near(
      sum(struck, (l) => l.baseline.errors),
      100 * 600 * 0.9 * 0.05,
    );
  });
  it.each(["request", "sticky", "sticky_once"] as const)("clusters failures under %s routing", (routing) => {
    const looks = play({ ...healthy(145, 0.01), clusters: { meanSize: 3, routing } });
    const mean = 145 * 5 * 0.1 * 0.01 * (routing === "sticky_once" ? 1 / 3 : 1);
    near(
      sum(looks, (l) => l.canary.errors),
      mean * 360,
      6,
    );
    const variance = sum(looks, (l) => (l.canary.errors - mean) ** 2) / looks.length;
    // Sizes of geometric clusters: E[S^2] / E[S] = 2 mean - 1 = 5 where they stay together, thinned to 1 + 0.1 * 4 where not.
    const dispersion = { request: 1.4, sticky: 5, sticky_once: 1 }[routing];
    expect(variance / mean).toBeGreaterThan(dispersion * 0.7);
    expect(variance / mean).toBeLessThan(dispersion * 1.4);
  });
  it("follows the hours, and begins anew after the last", () => {
    const traffic = trafficOf({ ...healthy(0), requestsPerSecond: [0, 50] });
    const random = seeded(1);
    const hour = (h: number) => traffic.look(h * 3_600_000, (h + 1) * 3_600_000, 0.5, random).canary.requests;
    expect(hour(0)).toBe(0);
    near(hour(1), 50 * 1800);
    expect(hour(2)).toBe(0);
    near(traffic.look(1_800_000, 5_400_000, 0.5, random).baseline.requests, 25 * 1800);
  });
  it("leaves empty looks out where asked, and nothing else", () => {
    const all = play(healthy(0.02), 0.1, 7);
    const some = play(healthy(0.02), 0.1, 7, true);
    expect(some).toEqual(all.filter((l) => l.baseline.requests + l.canary.requests > 0));
    expect(some.length).toBeLessThan(all.length / 2);
  });
});
