import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { copyBinary } from "../copy-rows.ts";
import { type Database, inTransaction } from "../database.ts";

/**
 * One connection, for work that must be in one snapshot or one transaction with COPY: what stores ask by `db`, and
 * COPY by `client`, are in the same. No statement is cut short: a large table takes its time.
 */
export interface Connection extends Omit<Database, "pool" | "waits"> {
  readonly client: pg.Client;
}

export async function connect(url: string): Promise<Connection> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: "latchkey backup",
  });
  // Without a listener, a connection that PostgreSQL closes would end this process.
  client.on("error", () => {});
  await client.connect();
  // The text forms of values, alike on every server.
  await client.query(
    "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set bytea_output = 'hex'; set extra_float_digits = 3; set statement_timeout = 0; set idle_in_transaction_session_timeout = 0",
  );
  const one = Object.assign(client, { release: () => {} });
  const pool = { connect: async () => one, end: async () => client.end() };
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: pool as never }) });
  return {
    client,
    db,
    transaction: (fn) => inTransaction((work) => db.transaction().execute(work), fn),
    copyOut: (query) => copyBinary(client, query),
    close: () => client.end().catch(() => {}),
  };
}
