import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { eachRow } from "./copy-rows.ts";
import { type Database, openDatabase } from "./database.ts";
import { askPrepared, sendWithCommit } from "./postgres-driver.ts";

let database: TestDatabase;
/** One connection: what is done to it meets whoever comes next. */
let one: Database;
beforeEach(async () => {
  database = await testDatabase("empty");
  await sql`create table thing (name text primary key)`.execute(database.db);
  one = openDatabase(database.url, { max: 1 });
});
afterEach(async () => {
  await one.close();
  await database.drop();
});

const things = async (db = one.db) =>
  (await sql<{ name: string }>`select name from thing order by name`.execute(db)).rows.map((row) => row.name);
const add = (db: Database["db"], name: string) => sendWithCommit(db, sql`insert into thing values (${name})`);

describe("what is sent with the commit", () => {
  it("is there when the transaction has committed, in its order, and not before", async () => {
    await one.transaction(async (tx) => {
      await add(tx, "a");
      await add(tx, "b");
      await sql`insert into thing values ('c')`.execute(tx);
      expect(await things(tx)).toEqual(["c"]);
    });
    expect(await things()).toEqual(["a", "b", "c"]);
  });

  it("undoes everything when it fails; the connection is good for the next", async () => {
    const twice = one.transaction(async (tx) => {
      await sql`insert into thing values ('a')`.execute(tx);
      await add(tx, "b");
      await add(tx, "b");
    });
    await expect(twice).rejects.toMatchObject({ code: "23505" });
    expect(await things()).toEqual([]);
    await one.transaction((tx) => add(tx, "c"));
    expect(await things()).toEqual(["c"]);
  });

  it("goes with its transaction when that is undone", async () => {
    const undone = one.transaction(async (tx) => {
      await add(tx, "a");
      throw new Error("no");
    });
    await expect(undone).rejects.toThrow("no");
    await one.transaction((tx) => add(tx, "b"));
    expect(await things()).toEqual(["b"]);
  });

  it("fails when the connection ends meanwhile, and another takes its place", async () => {
    const cut = one.transaction(async (tx) => {
      await add(tx, "a");
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(database.db);
    });
    await expect(cut).rejects.toThrow();
    await one.transaction((tx) => add(tx, "b"));
    expect(await things()).toEqual(["b"]);
  });
});

describe("prepared statements", () => {
  const count = async (db = one.db) =>
    (await askPrepared(db, sql<{ n: number }>`select count(*)::int as n from thing where name <> ${"x"}`)).rows[0]?.n;
  const kept = async () =>
    (await sql<{ n: number }>`select count(*)::int as n from pg_prepared_statements`.execute(one.db)).rows[0]?.n;
  // What a pooler does that gives each transaction another connection to PostgreSQL.
  const lose = () => sql`deallocate all`.execute(one.db);

  it("are prepared once a connection", async () => {
    for (let i = 0; i < 3; i++) expect(await count()).toBe(0);
    for (const name of ["a", "b"]) await one.transaction((tx) => add(tx, name));
    expect(await kept()).toBe(2);
    expect(await count()).toBe(2);
  });

  it("that a pooler lost are asked without a name from then on, alone, in transactions and with the commit", async () => {
    await count();
    await lose();
    expect(await count()).toBe(0);
    expect(await kept()).toBe(0);
    for (const lost of ["question", "commit"]) {
      const fresh = openDatabase(database.url, { max: 1 });
      const change = (name: string) =>
        fresh.transaction(async (tx) => {
          await add(tx, `${lost} ${name}`);
          return lost === "question" ? count(tx) : null;
        });
      await change("first");
      await sql`deallocate all`.execute(fresh.db);
      await change("second");
      await fresh.close();
    }
    expect(await things()).toEqual(["commit first", "commit second", "question first", "question second"]);
  });

  it("that another has prepared on the connection are no trouble", async () => {
    await count();
    const { rows } = await sql<{ name: string }>`select name from pg_prepared_statements`.execute(one.db);
    const other = openDatabase(database.url, { max: 1 });
    await sql.raw(`prepare ${rows[0]?.name} as select 42`).execute(other.db);
    expect(await count(other.db)).toBe(0);
    await other.close();
  });
});

describe("rows that are copied", () => {
  const copied = async (query: string, limit = Number.POSITIVE_INFINITY) => {
    const rows: string[][] = [];
    await eachRow(one.copyOut(query), ({ bytes, starts, ends }) => {
      rows.push(starts.map((start, i) => bytes.toString("utf8", start, ends[i])));
      return rows.length < limit;
    });
    return rows;
  };

  it("come whole and in order, none and many, small and larger than any piece", async () => {
    expect(await copied("select 'a' where false")).toEqual([]);
    const found = await copied(
      "select i::text, repeat('\u00e4', case when i % 500 = 0 then 200000 else i % 7 end), 'z' from generate_series(1, 2000) as g(i) order by g.i",
    );
    const wanted = Array.from({ length: 2_000 }, (_, i) => i + 1).map((n) => [
      String(n),
      "\u00e4".repeat(n % 500 === 0 ? 200_000 : n % 7),
      "z",
    ]);
    expect(found.map((row) => row.join()).filter((row, i) => row !== wanted[i]?.join())).toEqual([]);
    expect(found.length).toBe(wanted.length);
  });

  it("may be left in the middle, and may fail: the pool goes on", async () => {
    expect(await copied("select n::text from generate_series(1, 1000000) n", 3)).toEqual([["1"], ["2"], ["3"]]);
    await expect(copied("select (1 / (n - 900))::text from generate_series(1, 1000) n")).rejects.toThrow(
      "division by zero",
    );
    await expect(copied("select null")).rejects.toThrow("null");
    expect(await things()).toEqual([]);
  });
});
