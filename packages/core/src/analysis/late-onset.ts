import { bounded, logSumExp } from "./log-space.ts";

/**
 * Harm may begin late. A mixture over start times, O(1) per batch (weighted form of the e-detectors of Shin, Ramdas &
 * Rinaldo, arXiv 2203.03532): R <- (R + pi_t) e_t, E = R + 1 - sum pi. The first batch has weight 0.8; the rest is
 * spread evenly over the first 30 minutes, by the time since the batch before began, which is known before the batch is.
 */
export interface Onset {
  readonly lnR: number;
  /** Weight not yet given to a start time. */
  readonly left: number;
}
export const FIRST_WEIGHT = 0.8;
const HORIZON_MS = 30 * 60_000;

export const startOnset: Onset = { lnR: -1e9, left: 1 };

export function stepOnset(state: Onset, lnE: number, sinceLastMs: number): Onset {
  const wanted = state.left === 1 ? FIRST_WEIGHT : (1 - FIRST_WEIGHT) * (sinceLastMs / HORIZON_MS);
  const weight = Math.max(0, Math.min(state.left, wanted));
  const lnWeight = weight > 0 ? Math.log(weight) : -1e9;
  return { lnR: bounded(logSumExp([state.lnR, lnWeight]) + lnE), left: state.left - weight };
}

/** ln E now. */
export const lnOnset = (state: Onset): number =>
  bounded(logSumExp([state.lnR, state.left > 1e-12 ? Math.log(state.left) : -1e9]));
