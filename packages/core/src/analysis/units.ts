import { mergeHistograms } from "../shared/histogram.ts";
import type { AnalysisPolicy, ArmCounts, Look } from "./types.ts";

/**
 * The unit of analysis is the unit of routing. Where visitors stay with a release, the routing tosses one coin per visitor,
 * and a visitor who tries again after an error is no new witness: the tests of errors count each visitor's first.
 *
 * Why the tests hold (`errors.ts`, with visitors for requests). Harm: let v be a visitor who would fail on the old release
 * with probability q within the M requests they make, and whose chance to fail grows by at most d0 per request on the new
 * one: there q_c <= q + M d0. With x = r - 1 the factor of v has mean
 * w (1 + x q_c) e^(-M d0 x) + (1 - w) (1 + (s - 1) q) <= w (1 + x q) + (1 - w) (1 + (s - 1) q) = 1,
 * as (1 + x q + x M d0) e^(-M d0 x) <= 1 + x q. So n stays the number of requests, which is at least that of visitors. With
 * no difference at all it holds at any time: nobody's coin has been seen before their first error, also when they came
 * under an earlier step, and w r + (1 - w) s = 1. Counted a second time, the coin would be known: that is what broke it.
 *
 * Safe: the margin d1 is of requests. If an erring visitor meets c errors in the mean, an excess of d1 in requests is one of
 * d1 / c in first errors per request, and the test is that of H0 "the canary's first errors per request exceed the
 * baseline's by d1 / c": n d1 / c in place of n d1. Both arms are taken to have the same c: it tells of visitors.
 */
export const unitErrorsOf = (a: ArmCounts): number => a.unitErrors ?? a.errors;
export const unitPageErrorsOf = (a: ArmCounts): number => a.unitPageErrors ?? a.pageErrors;
export const countsVisitors = (a: ArmCounts): boolean => a.unitErrors !== undefined;

/** The sum of two counts. It counts by visitor where either does. */
export function addCounts(a: ArmCounts, b: ArmCounts): ArmCounts {
  const sum = {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    latency: mergeHistograms(a.latency, b.latency),
    pageViews: a.pageViews + b.pageViews,
    pageErrors: a.pageErrors + b.pageErrors,
  };
  if (!countsVisitors(a) && !countsVisitors(b)) return sum;
  return {
    ...sum,
    unitErrors: unitErrorsOf(a) + unitErrorsOf(b),
    unitPageErrors: unitPageErrorsOf(a) + unitPageErrorsOf(b),
    visitorRequests: (a.visitorRequests ?? 0) + (b.visitorRequests ?? 0),
    visitorErrors: (a.visitorErrors ?? 0) + (b.visitorErrors ?? 0),
  };
}

/**
 * As long as nobody has failed, c is taken for 2: one visitor with two errors is added to what was seen. With clusters of 3
 * that are not known of, no error is met in the (ln 20 + ln 5) / (0.9 d1 / 2) requests that a PASS then needs with
 * probability e^(-2 * 5.1 / 3) = 3 %, less than beta; from the first error on c is measured.
 */
const UNKNOWN_ERRORS = 2;
const UNKNOWN_VISITORS = 1;
/** One client that fails for ever tells nothing of the others, and must not keep a release from ever being safe. */
const CLUSTER_MAX = 5;

/** c: errors per visitor who met any, of what both arms have seen before. */
export function errorsPerVisitor(baseline: ArmCounts, canary: ArmCounts): number {
  const errors = (baseline.visitorErrors ?? 0) + (canary.visitorErrors ?? 0);
  const again = [baseline, canary].reduce((n, a) => n + a.errors - unitErrorsOf(a), 0);
  const visitors = Math.max(0, errors - again);
  return Math.min(CLUSTER_MAX, Math.max(1, (errors + UNKNOWN_ERRORS) / (visitors + UNKNOWN_VISITORS)));
}

/** n of the safe test: requests that are routed by themselves, and the others at 1 / c. */
export function safeRequests(canary: ArmCounts, cluster: number): number {
  const byVisitor = canary.visitorRequests ?? 0;
  return canary.requests - byVisitor + byVisitor / cluster;
}

/**
 * eta of e^eta: 1 / dispersion of what the tests count, measured before the canary began. A cluster of m errors falls on one
 * arm as a whole and multiplies e by r^m or s^m; with eta = 1 / m that is one error's worth, whose mean is 1. For clusters
 * of several sizes it holds for those up to the dispersion, E m^2 / E m, which lies above the mean size: w r^u + (1 - w) s^u
 * is convex in u and 1 at 0 and 1. Larger ones exceed it: the bound is approximate (docs/decisions/0015).
 */
export function temperingOf(policy: AnalysisPolicy, look: Look): number {
  const { clustering } = policy;
  if (clustering === undefined) return 1;
  const byVisitor = countsVisitors(look.canary) || countsVisitors(look.baseline);
  return 1 / Math.max(1, (byVisitor ? clustering.unitErrors : clustering.errors) ?? 1);
}
