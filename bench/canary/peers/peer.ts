import type { Look } from "@latchkey/core/analysis/types";
import type { Variation } from "@latchkey/core/analysis/variation";

/**
 * Rules of others, written by us from what their sources and papers say, to be played on the same traffic. They are models:
 * none of those programs was run.
 */
export type Action = "roll_back" | "promote";

export interface Peer {
  readonly name: string;
  /**
   * A run's own memory: takes looks in turn and answers what the rule does at each; null: goes on. `before` tells how the
   * stable release's looks differed before the canary.
   */
  readonly start: (before: () => Variation) => (look: Look) => Action | null;
  /**
   * Compares the canary with as many machines of the old release, not with all of it: it is shown another stream of looks, in
   * which the baseline gets as much traffic as the canary.
   */
  readonly equalBaseline?: boolean;
}

/** Sums of the looks of the last `windowMs`. */
export function trailing(windowMs: number): (look: Look) => { requests: number; errors: number } {
  const kept: Look[] = [];
  return (look) => {
    kept.push(look);
    while ((kept[0]?.atMs ?? look.atMs) <= look.atMs - windowMs) kept.shift();
    return {
      requests: kept.reduce((n, l) => n + l.canary.requests, 0),
      errors: kept.reduce((n, l) => n + l.canary.errors, 0),
    };
  };
}
