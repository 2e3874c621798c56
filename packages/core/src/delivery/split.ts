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
  // Each request comes by here: two passes instead of sorted copies.
  let total = 0;
  for (const arm of arms) if (arm.weightPercent > 0) total += arm.weightPercent;
  let left = ticket * total;
  let last: A | null = null;
  for (let canaries = 1; canaries >= 0; canaries--) {
    for (const arm of arms) {
      if (arm.weightPercent <= 0 || (arm.arm === "canary") !== (canaries === 1)) continue;
      if (left < arm.weightPercent) return arm;
      left -= arm.weightPercent;
      last = arm;
    }
  }
  return last;
}
