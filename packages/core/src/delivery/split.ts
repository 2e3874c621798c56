/** What the splitter needs to know of an arm. */
export interface WeightedArm {
  readonly arm: "baseline" | "canary" | "holdback";
  readonly weightPercent: number;
}

/**
 * The arm of a ticket in [0, 1). The canary owns the lowest tickets, so that a visitor who keeps a ticket
 * moves at most once while the canary's share grows, and the shares are exact at every step. An arm of
 * weight 0 is never chosen; null when no arm has any weight.
 */
export function armOfTicket<A extends WeightedArm>(arms: readonly A[], ticket: number): A | null {
  const weighted = arms.filter((a) => a.weightPercent > 0);
  const ordered = [...weighted.filter((a) => a.arm === "canary"), ...weighted.filter((a) => a.arm !== "canary")];
  const total = ordered.reduce((sum, a) => sum + a.weightPercent, 0);
  let left = ticket * total;
  for (const arm of ordered) {
    if (left < arm.weightPercent) return arm;
    left -= arm.weightPercent;
  }
  return ordered.at(-1) ?? null;
}
