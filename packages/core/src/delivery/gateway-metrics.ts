import { type Anchors, type Answer, takeAnswer } from "../analysis/metric-readings.ts";
import { ARMS, type Arm, type MetricReading, type UserMetric } from "../analysis/metrics.ts";
import { type Generation, generationKey } from "./generation.ts";
import { estimateDistinct, mergeUsers } from "./hyperloglog.ts";

/** What a gateway has counted of one release in one generation, cumulative; `events` null where it counts none. */
export interface GatewayCounts {
  readonly generation: Generation;
  readonly releaseId: string;
  readonly routeClass: string;
  readonly requests: number;
  readonly pageViews: number;
  /** Sketch of the visitors (hyperloglog.ts). */
  readonly users: string;
  readonly events: { readonly [metric: string]: number } | null;
}

/** The gateway's counters are a rollout's own, from 0. */
const BEGUN: Anchors = { baseline: {}, canary: {} };

/**
 * News of the metrics that the gateway counts, of one generation: it has one routing share. Rows of gateways that do not
 * count a metric (an older version, an older table) are no part of it. Visitors are estimated, anew in each generation:
 * they only weigh in the margins, never in who has more events.
 */
export function takeGatewayMetrics(
  metrics: readonly UserMetric[],
  counters: readonly GatewayCounts[],
  generation: Generation,
  canaryReleaseId: string,
  before: { readonly [metric: string]: Anchors },
): { readonly metrics: Record<string, MetricReading>; readonly anchors: Record<string, Anchors> } {
  const key = generationKey(generation);
  const own = counters.filter((row) => generationKey(row.generation) === key);
  const readings: Record<string, MetricReading> = {};
  const anchors: Record<string, Anchors> = { ...before };
  for (const metric of metrics) {
    const counting = own.filter((row) => row.events !== null && metric.name in row.events);
    if (metric.source !== "gateway" || counting.length === 0) continue;
    const answer = {} as Record<Arm, Answer[Arm]>;
    for (const arm of ARMS) {
      const rows = counting.filter((row) => (row.releaseId === canaryReleaseId) === (arm === "canary"));
      const sample = (value: number) => [{ labels: { generation: key }, value }];
      const events = rows.reduce((sum, row) => sum + (row.events?.[metric.name] ?? 0), 0);
      answer[arm] = { events: sample(events), total: sample(totalOf(metric, rows)) };
    }
    const { anchors: next, ...tallies } = takeAnswer(metric, answer, before[metric.name] ?? BEGUN);
    anchors[metric.name] = next;
    readings[metric.name] = tallies;
  }
  return { metrics: readings, anchors };
}

function totalOf(metric: UserMetric, rows: readonly GatewayCounts[]): number {
  if (metric.per === "visitors") return Math.round(estimateDistinct(mergeUsers(rows.map((row) => row.users))));
  if (metric.per === "page_views") return rows.reduce((sum, row) => sum + row.pageViews, 0);
  // Assets follow their document, as for errors.
  return rows.reduce((sum, row) => sum + (row.routeClass === "asset" ? 0 : row.requests), 0);
}
