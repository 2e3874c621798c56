import type { Strategy } from "../../delivery/rollout.ts";
import type { AnalysisPolicy } from "../types.ts";
import { canaryPerHour, marginFor, requestsForProof, type Supply, timeOfRequests } from "./needs.ts";

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
const LONG_HOLDBACK = { holdbackPercent: 20, holdbackMs: DAY_MS } as const;

/** Proposes how to roll out at this much traffic, and says what can't be had. */
export function suggest(supply: Supply, policy: AnalysisPolicy, strategy: Strategy): Suggestion {
  const need = requestsForProof(policy);
  const within = (share: number, of: Supply = supply) => (canaryPerHour(of, share) * IN_TIME_MS) / 3_600_000;
  const suffices = (share: number, of?: Supply) => within(share, of) >= USUAL * need;
  const share = SHARES.find((s) => suffices(s));
  if (share === undefined) return unproved(supply, policy, strategy, need, within(50));
  const byVisitors = suffices(share, { ...supply, syntheticPerHour: 0 });
  return proved(policy, strategy, { share, need, within: within(share), byVisitors });
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
  { share, need, within, byVisitors }: { share: number; need: number; within: number; byVisitors: boolean },
): Suggestion {
  const from = byVisitors ? "" : ", most of them synthetic,";
  const brings = `${share} % of the traffic brings the canary ${count(within)} requests${from} in 20 minutes; a proof of safety needs at least ${count(need)} without a failure.`;
  return {
    strategy: canary(share, policy, byVisitors ? {} : LONG_HOLDBACK, strategy),
    provesInTime: true,
    words: byVisitors
      ? [`${brings} That is the smallest share that leaves room for a few failures.`]
      : [
          brings,
          `Of what only visitors do, synthetic journeys prove nothing: so ${LONG_HOLDBACK.holdbackPercent} % stay on the old release for a day, while the evidence goes on with visitors alone.`,
        ],
    ways: [],
  };
}

function unproved(
  supply: Supply,
  policy: AnalysisPolicy,
  strategy: Strategy,
  need: number,
  within: number,
): Suggestion {
  const suggested = canary(50, policy, { ...LONG_HOLDBACK, onInconclusive: "promote" }, strategy);
  const perDay = canaryPerHour(supply, 50) * 24;
  const atMs = timeOfRequests(need, supply, suggested);
  const day = perDay >= need ? "" : ` and ${count(perDay)} in a day, so that no strategy up to a day proves it`;
  const own = supply.syntheticPerHour > 0 ? " and the synthetic journeys bring" : " brings";
  return {
    strategy: suggested,
    provesInTime: false,
    words: [
      `At ${many(supply.requestsPerHour, "request")} an hour a release can't be proved safe within 20 minutes: that needs at least ${count(need)} canary requests without a failure, and half of the traffic${own} ${count(within)} in 20 minutes${day}.`,
      `So no proof is waited for: half of the traffic for 20 minutes, promotion if no harm shows, and ${LONG_HOLDBACK.holdbackPercent} % on the old release for a day, while the same evidence goes on.`,
    ],
    ways: [journeys(supply, need), margin(policy, within), longer(need, atMs)],
  };
}

/** What `synthetic.requestsPerSecond` takes in all, visitors' own counted in, rounded up to a tenth; half of it is the canary's. */
function journeys({ requestsPerHour }: Supply, need: number): Way {
  const visitors = requestsPerHour / 3_600;
  // With half of visitors' traffic and half of our own, half of all requests are the canary's.
  const perSecond = Math.max(visitors, (2 * USUAL * need) / (IN_TIME_MS / 1_000));
  return {
    way: "synthetic_journeys",
    words: `Synthetic journeys: with synthetic.requestsPerSecond ${(Math.ceil(perSecond * 10) / 10).toFixed(1)} in the configuration, requests of Latchkey's own to both releases make up what is missing in 20 minutes. They prove what they walk through, and nothing else.`,
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
