import type { DatabaseObject, Expected, MadeObject } from "./objects.ts";

/** A platform's own schemas: what is in them is the platform's, and is left alone. (Supabase's, by its documentation.) */
export const PLATFORM_SCHEMAS: ReadonlySet<string> = new Set([
  ...["auth", "storage", "realtime", "_realtime", "vault", "extensions", "graphql", "graphql_public", "net", "cron"],
  ...["supabase_functions", "supabase_migrations", "pgsodium", "pgsodium_masks", "pgbouncer", "pgmq", "_analytics"],
  ...["_supavisor"],
]);
const isOfPlatform = ({ name }: Pick<DatabaseObject, "name">): boolean =>
  PLATFORM_SCHEMAS.has(name.split(".")[0] ?? "");

/** What a file makes and the database does not have so. */
export interface Difference {
  readonly file: string;
  readonly line: number;
  /** Its kind and its name, such as `column leads.name`. */
  readonly object: string;
  readonly words: string;
}
export interface Comparison {
  readonly differences: readonly Difference[];
  /** Tables and views that no file makes. */
  readonly unexplained: readonly string[];
  /** How many named things the files make. */
  readonly compared: number;
}

/** What is shown of each list; how many there are is said. */
export const SHOWN_MAX = 200;

const shown = ({ kind, name }: Pick<DatabaseObject, "kind" | "name">): string =>
  `${kind} ${name.replace(/^public\./, "")}`;

/** Holds what files make against what a database has. Pure; the lists are in the order of the files. */
export function compare(expected: Expected, has: readonly DatabaseObject[]): Comparison {
  const there = new Map(has.map((object) => [shown(object), object]));
  const byObject = new Map<string, MadeObject[]>();
  for (const made of expected.made) byObject.set(shown(made), [...(byObject.get(shown(made)) ?? []), made]);
  const differences: Difference[] = [];
  for (const made of expected.made) {
    const words = difference(made, there, byObject);
    if (words !== null) differences.push({ file: made.file, line: made.line, object: shown(made), words });
  }
  const byFile = (a: Difference, b: Difference): number =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || (a.object < b.object ? -1 : 1);
  const unexplained = has
    .filter((object) => (object.kind === "table" || object.kind === "view") && !isOfPlatform(object))
    .map(shown)
    .filter((object) => !byObject.has(object));
  return { differences: differences.sort(byFile), unexplained: unexplained.sort(), compared: expected.made.length };
}

function difference(
  made: MadeObject,
  there: ReadonlyMap<string, DatabaseObject>,
  byObject: ReadonlyMap<string, readonly MadeObject[]>,
): string | null {
  const found = there.get(shown(made));
  const table = made.kind === "column" ? made.name.split(".").slice(0, -1).join(".") : made.name;
  // Of a table that is not there, each column would only say it again.
  if (made.kind === "column" && !there.has(shown({ kind: "table", name: table }))) return null;
  const other = (byObject.get(shown({ kind: "table", name: table })) ?? []).find(({ file }) => file !== made.file);
  const also = other ? ` ${other.file}:${other.line} makes the same table in another way.` : "";
  if (!found) return `It is not in the database.${also}`;
  if (made.type !== null && found.type !== null && made.type !== found.type)
    return `The file says ${made.type}; in the database it is ${found.type}.${also}`;
  return null;
}
