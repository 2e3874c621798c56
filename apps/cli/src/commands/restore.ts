import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { runLocalProgram } from "../local-program.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";

interface Options {
  readonly passphraseFile?: string;
  readonly newKey?: boolean;
  readonly dropOld?: boolean;
  readonly yes?: boolean;
}

export function addRestore(program: Command, terminal: Terminal, outcome: Outcome, group: string): void {
  addCommand<Options>(program, terminal, outcome, {
    usage: "restore <file>",
    about: "put a backup in the place of this installation's database; the server must be stopped",
    more: "The file is checked whole before anything is changed. It is restored into a new database beside the old one, proved there, and swapped in by its name; the old one is kept. Rollouts that were under way are taken back, gateways that are ahead follow the restored state, and what was erased or revoked since stays so.",
    group,
    options: (command) =>
      command
        .option("--passphrase-file <file>", "open the keys in the backup with the first line of this file")
        .option("--new-key", "go on without a key that is lost: the output says how to start then")
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
  // The server's program does it: this one speaks only the API, and there is no server to speak to.
  const done = await runLocalProgram(
    terminal,
    "apps/server/dist/main.mjs",
    ["restore", ...argv],
    options.json === true,
  );
  terminal.out(options.json === true ? `${JSON.stringify(done)}\n` : `${done.words.join("\n")}\n`);
  return EXIT.done;
}
