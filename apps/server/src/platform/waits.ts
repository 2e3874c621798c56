/** Seconds, as a Prometheus histogram counts them: free at once, a query's length, a page's patience, the limit. */
export const WAIT_BUCKETS_S = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 10] as const;

/** How long something was waited for, as cumulative counts. A few numbers, however much is waited. */
export class Waits {
  /** Waits in each bucket and, last, those beyond. */
  readonly counts: number[] = Array.from({ length: WAIT_BUCKETS_S.length + 1 }, () => 0);
  sumS = 0;
  count = 0;
  /** Those who got nothing. */
  refused = 0;

  note(ms: number): void {
    const seconds = ms / 1_000;
    const at = WAIT_BUCKETS_S.findIndex((bound) => seconds <= bound);
    const bucket = at === -1 ? WAIT_BUCKETS_S.length : at;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sumS += seconds;
    this.count += 1;
  }
}
