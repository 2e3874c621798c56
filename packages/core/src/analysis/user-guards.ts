import { lnMean } from "./log-space.ts";
import type { UserMetric } from "./metrics.ts";
import type { AnalysisPolicy, GuardReport } from "./types.ts";
import { amountOf, type MetricState, type UserState } from "./user-metrics.ts";
import { formatRate } from "./user-report.ts";

/**
 * Guards on the metrics that a user brings: a source that does not answer and a metric without data hold where the metric is
 * critical, and are no evidence of anything; a bound that the canary is proved to be beyond is harm.
 */
interface Met {
  readonly metric: UserMetric;
  readonly state: MetricState;
}

/** Prometheus takes a series for gone after 5 minutes without a sample. */
const SILENT_MS = 300_000;

/** None where nothing but muted metrics is brought, so that other rollouts' reports stay as they are. */
export function guardUserMetrics(state: UserState | undefined, policy: AnalysisPolicy): GuardReport[] {
  const met = (policy.metrics ?? []).flatMap((metric): Met[] => {
    const of = state?.metrics[metric.name];
    return of && metric.severity !== "muted" ? [{ metric, state: of }] : [];
  });
  return met.length === 0 ? [] : Object.values(USER_GUARDS).map((guard) => guard(met, policy));
}

/** Each by its name, in the order in which they are told. */
export const USER_GUARDS: Readonly<
  Record<"metric_source" | "metric_data" | "metric_limit", (met: readonly Met[], policy: AnalysisPolicy) => GuardReport>
> = { metric_source: source, metric_data: data, metric_limit: limits };

const isCritical = ({ metric }: Met): boolean => metric.severity === "critical";
/** Those that hold first: one guard has one state. */
const byWeight = (met: readonly Met[]): Met[] => {
  const critical = met.filter(isCritical);
  return critical.length > 0 ? critical : [...met];
};
const namesOf = (met: readonly Met[]): string => met.map(({ metric }) => metric.name).join(", ");

function source(all: readonly Met[]): GuardReport {
  const guard = "metric_source";
  const down = byWeight(all.filter(({ state }) => state.down !== null));
  const [first] = down;
  if (!first) return { guard, state: "quiet", words: "The sources of metrics answer." };
  const holds = isCritical(first);
  const what = `The source of ${namesOf(down)} (${first.metric.source}) has no answer: ${first.state.down}.`;
  return holds
    ? { guard, state: "hold", words: `${what} Nothing is known of this time, so nothing moves.` }
    : { guard, state: "note", words: `${what} It does not decide.` };
}

function data(all: readonly Met[]): GuardReport {
  const guard = "metric_data";
  const answering = all.filter(({ state }) => state.down === null);
  const never = byWeight(answering.filter(({ metric, state: s }) => missing(metric, s) !== null));
  const silent = byWeight(answering.filter(({ state }) => Math.max(...state.silentMs) >= SILENT_MS));
  const [first] = never;
  if (first) {
    const words = `${namesOf(never)} ${never.length > 1 ? "have" : "has"} no data of ${missing(first.metric, first.state)} yet`;
    return isCritical(first)
      ? { guard, state: "hold", words: `${words}: a critical metric without data proves nothing, so nothing moves.` }
      : { guard, state: "note", words: `${words}.` };
  }
  const [quietest] = silent;
  if (quietest) {
    const words = `${namesOf(silent)} had no news for ${SILENT_MS / 60_000} minutes, though there is traffic`;
    return isCritical(quietest)
      ? { guard, state: "hold", words: `${words}: nothing moves until it has.` }
      : { guard, state: "note", words: `${words}.` };
  }
  return { guard, state: "quiet", words: "Every metric has data of both releases." };
}

/** Which releases a metric has nothing of; null when it has some of both. */
function missing(metric: UserMetric, s: MetricState): string | null {
  const [b, c] = [amountOf(metric, s.baseline) > 0, amountOf(metric, s.canary) > 0];
  if (b && c) return null;
  return b ? "the canary" : c ? "the current release" : "either release";
}

/** All bounds together fail a canary that is within them in at most alpha of rollouts: each has an equal part of it. */
function limits(all: readonly Met[], policy: AnalysisPolicy): GuardReport {
  const guard = "metric_limit";
  const bounds = all.flatMap((met) => [
    ...(met.metric.max === undefined ? [] : [{ met, word: "above", bound: met.metric.max, lns: met.state.over }]),
    ...(met.metric.min === undefined ? [] : [{ met, word: "below", bound: met.metric.min, lns: met.state.under }]),
  ]);
  const threshold = Math.log(bounds.length / policy.alpha);
  const beyond = bounds.filter(({ lns }) => lnMean(lns) >= threshold);
  const critical = beyond.filter(({ met }) => isCritical(met));
  const [first] = critical.length > 0 ? critical : beyond;
  if (!first) return { guard, state: "quiet", words: "No metric is beyond its bounds." };
  const { metric, state } = first.met;
  const value = state.canary.events / state.canary.total;
  const baseline = state.baseline.total > 0 ? state.baseline.events / state.baseline.total : null;
  const words = `${metric.name} is ${first.word} ${formatRate(first.bound)}: ${formatRate(value)} on the canary`;
  if (!isCritical(first.met)) return { guard, state: "note", words: `${words}.` };
  const sick = baseline !== null && (first.word === "above" ? baseline > first.bound : baseline < first.bound);
  return sick
    ? {
        guard,
        state: "hold",
        words: `${words}, and ${formatRate(baseline)} on the current release: the canary is not blamed for it, and nothing moves.`,
      }
    : { guard, state: "harm", words: `${words}, whatever the current release's is.` };
}
