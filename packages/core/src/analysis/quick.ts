import { countOf, type Histogram } from "../shared/histogram.ts";
import { lnErrorsHarm } from "./errors.ts";
import { lnOnset, type Onset, startOnset, stepOnset } from "./late-onset.ts";
import { above, leanOf, SLOW_HARM_RATIO, speedUp } from "./latency.ts";
import { bounded, lnMean, logSumExp } from "./log-space.ts";
import { type Compared, LOOK_WIN_MAX, lnInflation, rankError, type Variation } from "./variation.ts";

/**
 * Slowness by requests, where it is known how much the stable release's looks differ from one another (variation.ts). A look
 * may then win more than the ln 2 that symmetry alone allows, up to `LOOK_WIN_MAX`.
 *
 * Ranks: were all answers exchangeable, exp(z d / s - z^2 / 2) has a mean of at most 1, with d the lean and s its standard
 * deviation: ln E e^(theta U) = sum over i of lnsh((nb + i) theta / 2) - lnsh(i theta / 2), lnsh(x) = ln(sinh(x) / x), whose
 * slope in x^2 is at most 1/6: in all at most theta^2 Var(U) / 2. A process's own u moves d, and the mean grows to E e^(a u)
 * with a = z / s. Shares above a threshold: the errors' test, of sensitivity nc (r - 1) to the difference of the shares.
 */

/** Bets in standard deviations of a look. 20 % slower (over the margin) is 0.5 at 5 canary answers, 1.3 at 30 and 2.1 at 70. */
export const Z_BETS = [0.5, 1.2, 2.5] as const;
/** A look counts as at most so many standard deviations: the timid bets win less of a stall than the bold ones. */
const Z_MAX = 3;
/** Odds ratios of slow answers; without "only the canary's", which one slow answer of the baseline ends. */
export const SLOW_PSI = [2, 4, 10] as const;

export interface Quick {
  /** ln e of the cautious test when this one began: half of the stake is moved over then. */
  readonly lnFrom: number;
  /** Bets from then on, and the same from when the process has warmed up. */
  readonly onsets: readonly Onset[];
  readonly warm: readonly Onset[];
}

/** From the stake that the cautious test has; half of it goes on as before. */
export const startQuick = (lnFrom: number, bets: number): Quick => {
  const onsets = Array.from({ length: bets }, () => startOnset);
  return { lnFrom, onsets, warm: onsets };
};

/** What is only a little slower loses by what a cold process is allowed: the other half of the bets waits until it is warm. */
export function stepQuick(q: Quick, lns: readonly number[], tookMs: number, isWarm: boolean): Quick {
  const step = (onset: Onset, i: number) => stepOnset(onset, lns[i] ?? 0, tookMs);
  return { ...q, onsets: q.onsets.map(step), warm: isWarm ? q.warm.map(step) : q.warm };
}

/** ln of the average of both: what the cautious test has, were there nothing else, less at most ln 2. */
export function lnWithQuick(lnCautious: number, q: Quick | undefined): number {
  if (!q) return lnCautious;
  const all = [...q.onsets, ...q.warm];
  return bounded(logSumExp([lnCautious, q.lnFrom + lnMean(all.map(lnOnset))]) - Math.LN2);
}

const tempered = (lnE: number, v: Variation, of: Compared, a: number, cap: number): number =>
  Math.min(Math.log(cap), lnE) - lnInflation(v, of, a, cap);

/** ln e per bet against H0: the canary is at most `margin` slower. `ratio`: processes of the baseline per one of the canary. */
export function lnQuickRanks(
  v: Variation,
  baseline: Histogram,
  canary: Histogram,
  { margin, floorMs, seed, ratio }: { margin: number; floorMs: number; seed: number; ratio: number },
): number[] {
  const d = leanOf(baseline, canary, margin, floorMs, seed);
  const s = rankError(countOf(baseline), countOf(canary));
  return Z_BETS.map((z) => {
    const cap = Math.min(LOOK_WIN_MAX, Math.exp(z * Z_MAX - z ** 2 / 2));
    return tempered((z * d) / s - z ** 2 / 2, v, "ranks", (ratio * z) / s, cap);
  });
}

/** ln e per bet against H0: no more answers are above the threshold than on the baseline, the canary sped up by the margin. */
export function lnQuickShare(
  v: Variation,
  of: "p95" | "p99",
  w: number,
  baseline: Histogram,
  canary: Histogram,
  { bucket, margin, seed, ratio }: { bucket: number; margin: number; seed: number; ratio: number },
): number[] {
  const nc = countOf(canary);
  const kc = above(speedUp(canary, margin, seed), bucket);
  const kb = above(baseline, bucket);
  return SLOW_PSI.map((psi) => {
    const r = psi / (w * psi + 1 - w);
    const lnE = lnErrorsHarm(psi, w, nc, kc, kb, of === "p99" ? SLOW_HARM_RATIO : 0);
    return tempered(lnE, v, of, ratio * nc * (r - 1), LOOK_WIN_MAX);
  });
}
