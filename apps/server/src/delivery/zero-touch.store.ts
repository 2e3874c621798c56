import type { ZeroTouchEvidence, ZeroTouchPolicy, ZeroTouchReason } from "@latchkey/core/delivery/zero-touch";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface ZeroTouchRow {
  readonly deployment_id: string;
  readonly gate: string;
  readonly alone: boolean;
  readonly version: string;
  readonly policy: ZeroTouchPolicy;
  readonly evidence: ZeroTouchEvidence;
  readonly reasons: readonly ZeroTouchReason[];
  readonly decided_at: Date;
}

/** True when it is news: the first answer, or other reasons than before. */
export const saveZeroTouch = operation(
  "saveZeroTouch",
  async (tx: Executor, row: Omit<ZeroTouchRow, "decided_at">): Promise<boolean> => {
    const saved =
      await sql`insert into zero_touch_decision (deployment_id, gate, alone, version, policy, evidence, reasons)
      values (${row.deployment_id}, ${row.gate}, ${row.alone}, ${row.version}, ${JSON.stringify(row.policy)}::jsonb,
        ${JSON.stringify(row.evidence)}::jsonb, ${JSON.stringify(row.reasons)}::jsonb)
      on conflict (deployment_id, gate) do update set alone = excluded.alone, version = excluded.version, policy = excluded.policy,
        evidence = excluded.evidence, reasons = excluded.reasons, decided_at = now()
      where zero_touch_decision.reasons is distinct from excluded.reasons returning 1`.execute(tx);
    return saved.rows.length > 0;
  },
);

export const zeroTouchOf = operation(
  "zeroTouchOf",
  async (db: Executor, deploymentId: string): Promise<ZeroTouchRow[]> => {
    const found =
      await sql<ZeroTouchRow>`select * from zero_touch_decision where deployment_id = ${deploymentId} order by gate`.execute(
        db,
      );
    return found.rows;
  },
);

/** When a release was last taken back in an environment, or left for an older one; null: never. Milliseconds since 1970. */
export const lastTakenBack = operation(
  "lastTakenBack",
  async (
    db: Executor,
    place: { readonly project: string; readonly service: string; readonly environment: string },
  ): Promise<number | null> => {
    const found = await sql<{ at: Date | null }>`select max(finished_at) as at from deployment
      where project = ${place.project} and service = ${place.service} and environment = ${place.environment}
        and finished_at is not null and (status = 'rolled_back' or (rollback is not null and status = 'succeeded'))`.execute(
      db,
    );
    return found.rows[0]?.at?.getTime() ?? null;
  },
);
