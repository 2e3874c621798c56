import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, createClient } from "@latchkey/api/client";
import type { Role } from "@latchkey/core/security/authorisation";
import { pino } from "pino";
import { type RunningServer, startServer } from "../compose.ts";
import { localTargetHere } from "../delivery/local-target.controller.ts";
import { freePort } from "../platform/adapters/local/process-table.ts";
import type { Config } from "../platform/config.ts";
import { dropDatabasesNamed, type TestDatabase, testDatabase } from "./database.ts";
import { removeDirectory, temporaryDirectory } from "./directory.ts";

/** Set LATCHKEY_TEST_LOG=info to read along. */
const log = pino({ level: process.env.LATCHKEY_TEST_LOG ?? "silent" });
const PORT_TRIES = 5;

/** A server in this process, with a directory and a database of its own. */
export class Installation {
  readonly dir = temporaryDirectory();
  readonly database: TestDatabase;
  /** Names of services are made unique with it: their databases lie on the server that all tests share. */
  readonly mark = randomBytes(4).toString("hex");
  #server: RunningServer | null = null;
  #url = "";

  private constructor(database: TestDatabase) {
    this.database = database;
  }

  static async start(also: Partial<Config> = {}): Promise<Installation> {
    const made = new Installation(await testDatabase());
    await made.start(also);
    return made;
  }

  /** Starts the server (again). Another process may take a port between its choice and its use: then another is tried. */
  async start(also: Partial<Config> = {}): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const config = {
        dir: this.dir,
        host: "127.0.0.1" as const,
        port,
        gatewayPort: 7480,
        readsPerSecond: 300,
        writesPerSecond: 20,
        databaseUrl: this.database.url,
        databaseOwnerUrl: this.database.ownerUrl,
        ...also,
      };
      try {
        this.#server = await startServer(config, log);
        this.#url = `http://127.0.0.1:${port}`;
        return;
      } catch (error) {
        if ((error as { code?: unknown }).code !== "EADDRINUSE" || attempt === PORT_TRIES) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = null;
  }

  get url(): string {
    return this.#url;
  }

  secretIn(file: "cli.token" | "gateway.token"): string {
    return readFileSync(join(this.dir, file), "utf8").trim();
  }

  clientWith(token: string, project?: string): Client {
    return createClient({ baseUrl: this.url, token, ...(project === undefined ? {} : { project }) });
  }

  get owner(): Client {
    return this.clientWith(this.secretIn("cli.token"));
  }

  get gateway(): Client {
    return this.clientWith(this.secretIn("gateway.token"));
  }

  /** A token of the API, as an owner makes it. */
  async tokenOf(role: Role): Promise<{ id: string; secret: string }> {
    const made = await this.owner.createToken({ body: { name: `a ${role}`, role } });
    return { id: made.token.id, secret: made.secret };
  }

  /** A plain request with the owner's token, unless the headers say otherwise. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.secretIn("cli.token")}`, ...(init.headers as object) };
    return fetch(this.url + path, { ...init, headers });
  }

  /** Ends the releases that the server started, as a full stop does. */
  endReleases(): Promise<void> {
    return localTargetHere({ database: this.database, log, dir: this.dir, mayAct: () => true }).endAll();
  }

  /** Stops the server, ends the releases that it started, and removes all traces. */
  async close(): Promise<void> {
    await this.stop();
    await this.endReleases();
    await this.database.drop();
    await dropDatabasesNamed(`shop-${this.mark}_`);
    removeDirectory(this.dir);
  }
}
