/** What a release did to those who met it. Counts are of all requests that were sent to an arm, as visitors met them. */
export interface ArmTally {
  readonly requests: number;
  readonly errors: number;
  readonly pageViews: number;
  readonly pageErrors: number;
}

export interface BlastRadius {
  /** Visitors that the release answered, about (HyperLogLog, 2 %). */
  readonly users: number;
  readonly requests: number;
  /** Requests that failed, and how many of them because of the release: those above the other release's own share. */
  readonly failedRequests: number;
  readonly failedBecauseOfIt: number;
  /** Pages that broke in the browser, and how many of them because of the release. */
  readonly brokenPages: number;
  readonly brokenBecauseOfIt: number;
  /** How long it took traffic before it was promoted or taken back, ms. */
  readonly exposedMs: number;
}

/** Of `bad` in `all`, how many are more than the share of `other` explains; whole ones, never below 0. */
const excess = (bad: number, all: number, otherBad: number, otherAll: number): number =>
  Math.max(0, Math.round(bad - (otherAll > 0 ? (all * otherBad) / otherAll : 0)));

/**
 * What the canary did, beside the same time's baseline: without baseline traffic every failure is the canary's own. An
 * estimate of the effect on those treated: errors less requests times the error ratio of those who were not.
 */
export function blastRadius(canary: ArmTally, baseline: ArmTally, users: number, exposedMs: number): BlastRadius {
  return {
    users,
    requests: canary.requests,
    failedRequests: canary.errors,
    failedBecauseOfIt: excess(canary.errors, canary.requests, baseline.errors, baseline.requests),
    brokenPages: canary.pageErrors,
    brokenBecauseOfIt: excess(canary.pageErrors, canary.pageViews, baseline.pageErrors, baseline.pageViews),
    exposedMs: Math.max(0, exposedMs),
  };
}

/** One sentence, such as "About 12 visitors met it with 230 requests in 45 s; 11 requests failed because of it." */
export function blastWords(r: BlastRadius): string {
  const many = (n: number, what: string) => `${n.toLocaleString("en-GB")} ${what}${n === 1 ? "" : "s"}`;
  const s = Math.round(r.exposedMs / 1000);
  const time = s < 120 ? `${s} s` : `${Math.round(s / 60)} minutes`;
  const harm = [
    ...(r.failedBecauseOfIt > 0 ? [`${many(r.failedBecauseOfIt, "request")} failed`] : []),
    ...(r.brokenBecauseOfIt > 0 ? [`${many(r.brokenBecauseOfIt, "page")} broke`] : []),
  ];
  const met = `About ${many(r.users, "visitor")} met it with ${many(r.requests, "request")} in ${time}`;
  return `${met}; ${harm.length > 0 ? `${harm.join(" and ")} because of it` : "none failed because of it"}.`;
}
