import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketOf } from "../shared/histogram.ts";
import { type Random, seeded } from "../shared/random.ts";
import { excessBounds, type ShareTally, stepTallies } from "./effect.ts";
import { effectWords } from "./effect-words.ts";
import { startJudge, takeIn } from "./judge.ts";
import { defaultPolicy } from "./policy.ts";
import { leansOf, SHIFTS, slowdownBounds, startSlowdown, stepSlowdown } from "./slowdown.ts";
import { clusteringBefore, looks, type StickyWorld } from "./sticky.testkit.ts";
import type { ArmCounts, MetricReport } from "./types.ts";

const binomial = (random: Random, n: number, p: number): number => {
  let k = 0;
  for (let i = 0; i < n; i++) if (random() < p) k += 1;
  return k;
};

/** Whether the true excess was ever outside of the bounds, and the last bounds. */
function follow(seed: number, share: number, pb: number, pc: number, looks: number, perLook: number) {
  const random = seeded(seed);
  let tallies: readonly ShareTally[] = [];
  let missed = false;
  let bounds = excessBounds(tallies);
  for (let i = 0; i < looks; i++) {
    const canary = binomial(random, perLook, share);
    const add = {
      canary,
      canaryBad: binomial(random, canary, pc),
      baseline: perLook - canary,
      baselineBad: binomial(random, perLook - canary, pb),
    };
    tallies = stepTallies(tallies, { canaryShare: share }, add);
    bounds = excessBounds(tallies);
    if (bounds && (pc - pb < bounds.low || pc - pb > bounds.high)) missed = true;
  }
  return { missed, bounds };
}

describe("the confidence sequence of the excess of errors", () => {
  it.each([
    [0.1, 0.01, 0.01],
    [0.5, 0.05, 0.2],
    [0.1, 0.2, 0.05],
    [0.5, 0.001, 0.011],
  ])("holds the true excess at all looks: share %d, %d against %d", (share, pb, pc) => {
    const runs = Array.from({ length: 120 }, (_, i) => follow(i + 1, share, pb, pc, 40, 100));
    // 5 % of 120 are 6; more than 14 would come once in 1,000 times if the bound were just kept.
    expect(runs.filter((r) => r.missed).length).toBeLessThanOrEqual(14);
  });

  it("closes in on the truth, whichever sign it has", () => {
    const worse = follow(3, 0.5, 0.01, 0.03, 200, 500).bounds;
    expect(worse?.low).toBeGreaterThan(0.01);
    expect(worse?.high).toBeLessThan(0.03);
    const better = follow(3, 0.5, 0.03, 0.01, 200, 500).bounds;
    expect(better?.high).toBeLessThan(-0.01);
    expect(better?.low).toBeGreaterThan(-0.03);
  });

  it("is what it would be with the arms called by each other's names", () => {
    const count = fc.nat(400);
    fc.assert(
      fc.property(count, count, count, count, fc.constantFrom(0.1, 0.25, 0.5), (n, k, m, j, share) => {
        const own = excessBounds([{ share, canary: n + k, canaryBad: k, baseline: m + j, baselineBad: j }]);
        const other = excessBounds([
          { share: 1 - share, canary: m + j, canaryBad: j, baseline: n + k, baselineBad: k },
        ]);
        expect(own === null).toBe(other === null);
        if (!own || !other) return;
        expect(own.low).toBeCloseTo(-other.high, 5);
        expect(own.high).toBeCloseTo(-other.low, 5);
        expect(own.low).toBeLessThanOrEqual(own.high);
      }),
    );
  });

  it("says nothing without data of both arms", () => {
    expect(excessBounds([])).toBeNull();
    expect(excessBounds([{ share: 0.1, canary: 0, canaryBad: 0, baseline: 5, baselineBad: 1 }])).toBeNull();
  });
});

describe("the excess of errors that come in clusters", () => {
  const world: StickyWorld = {
    perSecond: 20,
    errors: [0.05, 0.05],
    cluster: 3,
    share: 0.1,
    counts: "all",
  };
  it.each([0.1, 0.5])("is held at all looks where their dispersion was measured: share %d", (share) => {
    const misses = Array.from({ length: 100 }, (_, i) => {
      const clustering = clusteringBefore({ ...world, share }, 1_000 + i, 60);
      const policy = { ...defaultPolicy, ...(clustering ? { clustering } : {}) };
      let state = startJudge(policy);
      for (const look of looks({ ...world, share }, i + 1, 600_000)) {
        state = takeIn(state, { ...look, baseline: plain(look.baseline), canary: plain(look.canary) }, policy).next;
        const bounds = excessBounds(state.errorTallies);
        if (bounds && (bounds.low > 0 || bounds.high < 0)) return true;
      }
      return false;
    }).filter(Boolean).length;
    // 5 % of 100 are 5; more than 12 would come once in 1,000 times if the bound were just kept.
    expect(misses).toBeLessThanOrEqual(12);
  });
});
/** Without what the test is not about, for speed. */
const plain = (arm: ArmCounts): ArmCounts => ({ ...arm, latency: {} });

const moved = (h: Record<string, number>, by: number): Record<string, number> =>
  Object.fromEntries(Object.entries(h).map(([bucket, n]) => [Number(bucket) - by, n]));

/** Answers around 100 ms, `slower` times as long. */
function answers(random: Random, n: number, slower: number): Record<string, number> {
  const out: Record<string, number> = {};
  for (let i = 0; i < n; i++) {
    const z = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const bucket = bucketOf(100 * slower * Math.exp(0.5 * z));
    out[bucket] = (out[bucket] ?? 0) + 1;
  }
  return out;
}

describe("the confidence sequence of the slowdown", () => {
  it.each([1, 1.5, 0.8])("holds the true factor %d in nearly all runs, and closes in on it", (slower) => {
    const runs = Array.from({ length: 60 }, (_, seed) => {
      const random = seeded(seed + 1);
      let state = startSlowdown;
      for (let i = 0; i < 150; i++) {
        const canary = 20 + Math.floor(random() * 10);
        state = stepSlowdown(state, answers(random, canary, 1), answers(random, canary, slower), 0);
      }
      return slowdownBounds(state);
    });
    const covered = runs.filter((b) => b && b.low <= slower - 1 + 0.03 && b.high >= slower - 1 - 0.03);
    expect(covered.length).toBeGreaterThanOrEqual(54);
    const widths = runs.map((b) => (b ? b.high - b.low : 9)).sort((a, b) => a - b);
    expect(widths[30]).toBeLessThan(0.4);
  });

  it("leans as the slow count of pairs says", () => {
    const some = fc.dictionary(fc.integer({ min: 60, max: 120 }).map(String), fc.integer({ min: 1, max: 9 }), {
      minKeys: 1,
      maxKeys: 8,
    });
    fc.assert(
      fc.property(some, some, fc.constantFrom(0, 1, 10, 80), (baseline, canary, floorMs) => {
        const floor = floorMs > 0 ? bucketOf(floorMs) : Number.NEGATIVE_INFINITY;
        const leans = leansOf(baseline, canary, floorMs);
        SHIFTS.forEach((shift, i) => {
          const fast = moved(canary, shift);
          let [won, pairs] = [0, 0];
          for (const b in baseline)
            for (const c in fast) {
              const n = (baseline[b] ?? 0) * (fast[c] ?? 0);
              const [x, y] = [Math.max(floor, Number(b)), Math.max(floor, Number(c))];
              pairs += n;
              won += y > x ? n : y === x ? n / 2 : 0;
            }
          expect(leans[i]).toBeCloseTo(won / pairs - 0.5, 9);
        });
      }),
    );
  });
});

describe("an effect in words", () => {
  const words = (metric: "errors" | "latency" | "tail_p95", low: number | null, high: number | null) =>
    effectWords({ metric, unit: metric === "errors" ? "ratio" : "ms", effect: { low, high } }).join("");
  it("tells a range, an open side, and both signs", () => {
    expect(words("errors", 0.009, 0.031)).toContain("fails 0.9 to 3.1 percentage points more often");
    expect(words("errors", -0.002, 0.004)).toContain(
      "between 0.2 percentage points less often and 0.4 percentage points more often",
    );
    expect(words("latency", 0.12, null)).toContain("takes at least 12 % longer");
    expect(words("latency", -0.3, -0.1)).toContain("takes 10 to 30 % less time");
    expect(words("latency", null, 0.05)).toContain("takes at most 5 % longer");
    expect(words("tail_p95", 0.1, 0.2)).toBe("");
    expect(words("errors", null, null)).toBe("");
  });

  it("does not say less by nothing", () => {
    expect(words("latency", -0.003, 0.83)).toContain("takes 0 to 83 % longer");
    expect(words("latency", -0.2, 0.001)).toContain("takes 0 to 20 % less time");
  });

  const own = (over: Partial<MetricReport>, low: number | null, high: number | null) =>
    effectWords({ metric: "m", unit: "rate", severity: "watched", ...over, effect: { low, high } }).join("");
  it("tells a service's own by their events and what they are counted per", () => {
    const leads = { events: "leads", per: "visitors" };
    expect(own(leads, -0.031, -0.009)).toBe(
      "m: the canary has 0.9 to 3.1 leads fewer per 100 visitors, with 95 % confidence at every look.",
    );
    expect(own(leads, -0.0002, 0.0004)).toContain("between 2 leads fewer and 4 leads more per 10,000 visitors");
    expect(own(leads, -0.12, 0.22)).toContain("between 12 leads fewer and 22 leads more per 100 visitors");
    expect(own(leads, 1.2, 2)).toContain("1.2 to 2 leads more per visitor");
    expect(own({}, null, 0.05)).toContain("at most 5 events more per 100 units of the total");
    expect(own({ unit: "ratio" }, 0.009, 0.031)).toContain("the canary has 0.9 to 3.1 percentage points more,");
    expect(own({ unit: "ratio", events: "failed checkouts" }, -0.031, -0.009)).toContain(
      "0.9 to 3.1 percentage points fewer failed checkouts,",
    );
    expect(own({ unit: "ms" }, 0.03, 0.11)).toContain(
      "of two values, one of each release, the canary's is the larger one 53 to 61 % of the time",
    );
    expect(own({ unit: "number" }, null, 0.02)).toContain("at most 52 % of the time");
    expect(own({ unit: "number" }, null, null)).toBe("");
  });
});
