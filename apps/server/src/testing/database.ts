import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { inject } from "vitest";
import { type Database, openDatabase } from "../platform/database.ts";

export const MIGRATIONS_DIR = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "migrations");

/** Runs something on a connection of its own to the server's maintenance database. */
export async function administer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Works with the server's rights, so that every suite finds a missing one. */
export interface TestDatabase extends Database {
  readonly url: string;
  /** Of the owner of the tables, for whoever migrates or tampers. */
  readonly ownerUrl: string;
  readonly owner: Database;
  /** Closes the pool and drops the database, whoever else is connected. */
  drop(): Promise<void>;
}

const addressOf = (url: string, name: string): string => {
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.toString();
};

/** A database of its own, cloned from the migrated template; or an empty one, where only the owner has rights. */
export async function testDatabase(from: "migrated" | "empty" = "migrated"): Promise<TestDatabase> {
  const { url, template, role, password } = inject("postgres");
  const name = `latchkey_test_${randomBytes(6).toString("hex")}`;
  const source = from === "migrated" ? template : "template0";
  await administer(url, (client) => client.query(`create database ${name} template ${source}`));
  const ownerUrl = addressOf(url, name);
  const owner = openDatabase(ownerUrl, { max: 4 });
  const limited = new URL(ownerUrl);
  Object.assign(limited, { username: role, password });
  const database = from === "migrated" ? openDatabase(limited.toString()) : owner;
  return {
    ...database,
    url: from === "migrated" ? limited.toString() : ownerUrl,
    ownerUrl,
    owner,
    drop: async () => {
      await database.close();
      if (database !== owner) await owner.close();
      await administer(url, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** Drops the databases whose names begin so: those that a server made for its services. */
export async function dropDatabasesNamed(prefix: string): Promise<void> {
  const { url } = inject("postgres");
  await administer(url, async (client) => {
    const found = await client.query<{ datname: string }>(
      "select datname from pg_database where starts_with(datname, $1)",
      [prefix],
    );
    for (const { datname } of found.rows)
      await client.query(`drop database if exists ${client.escapeIdentifier(datname)} with (force)`);
  });
}
