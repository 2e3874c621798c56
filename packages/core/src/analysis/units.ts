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
 * baseline's by d1 / c": n d1 / c in place of n d1. Both arms are taken to have the same c: it tells of visitors. c is
 * estimated, and anew for all of n at each look, because visitors' later errors come after their first.
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

/** What c is taken for before anything is known: the research's clusters (canary.md), as if three such visitors had been seen. */
const KNOWN_ERRORS = 9;
const KNOWN_VISITORS = 3;
/** One client that fails for ever tells nothing of the others, and must not keep a release from ever being safe. */
const CLUSTER_MAX = 5;

/** c: errors per visitor who met any, on both arms. */
export function errorsPerVisitor(baseline: ArmCounts, canary: ArmCounts): number {
  const errors = (baseline.visitorErrors ?? 0) + (canary.visitorErrors ?? 0);
  const again = [baseline, canary].reduce((n, a) => n + a.errors - unitErrorsOf(a), 0);
  const visitors = Math.max(0, errors - again);
  return Math.min(CLUSTER_MAX, Math.max(1, (errors + KNOWN_ERRORS) / (visitors + KNOWN_VISITORS)));
}

/**
 * eta of e^eta for clusters of dispersion D = E m^2 / E m, measured before the canary began. A cluster of m errors falls on
 * one arm as a whole and multiplies e by r^m or s^m, so what is asked for is E[w r^(eta m) + (1 - w) s^(eta m)] <= 1, which
 * is convex in eta and 1 at 0. Visitors who try again with the same chance each time make m geometric, with p = 2 / (1 + D).
 * For the boldest bet (s = 0, r = 1 / w) the mean is then 1 at eta = ln(1 / (1 - (1 - w) p)) / ln(1 / w); for the most
 * timid ones at 1 / D, by the second order. Between the two a bet may want less than the lesser of both, at most 1 / 1.144 of
 * it (psi = 10, w = 0.2, clusters of 20; searched over w from 0.005 to 0.97 and mean sizes from 1.05 to 20).
 */
const BETWEEN = 1 / 1.15;
export function temperingOf(policy: AnalysisPolicy, look: Look, of: "requests" | "pages" = "requests"): number {
  const { clustering } = policy;
  // Synthetic requests are routed one by one, and nobody tries them again.
  if (clustering === undefined || look.synthetic) return 1;
  const byVisitor = countsVisitors(look.canary) || countsVisitors(look.baseline);
  const [all, first] =
    of === "pages" ? [clustering.pageErrors, clustering.unitPageErrors] : [clustering.errors, clustering.unitErrors];
  const dispersion = (byVisitor ? first : all) ?? 1;
  if (dispersion <= 1) return 1;
  const w = look.canaryShare;
  return BETWEEN * Math.min(1 / dispersion, -Math.log1p(((w - 1) * 2) / (1 + dispersion)) / -Math.log(w));
}
