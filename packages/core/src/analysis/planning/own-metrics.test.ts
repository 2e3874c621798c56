import { describe, expect, it } from "vitest";
import type { Strategy } from "../../delivery/rollout.ts";
import { seeded } from "../../shared/random.ts";
import type { UserMetric } from "../metrics.ts";
import { defaultPolicy } from "../policy.ts";
import { clustersOf, measuredTraffic, scaledTo } from "./measured.ts";
import { type PlannedMetric, plannedMetrics, withOwnMetrics } from "./own-metrics.ts";
import { type CanaryPlan, planCanary, runsOf } from "./plan.ts";
import { trafficOf } from "./traffic.ts";
import { metricWords, playedWords } from "./words.ts";

const LEADS: UserMetric = {
  name: "leads",
  kind: "count",
  source: "gateway",
  direction: "down_is_bad",
  severity: "critical",
  weight: 0.2,
  safe: 0.2,
  per: "visitors",
  settleMs: 0,
};
const planned: PlannedMetric = { metric: LEADS, rate: 0.3, perRequest: 0.25 };

describe("which metrics are played", () => {
  const row = (metric: string, baselineValue: number | null, baselineCount: number) => ({
    metric,
    baselineValue,
    baselineCount,
  });
  it("are those that decide and that a rollout has measured, the others with the reason", () => {
    const named = (name: string, over: Partial<UserMetric> = {}): UserMetric => ({ ...LEADS, name, ...over });
    const found = plannedMetrics(
      [
        named("a", { weight: 0.1 }),
        named("watched", { severity: "watched" }),
        named("sizes", { kind: "histogram" }),
        named("new"),
        named("rare"),
        ...["b", "c", "d"].map((name) => named(name, { weight: 1 })),
      ],
      {
        baselineRequests: 4_000,
        metrics: [row("a", 0.3, 1_000), row("rare", 0.004, 1_000), ...["b", "c", "d"].map((m) => row(m, 0.3, 1_000))],
      },
    );
    expect(found.played.map((p) => [p.metric.name, p.rate, p.perRequest])).toEqual(
      ["b", "c", "d"].map((name) => [name, 0.3, 0.25]),
    );
    const words = playedWords({ clusters: null, measured: false, metrics: found.played, notPlayed: found.notPlayed });
    expect(words.join("\n")).toBe(
      [
        "Failures are played one by one: the last hour has too few to tell whether they come in clusters.",
        "Metrics of its own are played as the last rollout measured them: b (0.3), c (0.3), d (0.3).",
        "Not played: watched (it is watched and decides nothing).",
        "Not played: sizes (how its values are spread is not kept).",
        "Not played: new (no rollout has measured it yet).",
        "Not played: rare (the last rollout saw fewer than 5 of its events).",
        "Not played: a (only the 3 of the greatest weight are played).",
        "Not played: broken pages, memory and restarts (nothing of them is kept by the hour).",
      ].join("\n"),
    );
    expect(plannedMetrics([LEADS], null).notPlayed).toEqual([
      { metric: "leads", why: "no rollout has measured it yet" },
    ]);
  });
});

describe("their news", () => {
  const arm = { errorRatio: 0, latencyMedianMs: 100, latencySpread: 0.5 };
  const looked = trafficOf({ requestsPerSecond: 1_000, baseline: arm, canary: arm }).look(0, 60_000, 0.5, seeded(1));
  it("are as many as measured, and on the canary as many fewer or more as the harm says", () => {
    const rates = (harm: number, over: Partial<UserMetric> = {}) => {
      const one = { ...planned, metric: { ...LEADS, ...over } };
      const news = withOwnMetrics(looked, [one], { metric: "leads", size: harm }, seeded(2)).metrics?.leads;
      if (!news || "down" in news) throw new Error("no news");
      expect(news.canary.total / looked.canary.requests).toBeCloseTo(0.25, 1);
      return [news.baseline.events / news.baseline.total, news.canary.events / news.canary.total];
    };
    const [base = 0, half = 0] = rates(0.5);
    expect([base / 0.3, half / 0.15].map((x) => Math.round(x * 10) / 10)).toEqual([1, 1]);
    expect(rates(1)[1]).toBe(0);
    const [, more = 0] = rates(1, { direction: "up_is_bad", kind: "ratio" });
    expect(more / 0.6).toBeCloseTo(1, 1);
  });
});

describe("clusters of failures", () => {
  it("are drawn with the dispersion that was measured, and each visitor's first beside them", () => {
    // Clusters of 3: D = 5, which was taken one standard error of sixty minutes higher.
    const clustering = { minutes: 60, errors: 5 * (1 + Math.sqrt(2 / 60)), unitErrors: 1 };
    const clusters = clustersOf(clustering);
    expect(clusters).toMatchObject({ meanSize: expect.closeTo(3, 9), routing: "visitor" });
    if (!clusters) return;
    const arm = { errorRatio: 0.1, latencyMedianMs: 100, latencySpread: 0.5 };
    const traffic = trafficOf({ requestsPerSecond: 100, baseline: arm, canary: arm, clusters });
    const random = seeded(3);
    let [squares, all, first] = [0, 0, 0];
    for (let i = 0; i < 600; i++) {
      const { baseline: b, canary: c } = traffic.look(i * 1_000, (i + 1) * 1_000, 0.5, random);
      squares += (b.errors - c.errors) ** 2;
      all += b.errors + c.errors;
      first += (b.unitErrors ?? 0) + (c.unitErrors ?? 0);
    }
    expect(squares / all).toBeGreaterThan(4);
    expect(squares / all).toBeLessThan(6);
    expect(all / first).toBeCloseTo(3, 0);
    expect(clustersOf({ ...clustering, unitErrors: null })?.routing).toBe("sticky");
    expect(clustersOf({ minutes: 60, errors: 1.18, unitErrors: 1 })).toBeNull();
    expect(clustersOf(null)).toBeNull();
  });
});

describe("a plan with a metric that decides, and failures in clusters", () => {
  const strategy: Strategy = {
    kind: "canary",
    steps: [{ trafficPercent: 50, bakeMs: 30_000, minimumRequests: 50 }],
    maximumMs: 1_200_000,
    onInconclusive: "hold",
    holdbackPercent: 5,
    holdbackMs: 0,
  };
  const clustering = { minutes: 60, errors: 5.9, unitErrors: 1 };
  let done = 0;
  const work = planCanary(
    {
      traffic: scaledTo(measuredTraffic([], null), 36_000),
      policy: { ...defaultPolicy, metrics: [LEADS], clustering },
      ...{ strategy, own: [planned], syntheticPerSecond: 0, runs: 20, seed: 1 },
    },
    (n) => {
      done += n;
    },
  );
  const plan = ((): CanaryPlan => {
    for (;;) {
      const step = work.next();
      if (step.done) return step.value;
    }
  })();

  it("finds that the leads stay away, proves healthy releases, and rolls none of them back", () => {
    expect(done).toBe(runsOf(20, [planned]));
    expect(plan.healthy).toMatchObject({ falseRollbacks: 0 });
    expect(plan.healthy.proved).toBeGreaterThan(10);
    const [leads] = plan.metrics;
    expect(leads).toMatchObject({ metric: "leads", direction: "down_is_bad" });
    expect(leads?.smallest?.size).toBeLessThanOrEqual(0.75);
    const smallest = leads?.smallest ? { ...leads.smallest, users: null } : null;
    expect(leads && metricWords({ ...leads, smallest })).toMatch(
      /^The smallest harm in leads found with 90 %: \d+ % fewer: half within/,
    );
  });
});
