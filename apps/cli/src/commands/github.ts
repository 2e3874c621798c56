import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { githubAppManifest } from "@latchkey/core/delivery/github/app";
import type { Command } from "commander";
import { addCommand, addGroup, type Call, type Outcome } from "../command.ts";
import { EXIT, wrongUse } from "../problem.ts";
import type { Terminal } from "../terminal.ts";

interface SetupOptions {
  readonly publicUrl?: string;
  readonly organization?: string;
  readonly name?: string;
}
const PAGE = "latchkey-github-app.html";
/** GitHub's limit for the name of an App. */
const NAME_MAX = 34;

export function addGithub(program: Command, terminal: Terminal, outcome: Outcome): void {
  const group = addGroup(program, {
    name: "github",
    about: "connect the server with GitHub",
    group: "Bring a repository in:",
    examples: [
      ["latchkey github setup --public-url https://latchkey.example", "make a GitHub App with the least permissions"],
    ],
  });
  addCommand<SetupOptions>(group, terminal, outcome, {
    usage: "setup",
    about: "write a page that makes a GitHub App for this server, with the least permissions",
    more: "Open the page in a browser: it shows what the App may do, and its button takes you to GitHub, where you agree. Nothing is sent before. It needs no server. What to do with what GitHub answers stands in docs/guides/github.md.",
    options: (command) =>
      command
        .requiredOption("--public-url <address>", "where GitHub reaches the server, as in --public-url of the server")
        .option("--organization <name>", "whose App it is; left out: your own")
        .option("--name <name>", "what the App is called (Latchkey of <host>)"),
    examples: [
      ["latchkey github setup --public-url https://latchkey.example", "write the page"],
      ["latchkey github setup --public-url https://latchkey.example --json", "print the manifest"],
    ],
    run: setup,
  });
}

async function setup({ options, terminal }: Call<SetupOptions>): Promise<number> {
  const url = addressOf(options.publicUrl ?? "");
  if (options.organization !== undefined && !/^[A-Za-z0-9-]{1,39}$/.test(options.organization))
    throw wrongUse(
      `--organization: "${options.organization}" is no name of an organization.`,
      "Give it as it stands in its address.",
    );
  const name = options.name ?? `Latchkey of ${url.hostname}`.slice(0, NAME_MAX);
  if (name === "" || name.length > NAME_MAX)
    throw wrongUse(`--name: a GitHub App's name has 1 to ${NAME_MAX} characters.`, "Give a shorter one.");
  const manifest = githubAppManifest({ name, url: url.href.replace(/\/$/, "") });
  const owner = options.organization === undefined ? "" : `organizations/${options.organization}/`;
  const address = `https://github.com/${owner}settings/apps/new`;
  if (options.json) {
    terminal.out(`${JSON.stringify({ address, manifest })}\n`);
    return EXIT.done;
  }
  const file = resolve(terminal.cwd, PAGE);
  if (existsSync(file)) throw wrongUse(`${file} is there already.`, "Move it away first: nothing is written over.");
  writeFileSync(file, pageOf(address, manifest));
  terminal.out(
    `Written: ${file}\nOpen it in a browser and press its button. GitHub shows what the App may do, and makes it when you agree.\nIt then leads back to ${url.origin} with ?code=... in the address: docs/guides/github.md says what to do with it.\n`,
  );
  return EXIT.done;
}

function addressOf(text: string): URL {
  const wrong = wrongUse(
    `--public-url: "${text}" is no address that GitHub can reach.`,
    "Give one such as https://latchkey.example.",
  );
  if (!URL.canParse(text)) throw wrong;
  const url = new URL(text);
  if (url.protocol !== "https:" || url.search !== "" || url.hash !== "" || url.username !== "") throw wrong;
  return url;
}

const escaped = (text: string) =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

const pageOf = (address: string, manifest: ReturnType<typeof githubAppManifest>): string => {
  const rows = Object.entries(manifest.default_permissions).map(([what, may]) => `<li>${what}: ${may}</li>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A GitHub App for Latchkey</title>
<h1>A GitHub App for Latchkey</h1>
<p>${escaped(manifest.name)} may do this in the repositories that you install it for, and nothing else:</p>
<ul>${rows.join("")}</ul>
<p>It delivers to ${escaped(manifest.hook_attributes.url)}.</p>
<form action="${escaped(address)}" method="post">
<input type="hidden" name="manifest" value="${escaped(JSON.stringify(manifest))}">
<button>Go on to GitHub</button>
</form>
</html>
`;
};
