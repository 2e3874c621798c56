import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Random, seeded } from "../shared/random.ts";
import { judge, startJudge } from "./judge.ts";
import { healthy, looksOf, slicesOf, type TrafficModel, trafficOf } from "./planning/traffic.ts";
import { defaultPolicy } from "./policy.ts";
import { lnQuickRanks, lnQuickShare, lnWithQuick, startQuick, stepQuick } from "./quick.ts";
import type { AnalysisPolicy, Look } from "./types.ts";
import { addVariation, LOOK_WIN_MAX, lnInflation, startVariation, type Variation, variationOf } from "./variation.ts";

const LOOK_MS = 5_000;
const knownOf = (model: TrafficModel, seed: number, slices = 120): Variation =>
  variationOf(slicesOf(model, LOOK_MS, slices, seeded(seed)), defaultPolicy.latencyFloorMs);
/** Many looks without any difference: what is divided by is next to 1. */
const calm: Variation = { ...startVariation, pairs: 1e9 };
const asked = { margin: 0, floorMs: 0, seed: 1, ratio: 1 };

/** Answers whose common law leans by a nuisance of its own, each given to the canary with chance w. */
function routed(random: Random, w: number, n: number, kinds: number) {
  const arms = [{}, {}] as [Record<string, number>, Record<string, number>];
  for (let i = 0; i < n; i++) {
    const bucket = Math.floor(random() ** 2 * kinds);
    const arm = arms[random() < w ? 1 : 0];
    arm[bucket] = (arm[bucket] ?? 0) + 1;
  }
  return arms;
}
const sizeOf = (h: Record<string, number>) => Object.values(h).reduce((sum, n) => sum + n, 0);

describe("bets on requests, were they all exchangeable", () => {
  it("have a mean of at most 1, whatever is answered and however it is shared", () => {
    const random = seeded(5);
    for (const [w, n, kinds] of [
      [0.1, 60, 40],
      [0.5, 30, 4],
      [0.03, 200, 90],
    ] as const) {
      const sums = [0, 0, 0, 0, 0, 0];
      const runs = 8_000;
      for (let run = 0; run < runs; run++) {
        const [b, c] = routed(random, w, n, kinds);
        const lns =
          sizeOf(b) > 0 && sizeOf(c) > 0
            ? [
                ...lnQuickRanks(calm, b, c, { ...asked, seed: run }),
                ...lnQuickShare(calm, "p95", w, b, c, { ...asked, bucket: Math.floor(kinds * 0.9) }),
              ]
            : [0, 0, 0, 0, 0, 0];
        lns.forEach((ln, i) => {
          sums[i] = (sums[i] ?? 0) + Math.exp(ln) / runs;
        });
      }
      // Each is at most 10: the mean of 8,000 has a standard deviation of at most sqrt(9 / 8,000) = 0.034.
      for (const mean of sums) expect(mean).toBeLessThan(1.1);
    }
  });
  it("grow with each answer of the canary's that is slower, and win at most ten times in a look", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 59 }), (n, slow) => {
        const baseline = { 40: 200, 60: 20 };
        const canary = (k: number) => ({ 30: Math.max(0, n - k), 80: Math.min(n, k) });
        const lns = (k: number) => [
          ...lnQuickRanks(calm, baseline, canary(k), asked),
          ...lnQuickShare(calm, "p99", 0.2, baseline, canary(k), { ...asked, bucket: 70 }),
        ];
        const [less, more] = [lns(Math.min(slow, n)), lns(Math.min(slow + 1, n))];
        less.forEach((ln, i) => {
          expect(more[i] ?? Number.NaN).toBeGreaterThanOrEqual(ln - 1e-9);
          expect(ln).toBeLessThanOrEqual(Math.log(LOOK_WIN_MAX));
        });
      }),
    );
  });
});

describe("what the stable release's looks show", () => {
  it("leaves a calm release's evidence nearly as it is, and takes it from one whose process stalls", () => {
    const quiet = knownOf(healthy(145), 1);
    const stalling = knownOf({ ...healthy(145), stalls: { chance: 0.25, share: 1 / 3, factor: 3 } }, 2);
    expect(quiet.pairs).toBeGreaterThan(110);
    // A canary of 72 answers in a look: s = 0.036, so that a bet of 1.2 deviations has a = 34.
    expect(lnInflation(quiet, "ranks", 34, LOOK_WIN_MAX)).toBeLessThan(0.3);
    expect(lnInflation(stalling, "ranks", 34, LOOK_WIN_MAX)).toBeGreaterThan(0.5);
    expect(lnInflation(stalling, "p99", 100, LOOK_WIN_MAX)).toBeGreaterThan(1);
  });
  it("counts a stall that was never seen as one that may come in the next look", () => {
    const v = { ...startVariation, pairs: 89 };
    // (89 + 10) / 90 = 1.1
    expect(lnInflation(v, "ranks", 10, 10)).toBeCloseTo(Math.log(1.1), 9);
    expect(lnInflation(calm, "ranks", 10, 10)).toBeCloseTo(0, 6);
  });
  it("tells no less of a bolder bet, and adds up in any order", () => {
    const [a, b] = [knownOf(healthy(145), 3, 60), knownOf(healthy(20), 4, 60)];
    const sum = addVariation(a, b);
    expect(sum.pairs).toBe(a.pairs + b.pairs);
    expect(addVariation(b, a).ranks).toEqual(sum.ranks);
    for (const of of ["ranks", "p95", "p99"] as const)
      fc.assert(
        fc.property(fc.double({ min: 0.1, max: 5_000, noNaN: true }), (x) => {
          const ln = lnInflation(sum, of, x, 10);
          expect(ln).toBeGreaterThanOrEqual(0);
          expect(ln).toBeLessThanOrEqual(Math.log(10) + 1e-9);
        }),
      );
  });
  it("knows nothing of slices without answers, or too few of them", () => {
    expect(variationOf([], 10).pairs).toBe(0);
    expect(
      variationOf(
        Array.from({ length: 50 }, () => ({ first: {}, second: {} })),
        10,
      ).pairs,
    ).toBe(0);
  });
});

describe("both tests together", () => {
  it("are the cautious one where nothing is known, and never worse than it by more than ln 2", () => {
    expect(lnWithQuick(3.3, undefined)).toBe(3.3);
    fc.assert(
      fc.property(
        fc.double({ min: -20, max: 20, noNaN: true }),
        fc.double({ min: -20, max: 20, noNaN: true }),
        fc.array(fc.double({ min: -5, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 }),
        (from, cautious, lns) => {
          const q = stepQuick(startQuick(from, 3), lns, LOOK_MS, true);
          expect(lnWithQuick(cautious, q)).toBeGreaterThanOrEqual(cautious - Math.LN2 - 1e-9);
          // The stake that is moved is what the cautious test had: nothing is won by moving it.
          expect(lnWithQuick(from, startQuick(from, 3))).toBeCloseTo(from, 9);
        },
      ),
    );
  });
});

/** Plays looks until a verdict of FAIL; its time in seconds, null where there is none. */
function failedAt(model: TrafficModel, policy: AnalysisPolicy, seed: number, share = 0.1, untilMs = 600_000) {
  let state = startJudge(policy);
  for (const look of looksOf(trafficOf(model), { canaryShare: share, horizonMs: untilMs }, seeded(seed))) {
    const judged = judge(state, look, policy);
    state = judged.state;
    if (judged.report.verdict === "FAIL") return look.atMs / 1_000;
  }
  return null;
}
const measured = (model: TrafficModel, seed: number): AnalysisPolicy => ({
  ...defaultPolicy,
  variation: knownOf(model, seed),
});
const slower = (latencyFactor: number): TrafficModel => ({ ...healthy(145), harm: { latencyFactor } });

describe("a canary beside a release that is known", () => {
  it("that takes twice as long is found within four looks of what is judged", () => {
    for (let i = 0; i < 10; i++) {
      const at = failedAt(slower(2), measured(healthy(145), 50 + i), 100 + i);
      // Looks at 15, 20, 25, 30 s; 35 where one of them was weak.
      expect(at).toBeLessThanOrEqual(35);
      expect(at).toBeGreaterThanOrEqual(25);
    }
  });
  it.each([
    ["stalls of one process as before", { chance: 0.05, share: 1, factor: 3 }],
    ["stalls of a third of its answers, every fourth look", { chance: 0.25, share: 1 / 3, factor: 3 }],
    ["its first stall ever", { chance: 0, share: 1, factor: 10, onceMs: 60_000 }],
  ])("is not blamed for %s", (_, stalls) => {
    for (const share of [0.1, 0.5])
      for (let i = 0; i < 10; i++) {
        const model = { ...healthy(145), stalls };
        expect(failedAt(model, measured(model, 200 + i), 300 + i, share)).toBeNull();
      }
  });
  it("is not blamed for warming up, three times as slow at first and half of that more every 7 s", () => {
    for (let i = 0; i < 10; i++) {
      const policy = measured(healthy(145), 400 + i);
      const random = seeded(500 + i);
      let state = startJudge(policy);
      for (let atMs = LOOK_MS; atMs <= 180_000; atMs += LOOK_MS) {
        const traffic = trafficOf(slower(1 + 2 * 0.5 ** (atMs / 7_000)));
        const judged = judge(state, traffic.look(atMs - LOOK_MS, atMs, 0.3, random), policy);
        state = judged.state;
        expect(judged.report.verdict).not.toBe("FAIL");
      }
    }
  });
  it("counts several processes of the baseline for one of the canary as less known", () => {
    const looks = (processes: number) => {
      const at = { restarts: 0, residentBytes: 1e8, processes };
      const policy = measured(healthy(145), 9);
      let state = startJudge(policy);
      let lnHarm = 0;
      for (const look of looksOf(trafficOf(slower(1.5)), { canaryShare: 0.1, horizonMs: 40_000 }, seeded(7))) {
        const full: Look = { ...look, baselineProcess: at, canaryProcess: { ...at, processes: 1 } };
        const judged = judge(state, full, policy);
        state = judged.state;
        lnHarm = judged.report.lnHarm;
      }
      return lnHarm;
    };
    expect(looks(4)).toBeLessThan(looks(1));
  });
  it("replays through JSON to the same answer, to the last bit", () => {
    const policy = measured(healthy(145), 10);
    const again: AnalysisPolicy = JSON.parse(JSON.stringify(policy));
    let [live, stored] = [startJudge(policy), startJudge(again)];
    for (const look of looksOf(trafficOf(slower(1.1)), { canaryShare: 0.1, horizonMs: 200_000 }, seeded(8))) {
      const a = judge(live, look, policy);
      const b = judge(JSON.parse(JSON.stringify(stored)), JSON.parse(JSON.stringify(look)), again);
      expect(b.report).toEqual(a.report);
      [live, stored] = [a.state, b.state];
    }
  });
  it("is told when slow answers of the stable release come together", () => {
    const model = { ...healthy(145), stalls: { chance: 0.25, share: 1 / 3, factor: 3 } };
    const policy = measured(model, 11);
    const [look] = [...looksOf(trafficOf(model), { canaryShare: 0.1, horizonMs: LOOK_MS }, seeded(9))];
    if (!look) throw new Error("one look");
    const { report } = judge(startJudge(policy), look, policy);
    expect(report.guards.find((g) => g.guard === "clustered")).toMatchObject({ state: "note" });
    expect(report.guards.find((g) => g.guard === "clustered")?.words).toContain("slow answers come together");
    expect(report.hold).toBe(false);
  });
});
