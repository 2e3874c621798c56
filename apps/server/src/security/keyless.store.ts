import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** What has ended is taken out by the next ones, so many at a time. */
const FORGOTTEN_AT_ONCE = 100;
/** 27 exchanges a second for an hour, for which GitHub's tokens are good at most. */
const USED_MAX = 100_000;

/** Notes a token as used: "used" when it was before, "full" when no more can be kept. Of two at once one is the first. */
export const useToken = operation(
  "useToken",
  async (tx: Executor, sha256: Buffer, expiresAt: Date): Promise<"first" | "used" | "full"> => {
    await sql`delete from workflow_token_used where sha256 in (select sha256 from workflow_token_used
      where expires_at < now() order by expires_at limit ${FORGOTTEN_AT_ONCE} for update skip locked)`.execute(tx);
    const kept = await sql<{ n: number }>`select count(*)::int as n from workflow_token_used`.execute(tx);
    if ((kept.rows[0]?.n ?? 0) >= USED_MAX) return "full";
    const noted = await sql`insert into workflow_token_used (sha256, expires_at) values (${sha256}, ${expiresAt})
      on conflict do nothing returning 1`.execute(tx);
    return noted.rows.length > 0 ? "first" : "used";
  },
);
