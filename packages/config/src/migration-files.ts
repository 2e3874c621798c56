import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ParsedFile } from "@latchkey/core/delivery/migrations/lint";
import type { MigrationFile, MigrationReader } from "@latchkey/core/delivery/migrations/ports";
import { byName, phaseOf } from "@latchkey/core/delivery/migrations/schema";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { parse } from "libpg-query";

/** A schema of ten years has a few hundred. */
const FILES_MAX = 2_000;
/** All files of a folder together. */
const BYTES_MAX = 10_000_000;

/** Migrations in a folder, read by PostgreSQL's own parser (version 17). */
export const migrationFiles: MigrationReader = { read, parse: parseFile };

/** A file by its name and content, as a release keeps it. */
export function migrationOf(file: string, content: Buffer): MigrationFile {
  const text = content.toString("utf8");
  return { file, phase: phaseOf(file, text), text, sha256: createHash("sha256").update(content).digest("hex") };
}

async function read(folder: string): Promise<Result<readonly MigrationFile[], string>> {
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith(".sql"));
  } catch {
    return err("The folder of the migrations is not there, or can't be read.");
  }
  if (names.length > FILES_MAX) return err(`The folder has ${names.length} migrations; ${FILES_MAX} are the most.`);
  const files: MigrationFile[] = [];
  let bytes = 0;
  for (const file of names) {
    const content = await readFile(join(folder, file));
    bytes += content.length;
    if (bytes > BYTES_MAX) return err(`The migrations have more than ${BYTES_MAX / 1e6} MB together.`);
    files.push(migrationOf(file, content));
  }
  return ok(files.sort(byName));
}

interface Parsed {
  readonly stmts?: readonly { readonly stmt: Readonly<Record<string, unknown>>; readonly stmt_location?: number }[];
}

async function parseFile(file: MigrationFile): Promise<Result<ParsedFile, string>> {
  try {
    const { stmts = [] } = (await parse(file.text)) as Parsed;
    const bytes = Buffer.from(file.text);
    const statements = stmts.map(({ stmt, stmt_location = 0 }) => ({ node: stmt, line: lineOf(bytes, stmt_location) }));
    return ok({ file: file.file, phase: file.phase, text: file.text, statements });
  } catch (error) {
    return err(`${file.file} is not SQL that PostgreSQL reads: ${(error as Error).message}.`);
  }
}

/** The parser counts in bytes, from where the statement before ended: comments and empty lines come first. */
function lineOf(bytes: Buffer, location: number): number {
  const rest = bytes.subarray(location).toString("utf8");
  const lead = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/.exec(rest)?.[0] ?? "";
  return bytes.subarray(0, location).toString("utf8").split("\n").length + lead.split("\n").length - 1;
}
