import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { ApiError } from "@latchkey/api/client";
import type { Problem } from "@latchkey/api/models";
import type { Command } from "commander";
import { addCommand, type Call, countOption, type Outcome } from "../command.ts";
import { CliError, EXIT } from "../problem.ts";
import type { Session } from "../session.ts";
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
  const body = await ask(session, `/api/v1/ledger/export?${query}`);
  const part = `${file}.part`;
  // A file of this name is a whole one: a connection that breaks off leaves none.
  let bytes = 0;
  try {
    const source = Readable.fromWeb(body as ReadableStream);
    source.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await pipeline(source, createWriteStream(part, { mode: 0o600 }));
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true });
    const reason = cause instanceof Error ? cause.message : "no reason given";
    throw new CliError({
      code: "LK_CLI_EXPORT",
      title: "The export was not written",
      detail: `${file}: ${reason}.`,
      remedy: "Check the folder and the disk, and ask again.",
    });
  }
  session.print({ file, bytes }, () => `Written to ${file} (${bytes} bytes). Check it: npx latchkey-verify ${args[0]}`);
  return EXIT.done;
}

async function ask(session: Session, path: string): Promise<NonNullable<Response["body"]>> {
  const headers = session.token ? { authorization: `Bearer ${session.token}` } : {};
  const answer = await fetch(session.baseUrl + path, { headers }).catch(() => null);
  if (!answer)
    throw new CliError({
      code: "LK_UNREACHABLE",
      title: "The server can't be reached",
      detail: `No answer from ${session.baseUrl}.`,
      remedy: "Start it with `npm start`, or check the address.",
      exitCode: EXIT.unreachable,
    });
  if (!answer.ok || !answer.body) throw new ApiError((await answer.json()) as Problem);
  return answer.body;
}
