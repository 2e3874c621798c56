import { bucketOf } from "../shared/histogram.ts";
import { type Sample, SERIES_MAX } from "./metric-source.ts";
import { ARMS, type Arm, NO_TALLY, type Tally, type UserMetric } from "./metrics.ts";

/**
 * From counters that only grow to what is new since the reading before. A reading that is lost loses nothing: the next one
 * holds its counts as well. A counter that fell has begun again: it is taken from its new value on, which loses what it
 * counted in between: of a sum over processes nobody can say how much that is.
 */
export interface ArmAnswer {
  readonly events?: readonly Sample[];
  readonly total?: readonly Sample[];
  readonly buckets?: readonly Sample[];
}
export type Answer = Readonly<Record<Arm, ArmAnswer>>;

/** The values that earlier readings have taken in, by arm, part and labels. An arm that is not there has not begun. */
export type Anchors = { readonly [arm in Arm]?: { readonly [series: string]: number } };

/** What is kept of series that are gone: they may come back with their old value. */
const ANCHORS_MAX = 4 * SERIES_MAX;

export function takeAnswer(
  metric: UserMetric,
  answer: Answer,
  before: Anchors,
): { readonly baseline: Tally; readonly canary: Tally; readonly anchors: Anchors } {
  const taken = ARMS.map((arm) => takeArm(metric, answer[arm], before[arm]));
  const [b, c] = taken;
  const anchors: { [arm in Arm]?: { readonly [series: string]: number } } = {};
  if (b?.anchors) anchors.baseline = b.anchors;
  if (c?.anchors) anchors.canary = c.anchors;
  return { baseline: b?.tally ?? NO_TALLY, canary: c?.tally ?? NO_TALLY, anchors };
}

function takeArm(metric: UserMetric, answer: ArmAnswer, before: Anchors[Arm]) {
  // No series is no zero: a label that the new release spells otherwise must not make it look perfect.
  if (partsOf(metric).some((part) => (answer[part] ?? []).length === 0)) return { tally: NO_TALLY, anchors: before };
  const now: Record<string, number> = {};
  for (const part of partsOf(metric))
    for (const sample of answer[part] ?? [])
      if (Number.isFinite(sample.value) && sample.value >= 0) now[keyOf(part, sample)] = sample.value;
  // What an arm counted before it was first seen belongs to no look.
  if (before === undefined) return { tally: NO_TALLY, anchors: now };
  const growth = (part: "events" | "total") =>
    (answer[part] ?? []).reduce((sum, sample) => sum + grown(now[keyOf(part, sample)], before[keyOf(part, sample)]), 0);
  const values = valuesOf(metric, answer.buckets ?? [], now, before);
  return { tally: { events: growth("events"), total: growth("total"), values }, anchors: keep(before, now) };
}

const partsOf = (metric: UserMetric) =>
  metric.kind === "histogram" ? (["buckets"] as const) : (["events", "total"] as const);

/** A series that was not there before began at 0, as counters do. */
function grown(now: number | undefined, before: number | undefined): number {
  if (now === undefined) return 0;
  return Math.max(0, now - (before ?? 0));
}

function keep(before: { readonly [series: string]: number }, now: Readonly<Record<string, number>>) {
  const all = { ...before, ...now };
  return Object.keys(all).length > ANCHORS_MAX ? now : all;
}

const labelsOf = (labels: Sample["labels"], without = ""): string =>
  Object.entries(labels)
    .filter(([name]) => name !== without)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(",");
const keyOf = (part: string, { labels }: Sample): string => `${part}{${labelsOf(labels)}}`;

/** Upper end of a bucket; the last one has none. */
const upperOf = (le: string | undefined): number => {
  if (le === undefined) return Number.NaN;
  return /^\+?inf(inity)?$/i.test(le) ? Number.POSITIVE_INFINITY : Number(le);
};

/**
 * New values by bucket. A value is taken for its bucket's upper end, one above all ends for twice the last: ranks only ask
 * which is larger. Buckets count all below their end as well, so neighbours are subtracted, each histogram for itself.
 */
function valuesOf(
  metric: UserMetric,
  samples: readonly Sample[],
  now: Readonly<Record<string, number>>,
  before: { readonly [series: string]: number },
): Record<string, number> {
  const scale = metric.unit === "milliseconds" || metric.unit === "number" ? 1 : 1_000;
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    if (Number.isNaN(upperOf(sample.labels.le))) continue;
    const group = labelsOf(sample.labels, "le");
    groups.set(group, [...(groups.get(group) ?? []), sample]);
  }
  const values: Record<string, number> = {};
  for (const group of groups.values()) {
    const sorted = [...group].sort((a, b) => upperOf(a.labels.le) - upperOf(b.labels.le));
    const pairs = sorted.map((s) => [now[keyOf("buckets", s)], before[keyOf("buckets", s)]] as const);
    // One that fell has begun again with all its buckets.
    if (pairs.some(([after, earlier]) => after === undefined || after < (earlier ?? 0))) continue;
    let below = 0;
    let last = 1;
    for (const [i, sample] of sorted.entries()) {
      const upper = upperOf(sample.labels.le);
      const end = Number.isFinite(upper) ? upper * scale : 2 * last;
      last = Number.isFinite(upper) ? end : last;
      const cumulative = grown(...(pairs[i] ?? [0, 0]));
      const own = cumulative - below;
      below = Math.max(below, cumulative);
      if (own > 0) values[bucketOf(end)] = (values[bucketOf(end)] ?? 0) + own;
    }
  }
  return values;
}
