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

const atCommit = new WeakSet<CompiledQuery>();

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

/** PostgreSQL for kysely, with writes that are sent with the commit. */
export const postgresDialect = (connections: Connections): Dialect => ({
  createDriver: () => new PostgresDriver(connections),
  createAdapter: () => new PostgresAdapter(),
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createIntrospector: (db) => new PostgresIntrospector(db),
});

class PostgresDriver implements Driver {
  readonly #connections: Connections;
  constructor(connections: Connections) {
    this.#connections = connections;
  }
  async init(): Promise<void> {}
  async acquireConnection(): Promise<PostgresConnection> {
    return new PostgresConnection(await this.#connections.connect());
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

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#waiting && atCommit.has(query)) {
      this.#waiting.push({ text: query.sql, values: query.parameters as Statement["values"] });
      return { rows: [] };
    }
    const { rows } = await this.#client.query(query.sql, [...query.parameters]);
    // Of several statements in one text pg answers an array, without rows of its own.
    return { rows: (rows ?? []) as R[] };
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
    else await new Batch([...waiting, { text: "commit", values: [] }]).sendOn(this.#client);
  }

  async rollback(): Promise<void> {
    this.#waiting = null;
    await this.#client.query("rollback");
  }

  release(): void {
    this.#client.release();
  }
}
