import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** One kept process: restarted when it ends, with back-off. Its output goes to a file. */
export interface Keep {
  readonly name: string;
  readonly script: string;
  readonly logFile: string;
  readonly env: NodeJS.ProcessEnv;
  /** A bound socket that the process inherits as file descriptor 3. */
  readonly socket?: number;
  readonly say: (words: string) => void;
  /** It runs, or it does not any more. */
  readonly onChange: () => void;
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
  #replacing = false;
  #settled = false;
  #timer: NodeJS.Timeout | null = null;
  /** Exit code of a process that gave up by itself with a sentence in its log; null while it runs or after a crash. */
  #gaveUp: number | null = null;

  constructor(options: Keep) {
    this.#o = options;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get gaveUp(): boolean {
    return this.#gaveUp !== null;
  }

  /** It came up once: from now on it is started again whatever ends it. Before, one that gives up has said why. */
  settle(): void {
    this.#settled = true;
  }

  start(): void {
    if (this.#stopping) return;
    mkdirSync(dirname(this.#o.logFile), { recursive: true });
    const log = openSync(this.#o.logFile, "a");
    const startedAt = performance.now();
    this.#gaveUp = null;
    // Detached: Ctrl-C in the terminal reaches the supervisor alone, which stops the others in their order.
    const child = spawn(process.execPath, [this.#o.script], {
      env: this.#o.env,
      stdio: ["ignore", log, log, ...(this.#o.socket === undefined ? [] : [this.#o.socket])],
      detached: true,
    });
    closeSync(log);
    this.#child = child;
    // At once, not at its "spawn" event: what is not on record when we are killed is an orphan that nobody ends.
    this.#o.onChange();
    child.once("error", (error) => this.#ended(error.message, null, startedAt));
    child.once("exit", (code, signal) => this.#ended(signal ?? `exit code ${code}`, code, startedAt));
  }

  #ended(how: string, code: number | null, startedAt: number): void {
    if (this.#child === null) return;
    this.#child = null;
    this.#gaveUp = code === 0 ? null : code;
    this.#o.onChange();
    if (this.#stopping || (this.gaveUp && !this.#settled)) return;
    if (this.#replacing) {
      this.#replacing = false;
      this.start();
      return;
    }
    if (performance.now() - startedAt > FORGIVEN_AFTER_MS) this.#fails = 0;
    const wait = this.#fails === 0 ? FIRST_MS : Math.min(BACK_OFF_MAX_MS, BACK_OFF_MS * 2 ** (this.#fails - 1));
    this.#fails += 1;
    this.#o.say(
      `The ${this.#o.name} ended (${how}); it is started again${wait > 0 ? ` in ${wait / 1000} s` : ""}. Its log: ${this.#o.logFile}`,
    );
    this.#timer = setTimeout(() => this.start(), wait);
  }

  /** Ends it and starts it anew, because its program changed. One that waits for its next try has it now. */
  async restart(): Promise<void> {
    const child = this.#child;
    if (this.#stopping) return;
    if (!child) {
      if (this.#timer) clearTimeout(this.#timer);
      this.#fails = 0;
      this.start();
      return;
    }
    this.#replacing = true;
    await this.#end(child);
  }

  /** SIGTERM, then SIGKILL after its grace or when `hasten` is called. It is not started again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#child) await this.#end(this.#child);
  }

  async #end(child: ChildProcess): Promise<void> {
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
