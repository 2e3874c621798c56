import type { DeploymentKind, LinkEvidence, Outcome } from "./history.ts";

/**
 * What the keys are counted from: the history with everything decided that does not depend on a definition. Records are
 * made when facts come in (attribution.ts, leads.ts) and are all that a figure needs, so that figures are quick; a record
 * whose facts change is made anew, and the old one is kept for figures "as known on" a date.
 */
export const FAILURES = ["canary_aborted", "rolled_back", "failed", "incident", "hotfixed", "said"] as const;
export type Failure = (typeof FAILURES)[number];

export interface DeploymentRecord {
  readonly key: string;
  readonly service: string;
  readonly environment: string;
  readonly isProduction: boolean;
  /** When it counts: when it served all visitors, else when it was taken back, else when it first met visitors. */
  readonly atMs: number;
  readonly outcome: Outcome;
  readonly kind: DeploymentKind;
  /** It reached visitors: only such a deployment is counted by any key. */
  readonly reachedVisitors: boolean;
  /** Whether it is known yet how it ended: false while it is rolled out or soaking. */
  readonly isSettled: boolean;
  /** Null when it did not fail, as far as is known. */
  readonly failure: Failure | null;
  /** First visitors on it; when harm was seen; when visitors were well again (null: not yet, or it did not fail). */
  readonly failedAtMs: number | null;
  readonly detectedAtMs: number | null;
  readonly recoveredAtMs: number | null;
  /** Not planned, and made because of a failure in production. */
  readonly isRework: boolean;
  /** Keys of the incidents that it is held to have caused. */
  readonly incidents: readonly string[];
  /** Left out of all figures by a correction. */
  readonly isExcluded: boolean;
}

/** Parts of a lead time that add up to it where all are known, in this order. */
export const LEAD_STAGES = ["coding", "review", "queue", "gates", "canary"] as const;
export type LeadStage = (typeof LEAD_STAGES)[number];
/** One change in one deployment that reached all visitors. Durations in milliseconds; null where a time is not known or can't be. */
export interface LeadRecord {
  readonly deployment: string;
  /** `<repository>#<number>` of a pull request, else the commit's SHA. */
  readonly change: string;
  readonly service: string;
  readonly environment: string;
  readonly isProduction: boolean;
  /** When all visitors were served from it. */
  readonly atMs: number;
  /** First commit to all visitors. */
  readonly leadMs: number | null;
  /** Pull request opened to all visitors: the guide's lead time. */
  readonly openedLeadMs: number | null;
  readonly stages: Readonly<Record<LeadStage, number | null>>;
  /** From the rollout's begin to a tenth, and to all, of the visitors. */
  readonly toTenPercentMs: number | null;
  readonly toAllMs: number | null;
}

export interface IncidentRecord {
  readonly key: string;
  readonly service: string | null;
  readonly environment: string | null;
  readonly atMs: number;
  readonly detectedAtMs: number | null;
  readonly resolvedAtMs: number | null;
  /** The deployment that caused it; null when nothing but the clock speaks for one. */
  readonly deployment: string | null;
  readonly by: LinkEvidence | null;
  /** 0 to 1. */
  readonly confidence: number;
}

/** Data that contradicts itself: kept, listed, and not bent. */
export const CONFLICTS = [
  "merged_after_deployed",
  "authored_after_merged",
  "unknown_commit",
  "unknown_deployment",
  "ended_before_begun",
  "resolved_before_detected",
  "in_the_future",
] as const;
export type ConflictKind = (typeof CONFLICTS)[number];
export interface Conflict {
  readonly kind: ConflictKind;
  /** The thing that is at odds, and the other one. */
  readonly subject: string;
  readonly other: string | null;
  readonly words: string;
}
