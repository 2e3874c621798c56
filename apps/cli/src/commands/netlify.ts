import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { addCommand, addGroup, type Outcome } from "../command.ts";
import { EDGE_FOLDER, EDGE_NAME, edgeFunction } from "../netlify/edge-function.ts";
import { CliError } from "../problem.ts";
import type { Terminal } from "../terminal.ts";

const EDGE_FILE = join(EDGE_FOLDER, EDGE_NAME);

/** `latchkey netlify`: what a site needs so that Latchkey splits its traffic. */
export function addNetlify(program: Command, terminal: Terminal, outcome: Outcome): void {
  const netlify = addGroup(program, {
    name: "netlify",
    about: "a Netlify site whose traffic is split: its Edge Function",
    group: "Bring a repository in:",
    examples: [["latchkey netlify edge shop --write", "the function that splits the traffic, into this repository"]],
  });
  addCommand<{ environment?: string; write: boolean; folder: string }>(netlify, terminal, outcome, {
    usage: "edge <service>",
    about: "the Edge Function that splits a site's traffic, and the variable that it needs",
    more: "With --write the function is put into netlify/edge-functions, where Netlify's build finds it; a file that is there and differs is left alone. The variable LATCHKEY_EDGE holds a secret: set it on Netlify for the Edge Functions, with the scope Functions, and never in the repository. For owners.",
    options: (command) =>
      command
        .option("--environment <name>", "whose site; the service's first environment when left out")
        .option("--folder <folder>", "the site's base folder", ".")
        .option("--write", "write the function into the repository", false),
    examples: [
      ["latchkey netlify edge shop", "what to set on Netlify"],
      ["latchkey netlify edge shop --write", "and the function, to be committed"],
    ],
    run: async ({ session: open, args, options }) => {
      const session = open();
      const [service = ""] = args;
      const params = { ...session.main, service };
      const query = options.environment === undefined ? {} : { environment: options.environment };
      const setup = await session.client.getNetlifyEdge({ params, query });
      const file = join(options.folder, EDGE_FILE);
      const written = options.write ? writeFunction(resolve(terminal.cwd, file)) : null;
      const wrote = {
        written: `Wrote ${file}: commit it, and the next deploy has it.\n`,
        same: `${file} is the newest already.\n`,
        none: `The function: latchkey netlify edge ${service} --write\n`,
      }[written ?? "none"];
      session.print(
        { ...setup, file: written === null ? null : file },
        () =>
          `${wrote}Set this variable of the site ${setup.siteId} (scope Functions; it is a secret):\n\n` +
          `LATCHKEY_EDGE=${setup.variable}\n\n` +
          `A change of shares holds everywhere after ${setup.servedAfterMs / 1_000} s at the latest.\n`,
      );
      return undefined;
    },
  });
}

function writeFunction(file: string): "written" | "same" {
  const text = edgeFunction();
  if (text === null)
    throw failed("The Edge Function is not here.", "Install Latchkey as a whole, from its repository.");
  if (existsSync(file)) {
    if (readFileSync(file, "utf8") === text) return "same";
    throw failed(`${file} is there, and is another one.`, "Compare it, move it away, and run this again.");
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return "written";
}

const failed = (detail: string, remedy: string) =>
  new CliError({ code: "LK_CLI_NETLIFY", title: "The Edge Function was not written", detail, remedy });
