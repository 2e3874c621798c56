import type { ApprovalState, Voice } from "@latchkey/core/catalog/approval";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

export interface ApprovalRow {
  readonly id: string;
  readonly project: string;
  readonly subject: string;
  readonly gate: string;
  readonly service: string;
  readonly environment: string;
  readonly words: string;
  readonly needed: number;
  readonly roles: readonly string[];
  readonly excluded: readonly string[];
  readonly asked_by: Actor;
  readonly state: ApprovalState;
  readonly created_at: Date;
  readonly ended_at: Date | null;
}
export interface VoiceRow {
  readonly approval_id: string;
  readonly person_id: string;
  readonly choice: Voice["choice"];
  readonly via: "console" | "cli" | "api" | "github";
  readonly reason: string;
  readonly at: Date;
}

/** False when it was asked before. */
export const insertApproval = operation(
  "insertApproval",
  async (tx: Executor, row: Omit<ApprovalRow, "state" | "created_at" | "ended_at">): Promise<boolean> => {
    const made =
      await sql`insert into approval (id, project, subject, gate, service, environment, words, needed, roles, excluded, asked_by)
      values (${row.id}, ${row.project}, ${row.subject}, ${row.gate}, ${row.service}, ${row.environment}, ${row.words}, ${row.needed},
        ${[...row.roles]}, ${[...row.excluded]}, ${JSON.stringify(row.asked_by)}::jsonb)
      on conflict (subject, gate) do nothing returning id`.execute(tx);
    return made.rows.length > 0;
  },
);

export const findApproval = operation(
  "findApproval",
  async (db: Executor, project: string, id: string): Promise<ApprovalRow | null> => {
    const found = await sql<ApprovalRow>`select * from approval where project = ${project} and id = ${id}`.execute(db);
    return found.rows[0] ?? null;
  },
);
export const findApprovalOf = operation(
  "findApprovalOf",
  async (db: Executor, subject: string, gate: string): Promise<ApprovalRow | null> => {
    const found = await sql<ApprovalRow>`select * from approval where subject = ${subject} and gate = ${gate}`.execute(
      db,
    );
    return found.rows[0] ?? null;
  },
);
export const lockApproval = operation(
  "lockApproval",
  async (tx: Executor, project: string, id: string): Promise<ApprovalRow | null> => {
    const found =
      await sql<ApprovalRow>`select * from approval where project = ${project} and id = ${id} for update`.execute(tx);
    return found.rows[0] ?? null;
  },
);

/** Newest first; `before` is the id of the last of the page before. */
export const listApprovals = operation(
  "listApprovals",
  async (
    db: Executor,
    project: string,
    filter: { state?: ApprovalState | undefined; before?: string | undefined; limit: number },
  ): Promise<ApprovalRow[]> => {
    const found = await sql<ApprovalRow>`select * from approval where project = ${project}
      and (${filter.state ?? null}::text is null or state = ${filter.state ?? null})
      and (${filter.before ?? null}::text is null or id < ${filter.before ?? null})
      order by id desc limit ${filter.limit}`.execute(db);
    return found.rows;
  },
);

/** Oldest first. */
export const voicesOf = operation("voicesOf", async (db: Executor, ids: readonly string[]): Promise<VoiceRow[]> => {
  if (ids.length === 0) return [];
  const found =
    await sql<VoiceRow>`select * from approval_voice where approval_id = any(${[...ids]}) order by at, person_id`.execute(
      db,
    );
  return found.rows;
});

/** Who changes their mind while it waits has one voice still. */
export const saveVoice = operation("saveVoice", async (tx: Executor, row: Omit<VoiceRow, "at">): Promise<void> => {
  await sql`insert into approval_voice (approval_id, person_id, choice, via, reason)
    values (${row.approval_id}, ${row.person_id}, ${row.choice}, ${row.via}, ${row.reason})
    on conflict (approval_id, person_id) do update set choice = excluded.choice, via = excluded.via, reason = excluded.reason, at = now()`.execute(
    tx,
  );
});

/** Takes back what a person has said by a review on GitHub; what was said here stays. Answers whether there was something. */
export const removeReviewVoice = operation(
  "removeReviewVoice",
  async (tx: Executor, approvalId: string, personId: string): Promise<boolean> => {
    const done = await sql`delete from approval_voice where approval_id = ${approvalId} and person_id = ${personId}
      and via = 'github' returning 1`.execute(tx);
    return done.rows.length > 0;
  },
);

export const endApproval = operation(
  "endApproval",
  async (tx: Executor, id: string, state: Exclude<ApprovalState, "waiting">): Promise<void> => {
    await sql`update approval set state = ${state}, ended_at = now() where id = ${id} and state = 'waiting'`.execute(
      tx,
    );
  },
);

/** Ends the question of one gate that nobody has decided in time. Answers it; null where none waits. */
export const expireOf = operation(
  "expireOf",
  async (tx: Executor, subject: string, gate: string): Promise<ApprovalRow | null> => {
    const ended = await sql<ApprovalRow>`update approval set state = 'expired', ended_at = now()
      where subject = ${subject} and gate = ${gate} and state = 'waiting' returning *`.execute(tx);
    return ended.rows[0] ?? null;
  },
);

/** What waits no longer, because what it was asked for is over. Answers the ids. */
export const withdrawOf = operation("withdrawOf", async (tx: Executor, subject: string): Promise<string[]> => {
  const ended = await sql<{ id: string }>`update approval set state = 'withdrawn', ended_at = now()
    where subject = ${subject} and state = 'waiting' returning id`.execute(tx);
  return ended.rows.map((row) => row.id);
});
