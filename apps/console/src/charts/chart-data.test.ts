import { describe, expect, it } from "vitest";
import type { Look } from "../api/types.ts";
import { bandsOf, type ChartData, columnsOf, headOf, rowsOf, spanOf, topOf } from "./chart-data.ts";
import { evidenceChart, rolloutCharts } from "./rollout-charts.ts";

const look = (second: number, canary: number | null): Look => ({
  atMs: second * 1000,
  at: new Date(second * 1000).toISOString(),
  trafficPercent: 10,
  verdict: "INCONCLUSIVE",
  lnHarm: second,
  lnSafe: -5,
  baselineRequests: 10,
  canaryRequests: 5,
  metrics: [
    {
      metric: "errors",
      lnHarm: 0,
      weight: 0.35,
      lnSafe: 0,
      baselineValue: 0.01,
      baselineLow: 0,
      baselineHigh: 0.02,
      canaryValue: canary,
      canaryLow: canary,
      canaryHigh: canary === null ? null : 0.9,
      unit: "ratio",
      effect: null,
    },
  ],
});

const decision = {
  sequence: 3,
  at: new Date(9_000).toISOString(),
  kind: "roll_back_begun",
  words: "Harm.",
  actor: "Latchkey",
  fromState: "progressing",
  toState: "rolling_back",
  trafficPercent: 0,
} as const;

describe("from looks to charts", () => {
  const [chart] = rolloutCharts([look(1, null), look(2, 0.1), look(2, 0.2), look(3, 0.2)], [decision]);

  it("has both arms with their bands, at times that rise strictly", () => {
    expect(chart?.at).toEqual([1, 2, 3]);
    expect(chart?.lines.map((l) => l.name)).toEqual(["Baseline", "Canary"]);
    expect(chart?.lines[1]?.values).toEqual([null, 0.1, 0.2]);
    expect(chart?.lines[1]?.high).toEqual([null, 0.9, 0.9]);
  });

  it("shows evidence as a share of what decides, never below nothing", () => {
    const evidence = evidenceChart([look(1, 0), look(2, 0)], [], { harm: 4, safe: 3 });
    expect(evidence.lines.map((l) => l.values)).toEqual([
      [0.25, 0.5],
      [0, 0],
    ]);
  });
});

describe("from a chart to canvas, table and file", () => {
  const data: ChartData = {
    title: "Errors",
    unit: "ratio",
    at: [10, 20],
    marks: [{ at: 25, label: "rolled back", tone: "bad" }],
    lines: [
      { name: "a", color: "--a", values: [0.1, null] },
      { name: "b", color: "--b", values: [0.2, 0.3], low: [0.1, 0.2], high: [9, 0.4] },
    ],
  };

  it("puts bands after the lines and knows where", () => {
    expect(columnsOf(data)).toEqual([
      [10, 20],
      [0.1, null],
      [0.2, 0.3],
      [0.1, 0.2],
      [9, 0.4],
    ]);
    expect(bandsOf(data)).toEqual([{ line: 1, low: 3, high: 4 }]);
  });

  it("says the same in rows", () => {
    expect(headOf(data)).toEqual(["time", "a", "b", "b low", "b high"]);
    expect(rowsOf(data)[1]).toEqual(["1970-01-01T00:00:20.000Z", null, 0.3, 0.2, 0.4]);
  });

  it("reaches as far as its last mark", () => {
    expect(spanOf(data)[1]).toBeGreaterThan(25);
  });

  it("does not let one wide band flatten the values, and keeps to its ceiling", () => {
    expect(topOf(data, 0, 100)).toBeLessThan(1.1);
    expect(topOf(data, 0, 100)).toBeGreaterThan(0.3);
    expect(topOf({ ...data, ceiling: 0.25 }, 0, 100)).toBe(0.25);
  });
});
