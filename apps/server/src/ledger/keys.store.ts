import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** The keys that checkpoints were and are signed with. */
export interface LedgerKeyRow {
  readonly n: number;
  /** Ed25519, base64. */
  readonly public_key: string;
  /** Checkpoints of this size and above are signed with it, up to the next key's. */
  readonly from_size: number;
}

/** Every key, the oldest first: the last is in use. */
export const ledgerKeys = operation("ledgerKeys", async (db: Executor): Promise<LedgerKeyRow[]> => {
  const found = await sql<{ n: number; public_key: string; from_size: string }>`select n, public_key, from_size
    from ledger_key order by n`.execute(db);
  return found.rows.map((row) => ({ ...row, from_size: Number(row.from_size) }));
});

/** Writes the key that follows the newest; another server's that was quicker stays. */
export const insertLedgerKey = operation("insertLedgerKey", async (db: Executor, row: LedgerKeyRow): Promise<void> => {
  await sql`insert into ledger_key (n, public_key, from_size) values (${row.n}, ${row.public_key}, ${row.from_size})
    on conflict (n) do nothing`.execute(db);
});
