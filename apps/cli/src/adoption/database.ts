import { advice, type Finding, found } from "./findings.ts";
import type { Listing } from "./listing.ts";

interface Created {
  readonly table: string;
  readonly file: string;
  readonly line: number;
  /** Its columns as one text, to compare. */
  readonly columns: string;
}

const CREATE = /create\s+table\s+(?:if\s+not\s+exists\s+)?((?:[\w"]+\.)?[\w"]+)\s*\(([\s\S]*?)\n?\)\s*;/gi;
/** Where tools keep scripts that they run in order and once. */
const MIGRATIONS = /(^|\/)(supabase\/migrations|migrations|prisma\/migrations|drizzle)\//;

/** SQL that people run by hand, and where two scripts make the same table in two ways. */
export function readDatabase(listing: Listing): Finding[] {
  const scripts = listing.paths.filter((path) => path.toLowerCase().endsWith(".sql"));
  const loose = scripts.filter((path) => !MIGRATIONS.test(path));
  const findings: Finding[] = [];
  if (scripts.length > loose.length)
    findings.push(
      found(
        `${scripts.length - loose.length} migrations are kept in order.`,
        scripts.find((p) => MIGRATIONS.test(p)) ?? null,
      ),
    );
  if (loose.length > 0)
    findings.push(
      advice(
        `${loose.length} SQL scripts are run by hand: nothing says which of them the database has seen. They were left alone.`,
        loose[0] ?? null,
      ),
    );
  return [...findings, ...conflicts(scripts.flatMap((file) => createdIn(file, listing.text(file) ?? "")))];
}

function createdIn(file: string, text: string): Created[] {
  // Comments are blanked out, so that lines stay what they are.
  const plain = text.replace(/--[^\n]*/g, (comment) => " ".repeat(comment.length));
  return [...plain.matchAll(CREATE)].map((match) => ({
    table: (match[1] ?? "")
      .replaceAll('"', "")
      .replace(/^public\./i, "")
      .toLowerCase(),
    file,
    line: plain.slice(0, match.index).split("\n").length,
    columns: (match[2] ?? "").toLowerCase().replace(/\s+/g, " ").trim(),
  }));
}

function conflicts(created: readonly Created[]): Finding[] {
  return created.flatMap((later, i) => {
    const first = created.slice(0, i).find((c) => c.table === later.table);
    if (!first || first.columns === later.columns) return [];
    return [
      advice(
        `Makes the table ${later.table} in another way than ${first.file}:${first.line}. Only the database knows which holds.`,
        later.file,
        later.line,
      ),
    ];
  });
}
