import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import type { Executor } from "../../platform/database.ts";

/**
 * What may change though nobody was let in, each with its reason. Every other column of every table must stay, also
 * those of tables that are added later.
 */
const MAY_CHANGE: Readonly<Record<string, "all" | { readonly columns?: readonly string[]; readonly rows?: string }>> = {
  // Refusals are recorded; all that follows from the entries follows from them.
  ledger_entry: { rows: "type <> 'security.request.refused'", columns: ["sequence", "canonical", "leaf_hash"] },
  ledger_outbox: { rows: "envelope not like '%security.request.refused%'", columns: ["position"] },
  ledger_node: "all",
  ledger_tree: "all",
  ledger_checkpoint: "all",
  // A credential that is good was used, though for nothing.
  access_token: { columns: ["last_used_at"] },
  // Servers go on living beside each other.
  lease: "all",
  server: "all",
};

/** A hash of the rows of every table, and of the files that the server writes for people. */
export async function stateOf(db: Executor, dir: string): Promise<Record<string, string>> {
  const columns = await sql<{ table_name: string; column_name: string }>`
    select c.table_name, c.column_name from information_schema.columns c
    join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'public' and t.table_type = 'BASE TABLE' order by 1, 2`.execute(db);
  const state: Record<string, string> = {};
  for (const table of new Set(columns.rows.map((row) => row.table_name))) {
    const may = MAY_CHANGE[table] ?? {};
    if (may === "all") continue;
    const kept = columns.rows
      .filter((row) => row.table_name === table && !may.columns?.includes(row.column_name))
      .map((row) => row.column_name);
    const rows = await sql<{
      hash: string;
    }>`select coalesce(md5(string_agg(row_text, '|' order by row_text)), '') as hash
      from (select row(${sql.join(kept.map((name) => sql.ref(name)))})::text as row_text
        from ${sql.table(table)} where ${sql.raw(may.rows ?? "true")}) as rows`.execute(db);
    state[table] = rows.rows[0]?.hash ?? "";
  }
  for (const file of readdirSync(dir).filter((name) => /\.(token|url|key)$/.test(name)))
    state[file] = createHash("sha256")
      .update(readFileSync(join(dir, file)))
      .digest("hex");
  return state;
}

/** What is not as it was. */
export function changesBetween(before: Record<string, string>, after: Record<string, string>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]);
}
