import type { Command } from "commander";
import { wrongUse } from "../problem.ts";

/** What every import is told: of which service, where, and whether anything is to be sent. */
export interface ImportOptions {
  readonly service: string;
  readonly environment: string;
  readonly dryRun?: boolean;
}

export const addImportOptions = (command: Command): Command =>
  command
    .requiredOption("--service <name>", "which service was deployed")
    .option(
      "--environment <name>",
      "where to; only production is counted unless a figure is asked for elsewhere",
      "production",
    )
    .option("--dry-run", "say what would be taken in, and send nothing");

const NAME = /^[a-z][a-z0-9-]{1,38}[a-z0-9]$/;
/** Throws for names that nothing can have. */
export function checkNames(names: { readonly service?: string; readonly environment: string }): void {
  for (const [flag, name] of Object.entries({ service: names.service, environment: names.environment }))
    if (name !== undefined && !NAME.test(name))
      throw wrongUse(`--${flag} ${name} is no name.`, "It is 3 to 40 of a-z, 0-9 and -, starting with a letter.");
}

export function dayOption(text: string, flag: string): number {
  const atMs = /^\d{4}-\d\d-\d\d(T.*)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs)) throw wrongUse(`${flag} ${text} is no date.`, `Write it as ${flag} 2026-01-31.`);
  return atMs;
}
