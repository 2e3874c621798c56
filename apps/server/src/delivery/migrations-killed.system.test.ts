import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { BuiltServer } from "../testing/built-server.ts";
import { Journey } from "../testing/journey.ts";
import { until } from "../testing/until.ts";

/** SIGKILL while a migration runs: nothing runs twice, nothing is lost, and no lock stays behind. */
const VARIABLE = "SHOP_DATABASE_URL";
let server: BuiltServer;
let journey: Journey<BuiltServer>;
let client: pg.Client;

beforeAll(async () => {
  server = await BuiltServer.start();
  const url = new URL(server.database.ownerUrl);
  const name = `shop-${server.mark}_migrated`;
  const admin = new pg.Client({ connectionString: url.href });
  await admin.connect();
  await admin.query(`create database "${name}"`);
  await admin.end();
  url.pathname = `/${name}`;
  client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query("create table ran (file text); create table go (file text); create table lead (mail text)");
  server.also = { [VARIABLE]: url.href };
  await server.kill();
  await server.start();
  journey = await Journey.beginIn(server, {
    gates: [{ name: "schema", kind: "migrations", folder: "db", databaseUrlVariable: VARIABLE }],
    strategy: { kind: "all_at_once", batch: { when: "off" } },
  });
});
afterAll(async () => {
  await client.end();
  await journey.end();
});
beforeEach(() => mkdirSync(join(journey.workload.root, "app", "db"), { recursive: true }));

const migration = (file: string, text: string) => writeFileSync(join(journey.workload.root, "app", "db", file), text);
/** Notes that it ran, then stays until it may go on. */
const staying = (file: string) =>
  `insert into ran values ('${file}');
   do $$ begin while not exists (select 1 from go where file = '${file}') loop perform pg_sleep(0.1); end loop; end $$;\n`;
const goOn = (file: string) => client.query("insert into go values ($1)", [file]);
const timesRan = async (file: string) => (await client.query("select 1 from ran where file = $1", [file])).rows.length;
/** The process of PostgreSQL's that runs it. */
const staysIn = async () =>
  (
    await client.query<{ pid: number }>(
      "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()",
    )
  ).rows.map(({ pid }) => pid);
const untilStaying = () => until("the migration runs", async () => (await staysIn())[0]);
async function endsWell(deployment: string, file: string): Promise<void> {
  await journey.drive(await journey.rolloutOf(deployment), {}, "completed");
  const noted = await client.query("select 1 from latchkey_migration where file = $1", [file]);
  expect(noted.rows).toHaveLength(1);
  const { items } = await journey.owner.listMigrations({ params: { project: "main", service: journey.workload.name } });
  expect(items[0]?.migrations.find((m) => m.file === file)).toMatchObject({ state: "applied" });
  const entries = await until("it is in the ledger", async () => {
    const query = { type: "delivery.migration.applied" };
    const page = await journey.owner.listLedger({ params: { project: "main" }, query });
    const own = page.items.filter((entry) => (entry.data as { file?: string }).file === file);
    return own.length > 0 && own;
  });
  expect(entries).toHaveLength(1);
  const locks = await client.query(
    "select 1 from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
  );
  expect(locks.rows).toEqual([]);
}

it("in the middle of a transaction: what it had done is undone, and it runs once", async () => {
  migration("0001-stay.sql", staying("0001-stay.sql"));
  const deployment = await journey.ship();
  const dead = await untilStaying();
  await server.kill();
  await server.start();
  // The dead server's statement would stay for ever: PostgreSQL has to notice, or the lock is never free.
  await until("only the next server's runs", async () => {
    const pids = await staysIn();
    return pids.length === 1 && pids[0] !== dead;
  });
  await goOn("0001-stay.sql");
  await endsWell(deployment, "0001-stay.sql");
  expect(await timesRan("0001-stay.sql")).toBe(1);
});

it("after it was committed and before that was written down here: it does not run again", async () => {
  const file = "0002-commit.sql";
  migration(file, staying(file));
  const deployment = await journey.ship();
  await untilStaying();
  // Our note of it has to wait for this row.
  const holder = await server.database.pool.connect();
  await holder.query("begin");
  await holder.query("select 1 from workload_migration where file = $1 for update", [file]);
  await goOn(file);
  await until("it is committed", async () => {
    const noted = await client.query("select 1 from latchkey_migration where file = $1", [file]);
    return noted.rows.length > 0;
  });
  await server.kill();
  const found = await holder.query<{ state: string }>("select state from workload_migration where file = $1", [file]);
  expect(found.rows).toEqual([{ state: "running" }]);
  await holder.query("rollback");
  holder.release();
  await server.start();
  await endsWell(deployment, file);
  expect(await timesRan(file)).toBe(1);
});

it("with an index half made: it is made anew, once", async () => {
  const file = "0003-index.sql";
  migration(file, "-- latchkey: no transaction\ncreate index concurrently lead_mail on lead (mail);\n");
  const writer = new pg.Client({ connectionString: server.also[VARIABLE] ?? "" });
  await writer.connect();
  // An index is made concurrently only once all who write have ended.
  await writer.query("begin");
  await writer.query("insert into lead values ('a')");
  const deployment = await journey.ship();
  const valid = async () =>
    (
      await client.query<{ indisvalid: boolean }>(
        "select indisvalid from pg_index where indexrelid = to_regclass('lead_mail')",
      )
    ).rows[0]?.indisvalid;
  await until("half an index is there", async () => (await valid()) === false);
  await server.kill();
  await writer.query("commit");
  await writer.end();
  await server.start();
  await endsWell(deployment, file);
  expect(await valid()).toBe(true);
});
