import type { GateResult } from "@latchkey/api/gates";
import type { GateRow, ListedDeployment } from "./deployments.store.ts";
import type { DeploymentSummary, ReleaseSummary } from "./presented.ts";
import type { ReleaseRow } from "./releases.store.ts";

/** Rows as the API shows them. */
export function presentRelease(row: ReleaseRow): ReleaseSummary {
  return {
    id: row.id,
    service: row.service,
    number: row.number,
    digest: row.digest,
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by,
    commit: row.commit_sha,
    branch: row.branch,
    message: row.message,
    author: row.author,
    dirty: row.dirty,
    fault: row.fault,
    sizeBytes: Number(row.size_bytes),
  };
}

export function presentGate(row: GateRow): GateResult {
  const { kind = "command", owner = null, words = "", figures = [], details = [], waiver = null } = row;
  return { ...row, kind, owner, words, figures: [...figures], details: [...details], waiver };
}

export function presentDeployment(row: ListedDeployment, releases: ReadonlyMap<string, ReleaseRow>): DeploymentSummary {
  const release = row.release_id ? releases.get(row.release_id) : undefined;
  return {
    id: row.id,
    service: row.service,
    environment: row.environment,
    status: row.status,
    words: row.words,
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    createdBy: row.created_by.name,
    reason: row.reason,
    fault: row.fault,
    release: release ? presentRelease(release) : null,
    previousReleaseId: row.previous_release_id,
    rolloutId: row.rollout_id,
    carrierId: row.carrier_id,
    splitsId: row.splits_id,
    promotedFrom: row.promoted_from?.environment ?? null,
    rollback: row.rollback && { automatic: row.rollback.automatic, skipsAnalysis: row.rollback.skipsAnalysis },
  };
}
