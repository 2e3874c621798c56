import { spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";
import type { HostCall } from "@latchkey/core/delivery/ports";

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
  /** Hears of its process, so that one which outlives its caller can be found and ended. */
  readonly began?: (pid: number) => void;
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
    if (child.pid) call.began?.(child.pid);
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

/** Ends a script with all that it started. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself in between.
  }
}
