import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { runLocalProgram } from "../local-program.ts";
import { EXIT } from "../problem.ts";
import type { Terminal } from "../terminal.ts";

interface Options {
  readonly to?: string;
  readonly dryRun?: boolean;
}

export function addUpgrade(program: Command, terminal: Terminal, outcome: Outcome, group: string): void {
  addCommand<Options>(program, terminal, outcome, {
    usage: "upgrade",
    about: "go to a newer version of Latchkey: backup first, and back again when it does not come up",
    more: "For a git checkout without changes of its own, with the server running. A proved backup comes first. The server is restarted while the gateway serves, then the gateway. A version that does not come up is taken back.",
    group,
    options: (command) =>
      command
        .option("--to <ref>", "a branch, tag or commit (what the branch here follows)")
        .option("--dry-run", "say what would be done, and do nothing"),
    examples: [
      ["latchkey upgrade --dry-run", "which commits would come"],
      ["latchkey upgrade --to v0.2.0", "to a version of your choice"],
    ],
    run: async ({ options }) => {
      const argv = [
        ...(options.to === undefined ? [] : ["--to", options.to]),
        ...(options.dryRun ? ["--dry-run"] : []),
      ];
      const done = await runLocalProgram(terminal, "tools/upgrade.mjs", argv, options.json === true);
      terminal.out(options.json === true ? `${JSON.stringify(done)}\n` : `${done.words.join("\n")}\n`);
      return EXIT.done;
    },
  });
}
