import { resolve } from "node:path";
import type { Command } from "commander";
import { addCommand, type Outcome } from "../command.ts";
import { wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";

export function addBuildNetlify(program: Command, terminal: Terminal, outcome: Outcome): void {
  addCommand<{ context: string; out?: string }>(program, terminal, outcome, {
    usage: "build-netlify [folder]",
    about: "build a Netlify site into a release that runs without Netlify",
    more: "Runs the build command of netlify.toml, takes the folder that it publishes, bundles each function (CommonJS, ESM or TypeScript), and adds a server that answers as Netlify does: files, redirects, headers, /.netlify/functions/*. `latchkey adopt` writes this as the service's build; it needs no server.",
    group: "Bring a repository in:",
    options: (command) =>
      command
        .option("--context <name>", "whose command and variables of netlify.toml count", "production")
        .option("--out <folder>", "where to, instead of $LATCHKEY_ARTIFACT"),
    examples: [
      ["latchkey build-netlify --out release", "build here into release/; serve it with: node release/server.mjs"],
      ["latchkey build-netlify --context staging", "with the command and variables of [context.staging]"],
    ],
    run: async ({ args, options }) => {
      const out = options.out ?? terminal.env.LATCHKEY_ARTIFACT;
      if (!out) throw wrongUse("There is nowhere to build to.", "Give --out <folder>, or set LATCHKEY_ARTIFACT.");
      const { buildRelease } = await import("../netlify/release.ts");
      const root = resolve(terminal.cwd, args[0] ?? ".");
      const say = (words: string) => (options.json ? terminal.err(`${words}\n`) : terminal.out(`${words}\n`));
      const site = await buildRelease({
        root,
        out: resolve(terminal.cwd, out),
        context: options.context,
        env: terminal.env,
        say,
      });
      if (options.json) terminal.out(`${JSON.stringify(site)}\n`);
      else terminal.out(`Built into ${out}: ${site.functions.length} functions, ${site.redirects.length} redirects.\n`);
      return undefined;
    },
  });
}
