import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { type Finding, placeOf } from "../adoption/findings.ts";
import type { AdoptionPlan } from "../adoption/plan.ts";
import { addCommand, type Call, type Outcome } from "../command.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";
import { type Style, styleFor } from "../text.ts";

interface AdoptOptions {
  readonly apply?: boolean;
  readonly undo?: boolean;
  readonly yes?: boolean;
  readonly name?: string;
  readonly action?: string;
  readonly edge?: string;
}

export function addAdopt(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<AdoptOptions>(program, terminal, outcome, {
    usage: "adopt [folder]",
    about: "bring an existing Netlify repository under Latchkey, after showing the difference",
    more: "Looks at its framework, netlify.toml, functions, workflows, database scripts, health function and tests, and shows what it would add: a configuration and one workflow, and with --edge the Edge Function that splits the site's traffic. Nothing is written without --apply. What is there is never changed; what can't be read is named with file and line, and left alone. It needs no server.",
    group: "Bring a repository in:",
    options: (command) =>
      command
        .option("--apply", "add the files, after a question")
        .option("--yes", "with --apply or --undo: do not ask")
        .option("--undo", "take back what was added; a file that was changed since stays")
        .option("--name <service>", "what the service is called, instead of its package's name")
        .option("--action <place>", "Latchkey's GitHub Action, as owner/repository@commit (40 digits)")
        .option("--edge <site>", "split the traffic at Netlify, by an Edge Function in this site (its Project ID)"),
    examples: [
      ["latchkey adopt", "look at this folder and show what would be added; nothing is written"],
      ["latchkey adopt ../shop --apply --action acme/latchkey@<commit>", "add it, with a workflow for GitHub"],
      ["latchkey adopt --edge 0b5f4c5e-0000-4000-8000-000000000001", "with the Edge Function that splits its traffic"],
      ["latchkey adopt --undo", "take it back"],
    ],
    run: adopt,
  });
}

async function adopt(call: Call<AdoptOptions>): Promise<number> {
  const { args, options, terminal } = call;
  const root = resolve(terminal.cwd, args[0] ?? ".");
  if (!existsSync(root) || !statSync(root).isDirectory())
    throw wrongUse(`${root} is not a folder.`, "Give the repository's folder.");
  if (options.apply && options.undo) throw wrongUse("--apply and --undo are opposites.", "Leave one of them out.");
  checkAction(options.action);
  checkName(options.name);
  return options.undo ? undo(call, root) : plan(call, root);
}

/** Throws unless it is left out, or an Action that is pinned to a commit. */
export function checkAction(action: string | undefined): void {
  if (action !== undefined && !/^[\w.-]+\/[\w.-]+(\/[\w./-]+)?@[0-9a-f]{40}$/.test(action))
    throw wrongUse(
      `--action ${action} is no pinned Action.`,
      "Write owner/repository@ and a commit's 40 digits: a tag can be moved.",
    );
}

export function checkName(name: string | undefined): void {
  if (name !== undefined && !/^[a-z][a-z0-9-]{1,38}[a-z0-9]$/.test(name))
    throw wrongUse(`--name ${name} is no service's name.`, "It is 3 to 40 of a-z, 0-9 and -, starting with a letter.");
}

async function plan({ options, terminal }: Call<AdoptOptions>, root: string): Promise<number> {
  const { readListing } = await import("../adoption/reading.ts");
  const { differenceOf, planAdoption } = await import("../adoption/plan.ts");
  const made = planAdoption(readListing(root), {
    folder: basename(root),
    action: options.action ?? null,
    ...(options.edge === undefined ? {} : { edge: await edgeOf(options.edge) }),
    ...(options.name === undefined ? {} : { name: options.name }),
  });
  if (!options.json) {
    terminal.out(findingsText(made, styleFor(terminal)));
    if (made.files.length > 0) terminal.out(`\nThis would be added:\n\n${differenceOf(made.files)}\n`);
  }
  const isWanted =
    options.apply === true &&
    made.files.length > 0 &&
    (await agreed(options, terminal, `Add ${made.files.length} files?`));
  if (isWanted) {
    const { addFiles } = await import("../adoption/writing.ts");
    addFiles(root, made.files);
  }
  if (options.json)
    terminal.out(
      `${JSON.stringify({ service: made.service, findings: made.findings, files: made.files, written: isWanted })}\n`,
    );
  else terminal.out(`${nextWords(made, options, isWanted)}\n`);
  return made.files.length === 0 && made.survey.configured === null ? EXIT.error : EXIT.done;
}

/** Throws for what is no site's id. */
async function edgeOf(siteId: string): Promise<{ siteId: string; text: string }> {
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$/.test(siteId))
    throw wrongUse(`--edge ${siteId} is no site.`, "Give its Project ID, under Project configuration on Netlify.");
  const { edgeFunction } = await import("../netlify/edge-function.ts");
  const text = edgeFunction();
  if (text === null)
    throw wrongUse("The Edge Function is not here.", "Install Latchkey as a whole, from its repository.");
  return { siteId, text };
}

function nextWords(made: AdoptionPlan, options: AdoptOptions, isWritten: boolean): string {
  if (made.files.length === 0)
    return made.survey.configured ? "There is nothing left to add." : "Nothing can be added: see above why.";
  const next =
    options.edge === undefined
      ? `latchkey ship ${made.service} --wait`
      : `latchkey netlify edge ${made.service}, which says what to set on Netlify`;
  if (isWritten)
    return `Added. Next, in that folder: latchkey apply, and then: ${next}\nTake it back with: latchkey adopt --undo`;
  return options.apply ? "Nothing was written." : "Nothing was written. Add it with: latchkey adopt --apply";
}

async function undo({ options, terminal }: Call<AdoptOptions>, root: string): Promise<number> {
  if (!(await agreed(options, terminal, "Delete the files that were added, where nobody has changed them?"))) {
    terminal.out("Nothing was deleted.\n");
    return EXIT.done;
  }
  const { undoFiles } = await import("../adoption/writing.ts");
  const done = undoFiles(root);
  if (options.json) terminal.out(`${JSON.stringify(done)}\n`);
  else {
    for (const path of done.removed) terminal.out(`Deleted: ${path}\n`);
    for (const path of done.changed) terminal.out(`Left, as it was changed since: ${path}\n`);
    if (done.removed.length + done.changed.length === 0) terminal.out("There was nothing left to delete.\n");
  }
  return EXIT.done;
}

async function agreed(options: AdoptOptions, terminal: Terminal, question: string): Promise<boolean> {
  if (options.yes) return true;
  if (!terminal.canAsk) throw wrongUse("Nobody is there to agree.", "Add --yes.");
  return terminal.agrees(question);
}

const HEADINGS: readonly (readonly [Finding["kind"], string])[] = [
  ["found", "Found"],
  ["unreadable", "Could not be read, and was left alone"],
  ["left_out", "Netlify does this, and a release here does not"],
  ["advice", "Worth knowing"],
];

function findingsText(made: AdoptionPlan, style: Style): string {
  const parts = HEADINGS.map(([kind, heading]) => {
    const lines = made.findings
      .filter((f) => f.kind === kind)
      .map((f) => `  ${[placeOf(f), f.words].filter((t) => t !== "").join(": ")}`);
    return lines.length === 0 ? "" : `${style.bold(heading)}\n${lines.join("\n")}\n`;
  });
  return parts.filter((part) => part !== "").join("\n");
}
