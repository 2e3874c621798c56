import { cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MIGRATIONS_DIR, type TestDatabase, testDatabase } from "../testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { openDatabase } from "./database.ts";
import { migrate } from "./migrate.ts";

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

  it("refuse a database that a newer version has migrated, and say what to do", async () => {
    await migrate(database, dir);
    await sql`insert into schema_migration (name) values ('9999-of-tomorrow.sql')`.execute(database.db);
    await expect(migrate(database, dir)).rejects.toThrow(/newer Latchkey \(9999-of-tomorrow.sql\).*restore a backup/);
  });

  it("change nothing in a database that a newer version has migrated", async () => {
    await migrate(database, dir);
    await sql`insert into schema_migration (name) values ('9999-of-tomorrow.sql')`.execute(database.db);
    writeFileSync(join(dir, "9001-of-today.sql"), "create table of_today (n integer);");
    await expect(migrate(database, dir)).rejects.toThrow("newer Latchkey");
    await expect(sql`select * from of_today`.execute(database.db)).rejects.toThrow("of_today");
  });

  it("take only numbered SQL files", async () => {
    writeFileSync(join(dir, "notes.sql"), "drop table ledger_entry;");
    mkdirSync(join(dir, "old"));
    expect(await migrate(database, dir)).toEqual(shipped);
  });
});
