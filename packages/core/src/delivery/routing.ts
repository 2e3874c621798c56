import type { Rollout } from "./rollout.ts";

/** Which release gets which share: pure, from a rollout and the two releases. Shares always add up to 100. */
export interface ArmShare {
  readonly arm: "baseline" | "canary" | "holdback";
  readonly releaseId: string;
  readonly weightPercent: number;
}

/**
 * The arms of a rollout. The canary's share is the rollout's, the rest is the old release's, which is called
 * the holdback once the new one is promoted. A release that was rolled back is not in the answer at all.
 */
export function armsOf(rollout: Rollout, canaryId: string, baselineId: string | null): readonly ArmShare[] {
  switch (rollout.state) {
    case "starting":
    case "rolling_back":
    case "rolled_back":
    case "aborted":
    case "failed":
    case "superseded":
      return baselineId === null ? [] : [{ arm: "baseline", releaseId: baselineId, weightPercent: 100 }];
    case "completed":
      return [{ arm: "baseline", releaseId: canaryId, weightPercent: 100 }];
    default: {
      const share = rollout.trafficPercent;
      const canary: ArmShare = { arm: "canary", releaseId: canaryId, weightPercent: baselineId === null ? 100 : share };
      if (baselineId === null) return [canary];
      const arm = rollout.state === "holdback" || rollout.state === "promoting" ? "holdback" : "baseline";
      return [{ arm, releaseId: baselineId, weightPercent: 100 - share }, canary];
    }
  }
}
