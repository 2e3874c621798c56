import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { readMigrations } from "../migration-folder.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";
import { table } from "../text.ts";

interface PlanOptions {
  readonly environment: string;
  readonly folder?: string;
  readonly all?: boolean;
}
type Plan = Answer<"planMigrations">;

export function addMigrationsPlan(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<PlanOptions>(group, terminal, outcome, {
    usage: "plan <service>",
    about: "what would run now, in which order, and what each contract waits for",
    more: "Takes the files as they are here, asks the service's database what ran in it, and changes nothing. With each file: what the linter says of it, and how large the tables are that it names, as PostgreSQL estimates them. Exit code 1 when a release with these files would be refused.",
    options: (command) =>
      command
        .option("--environment <name>", "whose database", "production")
        .option("--folder <folder>", "where the files are, instead of the configuration's folder")
        .option("--all", "also list what ran"),
    examples: [
      ["latchkey migrations plan leads", "what a deployment to production would do"],
      ["latchkey migrations plan leads --environment staging --json", "for programs"],
    ],
    run: plan,
  });
}

async function plan({ session: open, args, options, terminal }: Call<PlanOptions>): Promise<number> {
  const [service = ""] = args;
  const { environment } = options;
  const session = open();
  const { shown, files } = await readMigrations(terminal, { folder: options.folder, service, environment });
  if (files.length === 0) throw wrongUse(`There are no .sql files in ${shown}.`, "Give the folder with --folder.");
  const made = await session.client.planMigrations({
    params: { ...session.main, service },
    body: { environment, files: files.map(({ file, text }) => ({ file, text })) },
  });
  session.print(made, () => wordsOf(made, shown, options.all === true));
  const isRefused = made.blocked !== null || made.files.some(({ state }) => ["changed", "refused"].includes(state));
  return isRefused ? EXIT.error : EXIT.done;
}

function wordsOf({ environment, blocked, files }: Plan, folder: string, all: boolean): string {
  const done = files.filter(({ state }) => state === "applied" || state === "baseline");
  const shown = all ? files : files.filter((file) => !done.includes(file));
  const lines = blocked === null ? [] : [blocked];
  if (shown.length > 0)
    lines.push(
      table(
        ["file", "phase", "now", "tables", ""],
        shown.map((f) => [f.file, f.phase, f.state, f.tables.map(sizeWords).join(", ") || "-", f.words]),
      ),
    );
  for (const f of shown)
    for (const said of f.findings) lines.push(`${folder}/${f.file}:${said.line}: ${said.words} (${said.rule})`);
  const runs = files.filter(({ state }) => state === "runs").length;
  lines.push(
    `${environment}: ${done.length} applied, ${runs === 0 ? "nothing to run" : `${runs} to run`} before the canary.`,
  );
  return lines.join("\n");
}

function sizeWords({ table: name, rows, bytes }: Plan["files"][number]["tables"][number]): string {
  const count = rows === null ? "rows not counted" : `about ${rows} rows`;
  const size = bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  return `${name.replace(/^public\./, "")} (${count}, ${size})`;
}
