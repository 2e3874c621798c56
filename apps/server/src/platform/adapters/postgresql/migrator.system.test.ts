import { phaseOf } from "@latchkey/core/delivery/migrations/schema";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestDatabase, testDatabase } from "../../../testing/database.ts";
import { until } from "../../../testing/until.ts";
import { freePort } from "../local/process-table.ts";
import { postgresqlMigrator } from "./migrator.ts";

const TIMEOUT_MS = 60_000;
let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await testDatabase("empty");
  client = new pg.Client({ connectionString: database.ownerUrl });
  await client.connect();
  await client.query("create table lead (id int primary key, mail text); create table ran (n serial)");
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

const file = (name: string, text: string) => ({ file: name, text, phase: phaseOf(name, text), sha256: name });
const apply = (name: string, text: string) => postgresqlMigrator.apply(database.ownerUrl, file(name, text), TIMEOUT_MS);
const count = async (table: string) =>
  (await client.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n;

it("runs a file once, however many ask at once", async () => {
  const all = await Promise.all([1, 2, 3, 4].map(() => apply("0001.sql", "insert into ran default values")));
  expect(all.map(({ kind }) => kind)).toEqual(["applied", "applied", "applied", "applied"]);
  expect(await count("ran")).toBe(1);
});

it("does not know what came of a connection that is gone; asked again, it runs once", async () => {
  const text = "insert into ran default values; select pg_sleep(60)";
  const lost = apply("0002.sql", text);
  await until("it runs", async () => {
    const found = await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and wait_event = 'PgSleep'",
    );
    return found.rows.length > 0;
  });
  expect((await lost).kind).toBe("lost");
  expect(await count("ran")).toBe(1);
  expect((await apply("0002.sql", "insert into ran default values")).kind).toBe("applied");
  expect((await apply("0002.sql", "insert into ran default values")).kind).toBe("applied");
  expect(await count("ran")).toBe(2);
});

it("makes anew an index that a crash left half made", async () => {
  await client.query("insert into lead values (1, 'a'), (2, 'a')");
  const text = "-- latchkey: no transaction\ncreate unique index concurrently lead_mail on lead (mail);";
  expect(await apply("0003.sql", text)).toMatchObject({ kind: "failed" });
  await client.query("delete from lead where id = 2");
  expect(await apply("0003.sql", text)).toMatchObject({ kind: "applied", isNew: true });
  const found = await client.query("select indisvalid from pg_index where indexrelid = 'lead_mail'::regclass");
  expect(found.rows).toEqual([{ indisvalid: true }]);
});

it("changes nothing of what fails, and says why", async () => {
  const failed = await apply("0004.sql", "alter table lead add column phone text; select 1 / 0");
  expect(failed).toEqual({ kind: "failed", trouble: "failed", words: "division by zero" });
  expect((await client.query("select * from lead")).fields.map(({ name }) => name)).toEqual(["id", "mail"]);
  const applied = await postgresqlMigrator.applied(database.ownerUrl);
  expect(applied.ok && applied.value.map((m) => m.file)).toEqual(["0001.sql", "0002.sql", "0003.sql"]);
});

describe("what keeps it from its work is told by kind, with what to do and without the password", () => {
  const at = (change: (url: URL) => void) => {
    const url = new URL(database.ownerUrl);
    change(url);
    return url.href;
  };
  const troubleAt = async (url: string) => {
    const asked = await postgresqlMigrator.applied(url);
    return asked.ok ? null : asked.error;
  };

  it("nobody there: tried again before it gives up", async () => {
    const port = await freePort();
    const trouble = await troubleAt(
      at((url) => {
        url.port = String(port);
      }),
    );
    expect(trouble).toMatchObject({ kind: "unreachable" });
    expect(trouble?.words).toMatch(/can't be reached: .*ECONNREFUSED.* It was tried 6 times\./);
  });

  it("a wrong user or password, another database: refused at once", async () => {
    const wrong = await troubleAt(
      at((url) => {
        // Refused also by a server that trusts whoever it knows.
        url.username = "nobody-there";
        url.password = "not-the-one";
      }),
    );
    expect(wrong).toMatchObject({ kind: "refused" });
    expect(wrong?.words).toContain("refuses the user nobody-there");
    expect(wrong?.words).not.toContain("not-the-one");
    const other = await troubleAt(
      at((url) => {
        url.pathname = "/nowhere";
      }),
    );
    expect(other).toMatchObject({ kind: "refused", words: expect.stringContaining("There is no database nowhere") });
    expect(await troubleAt("not a url")).toMatchObject({ kind: "refused" });
  });

  it("no rights, too slow, a lock that stays", async () => {
    await client.query("create table theirs (id int); create role nobody_here nologin");
    const mayNot = await apply("0010.sql", "set local role nobody_here; alter table theirs add column a int");
    expect(mayNot).toMatchObject({ kind: "failed", trouble: "no_rights", words: expect.stringContaining("theirs") });
    await client.query("drop role nobody_here");
    const slow = await postgresqlMigrator.apply(database.ownerUrl, file("0011.sql", "select pg_sleep(60)"), 50);
    expect(slow).toMatchObject({ kind: "failed", trouble: "too_slow", words: expect.stringContaining("timeoutMs") });
    const other = new pg.Client({ connectionString: database.ownerUrl });
    await other.connect();
    await other.query("begin; lock table theirs");
    // Its own lock timeout is shorter than the runner's, so that six tries take as long as their rests.
    const locked = await apply("0012.sql", "set local lock_timeout = 20; alter table theirs add column a int");
    await other.end();
    expect(locked).toMatchObject({ kind: "failed", trouble: "locked" });
    expect(locked).toMatchObject({ words: expect.stringMatching(/lock timeout\. .* It was tried 6 times\./) });
  });
});
