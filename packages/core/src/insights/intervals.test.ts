import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../shared/random.ts";
import { quantile, quantileInterval, quantileRanks, wilsonInterval } from "./intervals.ts";

describe("Wilson's interval", () => {
  it("is the published one", () => {
    // R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29.
    const published: [number, number, number, number][] = [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ];
    for (const [hits, n, low, high] of published) {
      const interval = wilsonInterval(hits, n);
      expect(interval?.low).toBeCloseTo(low, 4);
      expect(interval?.high).toBeCloseTo(high, 4);
    }
  });
  it("holds the share, stays in 0 to 1 and mirrors", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
        const hits = Math.round(share * n);
        const a = wilsonInterval(hits, n);
        const b = wilsonInterval(n - hits, n);
        expect(a?.low).toBeGreaterThanOrEqual(0);
        expect(a?.high).toBeLessThanOrEqual(1);
        expect(a?.low).toBeLessThanOrEqual(hits / n);
        expect(a?.high).toBeGreaterThanOrEqual(hits / n);
        expect(1 - (b?.high ?? 2)).toBeCloseTo(a?.low ?? 3, 10);
      }),
    );
  });
  it("is none of nothing", () => {
    expect(wilsonInterval(0, 0)).toBeNull();
    expect(wilsonInterval(3, 2)).toBeNull();
  });
});

describe("a quantile", () => {
  it("is linear between neighbours, as percentile_cont", () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([15, 20, 35, 40, 50], 0.4)).toBe(29);
    expect(quantile([7], 0.9)).toBe(7);
    expect(quantile([], 0.5)).toBeNull();
  });
});

/** The probability that the quantile lies between the two ranks: the binomial distribution, built up draw by draw. */
function coverageOf(n: number, q: number, low: number, high: number): number {
  const exactly = new Float64Array(n + 1);
  exactly[0] = 1;
  for (let draw = 1; draw <= n; draw += 1)
    for (let k = draw; k >= 0; k -= 1)
      exactly[k] = (exactly[k] ?? 0) * (1 - q) + (k > 0 ? (exactly[k - 1] ?? 0) * q : 0);
  return exactly.slice(low, high).reduce((sum, probability) => sum + probability, 0);
}

describe("between which values a quantile lies", () => {
  it("is the published table for the median", () => {
    // Tables of the sign test, as in Conover, Practical Nonparametric Statistics: n, ranks, coverage.
    expect(quantileRanks(6, 0.5)).toMatchObject({ low: 1, high: 6, coverage: expect.closeTo(0.96875, 5) });
    expect(quantileRanks(10, 0.5)).toMatchObject({ low: 2, high: 9, coverage: expect.closeTo(0.9785, 4) });
    expect(quantileRanks(20, 0.5)).toMatchObject({ low: 6, high: 15, coverage: expect.closeTo(0.9586, 4) });
    expect(quantileRanks(5, 0.5)).toBeNull();
    expect(quantileRanks(20, 0.9)).toBeNull();
  });
  it("covers at least 95 %, and where approximated hardly more", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.constantFrom(0.5, 0.75, 0.9), (n, q) => {
        const ranks = quantileRanks(n, q);
        if (!ranks) return;
        const covered = coverageOf(n, q, ranks.low, ranks.high);
        expect(covered).toBeGreaterThanOrEqual(0.9499);
        if (n <= 200) expect(ranks.coverage).toBeCloseTo(covered, 9);
        // Nor is it much wider than it must be.
        else expect(covered).toBeLessThan(0.975);
      }),
    );
  });
  it("holds the true median about as often as it says", () => {
    const random = seeded(7);
    let held = 0;
    for (let run = 0; run < 2000; run += 1) {
      const values = Array.from({ length: 40 }, () => -Math.log(1 - random())).sort((a, b) => a - b);
      const interval = quantileInterval(values, 0.5);
      if (interval && interval.low <= Math.LN2 && Math.LN2 <= interval.high) held += 1;
    }
    expect(held / 2000).toBeGreaterThan(0.94);
    expect(held / 2000).toBeLessThan(0.985);
  });
  it("is none for too few", () => {
    expect(quantileInterval([1, 2, 3], 0.5)).toBeNull();
    expect(quantileInterval([], 0.5)).toBeNull();
  });
});
