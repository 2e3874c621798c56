import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Histogram } from "../shared/histogram.ts";
import { seeded } from "../shared/random.ts";
import { lnOnset } from "./late-onset.ts";
import { LAMBDAS, lean, lnBet, lnLatencyHarm, lnLatencySafe, lnSlowHarm, lnTailHarm } from "./latency.ts";
import type { UserMetric } from "./metrics.ts";
import { leansOf, SHIFTS } from "./slowdown.ts";
import type { Look } from "./types.ts";
import { RANK_BETS, stepUserMetrics } from "./user-metrics.ts";

/** Values that are whole numbers, each a bucket of its own: ranks are all that is asked of them. */
function histogram(values: readonly number[]): Histogram {
  const h: Record<string, number> = {};
  for (const value of values) h[value] = (h[value] ?? 0) + 1;
  return h;
}
const UNMOVED = SHIFTS.indexOf(0);
/** U by its definition: every pair, a tie for a half. */
const pairs = (baseline: readonly number[], canary: readonly number[]): number =>
  canary.reduce((n, c) => n + baseline.reduce((m, b) => m + (c > b ? 1 : c === b ? 0.5 : 0), 0), 0);
const values = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 12 });

/** Every choice of m of n places. */
function* choices(n: number, m: number, from = 0): Generator<number[]> {
  if (m === 0) yield [];
  else for (let i = from; i <= n - m; i++) for (const rest of choices(n, m - 1, i + 1)) yield [i, ...rest];
}

describe("ranks, by published values", () => {
  it("Mann & Whitney's U is 150 for Cardillo's two samples of 15 (mwwtest, MATLAB File Exchange: T 270, U 150, ties by halves)", () => {
    const x1 = [181, 183, 170, 173, 174, 179, 172, 175, 178, 176, 158, 179, 180, 172, 177];
    const x2 = [168, 165, 163, 175, 176, 166, 163, 174, 175, 173, 179, 180, 176, 167, 176];
    expect(pairs(x2, x1)).toBe(150);
    expect((leansOf(histogram(x2), histogram(x1), 0)[UNMOVED] ?? 0) + 0.5).toBeCloseTo(150 / 225, 12);
    // By lot for ties: one of the tied pairs' 13 halves either way, and 150 in the mean.
    const us = Array.from({ length: 2_000 }, (_, seed) => (lean(histogram(x2), histogram(x1), seed) + 0.5) * 225);
    expect(us.reduce((a, b) => a + b, 0) / us.length).toBeCloseTo(150, 0);
  });
  it("and its rank sum 123.5 of 171, for a course's pH readings of nine and nine (Course Hero 6867691, 6-wilcoxon: W 123.5, one tie across)", () => {
    const first = [853, 852, 801, 799, 793, 789, 785, 782, 780];
    const second = [785, 773, 758, 740, 735, 730, 727, 727, 723];
    const u = ((leansOf(histogram(second), histogram(first), 0)[UNMOVED] ?? 0) + 0.5) * 81;
    expect(u + (9 * 10) / 2).toBeCloseTo(123.5, 9);
  });
  // Bets on ranks by batches are ours: for what they stake no table is published, and the exact means below stand for one.
});

describe("ranks, by every order that there is", () => {
  it("lean as all pairs do, without ties exactly, with ties between the lots' extremes", () => {
    fc.assert(
      fc.property(values, values, fc.nat(), (b, c, seed) => {
        const u = (lean(histogram(b), histogram(c), seed) + 0.5) * b.length * c.length;
        const ties = c.reduce((n, x) => n + b.filter((y) => y === x).length, 0);
        expect(u).toBeGreaterThanOrEqual(pairs(b, c) - ties / 2 - 1e-9);
        expect(u).toBeLessThanOrEqual(pairs(b, c) + ties / 2 + 1e-9);
        expect(((leansOf(histogram(b), histogram(c), 0)[UNMOVED] ?? 0) + 0.5) * b.length * c.length).toBeCloseTo(
          pairs(b, c),
          9,
        );
      }),
    );
  });
  it.each([
    [3, 4],
    [2, 7],
    [1, 5],
    [5, 5],
  ])("a bet has mean 1 when all orders of %i and %i answers are equally likely: the sum over all of them", (m, n) => {
    const sums = LAMBDAS.map(() => ({ harm: 0, safe: 0 }));
    let orders = 0;
    for (const canary of choices(m + n, m)) {
      const baseline = Array.from({ length: m + n }, (_, i) => i).filter((i) => !canary.includes(i));
      const [b, c] = [histogram(baseline), histogram(canary)];
      const [harm, safe] = [lnLatencyHarm(b, c, 0, 0, 1), lnLatencySafe(b, c, 0, 0, 1)];
      for (const [i, sum] of sums.entries()) {
        sum.harm += Math.exp(harm[i] ?? 0);
        sum.safe += Math.exp(safe[i] ?? 0);
      }
      orders += 1;
    }
    for (const sum of sums) {
      expect(sum.harm / orders).toBeCloseTo(1, 9);
      expect(sum.safe / orders).toBeCloseTo(1, 9);
    }
  });
  it("the linear bet has mean 1 on any difference of mean 0, and keeps a tenth of the stake in the worst case", () => {
    // Waudby-Smith & Ramdas (JRSS B 2023): 1 + lambda (x - m), x in a bounded interval; every point of a two-point law.
    for (const lambda of [...RANK_BETS, 6, 25])
      for (const low of [-1, -0.5, -0.1])
        for (const high of [0.05, 0.4, 1]) {
          const chance = -low / (high - low);
          const e = (d: number) => Math.exp(lnBet(d, lambda, 0.1, 0.9));
          expect(chance * e(high) + (1 - chance) * e(low)).toBeCloseTo(1, 12);
          expect(e(low)).toBeGreaterThanOrEqual(0.1 - 1e-12);
        }
  });
  it("tail counts: mean 1 over every way to deal slow answers to the arms, at any share", () => {
    // Of six answers two are slow; three go to the canary, each set of three equally likely.
    for (const w of [0.1, 0.5]) {
      const sums = [0, 0];
      let orders = 0;
      for (const canary of choices(6, 3)) {
        const arm = (isCanary: boolean) =>
          histogram(
            Array.from({ length: 6 }, (_, i) => i)
              .filter((i) => canary.includes(i) === isCanary)
              .map((i) => (i < 2 ? 90 : 10)),
          );
        const lns = lnTailHarm(w, arm(false), arm(true), 50, 0, 1);
        for (const i of [0, 1]) sums[i] = (sums[i] ?? 0) + Math.exp(lns[i] ?? 0);
        orders += 1;
      }
      for (const sum of sums) expect(sum / orders).toBeCloseTo(1, 9);
    }
  });
});

describe("a metric of values", () => {
  const metric: UserMetric = {
    ...{ name: "took", kind: "histogram", source: "prometheus", direction: "up_is_bad", severity: "critical" },
    ...{ weight: 0.2, unit: "milliseconds", buckets: "took_bucket", harm: 0, safe: 0.1 },
  };
  const NONE = { requests: 0, errors: 0, latency: {}, pageViews: 0, pageErrors: 0 };
  it("has mean at most 1 over every way to deal its values to the arms, ties among them or not", () => {
    for (const dealt of [
      [1, 2, 3, 4, 5, 6, 7],
      [1, 1, 1, 4, 4, 7, 7],
    ]) {
      const sums = RANK_BETS.map(() => 0);
      let orders = 0;
      for (const canary of choices(dealt.length, 3)) {
        const tally = (isCanary: boolean) => {
          const own = dealt.filter((_, at) => canary.includes(at) === isCanary);
          return { events: 0, total: 0, values: histogram(own) };
        };
        // Several looks, for the lots that ties are ordered by: with ties the mean is one over lots, and 20 leave 3 % open.
        for (let atMs = 1_000; atMs < 1_020; atMs++) {
          const look: Look = {
            ...{ atMs, canaryShare: 0.5, baseline: NONE, canary: NONE, sourceUp: true },
            ...{ baselineProcess: null, canaryProcess: null },
            metrics: { took: { baseline: tally(false), canary: tally(true) } },
          };
          const harm = stepUserMetrics(undefined, look, [metric], 0)?.metrics.took?.harm ?? [];
          for (const [i, onset] of harm.entries()) sums[i] = (sums[i] ?? 0) + Math.exp(lnOnset(onset));
          orders += 1;
        }
      }
      for (const sum of sums) {
        expect(sum / orders).toBeLessThanOrEqual(dealt[0] === dealt[1] ? 1.03 : 1 + 1e-9);
        expect(sum / orders).toBeGreaterThan(0.95);
      }
    }
  });
});

it("slow answers in clumps, tempered by the clumps' size: mean at most 1 over both arms that a clump falls on, and capped", () => {
  for (const clump of [1, 3, 10])
    for (const w of [0.05, 0.3, 0.5])
      for (const psi of [2, 4, 10, Number.POSITIVE_INFINITY]) {
        const e = (kc: number, kb: number) => Math.exp(lnSlowHarm(psi, w, 0, kc, kb, clump));
        expect(w * e(clump, 0) + (1 - w) * e(0, clump)).toBeLessThanOrEqual(1 + 1e-12);
        expect(e(1_000, 0)).toBeLessThanOrEqual(2);
      }
});

describe("latency", () => {
  it("slower answers never lower the evidence of harm, nor raise that of safety", () => {
    fc.assert(
      fc.property(values, values, fc.nat({ max: 11 }), (b, c, at) => {
        // Even buckets for one arm and odd ones for the other: no ties, no lots.
        const [base, canary] = [b.map((x) => 2 * x), c.map((x) => 2 * x + 1)];
        const slower = canary.map((x, i) => (i === at % canary.length ? x + 6 : x));
        const [h, s] = [histogram(canary), histogram(slower)];
        for (const i of LAMBDAS.keys()) {
          const harm = (of: Histogram) => lnLatencyHarm(histogram(base), of, 0, 0, 1)[i] ?? 0;
          const safe = (of: Histogram) => lnLatencySafe(histogram(base), of, 0, 0, 1)[i] ?? 0;
          expect(harm(s)).toBeGreaterThanOrEqual(harm(h) - 1e-12);
          expect(safe(s)).toBeLessThanOrEqual(safe(h) + 1e-12);
        }
      }),
    );
  });
  it("hangs on no order of the buckets or of the requests in them", () => {
    fc.assert(
      fc.property(values, values, fc.nat(), (b, c, seed) => {
        const random = seeded(seed);
        const shuffled = (list: readonly number[]) =>
          list
            .map((x) => [random(), x] as const)
            .sort(([x], [y]) => x - y)
            .map(([, x]) => x);
        // Names of buckets below 0 keep the order of their coming; the others are sorted by the language.
        const below = (list: readonly number[]) => histogram(list.map((x) => x - 20));
        expect(lnLatencyHarm(below(shuffled(b)), below(shuffled(c)), 0.05, 0, seed)).toEqual(
          lnLatencyHarm(below(b), below(c), 0.05, 0, seed),
        );
      }),
    );
  });
});
