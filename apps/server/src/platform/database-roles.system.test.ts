import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { administer, MIGRATIONS_DIR, type TestDatabase, testDatabase } from "../testing/database.ts";
import { type Database, openDatabase } from "./database.ts";
import { APPEND_ONLY, prepareDatabase, protectionOf, serverRoleUrl } from "./database-roles.ts";

const log = pino({ level: "silent" });
let database: TestDatabase;
let opened: Database[] = [];
let roles: string[] = [];
const open = (url: string): Database => {
  const made = openDatabase(url, { max: 2 });
  opened.push(made);
  return made;
};
const userOf = (url: string) => new URL(url).username;

/** With a password, also where the PostgreSQL of the tests trusts everybody. */
let ownerUrl: string;
beforeEach(async () => {
  database = await testDatabase();
  const address = new URL(database.ownerUrl);
  address.password ||= "trusted";
  ownerUrl = address.toString();
});
afterEach(async () => {
  await Promise.all(opened.map((one) => one.close()));
  await database.drop();
  for (const role of roles)
    await administer(ownerUrl.replace(/\/[^/]+$/, "/postgres"), (client) =>
      client.query(`drop role if exists "${role}"`),
    );
  opened = [];
  roles = [];
});

/** What a server is given that starts with the owner's address alone. */
async function prepared(owner: string, serverUrl: string | null = null): Promise<string> {
  const url = await prepareDatabase({ ownerUrl: owner, serverUrl, migrations: MIGRATIONS_DIR, self: "srv_test", log });
  if (userOf(url) !== userOf(owner)) roles.push(userOf(url));
  return url;
}
/** A role made by hand, with what it needs to come in. */
async function roleWith(rights: string): Promise<string> {
  const role = `by_hand_${randomBytes(4).toString("hex")}`;
  roles.push(role);
  await administer(database.ownerUrl, (client) => client.query(`create role ${role} login password 'p' ${rights}`));
  const url = new URL(database.ownerUrl);
  Object.assign(url, { username: role, password: "p" });
  return url.toString();
}

describe("the server's own role", () => {
  it("is made with the owner's address alone, the same for every server, and can't change what is append-only", async () => {
    const urls = await Promise.all([prepared(ownerUrl), prepared(ownerUrl)]);
    expect(urls[0]).toBe(urls[1]);
    expect(userOf(urls[0] ?? "")).not.toBe(userOf(ownerUrl));
    const server = open(urls[0] ?? "");
    expect(await protectionOf(server.db)).toEqual({ byRoles: true, remedy: null });
    for (const table of APPEND_ONLY)
      for (const statement of [
        `update ${table} set ${table === "ledger_key" ? "n" : table === "ledger_node" ? "level" : table === "ledger_checkpoint" ? "size" : "sequence"} = 1`,
        `delete from ${table}`,
        `truncate ${table}`,
        `alter table ${table} disable trigger all`,
        `alter table ${table} add column more text`,
        `drop trigger ${table}_frozen on ${table}`,
        `create trigger other before insert on ${table} for each row execute function ledger_refuse()`,
        `drop table ${table}`,
        `alter table ${table} owner to current_user`,
        `set session_replication_role = replica`,
        `set role "${userOf(ownerUrl)}"`,
      ])
        await expect(sql.raw(statement).execute(server.db), statement).rejects.toMatchObject({ code: "42501" });
    await sql`insert into ledger_checkpoint (size, root_hash, note) values (1, '\\x00', '')`.execute(server.db);
  });

  it("has every right on every other table, those of later migrations too, and none on the list of migrations", async () => {
    const server = open(await prepared(ownerUrl));
    const owner = open(ownerUrl);
    await sql`create table of_a_later_version (n bigint generated always as identity primary key, words text)`.execute(
      owner.db,
    );
    await sql`insert into of_a_later_version (words) values ('new')`.execute(server.db);
    const found = await sql<{ name: string; rights: string }>`select c.relname as name, concat(
        case when has_table_privilege(current_user, c.oid, 'SELECT') then 's' end, case when has_table_privilege(current_user, c.oid, 'INSERT') then 'i' end,
        case when has_table_privilege(current_user, c.oid, 'UPDATE') then 'u' end, case when has_table_privilege(current_user, c.oid, 'DELETE') then 'd' end,
        case when has_table_privilege(current_user, c.oid, 'TRUNCATE') then 't' end, case when has_table_privilege(current_user, c.oid, 'TRIGGER') then 'r' end) as rights
      from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace`.execute(server.db);
    const wanted = (name: string) =>
      (APPEND_ONLY as readonly string[]).includes(name) ? "si" : name === "schema_migration" ? "s" : "siud";
    for (const { name, rights } of found.rows) expect(`${name} ${rights}`).toBe(`${name} ${wanted(name)}`);
    expect(found.rows.length).toBeGreaterThan(15);
  });

  it("covers every table that refuses to be changed", async () => {
    const frozen = await sql<{ name: string }>`select distinct tgrelid::regclass::text as name from pg_trigger
      where tgfoid = 'ledger_refuse'::regproc`.execute(database.owner.db);
    expect(frozen.rows.map((row) => row.name).sort()).toEqual([...APPEND_ONLY].sort());
  });

  it("is another for another database, and can't come in where another password of the owner was used", () => {
    const url = serverRoleUrl("postgres://o:secret@db/one");
    expect(url).not.toBe(serverRoleUrl("postgres://o:secret@db/two"));
    expect(userOf(url ?? "")).not.toBe(userOf(serverRoleUrl("postgres://o:secret@db/two") ?? ""));
    expect(url).not.toBe(serverRoleUrl("postgres://o:other@db/one"));
    expect(url).not.toContain("secret");
    expect(serverRoleUrl("postgres://o@db/one")).toBeNull();
  });
});

describe("a role made by hand", () => {
  it("beside the owner's address gets its rights at the start, and the ledger is protected", async () => {
    const url = await roleWith("");
    expect(await prepared(ownerUrl, url)).toBe(url);
    expect(await protectionOf(open(url).db)).toMatchObject({ byRoles: true });
    await expect(sql`delete from ledger_entry`.execute(open(url).db)).rejects.toMatchObject({ code: "42501" });
  });

  it("alone starts where the tables are there already", async () => {
    const url = await roleWith("");
    await prepared(ownerUrl, url);
    expect(await prepared(url)).toBe(url);
    expect(await protectionOf(open(url).db)).toMatchObject({ byRoles: true });
  });

  it("alone and without tables says whose address is missing", async () => {
    const empty = await testDatabase("empty");
    const url = new URL(await roleWith(""));
    url.pathname = new URL(empty.url).pathname;
    await expect(prepared(url.toString())).rejects.toThrow("LATCHKEY_DATABASE_OWNER_URL");
    await empty.drop();
  });

  it("that owns the tables and may not make roles works, and is told to be no protection, with the way there", async () => {
    const url = await roleWith("");
    await administer(database.ownerUrl, (client) =>
      client.query(`do $$ declare t text; begin
        for t in select tablename from pg_tables where schemaname = 'public' loop
          execute format('alter table %I owner to ${userOf(url)}', t);
        end loop; end $$`),
    );
    expect(await prepared(url)).toBe(url);
    const protection = await protectionOf(open(url).db);
    expect(protection.byRoles).toBe(false);
    expect(protection.remedy).toContain("LATCHKEY_DATABASE_OWNER_URL");
  });
});
