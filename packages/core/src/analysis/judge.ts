import { bucketOf, countOf, mergeHistograms } from "../shared/histogram.ts";
import { quantileBucket } from "./bands.ts";
import { type ShareTally, stepTallies } from "./effect.ts";
import { HARM_PSI, lnErrorsHarm, lnErrorsSafe, lnShareSmall, SAFE_R } from "./errors.ts";
import { type GuardState, startGuards, stepGuards } from "./guards.ts";
import { type Onset, startOnset, stepOnset } from "./late-onset.ts";
import {
  above,
  type Clumps,
  clumpSize,
  LAMBDAS,
  lnLatencyHarm,
  lnLatencySafe,
  lnTailHarm,
  raiseToFloor,
  startClumps,
  stepClumps,
  TAIL_LAMBDAS,
} from "./latency.ts";
import { bounded } from "./log-space.ts";
import { reportOn } from "./report.ts";
import { type Slowdown, startSlowdown, stepSlowdown } from "./slowdown.ts";
import type { AnalysisPolicy, ArmCounts, JudgeReport, Look } from "./types.ts";

/**
 * The judge: a fold over looks. Each metric keeps e-processes (nonnegative, mean at most 1 under "no harm"), so that
 * looking at any time is free: P(ever E >= 1/alpha) <= alpha (Ville 1939).
 */
export const DECIDER_VERSION = "judge-3";

export interface JudgeState {
  readonly lastMs: number;
  readonly baseline: ArmCounts;
  readonly canary: ArmCounts;
  /** Latency that waits for both arms to have enough of it in one batch. */
  readonly pendingBaseline: ArmCounts["latency"];
  readonly pendingCanary: ArmCounts["latency"];
  readonly pendingSinceMs: number;
  /** The share that the waiting latency came under: batches never mix two. */
  readonly pendingShare: number;
  readonly errorsHarm: readonly Onset[];
  readonly errorsSafe: readonly number[];
  readonly latencyHarm: readonly Onset[];
  readonly latencySafe: readonly number[];
  /** Evidence that nearly all of the canary's answers are below the floor: quick enough whatever the ranks. */
  readonly latencyFast: readonly number[];
  readonly tail95Harm: readonly Onset[];
  readonly tail99Harm: readonly Onset[];
  readonly tail99Safe: readonly number[];
  readonly clumps: Clumps;
  /** When the canary had its first requests; null before. */
  readonly firstCanaryMs: number | null;
  readonly pagesHarm: readonly Onset[];
  /** For people: how much worse the canary is. Nothing is decided on them. */
  readonly errorTallies: readonly ShareTally[];
  readonly pageTallies: readonly ShareTally[];
  readonly slowdown: Slowdown;
  readonly lnHarmMax: number;
  readonly guards: GuardState;
}

/**
 * Both arms need this many requests in a latency batch. The bets hold for any number; a single answer leans by up to a half
 * by chance alone and costs them most of the stake each time, and waiting for more than two only delays what few requests tell.
 */
const LATENCY_BATCH_MIN = 2;
/** Pages fail for reasons of the visitor's browser too: an excess of 0.2 points is no harm. */
export const PAGE_HARM_RATIO = 0.002;
/** The share above the baseline's p99 may rise by 1.5 points, from 1 to 2.5 %, and still be called safe. */
export const TAIL_SAFE_RATIO = 0.015;
/** "Nearly all" answers below the floor: 95 %. The slowest are looked at by the tail's own tests. */
const FAST_SHARE = 0.05;
/** Baseline requests before its quantiles serve as thresholds: 100 put one observation above the p99. */
const TAIL_MIN = 100;

const NONE: ArmCounts = { requests: 0, errors: 0, latency: {}, pageViews: 0, pageErrors: 0 };
const many = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

/** No evidence yet. One that takes over from another judge begins `fromMs` after the rollout did. */
export function startJudge(_policy: AnalysisPolicy, fromMs = 0): JudgeState {
  return {
    lastMs: fromMs,
    baseline: NONE,
    canary: NONE,
    pendingBaseline: {},
    pendingCanary: {},
    pendingSinceMs: 0,
    pendingShare: 0,
    errorsHarm: many(HARM_PSI.length, startOnset),
    errorsSafe: many(SAFE_R.length, 0),
    latencyHarm: many(LAMBDAS.length, startOnset),
    latencySafe: many(LAMBDAS.length, 0),
    latencyFast: many(SAFE_R.length, 0),
    tail95Harm: many(TAIL_LAMBDAS.length, startOnset),
    tail99Harm: many(TAIL_LAMBDAS.length, startOnset),
    tail99Safe: many(SAFE_R.length, 0),
    clumps: startClumps,
    firstCanaryMs: null,
    pagesHarm: many(HARM_PSI.length, startOnset),
    errorTallies: [],
    pageTallies: [],
    slowdown: startSlowdown,
    lnHarmMax: 0,
    guards: startGuards,
  };
}

const add = (a: ArmCounts, b: ArmCounts): ArmCounts => ({
  requests: a.requests + b.requests,
  errors: a.errors + b.errors,
  latency: mergeHistograms(a.latency, b.latency),
  pageViews: a.pageViews + b.pageViews,
  pageErrors: a.pageErrors + b.pageErrors,
});

/** Takes one look in. Pure: the same states and looks give the same answer, to the last bit. */
export function judge(
  state: JudgeState,
  look: Look,
  policy: AnalysisPolicy,
): { state: JudgeState; report: JudgeReport } {
  const { next, guards } = takeIn(state, look, policy);
  const report = reportOn(next, guards, look, policy);
  return { state: { ...next, lnHarmMax: Math.max(next.lnHarmMax, report.lnHarm) }, report };
}

/** Takes one look in and says nothing. The report is most of a look's work: who plays many rollouts asks now and then. */
export function takeIn(
  state: JudgeState,
  look: Look,
  policy: AnalysisPolicy,
): { next: JudgeState; guards: ReturnType<typeof stepGuards>["reports"] } {
  const sinceMs = Math.max(0, look.atMs - state.lastMs);
  const counted = look.sourceUp ? takeCounts(state, look, policy, sinceMs) : state;
  const guards = stepGuards(state.guards, look, policy, sinceMs);
  const next: JudgeState = { ...counted, lastMs: Math.max(state.lastMs, look.atMs), guards: guards.state };
  return { next, guards: guards.reports };
}

const talliesOf = (baseline: number, baselineBad: number, canary: number, canaryBad: number) => ({
  baseline,
  baselineBad,
  canary,
  canaryBad,
});

function takeCounts(state: JudgeState, look: Look, policy: AnalysisPolicy, sinceMs: number): JudgeState {
  const { baseline: b, canary: c, canaryShare: w } = look;
  const withErrors: JudgeState = {
    ...state,
    baseline: add(state.baseline, b),
    canary: add(state.canary, c),
    firstCanaryMs: state.firstCanaryMs ?? (c.requests > 0 ? state.lastMs : null),
    errorsHarm: state.errorsHarm.map((onset, i) =>
      stepOnset(
        onset,
        lnErrorsHarm(HARM_PSI[i] ?? 2, w, c.requests, c.errors, b.errors, policy.harmErrorRatio),
        sinceMs,
      ),
    ),
    errorsSafe: state.errorsSafe.map((ln, i) =>
      bounded(ln + lnErrorsSafe(SAFE_R[i] ?? 0.5, w, c.requests, c.errors, b.errors, policy.safeErrorRatio)),
    ),
    errorTallies: stepTallies(state.errorTallies, look, talliesOf(b.requests, b.errors, c.requests, c.errors)),
    pageTallies: stepTallies(state.pageTallies, look, talliesOf(b.pageViews, b.pageErrors, c.pageViews, c.pageErrors)),
    pagesHarm: state.pagesHarm.map((onset, i) =>
      stepOnset(
        onset,
        lnErrorsHarm(HARM_PSI[i] ?? 2, w, c.pageViews, c.pageErrors, b.pageErrors, PAGE_HARM_RATIO),
        sinceMs,
      ),
    ),
  };
  // A process that has just come up compiles, fills caches and opens connections while it answers: that tells of its start,
  // not of its code. Which looks are left out is known before they are seen.
  const settled = withErrors.firstCanaryMs !== null && look.atMs - withErrors.firstCanaryMs >= policy.settleMs;
  return settled ? takeLatency(withErrors, state, look, policy) : { ...withErrors, pendingSinceMs: look.atMs };
}

/** Latency batches wait until both arms have enough; what waits under another share is a batch of its own, dropped if too small. */
function takeLatency(now: JudgeState, before: JudgeState, look: Look, policy: AnalysisPolicy): JudgeState {
  const same = before.pendingShare === look.canaryShare;
  const baseline = same ? mergeHistograms(before.pendingBaseline, look.baseline.latency) : look.baseline.latency;
  const canary = same ? mergeHistograms(before.pendingCanary, look.canary.latency) : look.canary.latency;
  const since = same ? before.pendingSinceMs : before.lastMs;
  if (countOf(baseline) < LATENCY_BATCH_MIN || countOf(canary) < LATENCY_BATCH_MIN) {
    return {
      ...now,
      pendingBaseline: baseline,
      pendingCanary: canary,
      pendingShare: look.canaryShare,
      pendingSinceMs: since,
    };
  }
  const tookMs = Math.max(0, look.atMs - since);
  const harm = lnLatencyHarm(look.canaryShare, baseline, canary, policy.harmLatency, policy.latencyFloorMs);
  const safe = lnLatencySafe(look.canaryShare, baseline, canary, policy.safeLatency, policy.latencyFloorMs);
  const done: JudgeState = {
    ...now,
    pendingBaseline: {},
    pendingCanary: {},
    pendingShare: look.canaryShare,
    pendingSinceMs: look.atMs,
    slowdown: stepSlowdown(now.slowdown, look.canaryShare, baseline, canary, policy.latencyFloorMs),
    latencyHarm: now.latencyHarm.map((onset, i) => stepOnset(onset, harm[i] ?? 0, tookMs)),
    latencySafe: now.latencySafe.map((ln, i) => bounded(ln + (safe[i] ?? 0))),
    latencyFast: now.latencyFast.map((ln, i) =>
      bounded(
        ln +
          lnShareSmall(SAFE_R[i] ?? 0.5, countOf(canary), above(canary, bucketOf(policy.latencyFloorMs)), FAST_SHARE),
      ),
    ),
  };
  // Thresholds come from the baseline before this batch: known before it is seen.
  if (countOf(before.baseline.latency) < TAIL_MIN) return done;
  const floored = raiseToFloor(before.baseline.latency, policy.latencyFloorMs);
  const p95 = quantileBucket(floored, 0.95);
  const p99 = quantileBucket(floored, 0.99);
  if (p95 === null || p99 === null) return done;
  const tail95 = lnTailHarm(look.canaryShare, baseline, canary, p95, policy.harmLatency);
  const tail99 = lnTailHarm(look.canaryShare, baseline, canary, p99, policy.harmLatency);
  const clump = clumpSize(before.clumps);
  const [kc, kb] = [above(canary, p99), above(baseline, p99)];
  return {
    ...done,
    clumps: stepClumps(before.clumps, countOf(canary), kc, countOf(baseline), kb),
    tail95Harm: done.tail95Harm.map((onset, i) => stepOnset(onset, tail95[i] ?? 0, tookMs)),
    tail99Harm: done.tail99Harm.map((onset, i) => stepOnset(onset, tail99[i] ?? 0, tookMs)),
    tail99Safe: done.tail99Safe.map((ln, i) =>
      bounded(ln + lnErrorsSafe(SAFE_R[i] ?? 0.5, look.canaryShare, countOf(canary), kc, kb, TAIL_SAFE_RATIO) / clump),
    ),
  };
}
