import { type ArmTally, type BlastRadius, blastRadius } from "@latchkey/core/delivery/blast-radius";
import { estimateDistinct, mergeUsers } from "@latchkey/core/delivery/hyperloglog";
import type { Counter } from "./gateways.store.ts";
import type { RolloutRow } from "./rollouts.store.ts";

const NOTHING: ArmTally = { requests: 0, errors: 0, pageViews: 0, pageErrors: 0 };

/** Assets are no requests that people wait for; what broke with them is counted as pages. */
function tallyOf(counters: readonly Counter[]): ArmTally {
  return counters.reduce((sum, c) => {
    const judged = c.routeClass !== "asset";
    return {
      requests: sum.requests + (judged ? c.requests : 0),
      errors: sum.errors + (judged ? c.errors : 0),
      pageViews: sum.pageViews + c.pageViews,
      pageErrors: sum.pageErrors + c.pageErrors,
    };
  }, NOTHING);
}

/** What the rollout's release did by `atMs` (rollout time); null before it took any traffic. */
export function radiusOf(
  row: Pick<RolloutRow, "machine" | "canary_release_id">,
  counters: readonly Counter[],
  atMs: number,
): BlastRadius | null {
  const { exposedAtMs } = row.machine;
  if (exposedAtMs === null) return null;
  const own = counters.filter((c) => c.releaseId === row.canary_release_id);
  const others = counters.filter((c) => c.releaseId !== row.canary_release_id);
  const users = Math.round(estimateDistinct(mergeUsers(own.map((c) => c.users))));
  return blastRadius(tallyOf(own), tallyOf(others), users, atMs - exposedAtMs);
}
