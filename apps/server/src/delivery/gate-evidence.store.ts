import type { Actor } from "@latchkey/core/delivery/rollout";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** Per service, so that a pipeline that sends for every commit can't fill the disk: 500, and 500 MB together. */
const EVIDENCE_KEPT = { reports: 500, bytes: 500_000_000 };
const FORGOTTEN_AFTER = sql`interval '90 days'`;

export interface EvidenceRow {
  readonly id: string;
  readonly project: string;
  readonly service: string;
  readonly commit_sha: string;
  readonly gate: string;
  readonly report: string;
  readonly sha256: string;
  readonly url: string | null;
  readonly sent_by: Actor;
  readonly sent_at: Date;
}

/** What was sent for the same gate and commit before gives way; so do a service's oldest above the limits. The newest stays. */
export const saveEvidence = operation(
  "saveEvidence",
  async (
    tx: Executor,
    row: Omit<EvidenceRow, "sent_at">,
    kept: typeof EVIDENCE_KEPT = EVIDENCE_KEPT,
  ): Promise<EvidenceRow> => {
    const saved = await sql<EvidenceRow>`
      insert into gate_evidence (id, project, service, commit_sha, gate, report, sha256, url, sent_by)
      values (${row.id}, ${row.project}, ${row.service}, ${row.commit_sha}, ${row.gate}, ${row.report}, ${row.sha256}, ${row.url},
        ${JSON.stringify(row.sent_by)}::jsonb)
      on conflict (project, service, commit_sha, gate) do update set id = excluded.id, report = excluded.report,
        sha256 = excluded.sha256, url = excluded.url, sent_by = excluded.sent_by, sent_at = now()
      returning *`.execute(tx);
    await sql`delete from gate_evidence where project = ${row.project} and service = ${row.service} and id in (
      select id from (
        select id, row_number() over newest as place, sum(octet_length(report)::bigint) over newest as bytes
        from gate_evidence where project = ${row.project} and service = ${row.service}
        window newest as (order by sent_at desc, id desc)) as kept
      where place > ${kept.reports} or (bytes > ${kept.bytes} and place > 1))`.execute(tx);
    const [made] = saved.rows;
    if (!made) throw new Error("the evidence just written is not there");
    return made;
  },
);

export const findEvidence = operation(
  "findEvidence",
  async (
    db: Executor,
    of: { readonly project: string; readonly service: string; readonly commit: string; readonly gate: string },
  ): Promise<EvidenceRow | null> => {
    const found =
      await sql<EvidenceRow>`select * from gate_evidence where project = ${of.project} and service = ${of.service}
      and commit_sha = ${of.commit} and gate = ${of.gate}`.execute(db);
    return found.rows[0] ?? null;
  },
);

export const forgetOldEvidence = operation("forgetOldEvidence", async (db: Executor): Promise<void> => {
  await sql`delete from gate_evidence where sent_at < now() - ${FORGOTTEN_AFTER}`.execute(db);
});
