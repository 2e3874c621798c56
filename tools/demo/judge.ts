import type { Outcome } from "./rehearsal.ts";
import { columns } from "./table.ts";

/** `npm run demo -- --judge`: what the bench claims of the judge by simulation, with the real gateway and workload. */

/** Healthy, and harm from plain to small. Each is shipped some times. */
export const JUDGED = ["none", "errors=100%", "errors=5%", "errors=1%", "latency=+100%", "latency=+20%"] as const;
export const RUNS = 3;

export interface Judged {
  readonly fault: string;
  readonly runs: number;
  readonly right: number;
  /** Of the runs with a decision; the lower of the middle two. */
  readonly medianSeconds: number | null;
  readonly slowestSeconds: number | null;
  readonly medianRequests: number | null;
}

const middle = (values: readonly number[]): number | null =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null;

/** One row for each fault, in the order in which they were first shipped. */
export function judgedOf(outcomes: readonly Outcome[]): Judged[] {
  return [...new Set(outcomes.map((o) => o.fault))].map((fault) => {
    const own = outcomes.filter((o) => o.fault === fault);
    const seconds = own.flatMap((o) => (o.secondsToVerdict === null ? [] : [o.secondsToVerdict]));
    return {
      fault,
      runs: own.length,
      right: own.filter((o) => o.right).length,
      medianSeconds: middle(seconds),
      slowestSeconds: seconds.length > 0 ? Math.max(...seconds) : null,
      medianRequests: middle(own.map((o) => o.canaryRequests)),
    };
  });
}

export function judgedTable(rows: readonly Judged[]): string {
  const show = (x: number | null, digits = 0) => (x === null ? "-" : x.toFixed(digits));
  const head = ["release", "right", "median s", "slowest s", "canary requests"];
  const body = rows.map((r) => [
    r.fault === "none" ? "healthy: promoted" : `${r.fault}: rolled back`,
    `${r.right} of ${r.runs}`,
    show(r.medianSeconds, 1),
    show(r.slowestSeconds, 1),
    show(r.medianRequests),
  ]);
  return columns([head, ...body], new Set([1, 2, 3, 4]));
}
