import { resolve } from "node:path";
import type { Command } from "commander";
import { addCommand, type Call, countOption, type Outcome } from "../command.ts";
import { download } from "../download.ts";
import { EXIT } from "../problem.ts";
import type { Terminal } from "../terminal.ts";

interface Options {
  readonly first?: string;
  readonly count?: string;
}

export function addExport(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<Options>(group, terminal, outcome, {
    usage: "export <file>",
    about: "write entries with all that it takes to check them without this server",
    more: "The file holds the entries, their place in the tree, the signed checkpoint, and a signature of its own. `npx latchkey-verify <file>` checks it: a small program without a dependency that anybody can read.",
    options: (command) =>
      command
        .option("--first <number>", "the first entry (0)")
        .option("--count <number>", "how many entries (all that are signed)"),
    examples: [
      ["latchkey ledger export ledger.export", "the whole ledger"],
      ["latchkey ledger export audit.export --first 1200 --count 300", "entries 1200 to 1499"],
    ],
    run: exportTo,
  });
}

async function exportTo({ session: open, args, options, terminal }: Call<Options>): Promise<number> {
  const session = open();
  const query = new URLSearchParams();
  for (const name of ["first", "count"] as const) {
    const text = options[name];
    if (text !== undefined) query.set(name, String(countOption(text, `--${name}`, 0, Number.MAX_SAFE_INTEGER)));
  }
  const file = resolve(terminal.cwd, args[0] ?? "");
  const bytes = await download(session, `/api/v1/ledger/export?${query}`, file);
  session.print({ file, bytes }, () => `Written to ${file} (${bytes} bytes). Check it: npx latchkey-verify ${args[0]}`);
  return EXIT.done;
}
