import type { Deployment, Outcome } from "./history.ts";

const REACHED: ReadonlySet<Outcome> = new Set(["canary_aborted", "soaking", "succeeded", "rolled_back", "failed"]);

/**
 * Whether visitors met it: only then it is a deployment to DORA. Where it has ended, its outcome says so; while it runs, the
 * first visitor does. What a gate rejected, what didn't start and what was a rehearsal changed nothing for anybody.
 */
export const reachedVisitors = (deployment: Deployment): boolean =>
  REACHED.has(deployment.outcome) || (deployment.outcome === "running" && deployment.exposedAtMs !== null);

/** When the first visitors met it; of a source that doesn't tell, when it served all of them or was done. Milliseconds since 1970. */
export const firstVisitorsAtMs = (deployment: Deployment): number | null =>
  deployment.exposedAtMs ?? deployment.servedAllAtMs ?? deployment.finishedAtMs;

/** The earliest of the known times; null where none is known. */
export function earliest(times: Iterable<number | null>): number | null {
  let first: number | null = null;
  for (const time of times) if (time !== null && (first === null || time < first)) first = time;
  return first;
}
