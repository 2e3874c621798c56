import { createHash } from "node:crypto";
import pg from "pg";

/** Databases beside ours, on the same server: made to restore into, swapped in by their names, dropped again. */
export const nameIn = (url: string): string => decodeURIComponent(new URL(url).pathname.slice(1));

export function withName(url: string, name: string): string {
  const address = new URL(url);
  address.pathname = `/${encodeURIComponent(name)}`;
  return address.toString();
}

/** Begins the names of what is made beside a database: other installations on the same server have other ones. */
export function besides(database: string, purpose: "verify" | "restore"): string {
  return `latchkey_${purpose}_${createHash("sha256").update(database).digest("hex").slice(0, 10)}_`;
}

async function asAdministrator<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on("error", () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Whether the user of `url` may create databases there. */
export async function mayCreateDatabases(url: string): Promise<boolean> {
  return asAdministrator(url, async (client) => {
    const found = await client.query<{ may: boolean }>(
      "select rolcreatedb or rolsuper as may from pg_roles where rolname = current_user",
    );
    return found.rows[0]?.may ?? false;
  });
}

/** Creates an empty database; answers its address. */
export async function createDatabase(url: string, name: string): Promise<string> {
  // From template0: what somebody put into template1 has no place in it.
  await asAdministrator(url, (client) =>
    client.query(`create database ${client.escapeIdentifier(name)} template template0`),
  );
  return withName(url, name);
}

/** Drops the databases whose names begin so, whoever is connected to them. Answers how many. */
export async function dropDatabases(url: string, prefix: string): Promise<number> {
  return asAdministrator(url, async (client) => {
    const found = await client.query<{ datname: string }>(
      "select datname from pg_database where starts_with(datname, $1)",
      [prefix],
    );
    for (const { datname } of found.rows) await dropDatabase(client, datname);
    return found.rows.length;
  });
}

async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`);
}

export const dropDatabaseNamed = (url: string, name: string): Promise<void> =>
  asAdministrator(url, (client) => dropDatabase(client, name));

/**
 * Gives `fresh` the name of `current`, which is called `kept` from then on: both in one transaction, so that whoever
 * dies when, there is a whole database of that name.
 */
export async function swapDatabases(url: string, o: { current: string; kept: string; fresh: string }): Promise<void> {
  await asAdministrator(url, async (client) => {
    const name = (text: string) => client.escapeIdentifier(text);
    // Nobody works there: the server is stopped. What lingers (a console of psql, a pool's last breath) is cut off.
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = any($1) and pid <> pg_backend_pid()",
      [[o.current, o.fresh]],
    );
    await client.query("begin");
    await client.query(`alter database ${name(o.current)} rename to ${name(o.kept)}`);
    await client.query(`alter database ${name(o.fresh)} rename to ${name(o.current)}`);
    await client.query("commit");
  });
}
