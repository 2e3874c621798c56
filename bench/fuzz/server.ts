import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@latchkey/api/client";
import { pino } from "pino";
import { type Database, openDatabase } from "../../apps/server/src/platform/database.ts";
import { ensurePostgres } from "../../apps/server/src/platform/postgres/embedded.ts";
import { type Ground, hubIn } from "../../apps/server/src/testing/fuzz/ground.ts";
import { freePort } from "../installation.ts";

/** Start-up with a new PostgreSQL on a busy machine. */
const START_TIMEOUT_MS = 120_000;
const LOOK_AGAIN_MS = 50;
/** How often one may ask would only hide what is asked. */
const UNLIMITED = { LATCHKEY_READS_PER_SECOND: "100000", LATCHKEY_WRITES_PER_SECOND: "100000" };

/** The built server with its embedded PostgreSQL and nothing else: no gateway that would change anything by itself. */
export class BareServer implements Ground {
  readonly dir = mkdtempSync(join(tmpdir(), "latchkey-fuzz-"));
  readonly mark = "fuzz";
  readonly fixture: string;
  readonly #root: string;
  #port = 0;
  #child: ChildProcess | null = null;
  #database: Database | null = null;

  constructor(root: string) {
    this.#root = root;
    this.fixture = join(root, "apps", "server", "src", "testing", "workload");
    // As root, PostgreSQL runs as another user, who must get through.
    chmodSync(this.dir, 0o711);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  get owner(): Client {
    return this.#client("cli.token");
  }
  get gateway(): Client {
    return this.#client("gateway.token");
  }
  get db(): Database["db"] {
    if (!this.#database) throw new Error("The server was not started.");
    return this.#database.db;
  }
  /** False once the process has ended by itself. */
  get lives(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #client(file: string): Client {
    return createClient({ baseUrl: this.url, token: readFileSync(join(this.dir, file), "utf8").trim() });
  }

  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort();
    const log = openSync(join(this.dir, "server.log"), "a");
    const child = spawn(process.execPath, [join(this.#root, "apps", "server", "dist", "main.mjs")], {
      env: this.#env(),
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#child = child;
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      if ((await fetch(`${this.url}/readyz`).catch(() => null))?.ok) break;
      if (!this.lives || performance.now() > deadline)
        throw new Error(
          `The server did not come up: ${readFileSync(join(this.dir, "server.log"), "utf8").slice(-2_000)}`,
        );
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
    if (this.#database) return;
    const address = new URL((await ensurePostgres({ dir: this.dir, log: pino({ level: "silent" }) })).url);
    address.pathname = "/latchkey";
    this.#database = openDatabase(address.toString(), { max: 2 });
  }

  async restart(between: () => Promise<unknown>): Promise<void> {
    await this.#stop();
    await between();
    await this.start();
  }

  /** Errors that the server wrote down: what it calls an error is one, also when the answer looks well. */
  errors(): string[] {
    const lines = readFileSync(join(this.dir, "server.log"), "utf8").split("\n");
    return lines.filter((line) => /"level":(50|60)|"level":"(error|fatal)"/.test(line));
  }

  async end(): Promise<void> {
    await this.#stop();
    await this.#database?.close();
    const main = join(this.#root, "apps", "server", "dist", "main.mjs");
    for (const step of ["--stop-releases", "--stop-database"])
      spawnSync(process.execPath, [main, step], { env: this.#env(), stdio: "ignore" });
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await exited;
  }

  #env(): Record<string, string> {
    return {
      PATH: process.env.PATH ?? "",
      LATCHKEY_DIR: this.dir,
      LATCHKEY_PORT: String(this.#port),
      ...UNLIMITED,
      LATCHKEY_GITHUB_URL: hubIn(this.dir),
    };
  }
}
