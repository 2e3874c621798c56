import { countOf, mergeHistograms } from "../shared/histogram.ts";
import { type ExcessLines, type ShareTally, startExcess, stepExcess, swapped } from "./effect.ts";
import { HARM_PSI, lnErrorsHarm, lnErrorsSafe, lnShareSmall, SAFE_R } from "./errors.ts";
import { type Onset, startOnset, stepOnset } from "./late-onset.ts";
import { lean } from "./latency.ts";
import { bounded } from "./log-space.ts";
import { marginsOf, NO_TALLY, type Tally, type UserMetric } from "./metrics.ts";
import { type RankEffect, startRankEffect, stepRankEffect } from "./rank-effect.ts";
import type { Look } from "./types.ts";

/**
 * The evidence of the metrics that a user brings: e-processes as those of the built-in metrics (judge.ts), valid at any
 * time. Given a batch's totals n_c and n_b, events fall on the canary with the realised share w = n_c / (n_c + n_b): e =
 * r^k_c s^k_b exp(-n_c d0 (r - 1)) has mean at most exp(p (n_c (r - 1) + n_b (s - 1))) = 1 for independent events of a ratio
 * (1 + x <= e^x) and exactly so for Poisson counts, so one formula serves both. The totals need no alignment with the
 * gateway's looks: a source that lags, as one that scrapes does, delays evidence and does not bend it. What the gateway
 * counts itself is judged by the share that it routes by, which is known.
 */
export interface MetricState {
  readonly baseline: Tally;
  readonly canary: Tally;
  /** News that waits for both arms to have some. */
  readonly waitingBaseline: Tally;
  readonly waitingCanary: Tally;
  readonly waitingSinceMs: number;
  readonly harm: readonly Onset[];
  readonly safe: readonly number[];
  /** ln e against "the canary is within max" and "within min". */
  readonly over: readonly number[];
  readonly under: readonly number[];
  /** For people: how much more the canary has, by the same tests. Nothing is decided on it. Ranks are a histogram's. */
  readonly excess?: ExcessLines;
  readonly ranks?: RankEffect;
  /** For how long the gateway has had requests of an arm and the metric nothing: baseline, canary. */
  readonly silentMs: readonly [number, number];
  /** Why the source has no answer; null while it has. */
  readonly down: string | null;
}

export interface UserState {
  readonly metrics: Readonly<Record<string, MetricState>>;
  /** The canary's share, and since when it is so; 0 before the first look at visitors. */
  readonly share: number;
  readonly shareSinceMs: number;
  /** The last look at visitors. */
  readonly lastMs: number;
}

/**
 * An event may come a while after the page that led to it: a form takes a minute or two to fill in. After a change of share
 * such events belong to the share before, so what the gateway counts is not judged for this long unless a metric says otherwise.
 */
export const SHARE_SETTLE_MS = 120_000;
/** As for latency: a single value leans by up to a half by chance alone. */
const VALUES_MIN = 2;
/**
 * Bets on the difference d of mean ranks, in shares of the largest that keeps a tenth of the stake in the worst case
 * (d - m >= -1/2 - m). Only the mean of d is known, so the bet is 1 + lambda (d - m) (Waudby-Smith & Ramdas, JRSS B 2023).
 */
export const RANK_BETS = [0.25, 0.5, 0.9] as const;
/** Factors beyond an absolute bound that are betted on: little, twice, four times. */
export const OVER_R = [1.25, 2, 4] as const;

const many = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

function startMetric(metric: UserMetric, atMs: number): MetricState {
  const ranks = metric.kind === "histogram";
  return {
    baseline: NO_TALLY,
    canary: NO_TALLY,
    waitingBaseline: NO_TALLY,
    waitingCanary: NO_TALLY,
    waitingSinceMs: atMs,
    harm: many(ranks ? RANK_BETS.length : HARM_PSI.length, startOnset),
    safe: many(ranks ? RANK_BETS.length : SAFE_R.length, 0),
    over: many(OVER_R.length, 0),
    under: many(SAFE_R.length, 0),
    ...(ranks ? { ranks: startRankEffect(RANK_BETS) } : { excess: startExcess }),
    silentMs: [0, 0],
    down: null,
  };
}

/** Takes a look's readings in. Undefined while there are no metrics, so that a state without them stays as it was. */
export function stepUserMetrics(
  before: UserState | undefined,
  look: Look,
  metrics: readonly UserMetric[] | undefined,
  lastMs: number,
): UserState | undefined {
  if (!metrics || metrics.length === 0) return undefined;
  // Synthetic requests are nobody's leads, and go by a share of their own.
  if (look.synthetic) return before ?? { metrics: {}, share: 0, shareSinceMs: lastMs, lastMs };
  const fromMs = before?.lastMs ?? lastMs;
  const changed = before === undefined || before.share !== look.canaryShare;
  const shareSinceMs = changed ? fromMs : before.shareSinceMs;
  const next: Record<string, MetricState> = {};
  for (const metric of metrics)
    next[metric.name] = stepMetric(before?.metrics[metric.name] ?? startMetric(metric, fromMs), metric, look, {
      settled: look.atMs - shareSinceMs >= (metric.settleMs ?? SHARE_SETTLE_MS),
      sinceMs: Math.max(0, look.atMs - fromMs),
    });
  return { metrics: next, share: look.canaryShare, shareSinceMs, lastMs: Math.max(fromMs, look.atMs) };
}

const add = (a: Tally, b: Tally): Tally => ({
  events: a.events + b.events,
  total: a.total + b.total,
  values: mergeHistograms(a.values, b.values),
});
export const amountOf = (metric: UserMetric, tally: Tally): number =>
  metric.kind === "histogram" ? countOf(tally.values) : tally.total;

function stepMetric(
  s: MetricState,
  metric: UserMetric,
  look: Look,
  { settled, sinceMs }: { readonly settled: boolean; readonly sinceMs: number },
): MetricState {
  const reading = look.metrics?.[metric.name];
  const isNews = reading !== undefined && "baseline" in reading;
  const { baseline: b, canary: c } = isNews ? reading : { baseline: NO_TALLY, canary: NO_TALLY };
  const silent = (arm: 0 | 1, tally: Tally, requests: number) =>
    amountOf(metric, tally) > 0 ? 0 : s.silentMs[arm] + (requests > 0 ? sinceMs : 0);
  const seen: MetricState = {
    ...s,
    baseline: add(s.baseline, b),
    canary: add(s.canary, c),
    silentMs: [silent(0, b, look.baseline.requests), silent(1, c, look.canary.requests)],
    down: reading === undefined ? s.down : isNews ? null : reading.down,
  };
  if (metric.source === "gateway") {
    // What came before the share had settled is shown, and is evidence of nothing.
    if (!settled) return { ...seen, waitingSinceMs: look.atMs };
    return isNews ? judgeCounts(seen, s, metric, { b, c, w: look.canaryShare, atMs: look.atMs }) : seen;
  }
  const waitingBaseline = add(s.waitingBaseline, b);
  const waitingCanary = add(s.waitingCanary, c);
  const least = metric.kind === "histogram" ? VALUES_MIN : Number.MIN_VALUE;
  const [nb, nc] = [amountOf(metric, waitingBaseline), amountOf(metric, waitingCanary)];
  if (nb < least || nc < least) return { ...seen, waitingBaseline, waitingCanary };
  const whole = { ...seen, waitingBaseline: NO_TALLY, waitingCanary: NO_TALLY };
  const batch = { b: waitingBaseline, c: waitingCanary, w: nc / (nc + nb), atMs: look.atMs };
  return metric.kind === "histogram" ? judgeValues(whole, metric, batch) : judgeCounts(whole, s, metric, batch);
}

interface Batch {
  readonly b: Tally;
  readonly c: Tally;
  /** The canary's share of what is counted. */
  readonly w: number;
  readonly atMs: number;
}

/**
 * A batch as two sides in the order of errors.ts, where "the canary has not more than d beyond the baseline" is what "the
 * first has not" is. Valid at any time is it with the events and with those that did not happen, of which the first side is
 * then the baseline. Rare events tell more than frequent ones (an odds ratio of 2 makes 5 % of 2.6 %, but 97 % of 95 %), so
 * the rarer kind is counted, by what was seen of the baseline before this batch.
 */
function sidesOf(metric: UserMetric, before: Tally, { b, c, w }: Batch): ShareTally {
  if (metric.kind !== "ratio")
    return { share: w, canary: c.total, canaryBad: c.events, baseline: b.total, baselineBad: b.events };
  const [kb, kc] = [Math.min(b.events, b.total), Math.min(c.events, c.total)];
  if (before.total > 0 && before.events / before.total > 0.5)
    return { share: 1 - w, canary: b.total, canaryBad: b.total - kb, baseline: c.total, baselineBad: c.total - kc };
  return { share: w, canary: c.total, canaryBad: kc, baseline: b.total, baselineBad: kb };
}

function judgeCounts(seen: MetricState, before: MetricState, metric: UserMetric, batch: Batch): MetricState {
  const sides = sidesOf(metric, before.baseline, batch);
  // That less is worse is the same with the sides exchanged.
  const {
    share: w,
    canary: n,
    canaryBad: k,
    baselineBad: other,
  } = metric.direction === "up_is_bad" ? sides : swapped(sides);
  const { harm, safe } = marginsOf(metric);
  const tookMs = Math.max(0, batch.atMs - before.waitingSinceMs);
  const { total } = batch.c;
  const events = metric.kind === "ratio" ? Math.min(batch.c.events, total) : batch.c.events;
  const { max, min } = metric;
  return {
    ...seen,
    waitingSinceMs: batch.atMs,
    excess: stepExcess(seen.excess ?? startExcess, sides),
    harm: seen.harm.map((onset, i) => stepOnset(onset, lnErrorsHarm(HARM_PSI[i] ?? 2, w, n, k, other, harm), tookMs)),
    safe: seen.safe.map((ln, i) => bounded(ln + lnErrorsSafe(SAFE_R[i] ?? 0.5, w, n, k, other, safe))),
    over:
      max === undefined
        ? seen.over
        : seen.over.map((ln, i) => bounded(ln + lnShareSmall(OVER_R[i] ?? 2, total, events, max))),
    under:
      min === undefined
        ? seen.under
        : seen.under.map((ln, i) => bounded(ln + lnShareSmall(SAFE_R[i] ?? 0.5, total, events, min))),
  };
}

/** By mean ranks in the batch, whose expected difference is the chance that the canary's value is the larger, less 1/2. */
function judgeValues(seen: MetricState, metric: UserMetric, { b, c, atMs }: Batch): MetricState {
  const up = lean(b.values, c.values, Math.round(atMs));
  const worse = metric.direction === "up_is_bad" ? up : -up;
  const { harm, safe } = marginsOf(metric);
  const tookMs = Math.max(0, atMs - seen.waitingSinceMs);
  return {
    ...seen,
    waitingSinceMs: atMs,
    ranks: stepRankEffect(seen.ranks ?? startRankEffect(RANK_BETS), up, RANK_BETS),
    harm: seen.harm.map((onset, i) =>
      stepOnset(onset, Math.log1p(((RANK_BETS[i] ?? 0.5) / (0.5 + harm)) * (worse - harm)), tookMs),
    ),
    // Here the worst case is d = 1/2: safe - d >= safe - 1/2.
    safe: seen.safe.map((ln, i) => bounded(ln + Math.log1p(((RANK_BETS[i] ?? 0.5) / 0.5) * (safe - worse)))),
  };
}
