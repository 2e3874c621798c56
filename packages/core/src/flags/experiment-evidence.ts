import { lnMean } from "../analysis/log-space.ts";
import { lnBeta, lnBetaAbove } from "../shared/beta.ts";

/**
 * Evidence of two arms that are equally large by design: a bucket of the treated has a mirror in the control (buckets.ts).
 * Under "no difference" a user that something happens to is of the treated with probability 1/2, whenever it happens and
 * whatever happened before: so there is nothing to estimate, and looking at any time is free. A user counts once, however
 * often it happens: the unit that is routed is the unit that is counted, or retries of one user would look like many.
 */

/**
 * Prior of the share of the treated among those that are hurt, cut off at the boundary. Its weight lies on harm that is
 * worth stopping for (two to ten times); measured by `npm run bench -- flags experiments`.
 */
const HARM_PRIOR = { a: 6, b: 2 } as const;

/**
 * ln e against H0: those of the treated are hurt at most (1 + tolerance) times as often. Of k_t + k_c users that were hurt,
 * each is of the treated with probability w0 = (1 + tolerance) / (2 + tolerance) at most. The likelihood ratio of a share q
 * above w0 against w0 is a test martingale at w0 (Lindon & Malek, NeurIPS 2022, arXiv 2011.03567, section 3) and a
 * supermartingale below it, as the ratio grows with k_t; so is its mixture over q ~ Beta(a, b) cut off to (w0, 1), which is
 * closed: e = B(a + k_t, b + k_c; w0, 1) / (B(a, b; w0, 1) w0^k_t (1 - w0)^k_c), B(.., ..; w0, 1) the incomplete beta
 * function above w0. By Ville's inequality it ever reaches 1/alpha with probability alpha at most.
 */
export function lnHarm(treated: number, control: number, tolerance = 0): number {
  const { a, b } = HARM_PRIOR;
  const w0 = (1 + tolerance) / (2 + tolerance);
  return (
    lnBetaAbove(a + treated, b + control, w0) -
    lnBetaAbove(a, b, w0) -
    treated * Math.log(w0) -
    control * Math.log1p(-w0)
  );
}

/** Concentrations of the share that is betted on: far off, and a little off. */
const MISMATCH_PRIORS = [1, 200] as const;

/**
 * ln e against H0: users come into both arms alike (sample ratio mismatch). The Dirichlet mixture of Lindon & Malek
 * (arXiv 2011.03567, equation 3) for two cells, averaged over two priors: B(a + n_t, a + n_c) / (B(a, a) (1/2)^n).
 */
export function lnMismatch(treated: number, control: number): number {
  return lnMean(MISMATCH_PRIORS.map((a) => lnShare(treated, control, a, 0.5)));
}

const lnShare = (treated: number, control: number, a: number, q: number): number =>
  lnBeta(a + treated, a + control) - lnBeta(a, a) - treated * Math.log(q) - control * Math.log1p(-q);

/** An interval of a ratio, treated to control; 0 and infinity where nothing is known. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}
/** Concentrations that are betted on: a few tenths of an effect, and many times as much of a few users. */
const RATIO_PRIORS = [20, 1] as const;

/**
 * How many times as many of the treated it happens to: all ratios that the counts do not speak against, at every look at
 * once with probability 1 - alpha (confidence sequence: an average of two Beta mixtures as above, solved for q; ratio
 * q / (1 - q)).
 */
export function ratioInterval(treated: number, control: number, alpha: number): Interval {
  const limit = Math.log(1 / alpha);
  const ratio = (q: number) => q / (1 - q);
  const centre = (treated + control === 0 ? 1 : treated) / (treated + control === 0 ? 2 : treated + control);
  const speaksAgainst = (q: number) => lnMean(RATIO_PRIORS.map((a) => lnShare(treated, control, a, q))) >= limit;
  const edge = (outside: number): number => {
    // Evidence against a share grows with its distance from what was seen.
    let [inner, outer] = [Math.min(1 - 1e-12, Math.max(1e-12, centre)), outside];
    if (!speaksAgainst(outer)) return outer;
    for (let i = 0; i < 60; i++) {
      const middle = (inner + outer) / 2;
      if (speaksAgainst(middle)) outer = middle;
      else inner = middle;
    }
    return outer;
  };
  const [low, high] = [edge(1e-12), edge(1 - 1e-12)];
  return { from: low <= 1e-11 ? 0 : ratio(low), to: high >= 1 - 1e-11 ? Number.POSITIVE_INFINITY : ratio(high) };
}

/** Sums of one number for each user. */
export interface Sums {
  readonly users: number;
  readonly total: number;
  readonly squares: number;
}
/** The sample at which the interval of a mean is tightest. */
const MEAN_TUNED_AT = 5_000;

/**
 * Half the width of the interval of a difference of means: asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha,
 * Kennedy & Ramdas (arXiv 2103.06476, equation 9): s sqrt(2 (n rho^2 + 1) / (n^2 rho^2) ln(sqrt(n rho^2 + 1) / alpha)), with
 * n users in both arms and s^2 = n (s_t^2 / n_t + s_c^2 / n_c), rho as is best at n = 5,000 (there, appendix B.2).
 */
export function meanHalfWidth(n: number, variance: number, alpha: number): number {
  const two = -2 * Math.log(alpha);
  const rho2 = (two + Math.log(two + 1)) / MEAN_TUNED_AT;
  const grown = n * rho2 + 1;
  return Math.sqrt(variance) * Math.sqrt(((2 * grown) / (n * n * rho2)) * Math.log(Math.sqrt(grown) / alpha));
}

/** Mean and variance of one arm. */
export function momentsOf({ users, total, squares }: Sums): { readonly mean: number; readonly variance: number } {
  if (users === 0) return { mean: 0, variance: 0 };
  const mean = total / users;
  return { mean, variance: users < 2 ? 0 : Math.max(0, (squares - users * mean * mean) / (users - 1)) };
}
