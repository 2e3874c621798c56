import { createHash } from "node:crypto";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** What no scan has reported for so long begins anew when it comes back. */
const FORGOTTEN_AFTER = sql`interval '180 days'`;
const hashOf = (key: string): Buffer => createHash("sha256").update(key).digest();

/** When each finding was first reported to this gate, by the database's clock; what is new is first seen now. */
export const seeFindings = operation(
  "seeFindings",
  async (
    db: Executor,
    of: { readonly project: string; readonly service: string; readonly gate: string },
    keys: readonly string[],
  ): Promise<{ firstSeenMs: Map<string, number>; nowMs: number }> => {
    const byHash = new Map([...new Set(keys)].map((key) => [hashOf(key).toString("hex"), key]));
    const hashes = [...byHash.keys()].sort();
    const seen = await sql<{ hash: string; first_seen_at: Date }>`
      insert into finding_seen (project, service, gate, key_hash)
      select ${of.project}, ${of.service}, ${of.gate}, decode(hash, 'hex') from unnest(${hashes}::text[]) hash
      on conflict (project, service, gate, key_hash) do update set last_seen_at = now()
      returning encode(key_hash, 'hex') as hash, first_seen_at`.execute(db);
    const now = await sql<{ now: Date }>`select now() as now`.execute(db);
    return {
      firstSeenMs: new Map(
        seen.rows.map(({ hash, first_seen_at }) => [byHash.get(hash) ?? "", first_seen_at.getTime()]),
      ),
      nowMs: now.rows[0]?.now.getTime() ?? 0,
    };
  },
);

export const forgetOldFindings = operation("forgetOldFindings", async (db: Executor): Promise<void> => {
  await sql`delete from finding_seen where last_seen_at < now() - ${FORGOTTEN_AFTER}`.execute(db);
});
