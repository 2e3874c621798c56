import type { Decision } from "./rollout.ts";

/** What was decided, and when by the server's wall clock. */
export type Decided = Pick<Decision, "kind" | "fromState" | "toState" | "reroutes"> & { readonly atMs: number };
export interface ServingTime {
  /** Back to the old release, or on to the new one. */
  readonly way: "back" | "on";
  /** From the decision until whoever splits the traffic served it to everybody, ms. */
  readonly ms: number;
}

/**
 * How long it took from the newest decision on who is served until that was served: the decision after it that waited for
 * the acknowledgement of every gateway, or of the target. Null while it is not. `decisions` from the oldest to the newest.
 */
export function servingTimeOf(decisions: readonly Decided[]): ServingTime | null {
  const end = decisions.findLastIndex(
    ({ fromState, kind }) =>
      fromState === "rolling_back" || (fromState === "promoting" && ["completed", "held_back"].includes(kind)),
  );
  const served = decisions[end];
  const begun = decisions.slice(0, Math.max(0, end)).findLast((d) => d.toState === served?.fromState);
  if (!served || !begun) return null;
  return { way: served.fromState === "rolling_back" ? "back" : "on", ms: Math.max(0, served.atMs - begun.atMs) };
}
