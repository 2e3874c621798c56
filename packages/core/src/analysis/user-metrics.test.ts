import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketOf } from "../shared/histogram.ts";
import { seeded } from "../shared/random.ts";
import { HARM_PSI, lnErrorsHarm, lnErrorsSafe, SAFE_R } from "./errors.ts";
import { judge, startJudge } from "./judge.ts";
import type { MetricReading, Tally, UserMetric } from "./metrics.ts";
import { defaultPolicy } from "./policy.ts";
import type { AnalysisPolicy, ArmCounts, JudgeReport, Look } from "./types.ts";

const RATIO: UserMetric = {
  name: "checkout_errors",
  kind: "ratio",
  source: "prometheus",
  direction: "up_is_bad",
  severity: "critical",
  weight: 0.2,
  events: "e",
  total: "t",
};
const LEADS: UserMetric = { ...RATIO, name: "leads", kind: "count", direction: "down_is_bad", safe: 0.02 };
const SIZES: UserMetric = { ...RATIO, name: "sizes", kind: "histogram", buckets: "b" };
const policyWith = (...metrics: UserMetric[]): AnalysisPolicy => ({ ...defaultPolicy, metrics });

const NONE: ArmCounts = { requests: 0, errors: 0, latency: {}, pageViews: 0, pageErrors: 0 };
const lookAt = (atMs: number, metrics: Record<string, MetricReading> = {}, share = 0.5): Look => ({
  atMs,
  canaryShare: share,
  baseline: { ...NONE, requests: 10 },
  canary: { ...NONE, requests: 10 },
  baselineProcess: null,
  canaryProcess: null,
  sourceUp: true,
  metrics,
});
const tally = (events: number, total: number): Tally => ({ events, total, values: {} });

/** How many of n happen. */
function binomial(random: () => number, n: number, p: number): number {
  let k = 0;
  for (let i = 0; i < n; i++) if (random() < p) k += 1;
  return k;
}
/** Knuth's method, for small means. */
function poisson(random: () => number, mean: number): number {
  let k = 0;
  for (let left = random(); left > Math.exp(-mean); left *= random()) k += 1;
  return k;
}
function values(random: () => number, n: number, shift: number): Tally {
  const drawn: Record<string, number> = {};
  for (let i = 0; i < n; i++) {
    const z = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    // As coarse as Prometheus' own buckets: a factor of two each.
    const bucket = bucketOf(2 ** Math.ceil(Math.log2(100 * Math.exp(z * 0.7) * shift)));
    drawn[bucket] = (drawn[bucket] ?? 0) + 1;
  }
  return { events: 0, total: 0, values: drawn };
}

interface World {
  readonly metric: UserMetric;
  /** News of an arm: of so many units, at a time. */
  readonly news: (random: () => number, arm: "baseline" | "canary", n: number, look: number) => Tally;
  readonly looks?: number;
}
/** Looks of every 5 s with 40 units at a share of 30 %, of which a source that scrapes tells every third time; stops where told. */
function play(
  { metric, news, looks = 120 }: World,
  seed: number,
  stop: (r: JudgeReport) => boolean,
): JudgeReport | null {
  const random = seeded(seed);
  const policy = policyWith(metric);
  let state = startJudge(policy);
  for (let i = 1; i <= looks; i++) {
    const canary = binomial(random, 120, 0.3);
    const reading = {
      baseline: news(random, "baseline", 120 - canary, i),
      canary: news(random, "canary", canary, i),
    };
    const judged = judge(state, lookAt(i * 5_000, i % 3 === 0 ? { [metric.name]: reading } : {}, 0.3), policy);
    state = judged.state;
    if (stop(judged.report)) return judged.report;
  }
  return null;
}
const rowOf = (r: JudgeReport) => r.metrics.find((m) => m.severity !== undefined);
const harmIs = (odds: number) => (r: JudgeReport) => (rowOf(r)?.lnHarm ?? 0) >= Math.log(odds);
const safeIs = (odds: number) => (r: JudgeReport) => (rowOf(r)?.lnSafe ?? 0) >= Math.log(odds);
const shareOf = (seeds: number, happens: (seed: number) => boolean) =>
  Array.from({ length: seeds }, (_, seed) => happens(seed + 1)).filter(Boolean).length / seeds;

/** A ratio or rate that drifts for both arms alike: nuisance that no test may take for harm. */
const drift = (p: number, look: number) => p * (1 + 0.8 * Math.sin(look / 9));

describe("a batch of counts by the realised share", () => {
  const binomialOf = (n: number, p: number): number[] => {
    let row = [1];
    for (let i = 0; i < n; i++) row = [...row, 0].map((x, k) => x * (1 - p) + (k > 0 ? (row[k - 1] ?? 0) * p : 0));
    return row;
  };
  it("has a mean of at most 1 under no harm, exactly, and the safe test at its margin", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0, max: 0.7, noNaN: true }),
        fc.constantFrom(...HARM_PSI),
        fc.constantFrom(...SAFE_R),
        (nc, nb, p, psi, r) => {
          const w = nc / (nc + nb);
          const mean = (pc: number, ln: (kc: number, kb: number) => number) =>
            binomialOf(nc, pc).reduce(
              (sum, a, kc) => sum + binomialOf(nb, p).reduce((inner, b, kb) => inner + a * b * Math.exp(ln(kc, kb)), 0),
              0,
            );
          expect(mean(p + 0.01, (kc, kb) => lnErrorsHarm(psi, w, nc, kc, kb, 0.01))).toBeLessThanOrEqual(1 + 1e-9);
          expect(mean(p + 0.2, (kc, kb) => lnErrorsSafe(r, w, nc, kc, kb, 0.2))).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
    );
  });
});

/** The same where nothing is wrong, and where the canary is worse. */
const WORLDS: readonly (readonly [
  name: string,
  metric: UserMetric,
  worse: number,
  news: (worse: number) => World["news"],
])[] = [
  [
    "a rare ratio",
    RATIO,
    4,
    (worse) => (random, arm, n, i) => tally(binomial(random, n, drift(0.03, i) * (arm === "canary" ? worse : 1)), n),
  ],
  [
    "a frequent ratio whose fall is harm",
    { ...RATIO, direction: "down_is_bad" },
    3,
    (worse) => (random, arm, n, i) =>
      tally(n - binomial(random, n, drift(0.03, i) * (arm === "canary" ? worse : 1)), n),
  ],
  [
    "a count whose fall is harm",
    LEADS,
    0.3,
    (worse) => (random, arm, n, i) => tally(poisson(random, n * drift(0.05, i) * (arm === "canary" ? worse : 1)), n),
  ],
  ["a histogram", SIZES, 1.8, (worse) => (random, arm, n) => values(random, n, arm === "canary" ? worse : 1)],
];

describe.each(WORLDS)("%s", (_name, metric, worse, news) => {
  it("seldom reaches odds of 20 without harm, however often one looks (Ville)", () => {
    expect(shareOf(300, (seed) => play({ metric, news: news(1) }, seed, harmIs(20)) !== null)).toBeLessThan(0.07);
  });
  it("reaches odds of 200 with harm, and no proof of safety", () => {
    expect(shareOf(40, (seed) => play({ metric, news: news(worse) }, seed, harmIs(200)) !== null)).toBeGreaterThan(0.9);
    expect(shareOf(100, (seed) => play({ metric, news: news(worse) }, seed, safeIs(20)) !== null)).toBeLessThan(0.1);
  });
  it("proves a healthy canary safe", () => {
    const wide = { ...metric, safe: metric.kind === "histogram" ? 0.1 : 0.03 };
    expect(
      shareOf(30, (seed) => play({ metric: wide, news: news(1), looks: 360 }, seed, safeIs(20)) !== null),
    ).toBeGreaterThan(0.8);
  });
});

describe("a canary that is worse by exactly the margin", () => {
  it.each<[string, UserMetric, World["news"]]>([
    [
      "a ratio",
      { ...RATIO, safe: 0.03 },
      (random, arm, n) => tally(binomial(random, n, arm === "canary" ? 0.06 : 0.03), n),
    ],
    [
      "a count whose fall is harm",
      { ...LEADS, safe: 0.03 },
      (random, arm, n) => tally(poisson(random, n * (arm === "canary" ? 0.03 : 0.06)), n),
    ],
  ])("of %s is seldom called safe", (_name, metric, news) => {
    expect(shareOf(300, (seed) => play({ metric, news }, seed, safeIs(20)) !== null)).toBeLessThan(0.07);
  });
});

describe("what the gateway counts", () => {
  const metric: UserMetric = { ...LEADS, source: "gateway" };
  const lead = (canary: number, baseline: number) => ({ baseline: tally(baseline, 100), canary: tally(canary, 100) });
  it("is not judged while pages of another share are still open, but shown", () => {
    const policy = policyWith(metric);
    let state = startJudge(policy);
    for (let atMs = 5_000; atMs <= 115_000; atMs += 5_000)
      state = judge(state, lookAt(atMs, { leads: lead(0, 50) }), policy).state;
    const shown = judge(state, lookAt(119_000, { leads: lead(0, 50) }), policy).report;
    expect(rowOf(shown)).toMatchObject({ baselineCount: 2_400, canaryValue: 0 });
    expect(rowOf(shown)?.lnHarm).toBeLessThan(Math.log(200));
    const settled = judge(
      judge(state, lookAt(125_000, { leads: lead(0, 50) }), policy).state,
      lookAt(130_000, { leads: lead(0, 50) }),
      policy,
    );
    expect(rowOf(settled.report)?.lnHarm).toBeGreaterThan(Math.log(200));
    const moved = judge(settled.state, lookAt(135_000, { leads: lead(0, 50) }, 0.2), policy);
    expect(rowOf(moved.report)?.lnHarm).toBe(rowOf(settled.report)?.lnHarm);
  });
});

describe("the verdict", () => {
  const sick: MetricReading = { baseline: tally(2, 1_000), canary: tally(200, 1_000) };
  const after = (metric: UserMetric, reading: MetricReading, looks = 1) => {
    const policy = policyWith(metric);
    let judged = judge(startJudge(policy), lookAt(5_000, { [metric.name]: reading }), policy);
    for (let i = 1; i < looks; i++)
      judged = judge(judged.state, lookAt(5_000 * (i + 1), { [metric.name]: reading }), policy);
    return judged.report;
  };
  const guardOf = (r: JudgeReport, name: string) => r.guards.find((g) => g.guard === name);

  it("is FAIL by a critical metric alone, which is named, and never by a watched or muted one", () => {
    const failed = after(RATIO, sick);
    expect(failed.verdict).toBe("FAIL");
    expect(failed.reasons[0]).toBe(
      "Harm: checkout_errors: 20.0 % on the canary, 0.20 % on the current release. (10 canary requests.)",
    );
    expect(failed.metrics.reduce((sum, m) => sum + m.weight, 0)).toBeCloseTo(1, 12);
    for (const severity of ["watched", "muted"] as const) {
      const shown = after({ ...RATIO, severity }, sick);
      expect(shown.verdict).toBe("INCONCLUSIVE");
      expect(rowOf(shown)).toMatchObject({ severity, weight: 0, canaryValue: 0.2 });
      expect(shown.lnHarm).toBe(after({ ...RATIO, severity }, { baseline: tally(0, 0), canary: tally(0, 0) }).lnHarm);
    }
  });
  it("is open and held while a critical metric has no data or no answer, in words that name it", () => {
    const none = { baseline: tally(0, 50), canary: tally(0, 0) };
    const held = after(RATIO, none);
    expect(held).toMatchObject({ verdict: "INCONCLUSIVE", hold: true });
    expect(held.reasons[0]).toContain("checkout_errors has no data of the canary yet");
    const down = after(RATIO, { down: "it did not answer within 5 s" });
    expect(down).toMatchObject({ verdict: "INCONCLUSIVE", hold: true });
    expect(down.reasons[0]).toBe(
      "The source of checkout_errors (prometheus) has no answer: it did not answer within 5 s. Nothing is known of this time, so nothing moves.",
    );
    const watched = after({ ...RATIO, severity: "watched" }, { down: "x" });
    expect(guardOf(watched, "metric_source")?.state).toBe("note");
    expect(after({ ...RATIO, severity: "muted" }, { down: "x" }).guards.some((g) => g.guard.startsWith("metric"))).toBe(
      false,
    );
  });
  it("is held when a critical metric falls silent though there is traffic", () => {
    const policy = policyWith(RATIO);
    let { state, report } = judge(startJudge(policy), lookAt(5_000, { checkout_errors: sick }), policy);
    for (let atMs = 10_000; atMs <= 310_000; atMs += 5_000) ({ state, report } = judge(state, lookAt(atMs), policy));
    expect(guardOf(report, "metric_data")).toMatchObject({
      state: "hold",
      words: expect.stringContaining("checkout_errors had no news"),
    });
  });
  it("is FAIL beyond an absolute bound, but not where the current release is beyond it too", () => {
    const bound: UserMetric = { ...RATIO, harm: 0.5, safe: 0.6, max: 0.05 };
    const over = after(bound, { baseline: tally(30, 1_000), canary: tally(90, 1_000) });
    expect(over.verdict).toBe("FAIL");
    expect(over.reasons[0]).toBe(
      "checkout_errors is above 0.05: 0.09 on the canary, whatever the current release's is.",
    );
    const both = after(bound, { baseline: tally(90, 1_000), canary: tally(90, 1_000) });
    expect(both).toMatchObject({ verdict: "INCONCLUSIVE", hold: true });
    expect(after(bound, { baseline: tally(30, 1_000), canary: tally(55, 1_000) }).verdict).toBe("INCONCLUSIVE");
    const under: UserMetric = { ...LEADS, harm: 1, safe: 2, min: 0.5 };
    expect(after(under, { baseline: tally(600, 1_000), canary: tally(400, 1_000) }).verdict).toBe("FAIL");
    expect(after(under, { baseline: tally(600, 1_000), canary: tally(480, 1_000) }).verdict).toBe("INCONCLUSIVE");
  });
  it("is the same to the last bit with an empty list as without one, and replays through JSON with some", () => {
    const history = (seed: number): Look[] => {
      const random = seeded(seed);
      return Array.from({ length: 60 }, (_, i) => ({
        ...lookAt((i + 1) * 5_000),
        canary: { ...NONE, requests: 30, errors: binomial(random, 30, 0.05), latency: values(random, 30, 1).values },
        baseline: { ...NONE, requests: 30, errors: binomial(random, 30, 0.05), latency: values(random, 30, 1).values },
        metrics: {
          checkout_errors: {
            baseline: tally(binomial(random, 30, 0.1), 30),
            canary: tally(binomial(random, 30, 0.1), 30),
          },
        },
      }));
    };
    const fold = (policy: AnalysisPolicy, looks: readonly Look[], through: <T>(x: T) => T = (x) => x) => {
      let state = startJudge(policy);
      return looks.map((look) => {
        const judged = judge(through(state), through(look), policy);
        state = judged.state;
        return JSON.stringify([judged.state, judged.report]);
      });
    };
    const plain = history(7).map(({ metrics: _, ...look }) => look);
    expect(fold(policyWith(), plain)).toEqual(fold(defaultPolicy, plain));
    const policy = policyWith(RATIO, { ...SIZES, severity: "watched" });
    expect(fold(policy, history(8), (x) => JSON.parse(JSON.stringify(x)))).toEqual(fold(policy, history(8)));
  });
});
