import { cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MIGRATIONS_DIR, type TestDatabase, testDatabase } from "../testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { openDatabase } from "./database.ts";
import { checkContracts, migrate, waiting } from "./migrate.ts";
import { beat } from "./servers.ts";

let database: TestDatabase;
let dir: string;
beforeEach(async () => {
  database = await testDatabase("empty");
  dir = join(temporaryDirectory(), "migrations");
  cpSync(MIGRATIONS_DIR, dir, { recursive: true });
});
afterEach(async () => {
  await database.drop();
  removeDirectory(join(dir, ".."));
});
const shipped = readdirSync(MIGRATIONS_DIR).sort();
const applied = async () =>
  (await sql<{ name: string }>`select name from schema_migration order by name`.execute(database.db)).rows.map(
    (row) => row.name,
  );

describe("migrations", () => {
  it("run in order, once", async () => {
    expect(await migrate(database, dir)).toEqual(shipped);
    expect(await migrate(database, dir)).toEqual([]);
    expect(await applied()).toEqual(shipped);
  });

  it("are run once by two servers that start together", async () => {
    const other = openDatabase(database.url);
    const runs = await Promise.all([migrate(database, dir), migrate(other, dir)]).finally(() => other.close());
    expect(runs.flat().sort()).toEqual(shipped);
    expect(await applied()).toEqual(shipped);
  });

  it("leave nothing of a file that fails, keep those before it, and go on once it is mended", async () => {
    const broken = join(dir, "9000-broken.sql");
    writeFileSync(broken, "create table half (n integer); select * from nowhere;");
    await expect(migrate(database, dir)).rejects.toThrow("nowhere");
    expect(await applied()).toEqual(shipped);
    await expect(sql`select * from half`.execute(database.db)).rejects.toThrow("half");
    writeFileSync(broken, "create table whole (n integer);");
    expect(await migrate(database, dir)).toEqual(["9000-broken.sql"]);
  });

  it("leave a database alone to which a newer version has only added, and do their own in it", async () => {
    await migrate(database, dir);
    await sql`insert into schema_migration (name) values ('9999-of-tomorrow.sql')`.execute(database.db);
    expect(await migrate(database, dir)).toEqual([]);
    writeFileSync(join(dir, "9001-of-today.sql"), "create table of_today (n integer);");
    expect(await migrate(database, dir)).toEqual(["9001-of-today.sql"]);
  });

  it("refuse a database from which a newer version has taken something away, say what to do, and change nothing", async () => {
    await migrate(database, dir);
    await sql`insert into schema_migration (name) values ('9999-contract-tomorrow.sql')`.execute(database.db);
    writeFileSync(join(dir, "9001-of-today.sql"), "create table of_today (n integer);");
    await expect(migrate(database, dir)).rejects.toThrow(
      /newer Latchkey.*\(9999-contract-tomorrow.sql\).*restore a backup/,
    );
    await expect(sql`select * from of_today`.execute(database.db)).rejects.toThrow("of_today");
  });

  it("take only numbered SQL files", async () => {
    writeFileSync(join(dir, "notes.sql"), "drop table ledger_entry;");
    mkdirSync(join(dir, "old"));
    expect(await migrate(database, dir)).toEqual(shipped);
  });
});

describe("a contract migration", () => {
  const OLD = {
    id: "srv_old",
    version: "1.0.0",
    newestMigration: "8999-of-yesterday.sql",
    machine: "m1",
    sharedFolder: "dir_1",
  };
  const contract = "9002-contract-narrow.sql";
  beforeEach(async () => {
    await migrate(database, dir);
    writeFileSync(join(dir, "9001-wide.sql"), "create table wide (kept integer, dropped integer);");
    writeFileSync(join(dir, contract), "alter table wide drop column dropped;");
  });
  const stands = async () => (await sql`select dropped from wide`.execute(database.db).catch(() => null)) !== null;

  it("runs like any other when no older server lives", async () => {
    await beat(database.db, { ...OLD, newestMigration: contract }, true);
    expect(await migrate(database, dir)).toEqual(["9001-wide.sql", contract]);
    expect(await stands()).toBe(false);
  });

  it("waits while an older server lives, says for which, and runs when that is gone", async () => {
    await beat(database.db, OLD, true);
    expect(await migrate(database, dir, "srv_new")).toEqual(["9001-wide.sql"]);
    expect(await stands()).toBe(true);
    expect(await waiting(database.db, dir, "srv_new")).toMatchObject([
      { name: contract, servers: [{ id: "srv_old" }] },
    ]);
    await sql`update server set seen_at = now() - interval '1 minute'`.execute(database.db);
    expect(await migrate(database, dir, "srv_new")).toEqual([contract]);
    expect(await stands()).toBe(false);
  });

  it("does not wait for what the server itself was before it was upgraded", async () => {
    await beat(database.db, OLD, true);
    expect(await migrate(database, dir, OLD.id)).toEqual(["9001-wide.sql", contract]);
  });

  it("is refused with the servers' names when something behind it is needed, and nothing is changed", async () => {
    await beat(database.db, OLD, true);
    writeFileSync(join(dir, "9003-behind.sql"), "create table behind (n integer);");
    await expect(migrate(database, dir, "srv_new")).rejects.toThrow(
      /9002-contract-narrow.sql takes away.*srv_old \(1\.0\.0, on machine m1\).*needs 9003-behind.sql/,
    );
    expect(await applied()).toEqual(shipped);
  });

  it("and an older server's start never pass each other: one of them gives way", async () => {
    const other = openDatabase(database.url);
    const starting = async () => {
      await beat(other.db, OLD, true);
      await checkContracts(other.db, MIGRATIONS_DIR);
    };
    const [migrated, started] = await Promise.allSettled([migrate(database, dir), starting()]);
    await other.close();
    expect(migrated.status).toBe("fulfilled");
    expect(started.status === "fulfilled").toBe(await stands());
  });
});
