import type { GateResult } from "@latchkey/api/gates";
import type { DeploymentStatus } from "@latchkey/api/models";
import type { Carried } from "@latchkey/core/delivery/batch";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

type OldGate = "name" | "status" | "required" | "startedAt" | "finishedAt" | "output";
/** A gate of a deployment. Rows of older versions have no more than a command gate had. */
export type GateRow = Readonly<Pick<GateResult, OldGate> & Partial<Omit<GateResult, OldGate>>>;
export interface ChangeRow {
  readonly commit: string;
  readonly message: string;
  readonly author: string;
  readonly at: string;
}
/** The commit that a deployment builds. */
export interface SourceRow {
  /** owner/name. */
  readonly repository: string;
  readonly branch: string;
  readonly commit: string;
  /** Folder of the repository that the service's `source` is relative to. */
  readonly path: string;
}
/** Of a deployment that goes back: the release that it leaves, who decided, and whether gates and analysis are behind it. */
export interface RollbackRow {
  readonly fromReleaseId: string | null;
  readonly automatic: boolean;
  readonly skipsAnalysis: boolean;
}
export interface WindowOverride {
  readonly by: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}
export interface DeploymentRow {
  readonly id: string;
  readonly project: string;
  readonly service: string;
  readonly environment: string;
  readonly status: DeploymentStatus;
  readonly words: string;
  readonly created_at: Date;
  readonly finished_at: Date | null;
  readonly created_by: Actor;
  readonly reason: string;
  readonly fault: string | null;
  readonly strategy: "canary" | "blue_green" | "all_at_once" | null;
  /** What asks for one release, or rehearses a fault, goes out alone: `batch` is written as `queue` then. */
  readonly if_busy: "batch" | "queue" | "supersede" | "refuse";
  /** Why it goes out in spite of a freeze; null: it does not. */
  readonly freeze_override: string | null;
  /** Who let it out in spite of its windows; null: nobody. */
  readonly window_override: WindowOverride | null;
  readonly release_id: string | null;
  readonly previous_release_id: string | null;
  readonly rollout_id: string | null;
  readonly gates: readonly GateRow[];
  readonly build_output: string;
  readonly changes: readonly ChangeRow[];
  /** The deployment that this one went out with: it has that one's rollout, and ends as it does. */
  readonly carrier_id: string | null;
  /** The batch that was taken back, of which this one tries a part; and the half before, which must be promoted first. */
  readonly splits_id: string | null;
  readonly after_id: string | null;
  /** What it carries, oldest first, its own release's change last; nothing when it is alone. */
  readonly carries: readonly Carried[];
  /** Null for what is built from the working tree. */
  readonly source: SourceRow | null;
  /** Null for what goes forward. */
  readonly rollback: RollbackRow | null;
  /** Where its release was promoted from, and by which deployment it came there. */
  readonly promoted_from: { readonly environment: string; readonly deploymentId: string } | null;
  /** Asked for by a merge or a pipeline: it waits while deployments are paused. */
  readonly by_machine: boolean;
}
/** What lists show: without the output of builds and gates, which is up to 28 kB a row. */
export type ListedDeployment = Omit<DeploymentRow, "gates" | "build_output" | "changes" | "carries">;
const LISTED = sql`id, project, service, environment, status, words, created_at, finished_at, created_by, reason, fault, strategy,
  if_busy, freeze_override, window_override, release_id, previous_release_id, rollout_id, carrier_id, splits_id, after_id, source, rollback, by_machine, promoted_from`;

export const ENDED: readonly DeploymentStatus[] = [
  "succeeded",
  "rolled_back",
  "failed_build",
  "failed_gate",
  "failed_start",
  "aborted",
  "superseded",
  "unchanged",
];

export const insertDeployment = operation(
  "insertDeployment",
  async (
    tx: Executor,
    row: Pick<
      DeploymentRow,
      | "id"
      | "project"
      | "service"
      | "environment"
      | "status"
      | "words"
      | "created_by"
      | "reason"
      | "fault"
      | "strategy"
      | "if_busy"
      | "release_id"
      | "gates"
    > &
      Partial<
        Pick<
          DeploymentRow,
          | "splits_id"
          | "after_id"
          | "carries"
          | "freeze_override"
          | "window_override"
          | "source"
          | "rollback"
          | "by_machine"
          | "promoted_from"
        >
      >,
  ): Promise<void> => {
    await sql`insert into deployment (id, project, service, environment, status, words, created_by, reason, fault, strategy, if_busy, release_id, gates, splits_id, after_id, carries, freeze_override, window_override, source, rollback, by_machine, promoted_from)
    values (${row.id}, ${row.project}, ${row.service}, ${row.environment}, ${row.status}, ${row.words}, ${JSON.stringify(row.created_by)}::jsonb,
      ${row.reason}, ${row.fault}, ${row.strategy}, ${row.if_busy}, ${row.release_id}, ${JSON.stringify(row.gates)}::jsonb,
      ${row.splits_id ?? null}, ${row.after_id ?? null}, ${JSON.stringify(row.carries ?? [])}::jsonb, ${row.freeze_override ?? null},
      ${row.window_override ? JSON.stringify(row.window_override) : null}::jsonb,
      ${row.source ? JSON.stringify(row.source) : null}::jsonb, ${row.rollback ? JSON.stringify(row.rollback) : null}::jsonb,
      ${row.by_machine ?? false}, ${row.promoted_from ? JSON.stringify(row.promoted_from) : null}::jsonb)`.execute(tx);
  },
);

export const findDeployment = operation(
  "findDeployment",
  async (db: Executor, id: string): Promise<DeploymentRow | null> => {
    const found = await sql<DeploymentRow>`select * from deployment where id = ${id}`.execute(db);
    return found.rows[0] ?? null;
  },
);

export interface ServedByRow {
  readonly id: string;
  readonly created_at: Date;
  readonly finished_at: Date;
}
/** Of these deployments those that ended since, replaced another release, and are no way back. */
export const promotedSince = operation(
  "promotedSince",
  async (db: Executor, ids: readonly string[], since: Date): Promise<ServedByRow[]> => {
    if (ids.length === 0) return [];
    const found = await sql<ServedByRow>`select id, created_at, finished_at from deployment
      where id = any(${ids}::text[]) and finished_at >= ${since} and rollback is null and previous_release_id is not null
      order by id`.execute(db);
    return found.rows;
  },
);

/** Newest first; `before` is the id of the last of the page before (ids are UUIDv7: their order is their time's). */
export const listDeployments = operation(
  "listDeployments",
  async (
    db: Executor,
    project: string,
    filter: {
      service?: string | undefined;
      environment?: string | undefined;
      releaseId?: string | undefined;
      before?: string | undefined;
      limit: number;
    },
  ): Promise<ListedDeployment[]> => {
    const found = await sql<ListedDeployment>`select ${LISTED} from deployment where project = ${project}
    and (${filter.service ?? null}::text is null or service = ${filter.service ?? null})
    and (${filter.environment ?? null}::text is null or environment = ${filter.environment ?? null})
    and (${filter.releaseId ?? null}::text is null or release_id = ${filter.releaseId ?? null})
    and (${filter.before ?? null}::text is null or id < ${filter.before ?? null})
    order by id desc limit ${filter.limit}`.execute(db);
    return found.rows;
  },
);

/** Deployments as lists show them, by their ids. */
export const findListed = operation(
  "findListed",
  async (db: Executor, ids: readonly string[]): Promise<Map<string, ListedDeployment>> => {
    if (ids.length === 0) return new Map();
    const found = await sql<ListedDeployment>`select ${LISTED} from deployment where id = any(${[...ids]})`.execute(db);
    return new Map(found.rows.map((row) => [row.id, row]));
  },
);

/** The deployments that try a part of a batch, oldest first. */
export const splitsOf = operation("splitsOf", async (db: Executor, id: string): Promise<DeploymentRow[]> => {
  const found = await sql<DeploymentRow>`select * from deployment where splits_id = ${id} order by id`.execute(db);
  return found.rows;
});

/** When the newest deployments to an environment were asked for, newest first; at most `limit`. */
export const askedTimes = operation(
  "askedTimes",
  async (db: Executor, project: string, service: string, environment: string, limit: number): Promise<Date[]> => {
    const found = await sql<{ created_at: Date }>`select created_at from deployment
      where project = ${project} and service = ${service} and environment = ${environment}
      order by created_at desc limit ${limit}`.execute(db);
    return found.rows.map((row) => row.created_at);
  },
);

/** What has not ended, oldest first. */
export const activeDeployments = operation("activeDeployments", async (db: Executor): Promise<DeploymentRow[]> => {
  const found = await sql<DeploymentRow>`select * from deployment where finished_at is null order by id`.execute(db);
  return found.rows;
});

/**
 * Takes the row's lock and tells whether the deployment still is in a phase: whoever worked on the phase may have been
 * overtaken, and then must not write.
 */
export const lockPhase = operation(
  "lockPhase",
  async (tx: Executor, id: string, phase: DeploymentStatus): Promise<boolean> => {
    const found =
      await sql`select 1 from deployment where id = ${id} and status = ${phase} and finished_at is null for update`.execute(
        tx,
      );
    return found.rows.length > 0;
  },
);

/** Lets a deployment out in spite of its windows, and of freezes: what holds it for the time of day alone holds it no more. */
export const setWindowOverride = operation(
  "setWindowOverride",
  async (tx: Executor, id: string, override: WindowOverride): Promise<void> => {
    await sql`update deployment set window_override = ${JSON.stringify(override)}::jsonb,
      freeze_override = coalesce(freeze_override, ${override.reason}) where id = ${id}`.execute(tx);
  },
);

/** Sets what is given; `finished_at` follows from the status. */
export const updateDeployment = operation(
  "updateDeployment",
  async (
    tx: Executor,
    id: string,
    set: Partial<
      Pick<
        DeploymentRow,
        | "status"
        | "words"
        | "release_id"
        | "previous_release_id"
        | "rollout_id"
        | "gates"
        | "build_output"
        | "changes"
        | "carrier_id"
        | "carries"
      >
    >,
  ): Promise<void> => {
    const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
    const ended = set.status !== undefined && ENDED.includes(set.status);
    await sql`update deployment set
      status = coalesce(${set.status ?? null}, status),
      words = coalesce(${set.words ?? null}, words),
      release_id = coalesce(${set.release_id ?? null}, release_id),
      previous_release_id = coalesce(${set.previous_release_id ?? null}, previous_release_id),
      rollout_id = coalesce(${set.rollout_id ?? null}, rollout_id),
      gates = coalesce(${json(set.gates)}::jsonb, gates),
      build_output = coalesce(${set.build_output ?? null}, build_output),
      changes = coalesce(${json(set.changes)}::jsonb, changes),
      carrier_id = coalesce(${set.carrier_id ?? null}, carrier_id),
      carries = coalesce(${json(set.carries)}::jsonb, carries),
      finished_at = case when ${ended} then coalesce(finished_at, now()) else finished_at end
    where id = ${id}`.execute(tx);
  },
);
