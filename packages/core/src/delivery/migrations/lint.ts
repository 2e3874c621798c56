import { list, type Node, node, tableOf, text } from "./nodes.ts";
import type { MigrationPhase } from "./schema.ts";

/** A statement as PostgreSQL's own parser reads it: one node, keyed by its kind. */
export interface ParsedStatement {
  readonly node: Readonly<Record<string, unknown>>;
  /** Where it begins, from 1. */
  readonly line: number;
}
export interface ParsedFile {
  readonly file: string;
  readonly phase: MigrationPhase;
  readonly text: string;
  readonly statements: readonly ParsedStatement[];
}
export interface LintFinding {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  /** What is dangerous, and the safe way. */
  readonly words: string;
}

const NO_TRANSACTION = /^--\s*latchkey:\s*no transaction\s*$/im;
const ALLOW = /^--[ \t]*latchkey:[ \t]*allow[ \t]+([a-z_]+)[ \t]+because[ \t]+\S+/gim;

/** A file that says so runs outside of a transaction: what PostgreSQL does concurrently needs that. */
export const isWithoutTransaction = (text: string): boolean => NO_TRANSACTION.test(text);

type Said = readonly [rule: string, words: string];

/** What is dangerous in a file while an older release is served from the same tables. */
export function lintMigration(parsed: ParsedFile): readonly LintFinding[] {
  const allowed = new Set([...parsed.text.matchAll(ALLOW)].map((found) => found[1]));
  const made = new Set<string>();
  const findings: LintFinding[] = [];
  const say = (line: number, [rule, words]: Said) => {
    if (!allowed.has(rule)) findings.push({ file: parsed.file, line, rule, words });
  };
  const isOutside = isWithoutTransaction(parsed.text);
  if (isOutside && parsed.statements.length !== 1)
    say(1, [
      "one_statement",
      `A file without a transaction must have exactly one statement, so that it can be resumed; this one has ${parsed.statements.length}. Split it.`,
    ]);
  for (const { node: statement, line } of parsed.statements)
    for (const [kind, body] of Object.entries(statement))
      for (const said of saidOf(kind, node(body), { phase: parsed.phase, isOutside, made })) say(line, said);
  return findings;
}

interface Around {
  readonly phase: MigrationPhase;
  readonly isOutside: boolean;
  /** Tables that this file creates: nobody reads them yet. */
  readonly made: Set<string>;
}

function saidOf(kind: string, body: Node, around: Around): readonly Said[] {
  const expands = around.phase === "expand";
  if (kind === "CreateStmt") around.made.add(tableOf(body));
  if (kind === "AlterTableStmt" && !around.made.has(tableOf(body)))
    return list(body.cmds).flatMap((cmd) => alteration(tableOf(body), node(cmd.AlterTableCmd), expands));
  if (kind === "RenameStmt")
    return [
      [
        "rename",
        "Renaming breaks every release that reads the old name. Add the new one, copy, and drop the old one in a contract file.",
      ],
    ];
  if (kind === "DropStmt") return dropping(body, around);
  if (kind === "IndexStmt") return indexing(body, around);
  if (kind === "TruncateStmt")
    return [["truncate", "Truncating takes an exclusive lock and all rows. Delete in batches, outside of migrations."]];
  if (kind === "DeleteStmt" && body.whereClause === undefined)
    return [["delete_all", "Deletes every row. Name the rows with WHERE."]];
  if (kind === "UpdateStmt" && body.whereClause === undefined)
    return [
      [
        "update_all",
        "Writes every row in one transaction and locks them all. Fill in batches, or name the rows with WHERE.",
      ],
    ];
  if (kind === "TransactionStmt")
    return [["transaction", "The runner makes one transaction of each file. Take BEGIN and COMMIT away."]];
  return [];
}

function dropping(body: Node, { phase, isOutside }: Around): readonly Said[] {
  const what = text(body.removeType);
  if (what === "OBJECT_INDEX")
    return body.concurrent === true
      ? needsOutside("DROP INDEX CONCURRENTLY", isOutside)
      : [
          [
            "drop_index",
            "Dropping an index locks its table. Write DROP INDEX CONCURRENTLY in a file with `-- latchkey: no transaction`.",
          ],
        ];
  if (
    phase === "contract" ||
    !["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_TYPE", "OBJECT_FUNCTION", "OBJECT_SCHEMA"].includes(what)
  )
    return [];
  return [["drop", "An older release may still read what is dropped here. Move it into a contract file."]];
}

function indexing(body: Node, { isOutside, made }: Around): readonly Said[] {
  if (made.has(tableOf(body))) return [];
  if (body.concurrent === true) {
    if (text(body.idxname) === "")
      return [
        ["index_name", "An index that is made concurrently needs a name: half of one is found by it after a crash."],
      ];
    return needsOutside("CREATE INDEX CONCURRENTLY", isOutside);
  }
  return [
    [
      "index",
      `Making an index on ${tableOf(body)} keeps everybody from writing. Write CREATE INDEX CONCURRENTLY in a file with \`-- latchkey: no transaction\`.`,
    ],
  ];
}

const needsOutside = (what: string, isOutside: boolean): readonly Said[] =>
  isOutside
    ? []
    : [["concurrently", `${what} can't run in a transaction. Begin the file with \`-- latchkey: no transaction\`.`]];

function alteration(table: string, cmd: Node, expands: boolean): readonly Said[] {
  const column = `${table}.${text(cmd.name)}`;
  switch (text(cmd.subtype)) {
    case "AT_AddColumn":
      return adding(table, node(node(cmd.def).ColumnDef));
    case "AT_DropColumn":
      return expands
        ? [["drop_column", `An older release may still read ${column}. Move this into a contract file.`]]
        : [];
    case "AT_AlterColumnType":
      return [
        [
          "column_type",
          `Changing the type of ${column} may rewrite and lock the table. Add a new column, copy, switch, and drop the old one in a contract file.`,
        ],
      ];
    case "AT_SetNotNull":
      return expands
        ? [
            [
              "set_not_null",
              `An older release may still write nulls to ${column}. Move this into a contract file, behind a validated CHECK (… IS NOT NULL).`,
            ],
          ]
        : [];
    case "AT_AddConstraint":
      return constraining(table, node(node(cmd.def).Constraint));
    default:
      return [];
  }
}

function adding(table: string, column: Node): readonly Said[] {
  const kinds = list(column.constraints).map((c) => text(node(c.Constraint).contype));
  const name = `${table}.${text(column.colname)}`;
  const hasValue = ["CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"].some((kind) => kinds.includes(kind));
  const said: Said[] = [];
  if (kinds.includes("CONSTR_NOTNULL") && !hasValue)
    said.push([
      "not_null_without_default",
      `${name} is NOT NULL without a default: it fails where there are rows, and for older releases that don't write it. Give it a DEFAULT.`,
    ]);
  if (kinds.includes("CONSTR_UNIQUE") || kinds.includes("CONSTR_PRIMARY"))
    said.push([
      "unique",
      `A unique ${name} makes its index under a lock. Make the index CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.`,
    ]);
  return said;
}

function constraining(table: string, constraint: Node): readonly Said[] {
  const kind = text(constraint.contype);
  if (["CONSTR_FOREIGN", "CONSTR_CHECK"].includes(kind) && constraint.skip_validation !== true)
    return [
      [
        "constraint",
        `A constraint on ${table} looks at every row under a lock. Add it NOT VALID, then VALIDATE CONSTRAINT in a later file.`,
      ],
    ];
  if (["CONSTR_UNIQUE", "CONSTR_PRIMARY"].includes(kind) && constraint.indexname === undefined)
    return [
      [
        "unique",
        `A unique constraint on ${table} makes its index under a lock. Make the index CONCURRENTLY, then ADD CONSTRAINT … USING INDEX.`,
      ],
    ];
  return [];
}
