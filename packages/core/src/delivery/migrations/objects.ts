import type { ParsedFile } from "./lint.ts";
import { list, type Node, node, tableOf, text } from "./nodes.ts";

/** What a database holds, as far as it can be told from the outside by its name. */
export type ObjectKind =
  | "table"
  | "column"
  | "view"
  | "index"
  | "sequence"
  | "type"
  | "function"
  | "trigger"
  | "policy"
  | "constraint"
  | "row security"
  | "schema"
  | "extension";
export interface DatabaseObject {
  readonly kind: ObjectKind;
  /** With its schema, and with its table where it belongs to one: `public.lead.mail`. */
  readonly name: string;
  /** Of a column, as PostgreSQL's catalog names it: `int8`, `_text`. Null for the others, and where the file does not tell. */
  readonly type: string | null;
}
export interface MadeObject extends DatabaseObject {
  readonly file: string;
  readonly line: number;
  /** The table that it is dropped with, where its name does not tell. */
  readonly of?: string;
}
/** A statement whose effect has no name that could be looked up, such as an INSERT. */
export interface Untold {
  readonly file: string;
  readonly line: number;
}
export interface Expected {
  /** By kind and name; several where files make the same in several ways. */
  readonly made: readonly MadeObject[];
  readonly untold: readonly Untold[];
}

interface Place {
  readonly file: string;
  readonly line: number;
}
const keyOf = ({ kind, name }: Pick<DatabaseObject, "kind" | "name">): string => `${kind} ${name}`;

/** What files make together when they run one after the other: what a later one drops or renames is not expected. */
export function expectedOf(files: readonly ParsedFile[]): Expected {
  const ground = new Ground();
  for (const parsed of files)
    for (const { node: statement, line } of parsed.statements)
      for (const [kind, body] of Object.entries(statement))
        if (!follow(ground, kind, node(body), { file: parsed.file, line }))
          ground.untold.push({ file: parsed.file, line });
  return { made: ground.all(), untold: ground.untold };
}

/** The objects so far. */
class Ground {
  readonly untold: Untold[] = [];
  #made = new Map<string, MadeObject[]>();

  has(kind: ObjectKind, name: string): boolean {
    return this.#made.has(keyOf({ kind, name }));
  }
  make(kind: ObjectKind, name: string, place: Place & { readonly of?: string }, type: string | null = null): void {
    const key = keyOf({ kind, name });
    this.#made.set(key, [...(this.#made.get(key) ?? []), { kind, name, type, ...place }]);
  }
  drop(kind: ObjectKind, name: string): void {
    this.#made.delete(keyOf({ kind, name }));
  }
  /** What belongs to a table goes with it, and what is in a schema as well. */
  dropBelow(name: string): void {
    for (const [key, [first]] of this.#made)
      if (first?.name.startsWith(`${name}.`) || first?.of === name) this.#made.delete(key);
  }
  /** Another name for one, and for what belongs to it; `place` is where it gets it. */
  rename(kind: ObjectKind, from: string, to: string): void {
    const moved = new Map<string, MadeObject[]>();
    for (const made of this.#made.values()) {
      for (const one of made) {
        const isIt = one.kind === kind && one.name === from;
        const isBelow = (kind === "table" || kind === "view") && one.name.startsWith(`${from}.`);
        const name = isIt ? to : isBelow ? to + one.name.slice(from.length) : one.name;
        const key = keyOf({ kind: one.kind, name });
        const of = one.of === from ? { of: to } : {};
        moved.set(key, [...(moved.get(key) ?? []), { ...one, ...of, name }]);
      }
    }
    this.#made = moved;
  }
  retype(name: string, type: string | null, place: Place): void {
    this.drop("column", name);
    this.make("column", name, place, type);
  }
  all(): readonly MadeObject[] {
    return [...this.#made.values()].flat();
  }
}

const namesIn = (value: unknown): string[] => list(value).map((part) => text(node(part.String).sval));
/** Where nothing else is said, a name is of the schema `public`. */
const withSchema = (parts: readonly string[]): string => (parts.length === 1 ? ["public", ...parts] : parts).join(".");
const relationOf = (body: Node, field = "relation"): string => {
  const name = tableOf(body, field);
  return name.includes(".") ? name : `public.${name}`;
};
const schemaOfName = (name: string): string => name.split(".")[0] ?? "public";

/** What `serial` and its like really are. */
const SERIALS: Readonly<Record<string, string>> = {
  ...{ serial: "int4", serial4: "int4", bigserial: "int8", serial8: "int8", smallserial: "int2", serial2: "int2" },
};
function typeOf(column: Node): string | null {
  const type = node(column.typeName);
  const name = namesIn(type.names).at(-1);
  if (name === undefined || type.pct_type === true) return null;
  return `${list(type.arrayBounds).length > 0 ? "_" : ""}${SERIALS[name] ?? name}`;
}

/** Takes in one statement. False where nothing of it can be looked up. */
function follow(ground: Ground, kind: string, body: Node, place: Place): boolean {
  switch (kind) {
    case "CreateStmt":
      return createTable(ground, body, place);
    case "AlterTableStmt":
      return alterTable(ground, body, place);
    case "IndexStmt":
      if (text(body.idxname) === "") return false;
      ground.make("index", `${schemaOfName(relationOf(body))}.${text(body.idxname)}`, {
        ...place,
        of: relationOf(body),
      });
      return true;
    case "DropStmt":
      return drop(ground, body);
    case "RenameStmt":
      return rename(ground, body);
    default:
      return createOther(ground, kind, body, place);
  }
}

function createOther(ground: Ground, kind: string, body: Node, place: Place): boolean {
  const make = (what: ObjectKind, name: string): true => {
    // CREATE OR REPLACE, and IF NOT EXISTS, of what is there already.
    if (!ground.has(what, name)) ground.make(what, name, place);
    return true;
  };
  switch (kind) {
    case "ViewStmt":
      return make("view", relationOf(body, "view"));
    case "CreateTableAsStmt": {
      const name = relationOf(node(body.into), "rel");
      return make(text(body.objtype) === "OBJECT_MATVIEW" ? "view" : "table", name);
    }
    case "CreateEnumStmt":
    case "CreateRangeStmt":
      return make("type", withSchema(namesIn(body.typeName)));
    case "CreateDomainStmt":
      return make("type", withSchema(namesIn(body.domainname)));
    case "CompositeTypeStmt":
      return make("type", relationOf(body, "typevar"));
    case "CreateFunctionStmt":
      return make("function", withSchema(namesIn(body.funcname)));
    case "CreateTrigStmt":
      return make("trigger", `${relationOf(body)}.${text(body.trigname)}`);
    case "CreatePolicyStmt":
      return make("policy", `${relationOf(body, "table")}.${text(body.policy_name)}`);
    case "CreateSeqStmt":
      return make("sequence", relationOf(body, "sequence"));
    case "CreateSchemaStmt":
      return make("schema", text(body.schemaname));
    case "CreateExtensionStmt":
      return make("extension", text(body.extname));
    default:
      return false;
  }
}

function createTable(ground: Ground, body: Node, place: Place): boolean {
  // A table for the session is gone with it.
  if (text(node(body.relation).relpersistence) === "t") return true;
  const table = relationOf(body);
  if (body.if_not_exists === true && ground.has("table", table)) return true;
  ground.make("table", table, place);
  for (const element of list(body.tableElts)) {
    const column = node(element.ColumnDef);
    if (text(column.colname) !== "") ground.make("column", `${table}.${text(column.colname)}`, place, typeOf(column));
    const name = text(node(element.Constraint).conname);
    if (name !== "") ground.make("constraint", `${table}.${name}`, place);
  }
  return true;
}

function alterTable(ground: Ground, body: Node, place: Place): boolean {
  const table = relationOf(body);
  let isTold = false;
  for (const { AlterTableCmd } of list(body.cmds)) {
    const cmd = node(AlterTableCmd);
    const [name, def] = [text(cmd.name), node(cmd.def)];
    const column = node(def.ColumnDef);
    const below = `${table}.${name}`;
    const known: boolean = isTold;
    isTold = true;
    switch (text(cmd.subtype)) {
      case "AT_AddColumn": {
        const added = `${table}.${text(column.colname)}`;
        if (!(cmd.missing_ok === true && ground.has("column", added)))
          ground.make("column", added, place, typeOf(column));
        break;
      }
      case "AT_DropColumn":
        ground.drop("column", below);
        break;
      case "AT_AlterColumnType":
        ground.retype(below, typeOf(column), place);
        break;
      case "AT_AddConstraint": {
        const constraint = text(node(def.Constraint).conname);
        if (constraint === "") isTold = known;
        else ground.make("constraint", `${table}.${constraint}`, place);
        break;
      }
      case "AT_DropConstraint":
        ground.drop("constraint", below);
        break;
      case "AT_EnableRowSecurity":
        if (!ground.has("row security", table)) ground.make("row security", table, place);
        break;
      case "AT_DisableRowSecurity":
        ground.drop("row security", table);
        break;
      default:
        isTold = known;
    }
  }
  return isTold;
}

const DROPPED: Readonly<Record<string, ObjectKind>> = {
  OBJECT_TABLE: "table",
  OBJECT_FOREIGN_TABLE: "table",
  OBJECT_VIEW: "view",
  OBJECT_MATVIEW: "view",
  OBJECT_INDEX: "index",
  OBJECT_SEQUENCE: "sequence",
  OBJECT_TYPE: "type",
  OBJECT_DOMAIN: "type",
  OBJECT_FUNCTION: "function",
  OBJECT_PROCEDURE: "function",
  OBJECT_TRIGGER: "trigger",
  OBJECT_POLICY: "policy",
  OBJECT_SCHEMA: "schema",
  OBJECT_EXTENSION: "extension",
};
/** Named within nothing: all others are in a schema. */
const ALONE: ReadonlySet<ObjectKind> = new Set(["schema", "extension"]);
/** Their last part but one is a table. */
const OF_TABLES: ReadonlySet<ObjectKind> = new Set(["trigger", "policy"]);

function drop(ground: Ground, body: Node): boolean {
  const kind = DROPPED[text(body.removeType)];
  if (kind === undefined) return false;
  for (const object of list(body.objects)) {
    const parts = [
      ...(object.String === undefined ? [] : [text(node(object.String).sval)]),
      ...namesIn(node(object.List).items),
      ...namesIn(node(object.TypeName).names),
      ...namesIn(node(object.ObjectWithArgs).objname),
    ];
    const isWhole = ALONE.has(kind) || (OF_TABLES.has(kind) && parts.length === 3);
    const name = isWhole ? parts.join(".") : OF_TABLES.has(kind) ? `public.${parts.join(".")}` : withSchema(parts);
    ground.drop(kind, name);
    if (kind === "table") ground.drop("row security", name);
    if (kind === "table" || kind === "schema") ground.dropBelow(name);
  }
  return true;
}

function rename(ground: Ground, body: Node): boolean {
  const [to, what] = [text(body.newname), text(body.renameType)];
  const relation = relationOf(body);
  const schema = schemaOfName(relation);
  if (what === "OBJECT_COLUMN") {
    ground.rename("column", `${relation}.${text(body.subname)}`, `${relation}.${to}`);
    return true;
  }
  if (what === "OBJECT_TABCONSTRAINT") {
    ground.rename("constraint", `${relation}.${text(body.subname)}`, `${relation}.${to}`);
    return true;
  }
  const kind = DROPPED[what];
  if (kind === undefined || !["table", "view", "index", "sequence"].includes(kind)) return false;
  ground.rename(kind, relation, `${schema}.${to}`);
  if (kind === "table") ground.rename("row security", relation, `${schema}.${to}`);
  return true;
}
