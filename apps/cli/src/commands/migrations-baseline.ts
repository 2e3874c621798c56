import type { Answer } from "@latchkey/api/client";
import type { Command } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { readMigrations } from "../migration-folder.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";

interface BaselineOptions {
  readonly environment: string;
  readonly folder?: string;
  readonly through?: string;
  readonly accept?: boolean;
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly undo?: boolean;
}
type Baselined = Answer<"baselineSchema">;

export function addMigrationsBaseline(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<BaselineOptions>(group, terminal, outcome, {
    usage: "baseline <service>",
    about: "take a schema that was made by hand as the beginning: its files count as applied and never run",
    more: "Looks up in the database each table, column, index and other named thing that the files make, and tells what is not there so, by file and line. Then nothing is written, exit code 1, unless --accept says why to go on. It runs none of the files. It can be taken back while no migration has run after it.",
    options: (command) =>
      command
        .option("--environment <name>", "whose database", "production")
        .option("--folder <folder>", "where the files are, instead of the configuration's folder")
        .option("--through <file>", "only the files up to this one; later ones are migrations to run")
        .option("--dry-run", "only compare")
        .option("--accept", "go on although the database differs; needs --reason")
        .option("--reason <text>", "why, for the record")
        .option("--undo", "take it back"),
    examples: [
      ["latchkey migrations baseline leads --dry-run", "what would be taken, and what differs"],
      ["latchkey migrations baseline leads", "take it"],
      ['latchkey migrations baseline leads --accept --reason "schema.sql never ran"', "with what differs"],
      ['latchkey migrations baseline leads --undo --reason "the wrong folder"', "take it back"],
    ],
    run: baseline,
  });
}

export function addMigrationsDump(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ environment: string }>(group, terminal, outcome, {
    usage: "dump <service>",
    about: "print a database's schema as SQL, to keep it as the one file of a baseline",
    more: "Where hand-made scripts contradict each other, the schema as it is says more than they do. Without data, owners, rights and a platform's own schemas. It needs pg_dump where the server runs, not older than the database.",
    options: (command) => command.option("--environment <name>", "whose database", "production"),
    examples: [
      [
        "latchkey migrations dump leads > db/migrations/0000-schema.sql",
        "then take it: latchkey migrations baseline leads",
      ],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const params = { ...session.main, service: args[0] ?? "" };
      const made = await session.client.dumpSchema({ params, query: { environment: options.environment } });
      session.print(made, () => made.sql);
      return EXIT.done;
    },
  });
}

async function baseline({ session: open, args, options, terminal }: Call<BaselineOptions>): Promise<number> {
  const [service = ""] = args;
  const { environment, reason } = options;
  if ((options.undo || options.accept) && !reason?.trim())
    throw wrongUse(`${options.undo ? "--undo" : "--accept"} needs a reason.`, 'Say why: --reason "…".');
  const session = open();
  const params = { ...session.main, service };
  if (options.undo) {
    const undone = await session.client.undoBaseline({ params, body: { environment, reason: reason ?? "" } });
    session.print(undone, () => undone.words);
    return EXIT.done;
  }
  const { shown, files } = await readMigrations(terminal, { folder: options.folder, service, environment });
  const { through } = options;
  if (through !== undefined && !files.some(({ file }) => file === through))
    throw wrongUse(`There is no ${through} in ${shown}.`, "Name a file of that folder.");
  const own = files.filter(({ file }) => through === undefined || file <= through);
  if (own.length === 0) throw wrongUse(`There are no .sql files in ${shown}.`, "Give the folder with --folder.");
  const made = await session.client.baselineSchema({
    params,
    body: {
      ...{ environment, accept: options.accept === true, dryRun: options.dryRun === true, reason: reason ?? "" },
      files: own.map(({ file, text }) => ({ file, text })),
    },
  });
  session.print(made, () => wordsOf(made, shown));
  return made.state === "differs" ? EXIT.error : EXIT.done;
}

function wordsOf(made: Baselined, folder: string): string {
  const n = made.files.length;
  const files = `${n} ${n === 1 ? "file" : "files"}`;
  const { differences, unexplained, untold } = made;
  const lines = differences.items.map((d) => `${folder}/${d.file}:${d.line}: ${d.object}: ${d.words}`);
  const more = differences.total - differences.items.length;
  if (more > 0) lines.push(`and ${more} more`);
  if (unexplained.total > 0)
    lines.push(`No file makes: ${unexplained.items.slice(0, 20).join(", ")}${unexplained.total > 20 ? ", …" : ""}.`);
  if (untold.total > 0) {
    const places = untold.items.slice(0, 5).map(({ file, line }) => `${file}:${line}`);
    lines.push(
      `Not compared, as nothing names their effect: ${untold.total} ${untold.total === 1 ? "statement" : "statements"} (${places.join(", ")}${untold.total > 5 ? ", …" : ""}).`,
    );
  }
  const differs = differences.total === 0 ? "all are there" : `${differences.total} differ`;
  lines.push(`${files}, ${made.compared} named things: ${differs}.`, END[made.state](made.environment));
  return lines.join("\n");
}

const END: Readonly<Record<Baselined["state"], (environment: string) => string>> = {
  compared: () => "Nothing was written.",
  differs: () => "Nothing was written. Mend the files, or go on with --accept and a --reason.",
  baselined: (environment) => `They count as applied in ${environment}.`,
  was_baselined: (environment) => `They had been taken in ${environment} before: nothing was to do.`,
};
