import type { TrafficSample } from "../api/types.ts";
import type { ChartData } from "./chart-data.ts";

/** The three charts of an environment's traffic. */
export function trafficCharts(samples: readonly TrafficSample[]): ChartData[] {
  const at = samples.map((s) => Date.parse(s.at) / 1000);
  const chart = (title: string, unit: ChartData["unit"], color: string, values: (number | null)[]): ChartData => ({
    title,
    unit,
    at,
    lines: [{ name: title, color, values }],
    marks: [],
  });
  return [
    chart(
      "Requests",
      "perSecond",
      "--accent",
      samples.map((s) => s.requestsPerSecond),
    ),
    chart(
      "Failed requests",
      "ratio",
      "--bad",
      samples.map((s) => s.errorRatio),
    ),
    chart(
      "P95",
      "ms",
      "--holdback",
      samples.map((s) => s.p95Ms),
    ),
  ];
}
