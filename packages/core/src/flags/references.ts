import { codeNames } from "./code-names.ts";

/** A place in code. */
export interface Place {
  /** From the root that was looked through, with slashes. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
}
export interface FlagUse extends Place {
  readonly flag: string;
  /** By the constant that codegen made, or by its key in quotes. */
  readonly by: "name" | "key";
}
/** A name where a flag should be, of which there is none. */
export interface UnknownUse extends Place {
  readonly name: string;
}
export interface FoundUses {
  readonly uses: readonly FlagUse[];
  readonly unknown: readonly UnknownUse[];
}
export interface SourceLine {
  readonly line: number;
  readonly text: string;
}
/** Lines of one file: all, or those that a change adds. */
export interface SourceFile {
  readonly path: string;
  readonly lines: readonly SourceLine[];
  /** False: what it imports is not among the lines, and a generated name counts wherever it stands. */
  readonly isWhole: boolean;
}

const CODE = /\.(?:[cm]?[jt]sx?|vue|svelte|astro|py|go|java|kts?|scala|rb|php|cs|rs|swift|dart|ex|exs)$/;
const SCRIPT = /\.(?:[cm]?[jt]sx?|vue|svelte|astro)$/;
/** Whether a file of this name is code that may name flags. */
export const isCode = (path: string): boolean => CODE.test(path);
/** The head of what `latchkey flags codegen` writes: that file names every flag, and uses none. */
export const isGenerated = (text: string): boolean => text.startsWith("// Written by `latchkey flags codegen`");

const QUOTED = /(["'`])([a-z0-9][a-z0-9._-]{0,99})\1/g;
const WORD = /[A-Za-z_$][\w$]*/g;
const IMPORT = /\b(?:import|export)\s+(?:type\s+)?(?:[\w$]+\s*,\s*)?\{([^}]*)\}\s*from\s*["']([^"']+)["']/g;
/** Calls that ask for a flag by its key: ours, and OpenFeature's in its languages. A context may go before the key, as in Go. */
const ASKING = new RegExp(
  [
    "\\b(?:useFlag|use(?:Boolean|String|Number|Object)Flag(?:Value|Details)",
    "get(?:Boolean|String|Number|Object|Integer|Double)(?:Value|Details)",
    "get_(?:boolean|string|integer|float|object)_(?:value|details)",
    "(?:Boolean|String|Float|Int|Object)Value(?:Details)?",
    "[fF]lags(?:\\(\\))?\\.(?:value|details|peek|expose))\\s*(?:<[^<>()]*>)?\\(\\s*(?:[\\w.()]+\\s*,\\s*)?([\"'`])([^\"'`\\s]{1,100})\\1",
  ].join("|"),
  "g",
);

/** Looks for flags in code: those that are answered, and archived ones, which generated code of today does not name. */
export function flagFinder(
  live: readonly string[],
  archived: readonly string[] = [],
): (files: Iterable<SourceFile>) => FoundUses {
  const known = new Set([...live, ...archived]);
  const byName = new Map([...codeNames(live)].map(([key, name]) => [name, key]));
  for (const [key, name] of codeNames(archived)) if (!byName.has(name)) byName.set(name, key);
  return (files) => {
    const uses: FlagUse[] = [];
    const unknown: UnknownUse[] = [];
    for (const file of files) {
      if (!isCode(file.path) || isGenerated(file.lines[0]?.text ?? "")) continue;
      const names = namesIn(file, byName);
      for (const { line, text } of file.lines) {
        if (isComment(file.path, text)) continue;
        const place = { path: file.path, line };
        const asked = [...text.matchAll(ASKING)].map((found) => found[2] ?? "");
        for (const name of asked) if (!known.has(name)) unknown.push({ ...place, name });
        for (const flag of keysIn(text, known, asked)) uses.push({ ...place, flag, by: "key" });
        for (const flag of namedIn(text, names)) uses.push({ ...place, flag, by: "name" });
      }
    }
    return { uses, unknown };
  };
}

/** A key of several words means a flag wherever it is quoted; one of a single word only where a flag is asked for. */
function keysIn(text: string, known: ReadonlySet<string>, asked: readonly string[]): ReadonlySet<string> {
  const found = new Set(asked.filter((key) => known.has(key)));
  for (const [, , key = ""] of text.matchAll(QUOTED)) if (/[._-]/.test(key) && known.has(key)) found.add(key);
  return found;
}
function namedIn(text: string, names: ReadonlyMap<string, string>): ReadonlySet<string> {
  if (names.size === 0 || /^\s*(?:import|export)\b.*\bfrom\b/.test(text)) return new Set();
  const found = new Set<string>();
  for (const [word] of text.replace(QUOTED, "").matchAll(WORD)) {
    const key = names.get(word);
    if (key !== undefined) found.add(key);
  }
  return found;
}

/** Generated names as a file calls them: those that it imports, under the names that it gives them. */
function namesIn(file: SourceFile, byName: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (!SCRIPT.test(file.path)) return new Map();
  // Of a change only lines are known: a name of several words is no other thing's.
  if (!file.isWhole) return new Map([...byName].filter(([name]) => /[A-Z]/.test(name)));
  const text = file.lines.map((line) => line.text).join("\n");
  const names = new Map<string, string>();
  for (const [, list = "", from = ""] of text.matchAll(IMPORT)) {
    if (!/flag/i.test(from) && !/\.gen(?:\.\w+)?$/.test(from)) continue;
    for (const part of list.split(",")) {
      const [name = "", alias = name] = part
        .trim()
        .replace(/^type\s+/, "")
        .split(/\s+as\s+/);
      const key = byName.get(name);
      if (key !== undefined) names.set(alias, key);
    }
  }
  return names;
}

function isComment(path: string, text: string): boolean {
  const begin = text.trimStart();
  if (/\.(?:py|rb|exs?)$/.test(path)) return begin.startsWith("#");
  return begin.startsWith("//") || begin.startsWith("*") || begin.startsWith("/*");
}
