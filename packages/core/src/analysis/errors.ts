import { LN_ZERO } from "./log-space.ts";

/**
 * Counts of bad events under known random routing. A request goes to the canary with probability w; it is bad with
 * probability p_c there and p_b else, both unknown and drifting. Per batch, n canary requests, k_c and k_b bad ones.
 */

/** Odds ratios of harm that are betted on; infinity is "only the canary fails". Prior 5:3:2:1 for small over large. */
export const HARM_PSI = [2, 4, 10, Number.POSITIVE_INFINITY] as const;
export const HARM_PRIOR = [5 / 11, 3 / 11, 2 / 11, 1 / 11] as const;

/**
 * ln e against H0: p_c <= p_b + d0, with r = psi / (w psi + 1 - w) and s = 1 / (w psi + 1 - w):
 * e = r^k_c s^k_b exp(-n d0 (r - 1)). The conditional Bernoulli test of Lindon & Malek (NeurIPS 2022, arXiv 2011.03567)
 * with a floor of practical significance. Its mean under H0 is at most 1: with x = r - 1,
 * (1 + (p + d0) x) e^(-d0 x) <= 1 + p x, and w (1 + p x) + (1 - w)(1 + p (s - 1)) = 1.
 */
export function lnErrorsHarm(psi: number, w: number, n: number, kc: number, kb: number, d0: number): number {
  const r = psi === Number.POSITIVE_INFINITY ? 1 / w : psi / (w * psi + 1 - w);
  const lnS = psi === Number.POSITIVE_INFINITY ? LN_ZERO : -Math.log(w * psi + 1 - w);
  return kc * Math.log(r) + (kb > 0 ? kb * lnS : 0) - n * d0 * (r - 1);
}

/** Shares of the baseline's errors that are betted on for "safe": from far better to nearly as good as the margin. */
export const SAFE_R = [0.1, 0.3, 0.5, 0.7, 0.85] as const;

/**
 * ln e against H0: p_c >= p_b + d1: e = r^k_c (1 + w/(1-w) (1-r))^k_b exp(n d1 (1-r)). With x = 1 - r the mean of a
 * request's factor is w (1 - x p_c) e^(d1 x) + (1 - w) + w x p_b, at most 1 because (1 - x p_b - x d1) e^(x d1) <= 1 - x p_b.
 */
export function lnErrorsSafe(r: number, w: number, n: number, kc: number, kb: number, d1: number): number {
  return kc * Math.log(r) + kb * Math.log1p((w / (1 - w)) * (1 - r)) + n * d1 * (1 - r);
}

/**
 * ln e against H0: a share is at least d: e = r^k exp(n d (1-r)), of n with k in the share. The mean of a factor is
 * (1 - (1-r) p) e^(d (1-r)) <= e^((1-r)(d - p)) <= 1 for p >= d.
 */
export function lnShareSmall(r: number, n: number, k: number, d: number): number {
  return k * Math.log(r) + n * d * (1 - r);
}
