import type { Peer } from "./peer.ts";

/**
 * The textbook test of two proportions with pooled variance (for instance Fleiss, Levin & Paik, "Statistical Methods for Rates
 * and Proportions", 3rd ed., section 3.2), one-sided at 5 % and asked at every look: what a dashboard with a
 * significance light does.
 */
const Z = 1.644854; // the 0.95 quantile of the normal distribution

export function zOfProportions(kc: number, nc: number, kb: number, nb: number): number {
  const p = (kc + kb) / (nc + nb);
  const spread = Math.sqrt(p * (1 - p) * (1 / nc + 1 / nb));
  return spread > 0 ? (kc / nc - kb / nb) / spread : 0;
}

export const zTest: Peer = {
  name: "z-test, peeking",
  start: () => {
    let [kc, nc, kb, nb] = [0, 0, 0, 0];
    return ({ canary, baseline }) => {
      kc += canary.errors;
      nc += canary.requests;
      kb += baseline.errors;
      nb += baseline.requests;
      return nc > 0 && nb > 0 && zOfProportions(kc, nc, kb, nb) > Z ? "roll_back" : null;
    };
  },
};
