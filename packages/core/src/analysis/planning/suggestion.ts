import type { Strategy } from "../../delivery/rollout.ts";
import type { AnalysisPolicy } from "../types.ts";
import { marginFor, requestsForProof, timeOfRequests } from "./needs.ts";

/** What would bring a verdict where the traffic does not. */
export interface Way {
  readonly way: "synthetic_journeys" | "wider_margin" | "longer";
  readonly words: string;
}

export interface Suggestion {
  readonly strategy: Strategy;
  /** Whether a healthy release is usually proved safe within 20 minutes of it. */
  readonly provesInTime: boolean;
  readonly words: readonly string[];
  readonly ways: readonly Way[];
}

/** Within this a release is to be through: ten a day, one after the other, leave time to write them. */
export const IN_TIME_MS = 20 * 60_000;
const DAY_MS = 86_400_000;
const SHARES = [5, 10, 25, 50] as const;
/** Failures that healthy releases have, and the proof for latency: by simulation up to half as many requests again. */
const USUAL = 1.5;
const BAKE_MS = 30_000;
/** One in five on the old release keeps a comparison going without keeping many from what is new. */
const LONG_HOLDBACK_PERCENT = 20;

/** Proposes how to roll out at this much traffic (both releases together), and says what can't be had. */
export function suggest(
  requestsPerHour: number,
  policy: AnalysisPolicy,
  strategy: Strategy,
  syntheticPerSecond = 0,
): Suggestion {
  const need = requestsForProof(policy);
  // Half of the synthetic journeys go to the canary, whatever its share of the visitors.
  const walked = (Math.max(0, syntheticPerSecond - requestsPerHour / 3_600) * IN_TIME_MS) / 2_000;
  const within = (share: number) => walked + (requestsPerHour * share * IN_TIME_MS) / 100 / 3_600_000;
  const share = SHARES.find((s) => within(s) >= USUAL * need);
  return share === undefined
    ? unproved(requestsPerHour, policy, strategy, need, within(50))
    : proved(policy, strategy, share, need, within(share), walked);
}

const count = (n: number): string => Math.round(n).toLocaleString("en-GB");
const many = (n: number, what: string): string => `${count(n)} ${what}${Math.round(n) === 1 ? "" : "s"}`;

const canary = (share: number, policy: AnalysisPolicy, rest: Partial<Strategy>, strategy: Strategy): Strategy => ({
  ...strategy,
  ...rest,
  kind: "canary",
  steps: [{ trafficPercent: share, bakeMs: BAKE_MS, minimumRequests: policy.minimumCanaryRequests }],
  maximumMs: IN_TIME_MS,
});

function proved(
  policy: AnalysisPolicy,
  strategy: Strategy,
  share: number,
  need: number,
  within: number,
  walked: number,
): Suggestion {
  return {
    strategy: canary(share, policy, {}, strategy),
    provesInTime: true,
    words: [
      `${share} % of the traffic brings the canary ${count(within)} requests in 20 minutes; a proof of safety needs at least ${count(need)} without a failure. That is the smallest share that leaves room for a few failures.`,
      ...(walked > 0
        ? [
            `${count(walked)} of them are synthetic journeys: of what only visitors do, they prove nothing, and the holdback goes on watching.`,
          ]
        : []),
    ],
    ways: [],
  };
}

function unproved(
  requestsPerHour: number,
  policy: AnalysisPolicy,
  strategy: Strategy,
  need: number,
  within: number,
): Suggestion {
  const rest = { onInconclusive: "promote", holdbackPercent: LONG_HOLDBACK_PERCENT, holdbackMs: DAY_MS } as const;
  const suggested = canary(50, policy, rest, strategy);
  const perDay = (requestsPerHour * 24) / 2;
  const atMs = timeOfRequests(need, requestsPerHour, suggested);
  const day = perDay >= need ? "" : ` and ${count(perDay)} in a day, so that no strategy up to a day proves it`;
  return {
    strategy: suggested,
    provesInTime: false,
    words: [
      `At ${many(requestsPerHour, "request")} an hour a release can't be proved safe within 20 minutes: that needs at least ${count(need)} canary requests without a failure, and half of the traffic brings ${count(within)} in 20 minutes${day}.`,
      `So no proof is waited for: half of the traffic for 20 minutes, promotion if no harm shows, and ${LONG_HOLDBACK_PERCENT} % on the old release for a day, while the same evidence goes on.`,
    ],
    ways: [journeys(need, within), margin(policy, within), longer(need, atMs)],
  };
}

function journeys(need: number, within: number): Way {
  const perMinute = Math.ceil((need - within) / (IN_TIME_MS / 60_000));
  return {
    way: "synthetic_journeys",
    words: `Synthetic journeys: ${many(perMinute, "request")} a minute to each release make up what is missing in 20 minutes (\`synthetic\` in the configuration, docs/guides/low-traffic.md). They prove what they walk through, and nothing else.`,
  };
}

function margin(policy: AnalysisPolicy, within: number): Way {
  const needed = within > 0 ? marginFor(within, policy) : Number.POSITIVE_INFINITY;
  const now = `${Number((policy.safeErrorRatio * 100).toFixed(2))}`;
  return {
    way: "wider_margin",
    words:
      needed <= 0.5
        ? `A wider margin: with safeErrorRatio ${needed.toFixed(3)} instead of ${policy.safeErrorRatio}, ${count(within)} canary requests are enough. A release that fails ${(needed * 100).toFixed(1)} points more often may then pass, instead of ${now}.`
        : `A wider margin does not help: not even half of all requests failing would be ruled out by ${count(within)} canary requests.`,
  };
}

function longer(need: number, atMs: number): Way {
  const limit = atMs > DAY_MS ? " A rollout lasts at most a day." : "";
  return {
    way: "longer",
    words: Number.isFinite(atMs)
      ? `More time: at half of the traffic ${count(need)} canary requests have come after about ${lasting(atMs)}.${limit}`
      : "More time does not help: without requests nothing is ever shown.",
  };
}

function lasting(ms: number): string {
  const hours = ms / 3_600_000;
  if (hours < 1.5) return `${Math.ceil(ms / 60_000)} minutes`;
  return hours < 48 ? `${Math.ceil(hours)} hours` : `${Math.ceil(hours / 24)} days`;
}
