import type { Command } from "commander";
import { addGroup, type Outcome } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { addImportFiles } from "./import-files.ts";
import { addImportGit } from "./import-git.ts";

/** `latchkey import`: what happened before Latchkey, or beside it, for the five keys. */
export function addImport(program: Command, terminal: Terminal, outcome: Outcome): void {
  const group = addGroup(program, {
    name: "import",
    about: "take in what was deployed elsewhere, so that the five keys of DORA know it",
    group: "Bring a repository in:",
    examples: [
      ["latchkey import git . --service leads --dry-run", "what a repository's tags tell of deployments"],
      ["latchkey import git . --service leads", "and take it in"],
    ],
  });
  addImportGit(group, terminal, outcome);
  addImportFiles(group, terminal, outcome);
}
