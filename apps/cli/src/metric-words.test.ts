import { expect, it } from "vitest";
import { metricLines } from "./metric-words.ts";
import { styleFor } from "./text.ts";

const row = {
  lnHarm: 0,
  weight: 0,
  lnSafe: 0,
  baselineValue: null,
  canaryValue: null,
  canaryLow: null,
  canaryHigh: null,
  baselineLow: null,
  baselineHigh: null,
  unit: "ratio" as const,
  effect: null,
};
const report = {
  atMs: 0,
  verdict: "INCONCLUSIVE" as const,
  reasons: [],
  lnHarm: 0,
  lnHarmThreshold: 4,
  harmPValue: 1,
  lnSafe: 0,
  lnSafeThreshold: 3,
  canaryRequests: 0,
  baselineRequests: 0,
  guards: [],
  hold: false,
  canaryRequestsToPass: null,
};
const style = styleFor({ isInteractive: false, env: {} });

it("shows the metrics that a service brings, those that decide first, and no muted one", () => {
  const metrics = [
    { ...row, metric: "errors", weight: 0.8 },
    {
      ...row,
      metric: "carts",
      severity: "watched" as const,
      unit: "rate" as const,
      baselineValue: 0.012345,
      lnHarm: 2,
    },
    { ...row, metric: "leads", severity: "critical" as const, weight: 1, canaryValue: 0.05, lnHarm: 1, lnSafe: 3 },
    { ...row, metric: "noise", severity: "muted" as const },
  ];
  const [lines = ""] = metricLines({ ...report, metrics }, style);
  expect(lines.split("\n").map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ["metric", "severity", "baseline", "canary", "harm", "safety"],
    ["leads", "critical", "no data", "5 %", "25 %", "100 %"],
    ["carts", "watched", "0.0123", "no data", "50 %", "0 %"],
  ]);
  expect(metricLines({ ...report, metrics: [{ ...row, metric: "errors" }] }, style)).toEqual([]);
  expect(metricLines(null, style)).toEqual([]);
});
