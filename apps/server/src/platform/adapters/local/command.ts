import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import { fileURLToPath } from "node:url";
import { PLAIN_VARIABLES } from "@latchkey/config/target-command/call";
import type { CommandResult } from "@latchkey/core/delivery/ports";

const OUTPUT_MAX = 20_000;

/**
 * Runs a command to its end with a time limit. At the limit its whole process group is killed. Never throws:
 * a command that can't be started is `could_not_run`.
 */
export function runCommand(
  command: readonly string[],
  options: {
    cwd: string;
    env: Readonly<Record<string, string>>;
    timeoutMs: number;
    signal?: AbortSignal;
    runAs?: number;
    outputMax?: number;
  },
): Promise<CommandResult> {
  const [program, ...args] = programOf(command);
  return new Promise((resolve) => {
    let output = "";
    let timedOut = false;
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...options.env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.runAs === undefined ? {} : { uid: options.runAs, gid: options.runAs }),
    });
    for (const stream of [child.stdout, child.stderr]) {
      // A character's bytes may come in two pieces.
      const decoder = new StringDecoder("utf8");
      stream.on("data", (chunk: Buffer) => {
        output = (output + decoder.write(chunk)).slice(-(options.outputMax ?? OUTPUT_MAX));
      });
    }
    const stop = () => {
      try {
        if (child.pid) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended by itself in between.
      }
    };
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, options.timeoutMs);
    options.signal?.addEventListener("abort", stop, { once: true });
    if (options.signal?.aborted) stop();
    const finish = (outcome: CommandResult["outcome"], exitCode: number | null) => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", stop);
      resolve({ outcome, exitCode, output });
    };
    child.once("error", (error) => {
      output += `${command.join(" ")}: ${error.message}`;
      finish("could_not_run", null);
    });
    child.once("close", (code) => {
      if (timedOut) finish("timed_out", code);
      else finish(code === 0 ? "passed" : "failed", code);
    });
  });
}

/** `node` is the one that runs this server, and `latchkey` the command line that came with it: neither need be in PATH. */
function programOf([file = "", ...args]: readonly string[]): readonly [string, ...string[]] {
  if (file === "node") return [process.execPath, ...args];
  const cli = file === "latchkey" ? ownCommandLine() : null;
  return cli ? [process.execPath, cli, ...args] : [file, ...args];
}

/** Null where this server was copied without the rest. */
function ownCommandLine(): string | null {
  for (let dir = dirname(fileURLToPath(import.meta.url)); dir !== dirname(dir); dir = dirname(dir)) {
    const file = join(dir, "tools", "latchkey.mjs");
    if (existsSync(file)) return file;
  }
  return null;
}

/** What a child needs of our environment: where programs are, and nothing of ours. */
export function baseEnvironment(): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of PLAIN_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) out[name] = value;
  }
  return out;
}
