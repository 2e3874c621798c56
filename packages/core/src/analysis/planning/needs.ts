import type { Strategy } from "../../delivery/rollout.ts";
import { SYNTHETIC_SHARE } from "../../delivery/synthetic.ts";
import { lnErrorsSafe, SAFE_R } from "../errors.ts";
import { lnAverage } from "../log-space.ts";
import type { AnalysisPolicy } from "../types.ts";

const HOUR_MS = 3_600_000;
const EVEN = SAFE_R.map(() => 1 / SAFE_R.length);

/**
 * The least number of canary requests, none of them failing, that prove errors safe: the smallest n at which the average of
 * exp(n d1 (1 - r)) over the judge's r reaches 1 / beta. With the defaults (d1 = 0.005, beta = 0.05) it is 911. A proof may
 * take more: failures cost evidence, and latency has a proof of its own.
 */
export function requestsForProof(policy: AnalysisPolicy): number {
  const proved = (n: number) =>
    lnAverage(
      SAFE_R.map((r) => lnErrorsSafe(r, 0.5, n, 0, 0, policy.safeErrorRatio)),
      EVEN,
    ) >= Math.log(1 / policy.beta);
  let high = 1;
  while (!proved(high)) high *= 2;
  let low = Math.floor(high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (proved(middle)) high = middle;
    else low = middle;
  }
  return Math.max(high, policy.minimumCanaryRequests);
}

/** The margin d1 (0 to 1) with which this many canary requests without a failure prove errors safe: n d1 stays the same. */
export const marginFor = (canaryRequests: number, policy: AnalysisPolicy): number =>
  (requestsForProof({ ...policy, minimumCanaryRequests: 0 }) * policy.safeErrorRatio) / canaryRequests;

/** What comes in an hour: visitors' requests to both releases, and our own, half of them to the canary. */
export interface Supply {
  readonly requestsPerHour: number;
  readonly syntheticPerHour: number;
}

/** Our own requests an hour: what visitors' leave of the number that is wanted in all. */
export const supplyOf = (requestsPerHour: number, syntheticPerSecond: number): Supply => ({
  requestsPerHour,
  syntheticPerHour: Math.max(0, syntheticPerSecond * 3_600 - requestsPerHour),
});

/** Requests an hour that a canary with this share (percent) gets. */
export const canaryPerHour = (s: Supply, share: number): number =>
  (s.requestsPerHour * share) / 100 + s.syntheticPerHour * SYNTHETIC_SHARE;

/**
 * When the canary will have had so many requests, ms from its first exposure, at the mean traffic and through the strategy's
 * steps, of which the last goes on for as long as it takes. Infinite without traffic.
 */
export function timeOfRequests(canaryRequests: number, supply: Supply, strategy: Strategy): number {
  let [left, atMs] = [canaryRequests, 0];
  for (const [i, step] of strategy.steps.entries()) {
    const perMs = canaryPerHour(supply, step.trafficPercent) / HOUR_MS;
    const isLast = i === strategy.steps.length - 1;
    const lastsMs = isLast ? Number.POSITIVE_INFINITY : Math.max(step.bakeMs, step.minimumRequests / perMs);
    if (left <= perMs * lastsMs) return atMs + left / perMs;
    left -= perMs * lastsMs;
    atMs += lastsMs;
  }
  return Number.POSITIVE_INFINITY;
}
