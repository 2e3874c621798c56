import type { Histogram } from "../shared/histogram.ts";

/**
 * Metrics that a user brings beside the built-in ones: what is asked of a source, what it answers, and what a look keeps
 * of it. Plain JSON. The tests are in user-metrics.ts, the way from counters to news in metric-readings.ts.
 */
export interface UserMetric {
  readonly name: string;
  /** One sentence for people. */
  readonly description?: string | undefined;
  /** What its events are called, in the plural: "leads". For sentences. */
  readonly called?: string | undefined;
  /**
   * `ratio`: events among a total (at most 1 each). `count`: events per unit of a total, any number of them.
   * `histogram`: values, compared by ranks.
   */
  readonly kind: "ratio" | "count" | "histogram";
  readonly source: "gateway" | "prometheus";
  readonly direction: "up_is_bad" | "down_is_bad";
  /** `critical` counts for FAIL and its proof is needed for PASS; `watched` is shown and never decides; `muted` is kept only. */
  readonly severity: "critical" | "watched" | "muted";
  /** Beside the built-in metrics, which have 1 together. */
  readonly weight: number;
  /** Harmless and to-be-excluded change for the worse: of the ratio or rate itself, of the mean rank for a histogram. */
  readonly harm?: number | undefined;
  readonly safe?: number | undefined;
  /** Bounds of the canary's own ratio or rate, whatever the baseline's. */
  readonly max?: number | undefined;
  readonly min?: number | undefined;
  /** PromQL of counters, with what is filled in for each arm (`fillQuery`). */
  readonly events?: string | undefined;
  readonly total?: string | undefined;
  /** PromQL of the `_bucket` counters of a histogram, with their label `le`. */
  readonly buckets?: string | undefined;
  readonly unit?: "seconds" | "milliseconds" | "number" | undefined;
  /** Answers that the gateway counts as events, and what they are counted against. */
  readonly route?: GatewayRoute | undefined;
  readonly per?: GatewayTotal | undefined;
  /** After a change of share what the gateway counts is not judged for this long. */
  readonly settleMs?: number | undefined;
}
export type GatewayTotal = "requests" | "page_views" | "visitors";

/** Which answers the gateway counts: method, path without query, and status. */
export interface GatewayRoute {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export type Arm = "baseline" | "canary";
export const ARMS: readonly Arm[] = ["baseline", "canary"];

/** News of one arm since the reading before. */
export interface Tally {
  readonly events: number;
  readonly total: number;
  /** Values of a histogram, in its unit (seconds as milliseconds). */
  readonly values: Histogram;
}
export const NO_TALLY: Tally = { events: 0, total: 0, values: {} };

/** What a look has of a metric: its news, or why its source has none. Left out, it was not asked since the look before. */
export type MetricReading =
  | { readonly baseline: Tally; readonly canary: Tally }
  | {
      /** A clause for people: "it did not answer within 5 s". */
      readonly down: string;
    };

/** Default margins: a ratio's are those of errors (policy.ts); mean ranks differ by 0.08 at a slowdown by 15 % (latency.ts). */
const MARGINS = { ratio: [0.0002, 0.005], count: [0, 0], histogram: [0, 0.05] } as const;

export function marginsOf(metric: UserMetric): { readonly harm: number; readonly safe: number } {
  const [harm, safe] = MARGINS[metric.kind];
  return { harm: metric.harm ?? harm, safe: metric.safe ?? safe };
}

/**
 * Shares of the merged evidence. The built-in metrics have weight 1 together and the critical ones of the user w_i: all are
 * divided by 1 + sum(w_i), so that they add up to 1 again. Only critical metrics take part.
 */
export function builtInShare(metrics: readonly UserMetric[]): number {
  return 1 / (1 + metrics.reduce((sum, m) => sum + (m.severity === "critical" ? m.weight : 0), 0));
}
