import { createHash, createHmac } from "node:crypto";
import { sql } from "kysely";
import type { Logger } from "pino";
import { type Database, type Executor, openDatabase, type Transaction } from "./database.ts";
import { migrate } from "./migrate.ts";

/**
 * Two roles of PostgreSQL: the owner of the tables, who migrates and creates databases, and the server's own, which may
 * do with ordinary tables what it likes and can only read the append-only ones and add to them.
 */
export const APPEND_ONLY = ["ledger_entry", "ledger_node", "ledger_checkpoint", "ledger_key"] as const;

/** Roles are the cluster's, names of databases are too: two installations on one PostgreSQL have two roles. */
const ROLE_PREFIX = "latchkey_server_";
const LABEL = "latchkey server role 1";
/** SQLSTATE: insufficient_privilege. */
const DENIED = "42501";

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code);
const userOf = (url: string): string => decodeURIComponent(new URL(url).username);

/**
 * The address of the server's own role, made from the owner's: every server with the same owner's address comes to the
 * same, and nothing is stored. Null without a password in it: what is made of nothing would be known to everybody.
 */
export function serverRoleUrl(ownerUrl: string): string | null {
  const address = new URL(ownerUrl);
  const password = decodeURIComponent(address.password);
  const database = decodeURIComponent(address.pathname.slice(1));
  if (password === "" || database === "") return null;
  address.username = ROLE_PREFIX + createHash("sha256").update(database).digest("hex").slice(0, 16);
  address.password = createHmac("sha256", password).update(`${LABEL}\n${database}`).digest("hex");
  return address.toString();
}

/** Whether PostgreSQL itself keeps this connection's role from changing the ledger, and how to get there if not. */
export interface Protection {
  readonly byRoles: boolean;
  readonly remedy: string | null;
}

const REMEDY =
  "Make a role for the server (create role latchkey_server login password '...') and start it with DATABASE_URL naming that role and LATCHKEY_DATABASE_OWNER_URL naming the owner. SECURITY.md, \"Roles of the database\", has the whole of it.";

/** Looks into the catalog: what the role may do counts, not how it came to it. */
export async function protectionOf(db: Executor): Promise<Protection> {
  const found = await sql<{ free: boolean }>`select
      has_any_column_privilege(current_user, c.oid, 'UPDATE') or has_table_privilege(current_user, c.oid, 'DELETE')
      or has_table_privilege(current_user, c.oid, 'TRUNCATE') or has_table_privilege(current_user, c.oid, 'TRIGGER')
      or pg_has_role(current_user, c.relowner, 'MEMBER') as free
    from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relname = any(${[...APPEND_ONLY]})`.execute(
    db,
  );
  const byRoles = found.rows.length === APPEND_ONLY.length && !found.rows.some((row) => row.free);
  return { byRoles, remedy: byRoles ? null : REMEDY };
}

/** Migrates as the owner, and answers the address that the server works with. */
export async function prepareDatabase(o: {
  readonly ownerUrl: string;
  /** A role that the operator made for the server; without it, one is made here where that is possible. */
  readonly serverUrl: string | null;
  readonly migrations: string;
  /** What the server is called among those that live. */
  readonly self: string;
  readonly log: Logger;
}): Promise<string> {
  const owner = openDatabase(o.ownerUrl, { max: 2 });
  try {
    await migrateAsOwner(owner, o.migrations, o.self);
    if (o.serverUrl !== null && userOf(o.serverUrl) !== userOf(o.ownerUrl)) {
      await grantTo(owner, userOf(o.serverUrl));
      return o.serverUrl;
    }
    const own = serverRoleUrl(o.ownerUrl);
    if (own === null) return o.ownerUrl;
    await makeRole(owner, own);
    if (await answers(own)) return own;
    o.log.warn("the role made for the server can't log in here (a pooler, or pg_hba.conf); the owner's is used");
  } catch (error) {
    if (codeOf(error) !== DENIED || o.serverUrl !== null) throw error;
  } finally {
    await owner.close();
  }
  return o.ownerUrl;
}

/**
 * Gives the role that serves `own` its rights in the database at `url`, which is about to take that one's name. Where no
 * role can be made, the server's start says so.
 */
export async function grantAhead(
  url: string,
  own: { readonly ownerUrl: string; readonly serverUrl: string | null },
): Promise<void> {
  const owner = openDatabase(url, { max: 1 });
  try {
    if (own.serverUrl !== null && userOf(own.serverUrl) !== userOf(own.ownerUrl))
      return await grantTo(owner, userOf(own.serverUrl));
    const role = serverRoleUrl(own.ownerUrl);
    if (role !== null) await makeRole(owner, role);
  } catch (error) {
    if (codeOf(error) !== DENIED || own.serverUrl !== null) throw error;
  } finally {
    await owner.close();
  }
}

async function migrateAsOwner(owner: Database, migrations: string, self: string): Promise<void> {
  await migrate(owner, migrations, self).catch((error: unknown) => {
    if (codeOf(error) !== DENIED) throw error;
    throw new Error(
      "The database's tables are not those of this version, and the role in DATABASE_URL may not change them. Give the owner's address, too, with LATCHKEY_DATABASE_OWNER_URL.",
    );
  });
}

/** The address that a server of this database works with, for those who come after it: nothing is made or granted. */
export async function workingUrl(ownerUrl: string): Promise<string> {
  const own = serverRoleUrl(ownerUrl);
  return own !== null && (await answers(own)) ? own : ownerUrl;
}

async function answers(url: string): Promise<boolean> {
  const database = openDatabase(url, { max: 1 });
  try {
    await sql`select 1`.execute(database.db);
    return true;
  } catch {
    return false;
  } finally {
    await database.close();
  }
}

async function makeRole(owner: Database, url: string): Promise<void> {
  const role = sql.id(userOf(url));
  const password = sql.lit(decodeURIComponent(new URL(url).password));
  await owner.transaction(async (tx) => {
    await takeTurns(tx);
    const known = await sql`select 1 from pg_roles where rolname = ${userOf(url)}`.execute(tx);
    // Only these two: a creator of roles who is no superuser may not even mention the other attributes.
    if (known.rows.length === 0) await sql`create role ${role} login password ${password}`.execute(tx);
    else await sql`alter role ${role} login password ${password}`.execute(tx);
    await grant(tx, userOf(url));
  });
}

/** Gives a role what a server needs, and takes what it must not have. Repeated at each start: new tables are in it. */
export function grantTo(owner: Database, role: string): Promise<void> {
  return owner.transaction(async (tx) => {
    await takeTurns(tx);
    await grant(tx, role);
  });
}

/** Two servers that start together would else change the same rows of PostgreSQL's catalog at once. */
const takeTurns = (tx: Transaction) => sql`lock table schema_migration in exclusive mode`.execute(tx);

async function grant(tx: Transaction, name: string): Promise<void> {
  const role = sql.id(name);
  const found = await sql<{ schema: string; database: string }>`select current_schema() as schema,
    current_database() as database`.execute(tx);
  const schema = sql.id(found.rows[0]?.schema ?? "public");
  const appendOnly = sql.join(APPEND_ONLY.map((table) => sql.id(table)));
  await sql`grant connect on database ${sql.id(found.rows[0]?.database ?? "")} to ${role}`.execute(tx);
  await sql`grant usage on schema ${schema} to ${role}`.execute(tx);
  await sql`grant select, insert, update, delete on all tables in schema ${schema} to ${role}`.execute(tx);
  await sql`grant usage, select on all sequences in schema ${schema} to ${role}`.execute(tx);
  await sql`revoke all on ${appendOnly}, schema_migration from ${role}`.execute(tx);
  await sql`grant select, insert on ${appendOnly} to ${role}`.execute(tx);
  await sql`grant select on schema_migration to ${role}`.execute(tx);
  // What a newer server's migration adds, this one's role may use at once: a rolling upgrade needs that.
  await sql`alter default privileges in schema ${schema} grant select, insert, update, delete on tables to ${role}`.execute(
    tx,
  );
  await sql`alter default privileges in schema ${schema} grant usage, select on sequences to ${role}`.execute(tx);
}
