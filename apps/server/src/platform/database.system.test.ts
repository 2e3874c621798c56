import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dropDatabasesNamed, type TestDatabase, testDatabase } from "../testing/database.ts";
import { until } from "../testing/until.ts";
import { createDatabaseIfMissing, databaseNameOf, isPassing } from "./database.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  await database.drop();
  await dropDatabasesNamed(marked);
});
const marked = `made-${process.pid}`;

describe("a transaction", () => {
  it("is tried again when PostgreSQL ends it for a deadlock", async () => {
    await sql`create table pair (id integer primary key, n integer not null)`.execute(database.owner.db);
    await sql`insert into pair values (1, 0), (2, 0)`.execute(database.db);
    let held = 0;
    let release = () => {};
    const bothHold = new Promise<void>((resolve) => {
      release = resolve;
    });
    const add = (first: number, second: number) =>
      database.transaction(async (tx) => {
        await sql`update pair set n = n + 1 where id = ${first}`.execute(tx);
        held += 1;
        if (held === 2) release();
        await bothHold;
        await sql`update pair set n = n + 1 where id = ${second}`.execute(tx);
      });
    await Promise.all([add(1, 2), add(2, 1)]);
    // Two that wait for each other: one was ended and tried again, so that both have counted, and it began three times.
    expect((await sql`select n from pair`.execute(database.db)).rows).toEqual([{ n: 2 }, { n: 2 }]);
    expect(held).toBe(3);
  });

  it("is not tried again for any other error", async () => {
    let tries = 0;
    const failing = database.transaction(async () => {
      tries += 1;
      throw new Error("a bug");
    });
    await expect(failing).rejects.toThrow("a bug");
    expect(tries).toBe(1);
  });
});

describe("a connection that ends while it is used", () => {
  it("fails what used it as something that passes, and ends nothing else", async () => {
    const cut = database.transaction(async (tx) => {
      const own = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      const { pool } = database.owner;
      const isThere = async () =>
        (await pool.query("select 1 from pg_stat_activity where pid = $1", [own.rows[0]?.pid])).rows.length > 0;
      await pool.query("select pg_terminate_backend($1)", [own.rows[0]?.pid]);
      await until("PostgreSQL has ended it", async () => !(await isThere()));
      await sql`select 1`.execute(tx);
    });
    const error = await cut.catch((reason: unknown) => reason);
    expect(isPassing(error), String(error)).toBe(true);
    expect((await sql`select 1 as n`.execute(database.db)).rows).toEqual([{ n: 1 }]);
  });

  it("is ended by PostgreSQL when a transaction stands still, sooner than a lease expires", async () => {
    const { rows } = await sql<{
      ms: string;
    }>`select setting as ms from pg_settings where name = 'idle_in_transaction_session_timeout'`.execute(database.db);
    expect(Number(rows[0]?.ms)).toBeGreaterThan(0);
    expect(Number(rows[0]?.ms)).toBeLessThan(6_000);
  });
});

describe("the databases of services", () => {
  it("are made once, also when several ask at the same time", async () => {
    const name = `${marked}_production`;
    const urls = await Promise.all([1, 2, 3, 4].map(() => createDatabaseIfMissing(database.ownerUrl, name)));
    expect(new Set(urls).size).toBe(1);
    expect(new URL(urls[0] ?? "").pathname).toBe(`/${name}`);
  });

  it("are never shared by two services or environments, and have names that PostgreSQL keeps whole", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{1,38}[a-z0-9]$/);
    fc.assert(
      fc.property(name, name, name, name, (a, b, c, d) => {
        expect(databaseNameOf(a, b).length).toBeLessThanOrEqual(63);
        expect(databaseNameOf(a, b) === databaseNameOf(c, d)).toBe(a === c && b === d);
      }),
    );
    expect(databaseNameOf("leads", "eu-production")).not.toBe(databaseNameOf("leads-eu", "production"));
    const long = "a".repeat(40);
    expect(databaseNameOf(long, `${"b".repeat(30)}x`)).not.toBe(databaseNameOf(long, `${"b".repeat(30)}y`));
    expect(databaseNameOf("leads", "production")).toBe("leads_production");
  });
});
