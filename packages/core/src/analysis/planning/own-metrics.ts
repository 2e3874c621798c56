import { exponential, type Random } from "../../shared/random.ts";
import type { MetricReading, Tally, UserMetric } from "../metrics.ts";
import type { ArmCounts, Look, MetricReport } from "../types.ts";

/**
 * The metrics that a service brings, as far as they can be played: those that decide, at the rate that the last rollout
 * measured on the release that serves. Events come one by one, and a source answers at every look.
 */
export interface PlannedMetric {
  readonly metric: UserMetric;
  /** Events per unit of its total, and units per request, on a healthy release. */
  readonly rate: number;
  readonly perRequest: number;
}

export interface NotPlayed {
  readonly metric: string;
  /** A clause for people. */
  readonly why: string;
}

/** Each is searched for the harm that is found: a tenth more of a plan's work. */
export const METRICS_PLAYED_MAX = 3;
/** With fewer events or units the rate is a guess. */
const EVENTS_MIN = 5;

/** What a finished or a running rollout measured: its report's rows and the baseline's requests. */
export interface MeasuredMetrics {
  readonly baselineRequests: number;
  readonly metrics: readonly Pick<MetricReport, "metric" | "baselineValue" | "baselineCount">[];
}

/** Parts metrics into those that are played and those that are not, each with its reason. The heaviest come first. */
export function plannedMetrics(
  metrics: readonly UserMetric[],
  last: MeasuredMetrics | null,
): { readonly played: readonly PlannedMetric[]; readonly notPlayed: readonly NotPlayed[] } {
  const played: PlannedMetric[] = [];
  const notPlayed: NotPlayed[] = [];
  for (const metric of [...metrics].sort((a, b) => b.weight - a.weight)) {
    const planned = measured(metric, last);
    if (typeof planned === "string") notPlayed.push({ metric: metric.name, why: planned });
    else if (played.length < METRICS_PLAYED_MAX) played.push(planned);
    else
      notPlayed.push({ metric: metric.name, why: `only the ${METRICS_PLAYED_MAX} of the greatest weight are played` });
  }
  return { played, notPlayed };
}

function measured(metric: UserMetric, last: MeasuredMetrics | null): PlannedMetric | string {
  if (metric.severity !== "critical") return `it is ${metric.severity} and decides nothing`;
  if (metric.kind === "histogram") return "how its values are spread is not kept";
  const row = last?.metrics.find((m) => m.metric === metric.name);
  const { baselineValue: rate = null, baselineCount: units = 0 } = row ?? {};
  if (!last || rate === null || units <= 0 || last.baselineRequests <= 0) return "no rollout has measured it yet";
  if (rate * units < EVENTS_MIN) return `the last rollout saw fewer than ${EVENTS_MIN} of its events`;
  return { metric, rate, perRequest: units / last.baselineRequests };
}

/** How much worse the canary is in one metric: 0.3 is 30 % fewer events, or more where more is worse. */
export interface MetricHarm {
  readonly metric: string;
  readonly size: number;
}

/** Sizes that are searched, ascending: down to none at all, or up to ten times as many. */
export const metricGrid = ({ metric }: PlannedMetric): readonly number[] =>
  metric.direction === "down_is_bad" ? [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1] : [0.1, 0.2, 0.5, 1, 2, 4, 9];

/** Adds news of the metrics to a look, by its requests. */
export function withOwnMetrics(
  look: Look,
  planned: readonly PlannedMetric[],
  harm: MetricHarm | null,
  random: Random,
): Look {
  if (planned.length === 0) return look;
  const metrics: Record<string, MetricReading> = {};
  for (const one of planned) {
    const { metric } = one;
    const worse = harm?.metric === metric.name ? harm.size : 0;
    const factor = metric.direction === "down_is_bad" ? 1 - worse : 1 + worse;
    metrics[metric.name] = {
      baseline: drawn(one, look.baseline, 1, random),
      canary: drawn(one, look.canary, factor, random),
    };
  }
  return { ...look, metrics };
}

function drawn({ metric, rate, perRequest }: PlannedMetric, arm: ArmCounts, factor: number, random: Random): Tally {
  const total = metric.per === "requests" ? arm.requests : poisson(random, arm.requests * perRequest);
  const events = poisson(random, total * rate * factor);
  return { events: metric.kind === "ratio" ? Math.min(events, total) : events, total, values: {} };
}

/** From here on a normal draw is as good, and the gaps would take too long. */
const MEAN_OF_GAPS = 200;

/** A Poisson count: by the gaps between arrivals, and of large means by the normal that they tend to. */
function poisson(random: Random, mean: number): number {
  if (mean >= MEAN_OF_GAPS) {
    const z = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * z));
  }
  let n = 0;
  for (let at = exponential(random, 1); at < mean; at += exponential(random, 1)) n += 1;
  return n;
}
