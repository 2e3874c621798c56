import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { addCommand, addGroup, type Call, type Outcome } from "../command.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";
import { checkAction, checkName } from "./adopt.ts";

interface InitOptions {
  readonly apply?: boolean;
  readonly yes?: boolean;
  readonly name?: string;
  readonly action?: string;
}

export function addInit(program: Command, terminal: Terminal, outcome: Outcome): void {
  const group = addGroup(program, {
    name: "init",
    about: "write what a repository needs on GitHub",
    group: "Bring a repository in:",
    examples: [["latchkey init github", "show the workflows that would be added"]],
  });
  addCommand<InitOptions>(group, terminal, outcome, {
    usage: "github [folder]",
    about: "write the workflows: tests with a coverage gate, security scans, infrastructure, deployment",
    more: "Every action is pinned to a commit; each job has only the permissions it needs, a time limit, and one run at a time. Files that are there are never written over. Nothing is written without --apply; `latchkey adopt --undo` takes it back. It needs no server.",
    options: (command) =>
      command
        .option("--apply", "add the files, after a question")
        .option("--yes", "with --apply: do not ask")
        .option("--name <service>", "what the service is called, instead of its package's name")
        .option("--action <place>", "Latchkey's GitHub Action, as owner/repository@commit (40 digits)"),
    examples: [
      ["latchkey init github", "show them; nothing is written"],
      ["latchkey init github --apply --action acme/latchkey@<commit>", "add them, with the one that deploys"],
      ["latchkey ci lint", "check all workflows by the same rules"],
    ],
    run: init,
  });
}

async function init({ args, options, terminal }: Call<InitOptions>): Promise<number> {
  checkAction(options.action);
  checkName(options.name);
  const { readListing } = await import("../adoption/reading.ts");
  const { differenceOf } = await import("../adoption/plan.ts");
  const { planInit } = await import("../github/workflows/all.ts");
  const root = resolve(terminal.cwd, args[0] ?? ".");
  const made = planInit(readListing(root), {
    folder: basename(root),
    action: options.action ?? null,
    ...(options.name === undefined ? {} : { name: options.name }),
  });
  if (!options.json) {
    for (const path of made.kept) terminal.out(`It is there already, and stays as it is: ${path}\n`);
    for (const note of made.notes) terminal.out(`${note}\n`);
    if (made.files.length > 0) terminal.out(`\n${differenceOf(made.files)}\n`);
  }
  const isWritten =
    options.apply === true && made.files.length > 0 && (await agreed(options, terminal, made.files.length));
  if (isWritten) {
    const { addFiles } = await import("../adoption/writing.ts");
    addFiles(root, made.files);
  }
  if (options.json) terminal.out(`${JSON.stringify({ ...made, written: isWritten })}\n`);
  else if (made.files.length === 0) terminal.out("There is nothing left to add.\n");
  else if (isWritten)
    terminal.out("Added. Check them with: latchkey ci lint. Take them back with: latchkey adopt --undo\n");
  else terminal.out("Nothing was written. Add it with: latchkey init github --apply\n");
  return EXIT.done;
}

async function agreed(options: InitOptions, terminal: Terminal, files: number): Promise<boolean> {
  if (options.yes) return true;
  if (!terminal.canAsk) throw wrongUse("Nobody is there to agree.", "Add --yes.");
  return terminal.agrees(`Add ${files} files?`);
}
