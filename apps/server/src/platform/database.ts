import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { Kysely, type Transaction as KyselyTransaction } from "kysely";
import pg from "pg";
import { type Copies, copyBinary } from "./copy-rows.ts";
import { LOST_STATEMENT, postgresDialect } from "./postgres-driver.ts";
import { Waits } from "./waits.ts";

/** PostgreSQL through one pool; SQL is written with kysely's `sql` tag, in stores and views only. */
export type Executor = Kysely<unknown>;
export type Transaction = KyselyTransaction<unknown>;

export interface Transactions {
  readonly db: Executor;
  /** Runs `fn` in one transaction; tried again when PostgreSQL says that this is what helps. */
  transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
}
export interface Database extends Transactions, Copies {
  readonly pool: pg.Pool;
  /** How long connections were waited for. */
  readonly waits: Waits;
  close(): Promise<void>;
}

/** An executor with this property answers named operations itself: so the simulation stands between controllers and data. */
export const ANSWERS = Symbol("answers");
export type Run = (db: Executor, ...args: never[]) => Promise<unknown>;
interface Answering {
  readonly [ANSWERS]?: (name: string, args: readonly unknown[], run: Run) => Promise<unknown>;
}

/**
 * One named operation of a store: all that controllers ever ask of the data. On PostgreSQL it is its SQL; whoever
 * answers operations by name must do the same, which the stores' contract suite holds it to.
 */
export function operation<A extends unknown[], R>(
  name: string,
  run: (db: Executor, ...args: A) => Promise<R>,
): (db: Executor, ...args: A) => Promise<R> {
  return (db, ...args) => {
    const answers = (db as Answering)[ANSWERS];
    return answers ? (answers.call(db, name, args, run as unknown as Run) as Promise<R>) : run(db, ...args);
  };
}

/**
 * SQLSTATE: serialization_failure, deadlock_detected, and a prepared statement that a pooler lost. PostgreSQL has undone
 * everything: trying again is safe.
 */
const RETRYABLE = new Set(["40001", "40P01", ...LOST_STATEMENT]);
/** SQLSTATE classes of what goes by itself: connection, resources, an operator's restart. RFC-less names are Node's own. */
const PASSING =
  /^(08|53|57)|^(40001|40P01|55P03|25P03|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH)$/;

/** What pg says without a code. */
const LOST =
  /^(Connection terminated|timeout exceeded when trying to connect|PostgreSQL has not answered|Client has encountered a connection error)/;

/** No connection could be had: the queue for one is full or too slow, or PostgreSQL does not answer. */
export class DatabaseUnavailable extends Error {}

/** Whether an error says that the database was not there, and nothing about what was asked of it. */
export function isPassing(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === "string" && PASSING.test(code)) return true;
  return typeof message === "string" && LOST.test(message);
}

const TRIES = 5;
const STATEMENT_TIMEOUT_MS = 15_000;
/**
 * A server that is cut off in the middle of a transaction holds its locks until PostgreSQL gives it up. Sooner than a
 * lease expires (6 s): whoever takes over need not wait for them.
 */
const IDLE_IN_TRANSACTION_MS = 5_000;
/** PostgreSQL answers each statement within 15 s, be it with an error: whoever hears nothing for longer is cut off. */
const SILENCE_MAX_MS = STATEMENT_TIMEOUT_MS + 2_000;

const committed = new WeakMap<Executor, (() => void)[]>();

/** Calls `hook` once the transaction has committed; never when it is undone. Outside of `transaction`, at once. */
export function afterCommit(tx: Executor, hook: () => void): void {
  const hooks = committed.get(tx);
  if (hooks) hooks.push(hook);
  else hook();
}

/**
 * Runs `fn` in a transaction that `execute` makes: tried again where that helps, and what waited for the commit is
 * called after it.
 */
export async function inTransaction<T>(
  execute: (work: (tx: Transaction) => Promise<T>) => Promise<T>,
  fn: (tx: Transaction) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const hooks: (() => void)[] = [];
    try {
      const result = await execute((tx) => {
        committed.set(tx, hooks);
        return fn(tx);
      });
      for (const hook of hooks) hook();
      return result;
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (attempt >= TRIES || typeof code !== "string" || !RETRYABLE.has(code)) throw error;
    }
  }
}

/** PostgreSQL allows 100 by default; three servers with 12 each, their listeners, and people with psql have room. */
const CONNECTIONS_MAX = 12;
/** Whoever gets no connection within this is told so, instead of hanging. */
const CONNECTION_WITHIN_MS = 10_000;
/** Twelve connections at 50 ms a query serve 2,400 in that time: what is behind them would wait in vain. */
export const WAITING_MAX = 2_000;

export function openDatabase(url: string, options: { max?: number; waitingMax?: number } = {}): Database {
  const waitingMax = options.waitingMax ?? WAITING_MAX;
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? CONNECTIONS_MAX,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    connectionTimeoutMillis: CONNECTION_WITHIN_MS,
  });
  // Without a listener, a connection that PostgreSQL or the network closes would end this process: the pool's own is for
  // idle ones only. Whoever uses it is told by the query that fails.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  endSilentConnections(pool);
  const waits = new Waits();
  const connect = async (): Promise<pg.PoolClient> => {
    if (pool.waitingCount >= waitingMax) {
      waits.refused += 1;
      throw new DatabaseUnavailable(`${pool.waitingCount} requests wait for a connection to PostgreSQL already.`);
    }
    const from = performance.now();
    try {
      const client = await pool.connect();
      waits.note(performance.now() - from);
      return client;
    } catch (error) {
      if (!isPassing(error)) throw error;
      waits.refused += 1;
      const words = (error as Error).message.includes("timeout exceeded when trying to connect")
        ? `No connection to PostgreSQL became free within ${CONNECTION_WITHIN_MS / 1_000} s.`
        : "PostgreSQL does not take a connection.";
      throw new DatabaseUnavailable(words, { cause: error });
    }
  };
  const db = new Kysely<unknown>({ dialect: postgresDialect({ connect, end: () => pool.end() }) });
  return {
    db,
    pool,
    waits,
    transaction: (fn) => inTransaction((work) => db.transaction().execute(work), fn),
    copyOut: async function* (query) {
      const client = await connect();
      let isDone = false;
      try {
        yield* copyBinary(client, query);
        isDone = true;
      } finally {
        // Of a copy that was left in the middle the rest would still come: that connection is of no use to others.
        client.release(!isDone);
      }
    },
    close: () => db.destroy(),
  };
}

/** A network that is cut says nothing: TCP alone would wait for a quarter of an hour, and the pool's connections with it. */
function endSilentConnections(pool: pg.Pool): void {
  const streams = new WeakSet<Socket>();
  const streamOf = (client: pg.PoolClient) =>
    (client as unknown as { connection?: { stream?: Socket } }).connection?.stream;
  pool.on("acquire", (client) => {
    const stream = streamOf(client);
    if (!stream) return;
    if (!streams.has(stream)) stream.on("timeout", () => stream.destroy(new Error("PostgreSQL has not answered")));
    streams.add(stream);
    stream.setTimeout(SILENCE_MAX_MS);
  });
  // One that nobody uses may be silent.
  pool.on("release", (_, client) => streamOf(client)?.setTimeout(0));
}

/** PostgreSQL cuts longer names off: two that begin alike would be one. */
const NAME_MAX = 63;

/** The database that the releases of a service share in an environment. No two pairs have the same: neither name holds `_`. */
export function databaseNameOf(service: string, environment: string): string {
  const name = `${service}_${environment}`;
  if (name.length <= NAME_MAX) return name;
  return `${name.slice(0, NAME_MAX - 17)}_${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;
}

/** Drops a database of that name on the server of `url`, whoever is connected to it; nothing where there is none. */
export async function dropDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`);
  } finally {
    await client.end();
  }
}

/** Creates a database of that name on the server of `url` when it is missing; answers its address. */
export async function createDatabaseIfMissing(url: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const found = await client.query("select 1 from pg_database where datname = $1", [name]);
    if (found.rowCount === 0) {
      try {
        await client.query(`create database ${client.escapeIdentifier(name)}`);
      } catch (error) {
        // 42P04 duplicate_database, 23505: another server was quicker.
        if (!["42P04", "23505"].includes(String((error as { code?: unknown }).code))) throw error;
      }
    }
  } finally {
    await client.end();
  }
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.toString();
}
