import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, createClient } from "@latchkey/api/client";
import pg from "pg";
import { pino } from "pino";
import { Servers } from "../../apps/cli/src/servers.ts";
import { createDatabaseIfMissing } from "../../apps/server/src/platform/database.ts";
import { ensurePostgres, stopPostgres } from "../../apps/server/src/platform/postgres/embedded.ts";
import { freePort, type Product, ROOT, until } from "../../apps/supervisor/src/product.testkit.ts";

/** The programs as they ship. */
const program = (name: "server" | "gateway" | "cli"): string => join(ROOT, "apps", name, "dist", "main.mjs");
/** A start on two busy cores. */
const START_MS = 90_000;
const ANSWER_MS = 30_000;

/** A process that is started again where it was. */
class Member {
  readonly #script: string;
  readonly #env: Record<string, string>;
  readonly #log: string;
  #child: ChildProcess | null = null;

  constructor(script: string, env: Record<string, string>, log: string) {
    this.#script = script;
    this.#env = env;
    this.#log = log;
  }

  get isUp(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  start(): void {
    const log = openSync(this.#log, "a");
    this.#child = spawn(process.execPath, [this.#script], {
      env: { PATH: process.env.PATH ?? "", ...this.#env },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    if (!child || !this.isUp) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }
}

/** Several servers on one PostgreSQL, in front of them gateways that know them all: as the guide sets them up. */
export class Cluster {
  readonly product: Product;
  readonly servers: { readonly member: Member; readonly url: string; readonly dir: string }[] = [];
  readonly gateways: { readonly member: Member; readonly url: string }[] = [];
  database: pg.Pool = new pg.Pool();
  #asked: Servers | null = null;

  constructor(product: Product) {
    this.product = product;
  }

  get #urls(): string {
    return this.servers.map((server) => server.url).join(",");
  }

  /** PostgreSQL, so many servers and gateways; resolves when all answer. */
  async up(servers: number, gateways: number): Promise<void> {
    const { home } = this.product;
    const log = pino({ level: "silent" });
    const { url } = await ensurePostgres({ dir: join(home, "pg"), log });
    const databaseUrl = await createDatabaseIfMissing(url, "latchkey");
    this.database = new pg.Pool({ connectionString: databaseUrl, max: 2 });
    this.database.on("error", () => {});
    for (let i = 1; i <= servers; i++) await this.#addServer(i, databaseUrl);
    for (const server of this.servers) await this.untilReady(server.url);
    for (let i = 1; i <= gateways; i++) await this.#addGateway(i);
    this.#asked = new Servers(
      this.servers.map((server) => server.url),
      (address, init) => fetch(address, { ...init, signal: AbortSignal.timeout(ANSWER_MS) }),
    );
  }

  async #addServer(n: number, databaseUrl: string): Promise<void> {
    const port = await freePort();
    const dir = join(this.product.home, `server-${n}`);
    mkdirSync(dir, { mode: 0o755 });
    const env = {
      LATCHKEY_DIR: dir,
      LATCHKEY_SHARED_DIR: join(this.product.home, "shared"),
      LATCHKEY_PORT: String(port),
      DATABASE_URL: databaseUrl,
      // One token does here what many do elsewhere.
      LATCHKEY_READS_PER_SECOND: "100000",
      LATCHKEY_WRITES_PER_SECOND: "100000",
    };
    const member = new Member(program("server"), env, join(dir, "server.log"));
    member.start();
    this.servers.push({ member, url: `http://127.0.0.1:${port}`, dir });
  }

  async #addGateway(n: number): Promise<void> {
    const port = await freePort();
    const dir = join(this.product.home, `gateway-${n}`);
    mkdirSync(dir);
    const env = {
      LATCHKEY_URL: this.#urls,
      LATCHKEY_GATEWAY_TOKEN_FILE: join(this.servers[0]?.dir ?? "", "gateway.token"),
      LATCHKEY_GATEWAY_DIR: dir,
      LATCHKEY_GATEWAY_PORT: String(port),
    };
    const member = new Member(program("gateway"), env, join(dir, "gateway.log"));
    member.start();
    this.gateways.push({ member, url: `http://127.0.0.1:${port}` });
  }

  untilReady(url: string): Promise<true> {
    const isReady = () =>
      fetch(`${url}/readyz`).then(
        (answer) => (answer.ok ? (true as const) : null),
        () => null,
      );
    return until(`${url} is ready`, isReady, START_MS);
  }

  /** The API, at whichever server answers. */
  get client(): Client {
    const asked = this.#asked;
    if (!asked) throw new Error("The cluster is not up.");
    return createClient({
      baseUrl: "",
      token: readFileSync(join(this.servers[0]?.dir ?? "", "cli.token"), "utf8").trim(),
      fetch: (path, init) => asked.ask(String(path), init ?? {}),
    });
  }

  /** The command line, as a person of whom all servers are known uses it. */
  async cli(
    ...args: string[]
  ): Promise<{ readonly exitCode: number | null; readonly out: string; readonly err: string }> {
    const child = spawn(process.execPath, [program("cli"), ...args], {
      cwd: join(this.product.home, "app"),
      env: { PATH: process.env.PATH ?? "", LATCHKEY_URL: this.#urls, LATCHKEY_DIR: this.servers[0]?.dir ?? "" },
    });
    const said = { out: "", err: "" };
    child.stdout.on("data", (part: Buffer) => {
      said.out += part;
    });
    child.stderr.on("data", (part: Buffer) => {
      said.err += part;
    });
    await once(child, "close");
    return { exitCode: child.exitCode, ...said };
  }

  /** The number of the server whose controllers work; null between two of them. */
  async holder(): Promise<number | null> {
    const { rows } = await this.database.query<{ owner: string }>(
      "select owner from lease where name = 'delivery' and expires_at > now()",
    );
    const ids = this.servers.map(({ dir }) => {
      const file = join(dir, "server.id");
      return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
    });
    const at = ids.indexOf(rows[0]?.owner ?? "none");
    return at < 0 ? null : at;
  }

  /** Ends all of it. Releases were started detached: they are found by the folder that they run in. */
  async down(): Promise<void> {
    for (const { member } of [...this.gateways, ...this.servers]) await member.end("SIGKILL");
    await this.database.end().catch(() => {});
    await stopPostgres(join(this.product.home, "pg"));
    for (const pid of this.product.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself.
      }
    }
  }
}
