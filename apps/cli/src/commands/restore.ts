import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { CliError, EXIT, wrongUse } from "../problem.ts";
import { stateDir } from "../session.ts";
import type { Terminal } from "../terminal.ts";

interface Options {
  readonly passphraseFile?: string;
  readonly newKey?: boolean;
  readonly dropOld?: boolean;
  readonly yes?: boolean;
}

/** What the restoring program answers, a line of JSON each. */
interface Line {
  readonly say?: string;
  readonly problem?: string;
  readonly restored?: { readonly words: readonly string[] };
}

export function addRestore(program: Command, terminal: Terminal, outcome: Outcome, group: string): void {
  addCommand<Options>(program, terminal, outcome, {
    usage: "restore <file>",
    about: "put a backup in the place of this installation's database; the server must be stopped",
    more: "The file is checked whole before anything is changed. It is restored into a new database beside the old one, proved there, and swapped in by its name; the old one is kept. Rollouts that were under way are taken back, and gateways that are ahead follow the restored state.",
    group,
    options: (command) =>
      command
        .option("--passphrase-file <file>", "open the keys in the backup with the first line of this file")
        .option("--new-key", "go on with a new ledger key where the old one is lost")
        .option("--drop-old", "drop the database of before instead of keeping it")
        .option("--yes", "do not ask"),
    examples: [
      ["latchkey restore .latchkey/backups/bak_….tar", "after Ctrl-C on `npm start`; then start it again"],
      ["latchkey restore latchkey.tar --passphrase-file phrase", "on another machine, with the keys"],
    ],
    run: restore,
  });
}

async function restore({ args, options, terminal }: Call<Options>): Promise<number> {
  const file = resolve(terminal.cwd, args[0] ?? "");
  const passphrase = options.passphraseFile === undefined ? null : resolve(terminal.cwd, options.passphraseFile);
  for (const named of [file, ...(passphrase === null ? [] : [passphrase])])
    if (!existsSync(named))
      throw wrongUse(`There is no file ${named}.`, "Name one that is there. See: latchkey restore --help");
  if (!options.yes) {
    if (!terminal.canAsk) throw wrongUse("Nobody is there to agree.", "Add --yes.");
    if (!(await terminal.agrees(`Put ${file} in the place of this installation's database?`))) {
      terminal.out("Nothing was changed.\n");
      return EXIT.done;
    }
  }
  const argv = [
    file,
    ...(passphrase === null ? [] : ["--passphrase-file", passphrase]),
    ...(options.newKey ? ["--new-key"] : []),
    ...(options.dropOld ? ["--drop-old"] : []),
  ];
  const last = await runProgram(terminal, argv, (words) => options.json !== true && terminal.out(`${words} …\n`));
  if (!last.restored)
    throw new CliError({
      code: "LK_CLI_RESTORE",
      title: "It was not restored",
      detail: last.problem ?? "The restoring program ended without a word.",
      remedy: "",
    });
  terminal.out(options.json === true ? `${JSON.stringify(last.restored)}\n` : `${last.restored.words.join("\n")}\n`);
  return EXIT.done;
}

/** The server's program does it, in a process of its own: this one speaks only the API, and there is no server to speak to. */
async function runProgram(terminal: Terminal, argv: readonly string[], say: (words: string) => void): Promise<Line> {
  const root = rootFolder();
  const dir = stateDir(terminal) ?? join(root, ".latchkey");
  const child = spawn(process.execPath, [join(root, "apps", "server", "dist", "main.mjs"), "restore", ...argv], {
    env: { ...terminal.env, LATCHKEY_DIR: dir },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (part: Buffer) => {
    complaint = (complaint + part.toString("utf8")).slice(-2_000);
  });
  let last: Line = {};
  for await (const text of createInterface({ input: child.stdout })) {
    // The program's log goes the same way; its lines are told apart by what they hold.
    const line = parse(text);
    if (line.say !== undefined) say(line.say);
    else if (line.problem !== undefined || line.restored !== undefined) last = line;
  }
  return last.restored || last.problem ? last : { problem: complaint.trim() };
}

function parse(text: string): Line {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return {};
  }
}

/** The folder of Latchkey's programs: this file is in it, built or not. */
function rootFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let dir = here; dir !== dirname(dir); dir = dirname(dir))
    if (existsSync(join(dir, "apps", "server", "dist", "main.mjs"))) return dir;
  throw new CliError({
    code: "LK_CLI_RESTORE",
    title: "It was not restored",
    detail: "The server's program is not built here.",
    remedy: "Build it: npm run build",
  });
}
