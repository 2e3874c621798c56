import { createHash } from "node:crypto";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type RawBuilder,
} from "kysely";
import type pg from "pg";
import { Batch, type Statement } from "./postgres-batch.ts";

/** Where connections come from. */
export interface Connections {
  connect(): Promise<pg.PoolClient>;
  end(): Promise<void>;
}

/** SQLSTATE: invalid_sql_statement_name and duplicate_prepared_statement. */
export const LOST_STATEMENT: ReadonlySet<string> = new Set(["26000", "42P05"]);

const atCommit = new WeakSet<CompiledQuery>();
const prepared = new WeakSet<CompiledQuery>();

/**
 * A write whose result nobody reads, with parameters that are texts: in a transaction it is sent together with the commit,
 * at the cost of one way to PostgreSQL and back for both. It is in the transaction like any other: when it fails, nothing is
 * committed. What is read before the commit does not see it.
 */
export async function sendWithCommit(tx: Kysely<unknown>, statement: RawBuilder<unknown>): Promise<void> {
  const query = statement.compile(tx);
  atCommit.add(query);
  await tx.executeQuery(query);
}

/** For a statement that is asked often: PostgreSQL parses and plans it once a connection. Its text must always be the same. */
export function askPrepared<R>(db: Kysely<unknown>, statement: RawBuilder<R>): Promise<QueryResult<R>> {
  const query = statement.compile(db);
  prepared.add(query);
  return db.executeQuery(query);
}

/** PostgreSQL for kysely, with writes that are sent with the commit. */
export const postgresDialect = (connections: Connections): Dialect => ({
  createDriver: () => new PostgresDriver(connections, new StatementNames()),
  createAdapter: () => new PostgresAdapter(),
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createIntrospector: (db) => new PostgresIntrospector(db),
});

class PostgresDriver implements Driver {
  readonly #connections: Connections;
  readonly #names: StatementNames;
  constructor(connections: Connections, names: StatementNames) {
    this.#connections = connections;
    this.#names = names;
  }
  async init(): Promise<void> {}
  async acquireConnection(): Promise<PostgresConnection> {
    return new PostgresConnection(await this.#connections.connect(), this.#names);
  }
  beginTransaction = (connection: PostgresConnection): Promise<void> => connection.begin();
  commitTransaction = (connection: PostgresConnection): Promise<void> => connection.commit();
  rollbackTransaction = (connection: PostgresConnection): Promise<void> => connection.rollback();
  async releaseConnection(connection: PostgresConnection): Promise<void> {
    connection.release();
  }
  destroy = (): Promise<void> => this.#connections.end();
}

class PostgresConnection implements DatabaseConnection {
  readonly #client: pg.PoolClient;
  /** What waits for the commit; null outside of transactions. */
  #waiting: Statement[] | null = null;

  readonly #names: StatementNames;

  constructor(client: pg.PoolClient, names: StatementNames) {
    this.#client = client;
    this.#names = names;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#waiting && atCommit.has(query)) {
      this.#waiting.push({ text: query.sql, values: query.parameters as Statement["values"] });
      return { rows: [] };
    }
    const name = prepared.has(query) ? this.#names.of(query.sql) : null;
    const { rows } = await this.#ask({ text: query.sql, values: [...query.parameters], ...(name ? { name } : {}) });
    // Of several statements in one text pg answers an array, without rows of its own.
    return { rows: (rows ?? []) as R[] };
  }

  async #ask(query: pg.QueryConfig): Promise<pg.QueryResult> {
    try {
      return await this.#client.query(query);
    } catch (error) {
      // In a transaction nothing more can be asked: it is tried again as a whole.
      if (!this.#names.isLost(error) || this.#waiting) throw error;
      return await this.#client.query({ text: query.text, values: query.values ?? [] });
    }
  }

  // biome-ignore lint/correctness/useYield: kysely's interface has it, and nothing here is read so.
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new Error("Nothing is read row by row: ask for pages.");
  }

  async begin(): Promise<void> {
    await this.#client.query("begin");
    this.#waiting = [];
  }

  async commit(): Promise<void> {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    if (waiting.length === 0) await this.#client.query("commit");
    else await this.#commitWith(waiting);
  }

  async #commitWith(waiting: readonly Statement[]): Promise<void> {
    const text = waiting[0]?.text ?? "";
    const name = waiting.every((statement) => statement.text === text) ? this.#names.of(text) : null;
    try {
      await new Batch([...waiting, { text: "commit", values: [] }], name).sendOn(this.#client);
    } catch (error) {
      this.#names.isLost(error);
      throw error;
    }
  }

  async rollback(): Promise<void> {
    this.#waiting = null;
    await this.#client.query("rollback");
  }

  release(): void {
    this.#client.release();
  }
}

/**
 * Names of prepared statements, until a pooler between us and PostgreSQL turns out not to know them (PgBouncer before 1.21
 * in transaction mode, for one): from then on there are none. A name is its text's hash, so that one that is met on a
 * connection, whoever prepared it, is of this text and of no other.
 */
class StatementNames {
  readonly #names = new Map<string, string>();
  #areKept = true;

  of(text: string): string | null {
    if (!this.#areKept) return null;
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const name = `latchkey_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
    this.#names.set(text, name);
    return name;
  }

  /** Whether an error says that names are not kept. */
  isLost(error: unknown): boolean {
    if (!LOST_STATEMENT.has(String((error as { code?: unknown }).code))) return false;
    this.#areKept = false;
    return true;
  }
}
