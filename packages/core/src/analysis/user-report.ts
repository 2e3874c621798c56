import { type Band, poissonBand, quantileBand, wilson } from "./bands.ts";
import { boundsOf } from "./effect.ts";
import { HARM_PRIOR } from "./errors.ts";
import { lnOnset } from "./late-onset.ts";
import { bounded, lnAverage } from "./log-space.ts";
import { builtInShare, type Tally, type UserMetric } from "./metrics.ts";
import { rankBounds } from "./rank-effect.ts";
import type { AnalysisPolicy, MetricReport } from "./types.ts";
import { amountOf, type MetricState, type UserState } from "./user-metrics.ts";

/** The rows of the metrics that a user brings, behind the built-in ones, whose weights make room for the critical. */
export function userReports(
  builtIn: readonly MetricReport[],
  state: UserState | undefined,
  policy: AnalysisPolicy,
): readonly MetricReport[] {
  const metrics = policy.metrics ?? [];
  if (!state || metrics.length === 0) return builtIn;
  const share = builtInShare(metrics);
  const rows = metrics.flatMap((metric) => {
    const of = state.metrics[metric.name];
    return of ? [rowOf(metric, of, metric.severity === "critical" ? metric.weight * share : 0)] : [];
  });
  return [...builtIn.map((row) => ({ ...row, weight: row.weight * share })), ...rows];
}

/** What counts in the merged evidence, and for PASS. */
export const decides = (row: MetricReport): boolean => row.severity === undefined || row.severity === "critical";

export const formatRate = (x: number): string => String(Number(x.toPrecision(3)));

const even = (n: number): number[] => Array.from({ length: n }, () => 1 / n);

function rowOf(metric: UserMetric, s: MetricState, weight: number): MetricReport {
  const ranks = metric.kind === "histogram";
  const baseline = bandOf(metric, s.baseline);
  const canary = bandOf(metric, s.canary);
  return {
    metric: metric.name,
    lnHarm: bounded(lnAverage(s.harm.map(lnOnset), ranks ? even(s.harm.length) : HARM_PRIOR)),
    weight,
    lnSafe: lnAverage(s.safe, even(s.safe.length)),
    baselineValue: baseline.value,
    canaryValue: canary.value,
    canaryLow: canary.low,
    canaryHigh: canary.high,
    baselineLow: baseline.low,
    baselineHigh: baseline.high,
    unit: ranks ? (metric.unit === "number" ? "number" : "ms") : metric.kind === "ratio" ? "ratio" : "rate",
    effect: effectOf(metric, s),
    severity: metric.severity,
    ...(metric.description ? { description: metric.description } : {}),
    ...(metric.called ? { events: metric.called } : {}),
    ...(metric.per ? { per: metric.per.replace("_", " ") } : {}),
    baselineCount: amountOf(metric, s.baseline),
    canaryCount: amountOf(metric, s.canary),
  };
}

/** A bound that says nothing is none: beyond what a ratio or a chance can differ by, or infinite. */
function effectOf(metric: UserMetric, { excess, ranks }: MetricState): MetricReport["effect"] {
  const bounds = ranks ? rankBounds(ranks) : excess ? boundsOf(excess) : null;
  if (!bounds) return null;
  const most = { ratio: 1, count: Number.POSITIVE_INFINITY, histogram: 0.5 }[metric.kind];
  const low = bounds.low > -most ? bounds.low : null;
  const high = bounds.high < most ? bounds.high : null;
  return low === null && high === null ? null : { low, high };
}

function bandOf(metric: UserMetric, { events, total, values }: Tally): Band {
  if (metric.kind === "histogram") return quantileBand(values, 0.5);
  return metric.kind === "ratio" ? wilson(events, total) : poissonBand(events, total);
}
