import { type ChildProcess, spawn } from "node:child_process";

/** What tells of progress on the way up (tools/progress.mjs). */
export interface Progress {
  step<T>(doing: string, done: string, work: () => Promise<T>): Promise<T>;
  say(words: string): void;
}

/** Programs that run to their end on the way up or down, apart from the terminal: Ctrl-C must not cut them short. */
export class Steps {
  readonly #running = new Set<ChildProcess>();

  run(
    args: readonly string[],
    o: { cwd: string; env: NodeJS.ProcessEnv; timeoutMs: number },
  ): Promise<{ ok: boolean; output: string }> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, args, {
        cwd: o.cwd,
        env: o.env,
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
        timeout: o.timeoutMs,
        killSignal: "SIGKILL",
      });
      this.#running.add(child);
      let output = "";
      const take = (part: Buffer) => {
        output = (output + part.toString("utf8")).slice(-20_000);
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      child.once("error", (error) => resolve({ ok: false, output: error.message }));
      child.once("close", (code) => {
        this.#running.delete(child);
        resolve({ ok: code === 0, output });
      });
    });
  }

  /** Ends what runs: what it had begun goes on from the server's rows at the next start. */
  end(): void {
    for (const child of this.#running) child.kill("SIGTERM");
  }
}
