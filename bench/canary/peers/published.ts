import type { ArmCounts } from "@latchkey/core/analysis/types";
import type { Peer } from "./peer.ts";

/**
 * The published sequential tests, valid at any time as ours are, with alpha 0.01 split over two metrics. Errors: the
 * conditional test of Lindon & Malek ("Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022, arXiv 2011.03567): of
 * all errors, the canary's are Binomial of its share w; the Bayes factor of a uniform prior over the share (a Dirichlet with
 * ones) against w is a martingale. Latency: the uniform band of Howard & Ramdas ("Sequential estimation of quantiles", Bernoulli
 * 28(3), 2022, theorem 2) around each arm's distribution. Neither has a margin below which a difference is harmless.
 */
const ALPHA_EACH = 0.005;

/** Coefficients of Lanczos' approximation with g = 5 and six terms: "A precision approximation of the gamma function", 1964. */
const LANCZOS = [76.18009173, -86.50532033, 24.01409822, -1.231739516, 0.120858003e-2, -0.536382e-5] as const;
/** ln Gamma(x) for x > 0, to nine digits. */
export function lnGamma(x: number): number {
  const tmp = x + 4.5 - (x - 0.5) * Math.log(x + 4.5);
  const series = LANCZOS.reduce((sum, c, i) => sum + c / (x + i), 1);
  return Math.log(2.50662827465 * series) - tmp;
}

/** ln of the Bayes factor for kc canary errors and kb others: B(1 + kc, 1 + kb) / (w^kc (1 - w)^kb). */
export const lnMixture = (w: number, kc: number, kb: number): number =>
  lnGamma(1 + kc) + lnGamma(1 + kb) - lnGamma(2 + kc + kb) - kc * Math.log(w) - kb * Math.log(1 - w);

/**
 * Half the height of the band after n answers: 0.85 sqrt((ln ln (e n / n0) + 0.8 ln (1612 / alpha)) / n), from n0 on; theirs,
 * before constants are fitted to one alpha.
 */
const BAND_FROM = 1;
export const bandHalf = (n: number, alpha: number, from = BAND_FROM): number =>
  n < from
    ? Number.POSITIVE_INFINITY
    : 0.85 * Math.sqrt((Math.log1p(Math.log(n / from)) + 0.8 * Math.log(1612 / alpha)) / n);

/** The largest amount by which the baseline's distribution lies above the canary's: how much slower the canary is. */
export function largestGap(
  canary: ReadonlyMap<number, number>,
  nc: number,
  baseline: ReadonlyMap<number, number>,
  nb: number,
) {
  let [c, b, gap] = [0, 0, 0];
  for (const bucket of [...new Set([...canary.keys(), ...baseline.keys()])].sort((x, y) => x - y)) {
    c += (canary.get(bucket) ?? 0) / nc;
    b += (baseline.get(bucket) ?? 0) / nb;
    gap = Math.max(gap, b - c);
  }
  return gap;
}

function take(sums: Map<number, number>, { latency }: ArmCounts): void {
  for (const bucket in latency) sums.set(Number(bucket), (sums.get(Number(bucket)) ?? 0) + (latency[bucket] ?? 0));
}

export const published: Peer = {
  name: "published tests",
  start: () => {
    const [canary, baseline] = [new Map<number, number>(), new Map<number, number>()];
    let [kc, nc, kb, nb] = [0, 0, 0, 0];
    return (look) => {
      take(canary, look.canary);
      take(baseline, look.baseline);
      kc += look.canary.errors;
      nc += look.canary.requests;
      kb += look.baseline.errors;
      nb += look.baseline.requests;
      const w = look.canaryShare;
      if (kc > w * (kc + kb) && lnMixture(w, kc, kb) >= Math.log(1 / ALPHA_EACH)) return "roll_back";
      if (nc === 0 || nb === 0) return null;
      const needed = bandHalf(nc, ALPHA_EACH / 2) + bandHalf(nb, ALPHA_EACH / 2);
      return needed < 1 && largestGap(canary, nc, baseline, nb) > needed ? "roll_back" : null;
    };
  },
};
