import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import type { HostCall } from "@latchkey/core/delivery/ports";
import { type ProcessIdentity, startTimeOf } from "../local/process-table.ts";

const ANSWER_BYTES_MAX = 65_536;
const TAIL_MAX = 4_000;
/** Whoever still holds the pipes of a script that has ended, such as a daemon it started, is not waited for longer. */
const PIPES_MS = 500;

export interface ScriptCall {
  readonly words: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly input: unknown;
  readonly timeoutMs: number;
  readonly signal: HostCall["signal"];
  /** Notes the process, so that a call which outlived its server is ended before the next one begins. */
  readonly pidFile: string;
  /** A line of its standard error. */
  readonly say: (line: string) => void;
}
export interface ScriptEnd {
  /** Null where it was killed, or could not be started. */
  readonly exitCode: number | null;
  readonly answer: string;
  readonly tail: string;
  /** Why it was ended before it ended by itself. */
  readonly stopped: string | null;
}

/** Runs a script with JSON as its input. Never throws; at the limit its whole process group is killed. */
export function runScript(call: ScriptCall): Promise<ScriptEnd> {
  endSurvivor(call.pidFile);
  const [program = "", ...args] = call.words;
  return new Promise((resolve) => {
    const answer: Buffer[] = [];
    let bytes = 0;
    let tail = "";
    let rest = "";
    let stopped: string | null = null;
    const child = spawn(program === "node" ? process.execPath : program, args, {
      cwd: call.folder,
      env: { ...call.environment },
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    if (child.pid) note(call.pidFile, child.pid);
    const stop = (why: string) => {
      stopped ??= why;
      if (child.pid) killGroup(child.pid);
    };
    const abort = () => stop("It was called off.");
    const timer = setTimeout(() => stop(`It took longer than ${call.timeoutMs} ms.`), call.timeoutMs);
    call.signal.addEventListener("abort", abort, { once: true });
    if (call.signal.aborted) abort();
    // A script need not read what it does not want to know.
    child.stdin.on("error", () => {});
    child.stdin.end(`${JSON.stringify(call.input)}\n`);
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX) return stop(`Its answer is longer than ${ANSWER_BYTES_MAX} bytes.`);
      answer.push(chunk);
    });
    const decoder = new StringDecoder("utf8");
    child.stderr.on("data", (chunk: Buffer) => {
      const text = decoder.write(chunk);
      tail = (tail + text).slice(-TAIL_MAX);
      const lines = (rest + text).split("\n");
      rest = (lines.pop() ?? "").slice(-TAIL_MAX);
      const last = lines.filter((line) => line.trim() !== "").at(-1);
      if (last !== undefined) call.say(last.trim());
    });
    let isDone = false;
    const finish = (exitCode: number | null) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      call.signal.removeEventListener("abort", abort);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      rmSync(call.pidFile, { force: true });
      resolve({
        exitCode: stopped === null ? exitCode : null,
        answer: Buffer.concat(answer).toString("utf8"),
        tail,
        stopped,
      });
    };
    child.once("error", (error) => {
      stopped ??= `It could not be started: ${error.message}.`;
      finish(null);
    });
    child.once("close", finish);
    child.once("exit", (code) => setTimeout(() => finish(code), PIPES_MS));
  });
}

function note(pidFile: string, pid: number): void {
  const started = startTimeOf(pid);
  if (started !== null)
    writeFileSync(pidFile, JSON.stringify({ pid, started } satisfies ProcessIdentity), { mode: 0o600 });
}

/** Two calls of one script must not be at work on the same thing: the older one has nobody left to answer to. */
function endSurvivor(pidFile: string): void {
  if (!existsSync(pidFile)) return;
  try {
    const { pid, started } = JSON.parse(readFileSync(pidFile, "utf8")) as ProcessIdentity;
    if (Number.isInteger(pid) && pid > 1 && startTimeOf(pid) === started) killGroup(pid);
  } catch {
    // It was not written whole: nothing can be known of it.
  }
  rmSync(pidFile, { force: true });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself in between.
  }
}
