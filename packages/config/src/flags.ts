import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { FLAG_KEY, FlagDefinition } from "@latchkey/api/flags";
import type { z } from "zod";
import { ConfigError, fileMistake, type Mistake, type PlacedMistake } from "./mistakes.ts";
import { readTypeScript } from "./read-typescript.ts";
import { readYaml } from "./read-yaml.ts";

export interface WrittenFlag {
  readonly key: string;
  readonly file: string;
  readonly definition: FlagDefinition;
}

/**
 * The flags of a folder, one per file, named by it: `flags/new-lead-form.yaml`. Throws a ConfigError that names file,
 * line where one is known, field and fix.
 */
export async function readFlags(folder: string): Promise<WrittenFlag[]> {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new ConfigError(folder, [fileMistake("there is no such folder. Make it, with a file for each flag.")]);
  const files = readdirSync(folder)
    .filter((name) => /\.(ya?ml|ts)$/.test(name) && !/\.(d|test)\.ts$/.test(name))
    .sort();
  const flags: WrittenFlag[] = [];
  for (const name of files) flags.push(await readFlag(join(folder, name)));
  const twin = flags.find((flag, i) => flags.findIndex((other) => other.key === flag.key) < i);
  if (twin) throw new ConfigError(twin.file, [fileMistake(`there is another file for the flag ${twin.key}.`)]);
  return flags;
}

async function readFlag(file: string): Promise<WrittenFlag> {
  const key = basename(file, extname(file));
  if (!FLAG_KEY.test(key))
    throw new ConfigError(file, [
      fileMistake("the file's name is the flag's key: letters, digits and . _ -, such as new-lead-form.yaml."),
    ]);
  const isYaml = extname(file) !== ".ts";
  const text = readFileSync(file, "utf8");
  if (text.trim() === "")
    throw new ConfigError(file, [fileMistake("it is empty. A flag needs at least environments.")]);
  const [written, another] = isYaml ? await readYaml(file, text) : await readTypeScript(file);
  if (!written || another) throw new ConfigError(file, [fileMistake("a file holds one flag. Give each its own file.")]);
  const parsed = FlagDefinition.safeParse(written.given);
  if (parsed.success) return { key, file, definition: parsed.data };
  const mistakes = parsed.error.issues.flatMap(mistakesOf).map((mistake): PlacedMistake => {
    return { ...mistake, place: written.placeOf(mistake), service: null };
  });
  throw new ConfigError(file, mistakes, isYaml ? text : null);
}

function mistakesOf(issue: z.core.$ZodIssue): Mistake[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ path: [...path, key], atKey: true, message: "there is no such field." }));
  return [{ path, atKey: false, message: `${issue.message}.` }];
}
