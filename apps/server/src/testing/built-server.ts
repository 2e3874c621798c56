import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@latchkey/api/client";
import { pino } from "pino";
import { inject } from "vitest";
import { localTargetHere } from "../delivery/local-target.controller.ts";
import { end, freePort, recordedIn, tailOf } from "../platform/adapters/local/process-table.ts";
import { dropDatabasesNamed, type TestDatabase, testDatabase } from "./database.ts";
import { removeDirectory, temporaryDirectory } from "./directory.ts";
import { Hopeless, until } from "./until.ts";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "..");

/** A machine of a network, for a server that does not run on this one. */
export interface Elsewhere {
  /** What starts a program there. */
  readonly wrap: readonly string[];
  /** Where it is reached. */
  readonly address: string;
  /** Where PostgreSQL is reached from there: host and port. */
  readonly postgres: string;
}

/** The server as it ships, in a process of its own that can be killed. */
export class BuiltServer {
  readonly dir = temporaryDirectory();
  readonly mark: string;
  readonly database: TestDatabase;
  /** What it shares with others on its database; its own folder where it is alone. */
  readonly #sharedDir: string | null;
  readonly #elsewhere: Elsewhere | null;
  #child: ChildProcess | null = null;
  #port = 0;
  /** The program that it runs: another one from its next start on, for an upgrade. */
  program = join(ROOT, "apps", "server", "dist", "main.mjs");

  /** What else its next start finds in its environment. */
  also: Readonly<Record<string, string>> = {};

  private constructor(database: TestDatabase, sharedDir: string | null, elsewhere: Elsewhere | null) {
    this.database = database;
    this.#sharedDir = sharedDir;
    this.#elsewhere = elsewhere;
    this.mark = database.url.slice(-8);
  }

  static async start(): Promise<BuiltServer> {
    const [only] = await BuiltServer.startSeveral(1);
    if (!only) throw new Error("No server was started.");
    return only;
  }

  /** Servers on one database with a shared folder, started one after the other when they are elsewhere. `closeAll` ends them. */
  static async startSeveral(n: number, elsewhere: readonly Elsewhere[] = []): Promise<BuiltServer[]> {
    const built = spawnSync(process.execPath, [join(ROOT, "tools", "build.mjs"), "server"], { encoding: "utf8" });
    if (built.status !== 0) throw new Error(`The server could not be built: ${built.stderr}`);
    const database = await testDatabase();
    const sharedDir = n === 1 ? null : temporaryDirectory();
    const made = Array.from({ length: n }, (_, i) => new BuiltServer(database, sharedDir, elsewhere[i] ?? null));
    if (elsewhere.length > 0) for (const server of made) await server.start();
    else await Promise.all(made.map((server) => server.start()));
    return made;
  }

  /** Where the tests' PostgreSQL listens on the loopback. */
  static postgresPort(): number {
    return Number(new URL(inject("postgres").url).port);
  }

  /** Starts it on the port that it had, so that whoever knows its address finds it again. */
  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort();
    const log = openSync(join(this.dir, "server.log"), "a");
    const [file = "", ...args] = [...(this.#elsewhere?.wrap ?? []), process.execPath, this.program];
    const child = spawn(file, args, {
      env: { ...this.#environment(), LATCHKEY_PORT: String(this.#port) },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#child = child;
    await until("the server is ready", async () => {
      if (child.exitCode !== null)
        throw new Hopeless(`The server ended: ${tailOf(join(this.dir, "server.log"), 2_000)}`);
      return (await fetch(`${this.url}/readyz`)).ok;
    });
  }

  /** Starts a second one in the same directory; answers what it says when it gives up. */
  async startAnother(): Promise<string> {
    const child = spawn(process.execPath, [this.program], { env: this.#environment() });
    let said = "";
    child.stderr.on("data", (part: Buffer) => {
      said += part.toString();
    });
    await once(child, "close");
    return said;
  }

  #environment(): Record<string, string> {
    return {
      PATH: process.env.PATH ?? "",
      LATCHKEY_DIR: this.dir,
      ...this.also,
      ...(this.#sharedDir === null ? {} : { LATCHKEY_SHARED_DIR: this.#sharedDir }),
      LATCHKEY_DATABASE_URL: this.#seenFromThere(this.database.url),
      LATCHKEY_DATABASE_OWNER_URL: this.#seenFromThere(this.database.ownerUrl),
      ...(this.#elsewhere === null ? {} : { LATCHKEY_HOST: "0.0.0.0", LATCHKEY_ADDRESS: this.#elsewhere.address }),
    };
  }
  #seenFromThere(url: string): string {
    const address = new URL(url);
    if (this.#elsewhere !== null) address.host = this.#elsewhere.postgres;
    return address.toString();
  }

  /** The last step of a full stop, once the server is stopped: ends this machine's releases. */
  async endReleases(): Promise<void> {
    const [file = "", ...args] = [...(this.#elsewhere?.wrap ?? []), process.execPath, this.program, "--stop-releases"];
    const child = spawn(file, args, { env: this.#environment(), stdio: "ignore" });
    await once(child, "close");
  }

  /** SIGKILL: nothing is tidied up. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }
  /** SIGTERM; answers the exit code. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
    return child.exitCode;
  }

  get url(): string {
    return `http://${this.#elsewhere?.address ?? "127.0.0.1"}:${this.#port}`;
  }
  tokenIn(file: "cli.token" | "gateway.token"): string {
    return readFileSync(join(this.dir, file), "utf8").trim();
  }
  #client(file: "cli.token" | "gateway.token"): Client {
    return createClient({
      baseUrl: this.url,
      token: this.tokenIn(file),
      // A connection that is kept may be one to the process that was just killed.
      fetch: (address, init) =>
        fetch(address, { ...init, headers: { ...(init?.headers as object), connection: "close" } }),
    });
  }
  get owner(): Client {
    return this.#client("cli.token");
  }
  get gateway(): Client {
    return this.#client("gateway.token");
  }

  /** What leases and the list of servers call it. */
  get id(): string {
    return readFileSync(join(this.dir, "server.id"), "utf8").trim();
  }
  get log(): string {
    return readFileSync(join(this.dir, "server.log"), "utf8");
  }

  async close(): Promise<void> {
    await BuiltServer.closeAll([this]);
  }

  /** Ends servers that share a database, and removes all that they left. */
  static async closeAll(servers: readonly BuiltServer[]): Promise<void> {
    await Promise.all(servers.map((server) => server.kill()));
    const [any] = servers;
    if (any) await any.#removeTraces();
    for (const server of servers) removeDirectory(server.dir);
  }

  async #removeTraces(): Promise<void> {
    const target = localTargetHere({
      database: this.database,
      log: pino({ level: "silent" }),
      dir: this.dir,
      mayAct: () => true,
    });
    await target.endAll();
    await this.database.drop();
    await dropDatabasesNamed(`shop-${this.mark}_`);
    if (this.#sharedDir === null) return;
    await endAllNotedIn(join(this.#sharedDir, "processes"));
    removeDirectory(this.#sharedDir);
  }
}

/** Releases that run elsewhere are processes of this machine, too: only their networks are apart. */
async function endAllNotedIn(dir: string): Promise<void> {
  const machines = existsSync(dir) ? readdirSync(dir) : [];
  const noted = machines.flatMap((machine) => recordedIn(join(dir, machine)));
  await Promise.all(noted.map(({ identity }) => end(identity, 0)));
}
