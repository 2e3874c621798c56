import { isPreview } from "./moves.ts";
import type { Rollout } from "./rollout.ts";

/** What happens next by itself, and when: for people who watch. `atMs` null means that no time is set. */
export function whatIsNext(r: Rollout): { atMs: number | null; words: string } {
  const step = r.strategy.steps[r.stepIndex];
  const following = r.strategy.steps[r.stepIndex + 1];
  switch (r.state) {
    case "starting":
      return { atMs: null, words: "Traffic begins when the release answers its health check and its smoke journeys." };
    case "paused":
      if (isPreview(r))
        return { atMs: null, words: "A person must promote it: until then only its preview address shows it." };
      return { atMs: null, words: "Nothing until somebody resumes it. Harm still rolls it back." };
    case "promoting":
      return { atMs: null, words: "Waiting for every gateway to serve the new release." };
    case "rolling_back":
      return { atMs: null, words: "Waiting for every gateway to acknowledge 0 %." };
    case "holdback":
      return {
        atMs: r.stepStartedAtMs + r.strategy.holdbackMs,
        words: "The holdback ends and the old release is retired.",
      };
    case "progressing":
      return progressingNext(r, step?.bakeMs ?? 0, step?.minimumRequests ?? 0, following?.trafficPercent ?? null);
    default:
      return { atMs: null, words: "Nothing: it is over." };
  }
}

function progressingNext(r: Rollout, bakeMs: number, minimum: number, toPercent: number | null) {
  if (!r.acknowledged) return { atMs: null, words: "Waiting for every gateway to serve this share." };
  if (r.waitsForPerson) return { atMs: null, words: "A person must promote it or roll it back." };
  if (r.holding) return { atMs: null, words: "It holds: see the guards." };
  const missing = Math.max(0, minimum - (r.canaryRequests - r.requestsAtStepStart));
  const needs = missing > 0 ? ` and ${missing} more canary requests` : "";
  const bakedAt = r.stepStartedAtMs + bakeMs;
  if (toPercent !== null)
    return { atMs: bakedAt, words: `On to ${toPercent} % after its bake time${needs}, unless harm shows.` };
  if (r.lastVerdict === "PASS") return { atMs: bakedAt, words: `Promotion after its bake time${needs}.` };
  const lastCall = (r.exposedAtMs ?? r.stepStartedAtMs) + r.strategy.maximumMs;
  return {
    atMs: lastCall,
    words: `Promotion once it is proved safe${needs}; without proof by then, the policy is to ${r.strategy.onInconclusive.replace("_", " ")}.`,
  };
}
