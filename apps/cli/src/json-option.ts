import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { wrongUse } from "./problem.ts";
import type { Terminal } from "./terminal.ts";

/** What an option says as JSON, or in the file that it names behind an @. What the JSON is, the server checks. */
export function jsonOption<T>(terminal: Terminal, given: string, option: string, example: string): T {
  const file = given.startsWith("@") ? resolve(terminal.cwd, given.slice(1)) : null;
  if (file && !existsSync(file)) throw wrongUse(`There is no file ${file}.`, `Mend the path behind ${option} @.`);
  try {
    return JSON.parse(file ? readFileSync(file, "utf8") : given) as T;
  } catch {
    throw wrongUse(`${option} is no JSON.`, example);
  }
}
