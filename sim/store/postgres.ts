import { closeSync, openSync, writeSync } from "node:fs";
import { type ControlledTransaction, Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import type { Executor, Run } from "../../apps/server/src/platform/database.ts";
import type { Backend, Connection } from "../backend.ts";
import { sqlError } from "./tables.ts";

/**
 * A real PostgreSQL in a simulated world. Its `now()` is the world's: a function of that name in a schema that is
 * searched first, which reads a file. (A setting of the session would be a question to PostgreSQL before each other
 * one: twice the time.) One transaction at a time, because a query that waits for a lock would keep the world's time from
 * going on, and so its holder from ending; interleaved transactions are the memory store's part.
 */
export const SEARCH_PATH = "sim, pg_catalog, public";

/** Run once, before the migrations, so that their defaults use the world's time too. */
export async function prepareSimulatedTime(client: pg.Client): Promise<void> {
  await client.query("create schema sim");
  await client.query(`create function sim.now() returns timestamptz language sql stable as
    $$ select to_timestamp(case when current_setting('sim.clock', true) is null then 0
      else pg_read_file(current_setting('sim.clock'))::float8 / 1000 end) $$`);
}

export class PostgresBackend implements Backend {
  readonly #pool: pg.Pool;
  readonly #db: Kysely<unknown>;
  readonly #nowMs: () => number;
  readonly #clock: number;
  #writtenMs = Number.NaN;
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;
  #open: PostgresConnection | null = null;
  /** Queries that PostgreSQL is working on. */
  pending = 0;

  /** `clockFile`: where the world's time is written, for PostgreSQL to read. */
  constructor(url: string, nowMs: () => number, clockFile: string) {
    this.#nowMs = nowMs;
    this.#clock = openSync(clockFile, "w", 0o644);
    const options = `-c search_path=${SEARCH_PATH.replaceAll(" ", "")} -c synchronous_commit=off -c sim.clock=${clockFile}`;
    this.#pool = new pg.Pool({ connectionString: url, max: 4, options });
    this.#pool.on("error", () => {});
    this.#db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: this.#pool }) });
  }

  async real<T>(work: () => Promise<T>): Promise<T> {
    this.pending += 1;
    try {
      return await work();
    } finally {
      this.pending -= 1;
    }
  }

  /** Nothing else runs meanwhile: time stands still while PostgreSQL works. */
  tellTime(): void {
    const nowMs = Math.floor(this.#nowMs());
    if (nowMs === this.#writtenMs) return;
    // In its place, always 13 digits: writing the file anew would cost more than PostgreSQL's answer.
    writeSync(this.#clock, String(nowMs), 0);
    this.#writtenMs = nowMs;
  }

  async #take(): Promise<void> {
    if (!this.#isTaken) this.#isTaken = true;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
  /** Whoever waited longest has it next, with nobody in between. */
  #give(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#isTaken = false;
  }

  async begin(): Promise<Connection> {
    await this.#take();
    try {
      const tx = await this.real(() => this.#db.startTransaction().execute());
      const connection = new PostgresConnection(this, tx, () => {
        this.#open = null;
        this.#give();
      });
      this.#open = connection;
      return connection;
    } catch (error) {
      this.#give();
      throw error;
    }
  }

  async alone(name: string, args: readonly unknown[], run: Run): Promise<unknown> {
    await this.#take();
    try {
      return await this.peek(name, args, run);
    } finally {
      this.#give();
    }
  }

  peek(_name: string, args: readonly unknown[], run: Run): Promise<unknown> {
    this.tellTime();
    return this.real(() => (run as (db: Executor, ...args: unknown[]) => Promise<unknown>)(this.#db, ...args));
  }

  restart(): void {
    this.#open?.kill();
  }
  backup(): Promise<unknown> {
    throw new Error("worlds on PostgreSQL have no restores");
  }
  restore(): Promise<void> {
    throw new Error("worlds on PostgreSQL have no restores");
  }
  async close(): Promise<void> {
    await this.#db.destroy();
    closeSync(this.#clock);
  }
}

class PostgresConnection implements Connection {
  readonly #backend: PostgresBackend;
  readonly #tx: ControlledTransaction<unknown>;
  readonly #onOver: () => void;
  #isOver = false;
  /** The statement under way: a connection that is cut ends after it, as PostgreSQL does. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(backend: PostgresBackend, tx: ControlledTransaction<unknown>, onOver: () => void) {
    this.#backend = backend;
    this.#tx = tx;
    this.#onOver = onOver;
  }

  async run(_name: string, args: readonly unknown[], run: Run): Promise<unknown> {
    if (this.#isOver) throw sqlError("08006", "the connection is gone");
    this.#backend.tellTime();
    const running = this.#backend.real(() =>
      (run as (db: Executor, ...args: unknown[]) => Promise<unknown>)(this.#tx, ...args),
    );
    this.#running = running.catch(() => {});
    return running;
  }

  async commit(): Promise<void> {
    await this.#end(() => this.#tx.commit().execute());
  }
  async rollback(): Promise<void> {
    if (!this.#isOver) await this.#end(() => this.#tx.rollback().execute());
  }
  kill(): void {
    if (!this.#isOver) void this.#end(() => this.#tx.rollback().execute()).catch(() => {});
  }

  async #end(how: () => Promise<unknown>): Promise<void> {
    if (this.#isOver) throw sqlError("08006", "the connection is gone");
    this.#isOver = true;
    try {
      await this.#backend.real(async () => {
        await this.#running;
        await how();
      });
    } finally {
      this.#onOver();
    }
  }
}
