import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** One kept process: restarted when it ends, with back-off. Its output goes to a file. */
export interface Keep {
  readonly name: string;
  readonly script: string;
  readonly logFile: string;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (words: string) => void;
}
const FIRST_MS = 0;
const BACK_OFF_MS = 500;
const BACK_OFF_MAX_MS = 10_000;
const FORGIVEN_AFTER_MS = 60_000;
const STOP_GRACE_MS = 12_000;

export class Kept {
  readonly #o: Keep;
  #child: ChildProcess | null = null;
  #fails = 0;
  #stopping = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: Keep) {
    this.#o = options;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  start(): void {
    mkdirSync(dirname(this.#o.logFile), { recursive: true });
    const log = openSync(this.#o.logFile, "a");
    const startedAt = performance.now();
    // Detached: Ctrl-C in the terminal reaches the supervisor alone, which stops the others in their order.
    this.#child = spawn(process.execPath, [this.#o.script], {
      env: this.#o.env,
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    this.#child.once("exit", (code, signal) => {
      this.#child = null;
      if (this.#stopping) return;
      if (performance.now() - startedAt > FORGIVEN_AFTER_MS) this.#fails = 0;
      const wait = this.#fails === 0 ? FIRST_MS : Math.min(BACK_OFF_MAX_MS, BACK_OFF_MS * 2 ** (this.#fails - 1));
      this.#fails += 1;
      this.#o.say(
        `The ${this.#o.name} ended (${signal ?? `exit code ${code}`}); it is started again${wait > 0 ? ` in ${wait / 1000} s` : ""}. Its log: ${this.#o.logFile}`,
      );
      this.#timer = setTimeout(() => this.start(), wait);
    });
  }

  /** SIGTERM, then SIGKILL after its grace or when `hasten` is called. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#timer) clearTimeout(this.#timer);
    const child = this.#child;
    if (!child) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
    await gone;
    clearTimeout(kill);
  }

  hasten(): void {
    this.#child?.kill("SIGKILL");
  }
}
