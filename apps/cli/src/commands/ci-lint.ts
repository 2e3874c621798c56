import { resolve } from "node:path";
import type { Command } from "commander";
import { annotation } from "../ci/report.ts";
import { addCommand, type Outcome } from "../command.ts";
import type { Complaint } from "../github/rules.ts";
import { EXIT } from "../problem.ts";
import type { Terminal } from "../terminal.ts";

export function addLint(group: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<object>(group, terminal, outcome, {
    usage: "lint [folder]",
    about: "check the workflows of a repository, by GitHub's grammar and by rules of safety",
    more: "Refused: what GitHub's own grammar refuses; actions that are not pinned to a commit, or without the version behind it; missing or all permissions; jobs without a time limit; no concurrency; a checkout under pull_request_target; a stranger's text in a script. Exit code 1 when something is refused. It needs no server.",
    examples: [
      ["latchkey ci lint", "the workflows of this folder"],
      ["latchkey ci lint ../shop --json", "those of another one, for programs"],
    ],
    run: async ({ args, options }) => {
      const { readListing } = await import("../adoption/reading.ts");
      const { checkRules } = await import("../github/rules.ts");
      const { checkGrammar } = await import("../github/grammar.ts");
      const listing = readListing(resolve(terminal.cwd, args[0] ?? "."), ".github/workflows");
      const files = listing.paths.filter((path) => /\.ya?ml$/.test(path));
      const complaints: Complaint[] = [];
      for (const file of files) {
        const text = listing.text(file) ?? "";
        const own = checkRules(file, text);
        // Of a file that is no YAML the grammar has nothing to add.
        const grammar = own.some((c) => c.rule === "yaml") ? [] : await checkGrammar(file, text);
        complaints.push(...[...own, ...grammar].sort((a, b) => a.line - b.line));
      }
      if (options.json) terminal.out(`${JSON.stringify({ files, complaints })}\n`);
      else {
        for (const c of complaints) terminal.out(`${c.file}:${c.line}: ${c.words} (${c.rule})\n`);
        terminal.out(`${summary(files.length, complaints.length)}\n`);
      }
      if (terminal.env.GITHUB_ACTIONS === "true")
        for (const c of complaints) terminal.err(annotation("error", `${c.file}:${c.line}`, c.words));
      // What was not checked has not passed.
      return complaints.length === 0 && files.length > 0 ? EXIT.done : EXIT.error;
    },
  });
}

function summary(files: number, complaints: number): string {
  if (files === 0) return "There are no workflows here: nothing was checked.";
  const of = `${files} ${files === 1 ? "workflow" : "workflows"}`;
  return complaints === 0
    ? `${of}: nothing to complain about.`
    : `${of}: ${complaints} ${complaints === 1 ? "complaint" : "complaints"}.`;
}
