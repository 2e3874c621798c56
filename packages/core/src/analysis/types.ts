import type { Histogram } from "../shared/histogram.ts";
import type { ClocksOff } from "./clock-skew.ts";
import type { MetricReading, UserMetric } from "./metrics.ts";
import type { Variation } from "./variation.ts";

/**
 * What the judge reads and what it answers. The judge is a fold: `judge(state, look, policy)` gives the
 * next state and a report, and nothing else may influence it, so that a recorded list of looks replays
 * to the same verdicts, to the last bit. State and looks are plain JSON.
 */

/** Counts of one arm since the previous look. */
export interface ArmCounts {
  /** Requests answered (or failed) whose first arm this was. */
  readonly requests: number;
  /** Of those: 5xx answers, failed connections, time-outs. A retried request counts against its first arm. */
  readonly errors: number;
  readonly latency: Histogram;
  /** Documents served to browsers, and of those how many reported a JavaScript error or a failed load. */
  readonly pageViews: number;
  readonly pageErrors: number;
  /** Of the errors, the first of each unit of routing: `units.ts`. Absent: every error is one. */
  readonly unitErrors?: number;
  readonly unitPageErrors?: number;
  /** Of the requests and of the errors, those that are routed with their visitor. Absent: none. */
  readonly visitorRequests?: number;
  readonly visitorErrors?: number;
}

/** How errors cluster on the stable release, measured before the canary began: `dispersion.ts`. */
export interface Clustering {
  readonly minutes: number;
  /** Dispersion of all errors, and of the first ones of each unit; 1 when they come one by one, null when there were too few. */
  readonly errors: number | null;
  readonly unitErrors: number | null;
  /** The same of broken pages, and of each visitor's first. Absent: measured before pages were. */
  readonly pageErrors?: number | null;
  readonly unitPageErrors?: number | null;
}

/** Health of a release's processes since the previous look, from the target. */
export interface ProcessCounts {
  readonly restarts: number;
  /** Resident memory at the look, bytes summed over the release's processes; null when unknown. */
  readonly residentBytes: number | null;
  /** Processes of the release, for "per process" figures. */
  readonly processes: number;
}

export interface Look {
  /** Milliseconds since the rollout's judge began; never decreases. */
  readonly atMs: number;
  /** The canary's configured share among baseline and canary while these counts were taken, 0 < w < 1. */
  readonly canaryShare: number;
  readonly baseline: ArmCounts;
  readonly canary: ArmCounts;
  readonly baselineProcess: ProcessCounts | null;
  readonly canaryProcess: ProcessCounts | null;
  /** False when the source of the counts did not answer since the previous look: the look carries no evidence. */
  readonly sourceUp: boolean;
  /** True for counts of our own requests, where visitors were too few: their share is a fair coin's. */
  readonly synthetic?: true;
  /** News of the metrics that a user brings, by name. */
  readonly metrics?: { readonly [name: string]: MetricReading };
  /** Clocks that were off when this was counted; left out when none was. */
  readonly clocksOff?: ClocksOff;
}

export interface AnalysisPolicy {
  /** False-rollback bound over the whole rollout (Ville). Default 0.01. */
  readonly alpha: number;
  /** False-pass bound. Default 0.05. */
  readonly beta: number;
  /** Harmless excess error ratio d0 (0.0002) and the excess that must be excluded for a PASS d1 (0.005). */
  readonly harmErrorRatio: number;
  readonly safeErrorRatio: number;
  /** Harmless slowdown m (0.05) and the slowdown that must be excluded for a PASS m1 (0.15). */
  readonly harmLatency: number;
  readonly safeLatency: number;
  /** Answers quicker than this count as equally quick: nobody feels 2 ms against 1 ms, yet ranks would. */
  readonly latencyFloorMs: number;
  /** Latency is judged from this long after the canary's first requests: before, it is that of a cold process. */
  readonly settleMs: number;
  readonly minimumBakeMs: number;
  readonly minimumCanaryRequests: number;
  /** Guards on the process: canary memory growth over baseline that is harm, and restarts that are. */
  readonly memoryGrowthRatio: number;
  readonly restartLimit: number;
  /** Measured, not chosen. Absent: there was too little to measure, and no evidence is tempered. */
  readonly clustering?: Clustering;
  /** So too: how much the stable release's looks differ from one another. Absent: learned while the rollout runs. */
  readonly variation?: Variation;
  /** What a user brings beside the built-in metrics. */
  readonly metrics?: readonly UserMetric[] | undefined;
}

export type MetricName = "errors" | "latency" | "tail_p95" | "tail_p99" | "page_errors";

/** One metric's standing, for people: evidence against its threshold, effect with its band. */
export interface MetricReport {
  /** A `MetricName`, or the name of one that a user brings. */
  readonly metric: string;
  /** Natural log of the harm e-value now, and the metric's weight in the average. */
  readonly lnHarm: number;
  readonly weight: number;
  /** Natural log of the safe e-value, null where the metric has no safe test. */
  readonly lnSafe: number | null;
  readonly baselineValue: number | null;
  readonly canaryValue: number | null;
  /** 95 % band of the canary's value (Wilson for shares, order statistics for latency). */
  readonly canaryLow: number | null;
  readonly canaryHigh: number | null;
  readonly baselineLow: number | null;
  readonly baselineHigh: number | null;
  /** `rate`: events per unit of the total; `number`: a value of the metric's own unit. */
  readonly unit: "ratio" | "ms" | "rate" | "number";
  /** Of a metric that a user brings: whether it decides, what it is, and what was counted of it on each release. */
  readonly severity?: UserMetric["severity"];
  readonly description?: string;
  readonly baselineCount?: number;
  readonly canaryCount?: number;
  /** What its events are called, and what they are counted per; for sentences. */
  readonly events?: string;
  readonly per?: string;
  /**
   * 95 % confidence sequence of how much more the canary has: of a ratio or rate the excess in its own unit, of a time the
   * relative slowdown, of a user's histogram the chance that the canary's value is the larger one, less 1/2. Null where
   * nothing is excluded yet, or where the metric has none; a bound is null where that side is open.
   */
  readonly effect: { readonly low: number | null; readonly high: number | null } | null;
}

export type GuardName =
  | "no_traffic"
  | "share_mismatch"
  | "source_down"
  | "baseline_sick"
  | "memory"
  | "restarts"
  | "shared_incident"
  | "clock_skew"
  | "clustered"
  | "metric_source"
  | "metric_data"
  | "metric_limit";

/** `harm` fails the rollout, `hold` keeps everything as it is, `note` only tells. */
export interface GuardReport {
  readonly guard: GuardName;
  readonly state: "quiet" | "note" | "hold" | "harm";
  readonly words: string;
}

export type Verdict = "FAIL" | "PASS" | "INCONCLUSIVE";

export interface JudgeReport {
  readonly atMs: number;
  readonly verdict: Verdict;
  /** One plain sentence each, most important first. Always at least one. */
  readonly reasons: readonly string[];
  /** ln of the merged harm e-value, the threshold ln(1/alpha), and the smallest harm p-value seen. */
  readonly lnHarm: number;
  readonly lnHarmThreshold: number;
  readonly harmPValue: number;
  /** The lesser of the safe tests' ln e, and its threshold ln(1/beta). */
  readonly lnSafe: number;
  readonly lnSafeThreshold: number;
  readonly canaryRequests: number;
  readonly baselineRequests: number;
  readonly metrics: readonly MetricReport[];
  readonly guards: readonly GuardReport[];
  /** True while any guard holds or there is no news: the rollout must not advance on this look. */
  readonly hold: boolean;
  /** Roughly how many more canary requests a PASS needs at what has been seen. */
  readonly canaryRequestsToPass: number;
}
