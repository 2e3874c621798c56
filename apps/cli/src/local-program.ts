import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CliError } from "./problem.ts";
import { stateDir } from "./session.ts";
import type { Terminal } from "./terminal.ts";

/** What such a program answers, a line of JSON each; other lines are its log. */
interface Line {
  readonly say?: string;
  readonly problem?: string;
  readonly done?: { readonly words: readonly string[] };
}

/**
 * Runs one of Latchkey's own programs on this machine, for what no server can do for itself. What it says on the way is
 * printed unless `quiet`; answers what it says at its end, and throws its problem.
 */
export async function runLocalProgram(
  terminal: Terminal,
  script: string,
  argv: readonly string[],
  quiet: boolean,
): Promise<NonNullable<Line["done"]>> {
  const root = rootWith(script);
  const child = spawn(process.execPath, [join(root, script), ...argv], {
    env: { ...terminal.env, LATCHKEY_DIR: stateDir(terminal) ?? join(root, ".latchkey") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (part: Buffer) => {
    complaint = (complaint + part.toString("utf8")).slice(-2_000);
  });
  let last: Line = {};
  for await (const text of createInterface({ input: child.stdout })) {
    const line = parse(text);
    if (line.say !== undefined && !quiet) terminal.out(`${line.say} …\n`);
    if (line.problem !== undefined || line.done !== undefined) last = line;
  }
  if (last.done) return last.done;
  throw failed(last.problem ?? (complaint.trim() || `${script} ended without a word.`));
}

function parse(text: string): Line {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return {};
  }
}

const failed = (detail: string) => new CliError({ code: "LK_CLI_LOCAL", title: "It was not done", detail, remedy: "" });

/** The folder of Latchkey's programs: this file is in it, built or not. */
function rootWith(script: string): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); dir !== dirname(dir); dir = dirname(dir))
    if (existsSync(join(dir, script))) return dir;
  throw failed(`${script} is not here. Build it: npm run build`);
}
