import { codeNames } from "./code-names.ts";
import type { Flag, FlagObject, FlagType, FlagValue } from "./model.ts";

/** What generated code says of a flag. */
export type NamedFlag = Pick<
  Flag,
  "key" | "type" | "description" | "owner" | "expires" | "isArchived" | "variants" | "schema" | "environments"
>;

const HEAD = `// Written by \`latchkey flags codegen\`. Do not change it by hand: generate it again when flags change.

/** A flag as the code names it: its key, and what the code does when nobody can tell. */
interface FlagRef<V> {
  readonly key: string;
  readonly fallback: V;
}
`;

/**
 * TypeScript for a project's flags: an interface of all, and a constant for each, with what is known of it. Archived flags are left
 * out, so that code that names one does not compile. The same flags give the same text, in whatever order they come.
 */
export function generateFlags(flags: readonly NamedFlag[]): string {
  const live = flags.filter((flag) => !flag.isArchived).sort((a, b) => (a.key < b.key ? -1 : 1));
  const names = codeNames(live.map((flag) => flag.key));
  const types = live.map((flag) => `${docOf(flag, "  ")}  readonly ${JSON.stringify(flag.key)}: ${typeOf(flag)};\n`);
  const constants = live.map((flag) => {
    const value = `{ key: ${JSON.stringify(flag.key)}, fallback: ${JSON.stringify(fallbackOf(flag))} }`;
    return `\n${docOf(flag, "")}export const ${names.get(flag.key)}: FlagRef<${typeOf(flag)}> = ${value};\n`;
  });
  return `${HEAD}
/** All flags and the types of their values: \`openFlags<Flags>(…)\`. */
export interface Flags {
${types.join("")}}
${constants.join("")}`;
}

/** What everybody gets while a flag is off: what the code does without a server. */
export function fallbackOf(flag: Pick<Flag, "type" | "variants" | "environments">): FlagValue {
  const { production, ...others } = flag.environments;
  const rules = production ?? Object.values(others)[0];
  const off = rules?.off ?? null;
  const value = off !== null && Object.hasOwn(flag.variants, off) ? flag.variants[off] : undefined;
  return value ?? NOTHING[flag.type];
}
const NOTHING: Readonly<Record<FlagType, FlagValue>> = { boolean: false, string: "", number: 0, json: {} };

function docOf(flag: NamedFlag, indent: string): string {
  const facts = [
    flag.description.trim(),
    flag.owner ? `Owner: ${flag.owner}.` : "",
    flag.expires ? `To be gone from the code by ${flag.expires}.` : "",
  ].filter(Boolean);
  if (facts.length === 0) return "";
  const lines = facts.join("\n").replaceAll("*/", "* /").split(/\r?\n/);
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join("\n")}\n${indent} */\n`;
}

function typeOf(flag: Pick<NamedFlag, "type" | "schema">): string {
  return flag.type === "json" ? (flag.schema ? typeOfSchema(flag.schema, 0) : "unknown") : flag.type;
}

const NESTED_MAX = 12;
const isObject = (value: FlagValue | undefined): value is FlagObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
/** The part of JSON Schema that types can say; the rest is `unknown`. */
function typeOfSchema(schema: FlagObject, depth: number): string {
  if (depth > NESTED_MAX) return "unknown";
  const { type, properties, required, items } = schema;
  const choices = schema.enum;
  if (Array.isArray(choices) && choices.every((one) => one === null || typeof one !== "object"))
    return choices.map((one) => JSON.stringify(one)).join(" | ") || "never";
  const within = (part: FlagValue | undefined) => (isObject(part) ? typeOfSchema(part, depth + 1) : "unknown");
  if (type === "array") return `readonly (${within(items)})[]`;
  if (type === "object" || isObject(properties)) {
    if (!isObject(properties)) return "{ readonly [name: string]: unknown }";
    const needed = new Set(Array.isArray(required) ? required : []);
    const fields = Object.entries(properties).map(
      ([name, part]) => `readonly ${JSON.stringify(name)}${needed.has(name) ? "" : "?"}: ${within(part)}`,
    );
    return fields.length === 0 ? "{ readonly [name: string]: unknown }" : `{ ${fields.join("; ")} }`;
  }
  if (type === "integer" || type === "number") return "number";
  return type === "string" || type === "boolean" || type === "null" ? type : "unknown";
}
