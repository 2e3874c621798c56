import type { ServiceConfigInput } from "@latchkey/api/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Installation } from "../testing/installation.ts";
import { Journey, type RolloutView } from "../testing/journey.ts";
import { hasPrometheus, PrometheusServer } from "../testing/prometheus.ts";
import { Hopeless, until } from "../testing/until.ts";

type Metric = NonNullable<NonNullable<ServiceConfigInput["analysis"]>["metrics"]>[number];
const CHECKOUT: Metric = {
  name: "checkout_errors",
  kind: "ratio",
  source: "prometheus",
  direction: "up_is_bad",
  severity: "critical",
  events: 'shop_checkouts_total{release="{{release}}", outcome="failed"}',
  total: 'shop_checkouts_total{release="{{release}}"}',
  safe: 0.05,
};

const SEARCH: Metric = {
  name: "search_time",
  kind: "histogram",
  source: "prometheus",
  direction: "up_is_bad",
  severity: "watched",
  buckets: 'shop_search_seconds_bucket{release="{{release}}"}',
};
const LEADS: Metric = {
  name: "leads_per_page_view",
  kind: "ratio",
  source: "gateway",
  direction: "down_is_bad",
  severity: "critical",
  route: { method: "POST", path: "/api/leads", status: 201 },
  per: "page_views",
  safe: 0.02,
  settleMs: 0,
};

describe("metrics that the gateway counts", () => {
  let journey: Journey;
  beforeAll(async () => {
    journey = await Journey.begin({ analysis: { metrics: [LEADS], minimumBakeMs: 0 } });
    await journey.shipFirst();
  });
  afterAll(() => journey?.end());

  it("roll back a release on which fewer visitors become leads", async () => {
    const canary = await journey.shipCanary();
    const manners = { baseline: { eventRatio: 0.06 }, canary: { eventRatio: 0.02 } };
    const over = await journey.drive(canary.id, manners, "rolled_back");
    expect(journey.wordsOf(over)).toContain("Harm: leads_per_page_view: 2.00 % on the canary, 6.00 % on the current");
    expect(await journey.explain(canary.id)).toMatchObject({ agrees: true, evidenceIntact: true });
  });

  it("let a release pass that brings as many", async () => {
    const canary = await journey.shipCanary();
    const manners = { baseline: { eventRatio: 0.06 }, canary: { eventRatio: 0.06 }, holdback: { eventRatio: 0.06 } };
    const passed = await journey.drive(canary.id, manners, "holdback");
    expect(passed.report?.reasons.join(" ")).toContain("leads_per_page_view: 6.00 % on the canary");
    await journey.act(canary.id, "promote", "seen enough");
  });

  it("hold where a gateway does not count them, for an older one knows nothing of it", async () => {
    const canary = await journey.shipCanary();
    const serve = journey.gateway.serveUncounted(journey.workload.name);
    const held = await until("it was looked at", async () => {
      await serve();
      const seen = await journey.rollout(canary.id);
      return (seen.report?.canaryRequests ?? 0) > 1_000 && seen;
    });
    expect(held).toMatchObject({ state: "progressing", trafficPercent: 10 });
    expect(held.report?.reasons[0]).toContain("leads_per_page_view has no data of either release yet");
    await journey.act(canary.id, "abort", "upgrade the gateways first");
    await journey.drive(canary.id, {}, "aborted");
  });
});

describe.runIf(hasPrometheus)("metrics from a real Prometheus", () => {
  let prometheus: PrometheusServer;
  let journey: Journey;
  beforeAll(async () => {
    prometheus = await PrometheusServer.start();
    journey = await Journey.beginIn(await Installation.start({ prometheusUrl: prometheus.url }));
    await journey.shipFirst();
  });
  afterAll(async () => {
    await journey?.end();
    await prometheus?.stop();
  });

  /** Ships a release that is judged by these metrics as well. */
  async function shipJudgedBy(...metrics: Metric[]): Promise<RolloutView> {
    await journey.workload.apply({ analysis: { metrics, minimumBakeMs: 0 } });
    return journey.shipCanary();
  }
  /** What the shop's processes count of one release in one turn. */
  function checkouts(release: number, good: number, failed: number): void {
    const series = (outcome: string) =>
      `shop_checkouts_total{release="${journey.workload.name}@${release}",outcome="${outcome}"}`;
    prometheus.exporter.grow(series("good"), good);
    prometheus.exporter.grow(series("failed"), failed);
  }
  /** Each took between 0.1 and 0.5 s. */
  function searches(release: number, n: number): void {
    for (const [le, more] of [
      ["0.1", 0],
      ["0.5", n],
      ["+Inf", n],
    ] as const)
      prometheus.exporter.grow(
        `shop_search_seconds_bucket{release="${journey.workload.name}@${release}",le="${le}"}`,
        more,
      );
  }
  const released = (r: RolloutView) => [r.baseline?.number ?? 0, r.canary.number] as const;
  /** Healthy traffic through the gateway, and what the shop counts, until a rollout is as wanted. */
  async function until_(id: string, wanted: (r: RolloutView) => boolean, count: (r: RolloutView) => void) {
    return until("the rollout is as wanted", async () => {
      await journey.gateway.serve({});
      const seen = await journey.rollout(id);
      if (wanted(seen)) return seen;
      if (seen.finishedAt !== null) throw new Hopeless(`it ended ${seen.state}: ${journey.wordsOf(seen)}`);
      count(seen);
      return null;
    });
  }
  const inState =
    (...states: string[]) =>
    (r: RolloutView) =>
      states.includes(r.state);
  const rowOf = (r: RolloutView, metric: string) => r.report?.metrics.find((m) => m.metric === metric);

  it("roll back a release that only they show to be harmful, and explain it by replay", async () => {
    const canary = await shipJudgedBy(CHECKOUT);
    const over = await until_(canary.id, inState("rolled_back"), (r) => {
      const [old, fresh] = released(r);
      checkouts(old, 99, 1);
      checkouts(fresh, 9, 1);
    });
    expect(journey.wordsOf(over)).toContain("Harm: checkout_errors: ");
    const row = rowOf(over, "checkout_errors");
    expect(row).toMatchObject({ severity: "critical", unit: "ratio" });
    expect(row?.canaryValue).toBeCloseTo(0.1, 2);
    expect(row?.baselineValue).toBeCloseTo(0.01, 2);
    expect(over.report?.metrics.reduce((sum, m) => sum + m.weight, 0)).toBeCloseTo(1, 9);
    expect(await journey.explain(canary.id)).toMatchObject({ agrees: true, evidenceIntact: true });
  });

  it("let a healthy release pass once they prove it, and never decide when they are only watched", async () => {
    const watched: Metric = {
      ...CHECKOUT,
      name: "watched_errors",
      severity: "watched",
      events: CHECKOUT.events?.replace("failed", "odd"),
    };
    const canary = await shipJudgedBy(CHECKOUT, watched, SEARCH);
    const [old, fresh] = released(canary);
    const odd = (release: number, n: number) =>
      prometheus.exporter.grow(`shop_checkouts_total{release="${journey.workload.name}@${release}",outcome="odd"}`, n);
    const passed = await until_(canary.id, inState("holdback"), () => {
      checkouts(old, 99, 1);
      checkouts(fresh, 98, 1);
      odd(old, 0);
      odd(fresh, 1);
      for (const release of [old, fresh]) searches(release, 30);
    });
    expect(passed.report?.reasons[0]).toContain("in each critical metric");
    expect(rowOf(passed, "checkout_errors")?.lnSafe).toBeGreaterThan(Math.log(20));
    expect(rowOf(passed, "watched_errors")).toMatchObject({ severity: "watched", weight: 0 });
    expect(rowOf(passed, "search_time")).toMatchObject({ unit: "ms", severity: "watched" });
    expect(rowOf(passed, "search_time")?.canaryValue).toBeCloseTo(500, -2);
    expect(rowOf(passed, "search_time")?.canaryCount).toBeGreaterThan(100);
    await journey.act(canary.id, "promote", "seen enough");
  });

  it("without data hold, by name, and prove nothing", async () => {
    const canary = await shipJudgedBy({
      ...CHECKOUT,
      name: "carts_lost",
      total: 'shop_carts_total{release="{{release}}"}',
    });
    const held = await until_(
      canary.id,
      (r) => (r.report?.canaryRequests ?? 0) > 1_000,
      () => {},
    );
    expect(held).toMatchObject({ state: "progressing", trafficPercent: 10 });
    expect(held.report).toMatchObject({ verdict: "INCONCLUSIVE", hold: true });
    expect(held.report?.reasons[0]).toContain("carts_lost has no data of either release yet");
    await journey.act(canary.id, "abort", "a typing error in its query");
    await journey.drive(canary.id, {}, "aborted");
  });

  it("hold while Prometheus is away, in words that name it, and go on when it is back", async () => {
    const canary = await shipJudgedBy(CHECKOUT);
    const [old, fresh] = released(canary);
    const count = () => {
      checkouts(old, 99, 1);
      checkouts(fresh, 98, 1);
    };
    await until_(canary.id, (r) => (rowOf(r, "checkout_errors")?.canaryCount ?? 0) > 0, count);
    await prometheus.halt();
    const guard = (r: RolloutView) => r.report?.guards.find((g) => g.guard === "metric_source");
    const held = await until_(canary.id, (r) => guard(r)?.state === "hold", count);
    expect(guard(held)?.words).toMatch(
      /The source of checkout_errors \(prometheus\) has no answer: it can't be reached/,
    );
    expect(held.report).toMatchObject({ verdict: "INCONCLUSIVE", hold: true });
    await prometheus.begin();
    await until_(canary.id, inState("holdback"), count);
    await journey.act(canary.id, "promote", "seen enough");
  });
});
