import type { Histogram } from "../shared/histogram.ts";
import { NO_BAND, quantileBands, wilson } from "./bands.ts";
import { type Bounds, excessBounds } from "./effect.ts";
import { effectWords } from "./effect-words.ts";
import { HARM_PRIOR, SAFE_R } from "./errors.ts";
import type { JudgeState } from "./judge.ts";
import { LAMBDAS } from "./latency.ts";
import { harmOf, lnSlowness } from "./latency-evidence.ts";
import { bounded, lnAverage } from "./log-space.ts";
import { requestsForProof } from "./planning/needs.ts";
import { slowdownBounds } from "./slowdown.ts";
import type { AnalysisPolicy, GuardReport, JudgeReport, Look, MetricName, MetricReport, Verdict } from "./types.ts";
import { errorsPerVisitor, unitErrorsOf } from "./units.ts";
import { decides, formatRate, userReports } from "./user-report.ts";

/**
 * From evidence to a verdict and its reasons. Metrics are merged by a weighted average of their e-values, the only
 * admissible merge under arbitrary dependence (Vovk & Wang, Annals of Statistics 2021).
 */
export const METRIC_WEIGHTS: Readonly<Record<MetricName, number>> = {
  errors: 0.35,
  latency: 0.25,
  tail_p95: 0.1,
  tail_p99: 0.15,
  page_errors: 0.15,
};

const even = (n: number): number[] => Array.from({ length: n }, () => 1 / n);

export function reportOn(s: JudgeState, guards: GuardReport[], look: Look, policy: AnalysisPolicy): JudgeReport {
  const reports = userReports(metricReports(s, policy), s.user, policy);
  const metrics = reports.filter(decides);
  const lnHarm = lnAverage(
    metrics.map((m) => m.lnHarm),
    metrics.map((m) => m.weight),
  );
  const lnHarmThreshold = Math.log(1 / policy.alpha);
  const lnSafeThreshold = Math.log(1 / policy.beta);
  const lnSafe = Math.min(...metrics.flatMap((m) => (m.lnSafe === null ? [] : [m.lnSafe])));
  const harmed = guards.filter((g) => g.state === "harm");
  const shared = guards.some((g) => g.guard === "shared_incident" && g.state === "hold");
  const hold = guards.some((g) => g.state === "hold");
  const enough = s.canary.requests >= policy.minimumCanaryRequests && look.atMs >= policy.minimumBakeMs;
  const proved = lnSafe >= lnSafeThreshold && lnHarm < 1;
  // Counts of a time that can't be told decide nothing. They stay in the evidence: every request's share is known.
  const timed = (look.clocksOff?.gateways ?? []).length === 0;
  const failed = harmed.length > 0 || (look.sourceUp && timed && s.canary.requests > 0 && lnHarm >= lnHarmThreshold);
  const verdict: Verdict = failed ? "FAIL" : proved && enough && !hold && look.sourceUp ? "PASS" : "INCONCLUSIVE";
  return {
    atMs: look.atMs,
    verdict,
    reasons: reasons({ verdict, metrics, guards, harmed, lnHarm, lnHarmThreshold, s, policy, look, proved, shared }),
    lnHarm,
    lnHarmThreshold,
    harmPValue: Math.min(1, Math.exp(-Math.max(0, s.lnHarmMax, lnHarm))),
    lnSafe,
    lnSafeThreshold,
    canaryRequests: s.canary.requests,
    baselineRequests: s.baseline.requests,
    metrics: reports,
    guards,
    hold,
    canaryRequestsToPass: toPass(s, policy, lnSafe, lnSafeThreshold),
  };
}

function metricReports(s: JudgeState, policy: AnalysisPolicy): MetricReport[] {
  const lambdas = even(LAMBDAS.length);
  const rs = even(SAFE_R.length);
  const { baseline: b, canary: c } = s;
  const row = (
    metric: MetricName,
    unit: "ratio" | "ms",
    lnHarm: number,
    lnSafe: number | null,
    baseline: ReturnType<typeof wilson>,
    canary: ReturnType<typeof wilson>,
    effect: Bounds | null = null,
  ): MetricReport => ({
    metric,
    lnHarm: bounded(lnHarm),
    weight: METRIC_WEIGHTS[metric],
    lnSafe,
    baselineValue: baseline.value,
    canaryValue: canary.value,
    canaryLow: canary.low,
    canaryHigh: canary.high,
    baselineLow: baseline.low,
    baselineHigh: baseline.high,
    unit,
    effect: effect && {
      low: effect.low > -1 ? effect.low : null,
      high: effect.high < (unit === "ratio" ? 1 : Number.POSITIVE_INFINITY) ? effect.high : null,
    },
  });
  const bands = (h: Histogram) => quantileBands(h, [0.5, 0.95, 0.99]);
  const [b50 = NO_BAND, b95 = NO_BAND, b99 = NO_BAND] = bands(b.latency);
  const [c50 = NO_BAND, c95 = NO_BAND, c99 = NO_BAND] = bands(c.latency);
  return [
    row(
      "errors",
      "ratio",
      harmOf(s.errorsHarm, HARM_PRIOR),
      lnAverage(errorsSafe(s, policy), rs),
      wilson(b.errors, b.requests),
      wilson(c.errors, c.requests),
      excessBounds(s.errorTallies),
    ),
    row(
      "latency",
      "ms",
      lnSlowness(s, "ranks"), // Unsafe means slower by the margin and not quick enough either: under it both are e-values, and so is their average.
      lnAverage([lnAverage(s.latencySafe, lambdas), lnAverage(s.latencyFast, rs)], [0.5, 0.5]),
      b50,
      c50,
      slowdownBounds(s.slowdown),
    ),
    row("tail_p95", "ms", lnSlowness(s, "p95"), null, b95, c95),
    row("tail_p99", "ms", lnSlowness(s, "p99"), lnAverage(s.tail99Safe, rs), b99, c99),
    row(
      "page_errors",
      "ratio",
      harmOf(s.pagesHarm, HARM_PRIOR),
      null,
      wilson(b.pageErrors, b.pageViews),
      wilson(c.pageErrors, c.pageViews),
      excessBounds(s.pageTallies),
    ),
  ];
}

/** With n d1 / c (1 - r) of the requests that are routed with their visitor: `units.ts`. */
function errorsSafe(s: JudgeState, policy: AnalysisPolicy): number[] {
  const n = (s.safeVisitors ?? 0) / errorsPerVisitor(s.baseline, s.canary);
  return s.errorsSafe.map((ln, i) => bounded(ln + n * policy.safeErrorRatio * (1 - (SAFE_R[i] ?? 0.5))));
}

interface Facts {
  readonly verdict: Verdict;
  readonly metrics: readonly MetricReport[];
  readonly guards: readonly GuardReport[];
  readonly harmed: readonly GuardReport[];
  readonly lnHarm: number;
  readonly lnHarmThreshold: number;
  readonly s: JudgeState;
  readonly policy: AnalysisPolicy;
  readonly look: Look;
  readonly proved: boolean;
  readonly shared: boolean;
}

const percent = (x: number): string => `${(x * 100).toFixed(x < 0.1 ? 2 : 1)} %`;
const ms = (x: number): string => `${x < 10 ? x.toFixed(1) : Math.round(x)} ms`;
/** "1 in 3,000" of an e-value's bound. */
const odds = (ln: number): string =>
  ln > 27
    ? "1 in a million million"
    : `1 in ${Math.floor(Math.exp(ln))
        .toString()
        .replace(/\B(?=(\d{3})+$)/g, ",")}`;

const NAMES: Readonly<Record<string, string>> = {
  errors: "failed requests",
  latency: "the median time to answer",
  tail_p95: "the slowest 5 % of answers",
  tail_p99: "the slowest 1 % of answers",
  page_errors: "pages that broke in the browser",
};

function compare(m: MetricReport): string {
  const { canaryValue: c, baselineValue: b } = m;
  const show = m.unit === "ratio" ? percent : m.unit === "ms" ? ms : formatRate;
  return `${NAMES[m.metric] ?? m.metric}: ${c === null ? "nothing seen" : show(c)} on the canary, ${b === null ? "nothing seen" : show(b)} on the current release`;
}

function reasons(f: Facts): string[] {
  const held = f.guards.filter((g) => g.state === "hold").map((g) => g.words);
  if (f.verdict === "FAIL") {
    if (f.harmed.length > 0) return f.harmed.map((g) => g.words);
    const worst = [...f.metrics].sort((a, b) => b.lnHarm + Math.log(b.weight) - a.lnHarm - Math.log(a.weight))[0];
    const lead = worst ? `Harm: ${compare(worst)}.` : "Harm.";
    const { errors, requests } = f.s.canary;
    const units = unitErrorsOf(f.s.canary);
    const once = units < errors ? `, which counts as ${units}: one failure per visitor` : "";
    const counts =
      worst?.metric === "errors"
        ? ` (${errors} of ${requests} canary requests failed${once}.)`
        : ` (${requests} canary requests.)`;
    return [
      `${lead}${counts}`,
      ...(worst ? effectWords(worst) : []),
      `Were the canary no worse, evidence this strong would come at most ${odds(f.lnHarm)} times.`,
      ...(f.shared ? ["Both releases fail, but the canary more than they share."] : []),
    ];
  }
  if (f.verdict === "PASS")
    return [
      `Shown to be no worse than the current release within the margins, in errors${f.metrics.some((m) => m.severity) ? ", in latency and in each critical metric." : " and in latency."}`,
      ...f.metrics.filter((m) => m.lnSafe !== null).map((m) => `${compare(m)}.`),
      ...f.metrics.flatMap(effectWords),
      ...syntheticWords(f.s),
    ];
  if (held.length > 0) return held;
  if (f.proved)
    return [
      `Shown to be safe; it still bakes until ${Math.round(f.policy.minimumBakeMs / 1000)} s and ${f.policy.minimumCanaryRequests} canary requests.`,
    ];
  return [
    `No harm is shown after ${f.s.canary.requests} canary requests, nor yet that there is none.`,
    ...syntheticWords(f.s),
  ];
}

/** A proof by our own requests is one for what they ask, no more: whoever reads the verdict must know. */
const syntheticWords = (s: JudgeState): string[] =>
  s.syntheticRequests > 0
    ? [
        `${s.syntheticRequests} of its ${s.canary.requests} canary requests were synthetic journeys: of what only visitors do, they prove nothing.`,
      ]
    : [];

/**
 * Roughly how many more canary requests until the safe tests reach their threshold: at the growth so far. Where nothing has
 * grown yet, or it fell below its start, as many as a flawless canary needs for what is missing.
 */
function toPass(s: JudgeState, policy: AnalysisPolicy, lnSafe: number, threshold: number): number {
  const n = s.canary.requests;
  const floor = Math.max(0, policy.minimumCanaryRequests - n);
  if (lnSafe >= threshold) return floor;
  const missing = (threshold - Math.min(0, lnSafe)) / threshold;
  if (n < 10 || lnSafe <= 0)
    return Math.max(floor, Math.ceil(requestsForProof({ ...policy, minimumCanaryRequests: 0 }) * missing));
  return Math.max(floor, Math.ceil(((threshold - lnSafe) * n) / lnSafe));
}
