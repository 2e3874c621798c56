import type { MetricSource } from "@latchkey/core/analysis/metric-source";
import type { UserMetric } from "@latchkey/core/analysis/metrics";
import type { Look } from "@latchkey/core/analysis/types";
import { ok } from "@latchkey/core/shared/result";
import { MemoryMetricSource } from "@latchkey/core/testing/memory-metric-source";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { until } from "../testing/until.ts";
import { MetricReader } from "./metric-reader.ts";
import type { RolloutRow } from "./rollouts.store.ts";

const METRIC: UserMetric = {
  name: "checkout_errors",
  kind: "ratio",
  source: "prometheus",
  direction: "up_is_bad",
  severity: "critical",
  weight: 0.2,
  events: 'failed_total{arm="{{arm}}"}',
  total: 'all_total{arm="{{arm}}"}',
};
const NONE = { requests: 0, errors: 0, latency: {}, pageViews: 0, pageErrors: 0 };
const LOOK: Look = {
  ...{ atMs: 0, canaryShare: 0.1, baseline: NONE, canary: NONE },
  ...{ baselineProcess: null, canaryProcess: null, sourceUp: true },
};
const NOTHING = { counters: [], generations: [] };

describe("the reader of metrics", () => {
  let database: TestDatabase;
  let nowMs: number;
  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(() => {
    nowMs = 1_800_000_000_000;
  });

  const readerOf = (source: MetricSource | null) =>
    new MetricReader({
      source,
      clock: { now: () => nowMs, monotonic: () => nowMs, after: () => () => {} },
      db: database.db,
    });
  const rowOf = (id: string, anchors = {}) =>
    ({
      ...{ id, service: "shop", environment: "production", baseline_release_id: "rel_1", canary_release_id: "rel_2" },
      ...{ policy: { metrics: [METRIC] }, metric_anchors: anchors },
    }) as unknown as RolloutRow;
  /** What the next look after a reading has of the metric, with the anchors that follow. */
  const next = (reader: MetricReader, anchors = {}) =>
    until("it was read", () => {
      const { looks, metricAnchors } = reader.measure(rowOf("rol_1", anchors), [LOOK], NOTHING);
      const reading = looks[0]?.metrics?.checkout_errors;
      return Promise.resolve(reading && { reading, anchors: metricAnchors });
    });

  it("gives what is new with one look, and once", async () => {
    const source = new MemoryMetricSource();
    const count = (failed: number, all: number) => {
      for (const arm of ["baseline", "canary"]) {
        source.set(`failed_total{arm="${arm}"}`, failed, nowMs);
        source.set(`all_total{arm="${arm}"}`, all, nowMs);
      }
      // Readings are of two seconds ago.
      nowMs += 5_000;
    };
    const reader = readerOf(source);
    count(3, 100);
    const first = await next(reader);
    count(5, 140);
    const second = await next(reader, first.anchors);
    const grown = { events: 2, total: 40, values: {} };
    expect(second.reading).toEqual({ baseline: grown, canary: grown });
    // A look that was overtaken had it for nothing: the anchors stay, and the next reading holds it as well.
    count(6, 150);
    expect((await next(reader, first.anchors)).reading).toMatchObject({ canary: { events: 3, total: 50 } });
    const again = reader.measure(rowOf("rol_1", second.anchors), [LOOK], NOTHING);
    expect(again.looks[0]?.metrics).toEqual({});
  });

  it("keeps no look and no other rollout waiting for a source that is slow, and asks it no second time meanwhile", async () => {
    let asked = 0;
    let answer = () => {};
    const reader = readerOf({
      now: () => Promise.resolve(ok(nowMs)),
      read: (query) => {
        if (query.includes("canary")) return Promise.resolve(ok([]));
        asked += 1;
        return new Promise((resolve) => {
          answer = () => resolve(ok([]));
        });
      },
    });
    const measure = (id: string) => reader.measure(rowOf(id), [LOOK], NOTHING).looks[0]?.metrics;
    expect(measure("rol_1")).toEqual({});
    await until("it was asked", () => Promise.resolve(asked > 0));
    const before = asked;
    nowMs += 60_000;
    expect(measure("rol_1")).toEqual({});
    expect(measure("rol_2")).toEqual({});
    await until("the other rollout's were asked for", () => Promise.resolve(asked > before));
    answer();
  });

  it.each([
    ["ahead", 600_000],
    ["behind", -31_000],
  ])("takes nothing from a source whose clock is %s, says by how much, and goes on when it is right", async (_, by) => {
    let aheadMs = by;
    const source = new MemoryMetricSource(() => nowMs + aheadMs);
    for (const arm of ["baseline", "canary"]) {
      source.set(`failed_total{arm="${arm}"}`, 1, nowMs - 60_000);
      source.set(`all_total{arm="${arm}"}`, 10, nowMs - 60_000);
    }
    const reader = readerOf(source);
    const look = () => reader.measure(rowOf("rol_1"), [LOOK], NOTHING).looks[0];
    const off = await until("its clock was seen", () => Promise.resolve(look()?.clocksOff));
    expect(off).toEqual({ gateways: [], sourceByMs: by });
    expect(look()?.metrics).toEqual({});
    aheadMs = 900;
    nowMs += 5_000;
    const { reading } = await next(reader);
    expect(reading).toMatchObject({ canary: { events: 0 } });
    expect(look()).not.toHaveProperty("clocksOff");
  });

  it("says why there is none, where a source fails or is missing", async () => {
    expect((await next(readerOf(null))).reading).toEqual({ down: "this server was started without --prometheus-url" });
    const broken = readerOf({
      now: () => Promise.reject(new Error("out of order")),
      read: () => Promise.reject(new Error("out of order")),
    });
    expect((await next(broken)).reading).toEqual({ down: "it could not be asked (out of order)" });
  });
});
