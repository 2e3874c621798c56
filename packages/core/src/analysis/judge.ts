import { type ShareTally, stepTallies } from "./effect.ts";
import { HARM_PSI, lnErrorsHarm, lnErrorsSafe, SAFE_R } from "./errors.ts";
import { type GuardState, startGuards, stepGuards } from "./guards.ts";
import { type Onset, startOnset, stepOnset } from "./late-onset.ts";
import { type Clumps, LAMBDAS, startClumps, TAIL_LAMBDAS } from "./latency.ts";
import { bounded } from "./log-space.ts";
import type { Quick } from "./quick.ts";
import { reportOn } from "./report.ts";
import { type Slowdown, startSlowdown } from "./slowdown.ts";
import { takeLatency } from "./take-latency.ts";
import type { AnalysisPolicy, ArmCounts, JudgeReport, Look } from "./types.ts";
import { addCounts, temperingOf, unitErrorsOf, unitPageErrorsOf } from "./units.ts";
import { guardUserMetrics } from "./user-guards.ts";
import { stepUserMetrics, type UserState } from "./user-metrics.ts";
import { type Compared, startVariation, type Variation } from "./variation.ts";

/**
 * The judge: a fold over looks. Each metric keeps e-processes (nonnegative, mean at most 1 under "no harm"), so that
 * looking at any time is free: P(ever E >= 1/alpha) <= alpha (Ville 1939).
 */
export const DECIDER_VERSION = "judge-4";

interface Pending {
  readonly share: number;
  readonly baseline: ArmCounts["latency"];
  readonly canary: ArmCounts["latency"];
  readonly sinceMs: number;
}

export interface JudgeState {
  readonly lastMs: number;
  readonly baseline: ArmCounts;
  readonly canary: ArmCounts;
  /** Latency that waits for both arms to have enough of it in one batch, by share: batches never mix two. */
  readonly pending: readonly Pending[];
  /** Since when latency is judged: batches begin then. */
  readonly latencySinceMs: number;
  /** Canary requests that were our own. */
  readonly syntheticRequests: number;
  readonly errorsHarm: readonly Onset[];
  readonly errorsSafe: readonly number[];
  /** Canary requests routed with their visitor, tempered: what they add to the evidence above is known at each report. */
  readonly safeVisitors?: number;
  readonly latencyHarm: readonly Onset[];
  readonly latencySafe: readonly number[];
  /** Evidence that nearly all of the canary's answers are below the floor: quick enough whatever the ranks. */
  readonly latencyFast: readonly number[];
  readonly tail95Harm: readonly Onset[];
  readonly tail99Harm: readonly Onset[];
  /** The same by counts of slow answers, each look capped: quicker to see that a few in a hundred are slow. */
  readonly slowHarm: readonly Onset[];
  readonly tail99Safe: readonly number[];
  readonly clumps: Clumps;
  /** How much the baseline's own looks have differed since the rollout began, and the look that they are compared with. */
  readonly variation: Variation;
  readonly reference: { readonly latency: ArmCounts["latency"]; readonly looks: number } | null;
  /** Evidence by requests, from when that was known well enough. */
  readonly quick?: { readonly [of in Compared]: Quick };
  /** When the canary had its first requests; null before. */
  readonly firstCanaryMs: number | null;
  readonly pagesHarm: readonly Onset[];
  /** For people: how much worse the canary is. Nothing is decided on them. */
  readonly errorTallies: readonly ShareTally[];
  readonly pageTallies: readonly ShareTally[];
  readonly slowdown: Slowdown;
  readonly lnHarmMax: number;
  readonly guards: GuardState;
  /** Of the metrics that a user brings; left out without any. */
  readonly user?: UserState;
}

/** Pages fail for reasons of the visitor's browser too: an excess of 0.2 points is no harm. */
export const PAGE_HARM_RATIO = 0.002;
const NONE: ArmCounts = { requests: 0, errors: 0, latency: {}, pageViews: 0, pageErrors: 0 };
const many = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

/** No evidence yet. One that takes over from another judge begins `fromMs` after the rollout did. */
export function startJudge(_policy: AnalysisPolicy, fromMs = 0): JudgeState {
  return {
    lastMs: fromMs,
    baseline: NONE,
    canary: NONE,
    pending: [],
    latencySinceMs: fromMs,
    syntheticRequests: 0,
    errorsHarm: many(HARM_PSI.length, startOnset),
    errorsSafe: many(SAFE_R.length, 0),
    latencyHarm: many(LAMBDAS.length, startOnset),
    latencySafe: many(LAMBDAS.length, 0),
    latencyFast: many(SAFE_R.length, 0),
    tail95Harm: many(TAIL_LAMBDAS.length, startOnset),
    tail99Harm: many(TAIL_LAMBDAS.length, startOnset),
    slowHarm: many(HARM_PSI.length, startOnset),
    tail99Safe: many(SAFE_R.length, 0),
    clumps: startClumps,
    variation: startVariation,
    reference: null,
    firstCanaryMs: null,
    pagesHarm: many(HARM_PSI.length, startOnset),
    errorTallies: [],
    pageTallies: [],
    slowdown: startSlowdown,
    lnHarmMax: 0,
    guards: startGuards,
  };
}

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
  const user = stepUserMetrics(state.user, look, policy.metrics, state.lastMs);
  const lastMs = Math.max(state.lastMs, look.atMs);
  const next: JudgeState = { ...counted, lastMs, guards: guards.state, ...(user ? { user } : {}) };
  return { next, guards: [...guards.reports, ...guardUserMetrics(user, policy)] };
}

const talliesOf = (baseline: number, baselineBad: number, canary: number, canaryBad: number) => ({
  baseline,
  baselineBad,
  canary,
  canaryBad,
});

function takeCounts(state: JudgeState, look: Look, policy: AnalysisPolicy, sinceMs: number): JudgeState {
  const { baseline: b, canary: c, canaryShare: w } = look;
  const [kc, kb] = [unitErrorsOf(c), unitErrorsOf(b)];
  const alone = c.requests - (c.visitorRequests ?? 0);
  const eta = temperingOf(policy, look);
  const etaPages = temperingOf(policy, look, "pages");
  // Bounds of an effect are tests of both arms' excess, each with the share of its own arm.
  const mirrored = { ...look, canaryShare: 1 - w };
  const even = Math.min(eta, temperingOf(policy, mirrored));
  const evenPages = Math.min(etaPages, temperingOf(policy, mirrored, "pages"));
  const withErrors: JudgeState = {
    ...state,
    baseline: addCounts(state.baseline, b),
    canary: addCounts(state.canary, c),
    syntheticRequests: state.syntheticRequests + (look.synthetic ? c.requests : 0),
    firstCanaryMs: state.firstCanaryMs ?? (c.requests > 0 ? state.lastMs : null),
    errorsHarm: state.errorsHarm.map((onset, i) =>
      stepOnset(onset, eta * lnErrorsHarm(HARM_PSI[i] ?? 2, w, c.requests, kc, kb, policy.harmErrorRatio), sinceMs),
    ),
    errorsSafe: state.errorsSafe.map((ln, i) =>
      bounded(ln + eta * lnErrorsSafe(SAFE_R[i] ?? 0.5, w, alone, kc, kb, policy.safeErrorRatio)),
    ),
    errorTallies: stepTallies(
      state.errorTallies,
      look,
      talliesOf(even * b.requests, even * kb, even * c.requests, even * kc),
    ),
    pageTallies: stepTallies(
      state.pageTallies,
      look,
      talliesOf(
        evenPages * b.pageViews,
        evenPages * unitPageErrorsOf(b),
        evenPages * c.pageViews,
        evenPages * unitPageErrorsOf(c),
      ),
    ),
    safeVisitors: (state.safeVisitors ?? 0) + eta * (c.visitorRequests ?? 0),
    pagesHarm: state.pagesHarm.map((onset, i) =>
      stepOnset(
        onset,
        etaPages *
          lnErrorsHarm(HARM_PSI[i] ?? 2, w, c.pageViews, unitPageErrorsOf(c), unitPageErrorsOf(b), PAGE_HARM_RATIO),
        sinceMs,
      ),
    ),
  };
  // A process that has just come up compiles, fills caches and opens connections while it answers: that tells of its start,
  // not of its code. Which looks are left out is known before they are seen.
  const settled = withErrors.firstCanaryMs !== null && look.atMs - withErrors.firstCanaryMs >= policy.settleMs;
  return settled ? takeLatency(withErrors, state, look, policy) : { ...withErrors, latencySinceMs: look.atMs };
}
