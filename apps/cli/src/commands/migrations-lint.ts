import { type LintFinding, lintMigration } from "@latchkey/core/delivery/migrations/lint";
import { phaseWords } from "@latchkey/core/delivery/migrations/plan";
import { sarifOf } from "@latchkey/core/delivery/migrations/sarif";
import type { Command } from "commander";
import { annotation } from "../ci/report.ts";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { readMigrations } from "../migration-folder.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";

interface LintOptions {
  readonly after?: string;
  readonly sarif?: boolean;
}

export function addMigrationsLint(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<LintOptions>(group, terminal, outcome, {
    usage: "lint [folder]",
    about: "find what is dangerous in migrations, with the safe way, before anything runs",
    more: "PostgreSQL's own parser reads each .sql file; a file is an expand unless its name or its first lines say contract. Without a folder it is the one that the configuration's gate of kind migrations names. Exit code 1 when something is dangerous or is not SQL. It needs no server.",
    options: (command) =>
      command
        .option("--after <file>", "only the files behind this one: what ran already is not changed any more")
        .option("--sarif", "answer in SARIF 2.1.0, as code scanning reads it"),
    examples: [
      ["latchkey migrations lint", "the folder that the configuration names"],
      ["latchkey migrations lint db/migrations --after 0041-invoice.sql", "what is new since a file"],
      ["latchkey migrations lint db/migrations --sarif > migrations.sarif", "for code scanning"],
    ],
    run: lint,
  });
}

async function lint({ args, options, terminal }: Call<LintOptions>): Promise<number> {
  const { shown, files } = await readMigrations(terminal, { folder: args[0] });
  if (options.after !== undefined && !files.some(({ file }) => file === options.after))
    throw wrongUse(`There is no ${options.after} in ${shown}.`, "Name a file of that folder.");
  const own = files.filter(({ file }) => options.after === undefined || file > options.after);
  const { migrationFiles } = await import("@latchkey/config/migration-files");
  const findings: LintFinding[] = [];
  for (const file of own) {
    const parsed = await migrationFiles.parse(file);
    if (parsed.ok) findings.push(...lintMigration(parsed.value));
    else findings.push({ file: file.file, line: 1, rule: "not_sql", words: parsed.error });
  }
  const path = (file: string): string => (shown === "." ? file : `${shown}/${file}`);
  if (options.sarif) terminal.out(`${JSON.stringify(sarifOf(findings, path))}\n`);
  else if (options.json)
    terminal.out(
      `${JSON.stringify({ folder: shown, files: own.map(({ file, phase }) => ({ file, phase })), findings })}\n`,
    );
  else {
    for (const f of findings) terminal.out(`${path(f.file)}:${f.line}: ${f.words} (${f.rule})\n`);
    terminal.out(
      `${summary(
        own.map(({ phase }) => phase),
        findings.length,
        files.length > 0,
      )}\n`,
    );
  }
  if (terminal.env.GITHUB_ACTIONS === "true")
    for (const f of findings) terminal.err(annotation("error", `${path(f.file)}:${f.line}`, f.words));
  // A folder without migrations was not checked; behind the last one nothing is new, which is fine.
  return findings.length === 0 && files.length > 0 ? EXIT.done : EXIT.error;
}

function summary(phases: readonly ("expand" | "contract")[], findings: number, hasFiles: boolean): string {
  if (!hasFiles) return "There are no migrations here: nothing was checked.";
  if (phases.length === 0) return "No migration is newer: nothing to check.";
  const found = findings === 0 ? "nothing dangerous" : `${findings} ${findings === 1 ? "finding" : "findings"}`;
  return `${phaseWords(phases)}: ${found}.`;
}
