import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BaselineResult } from "@latchkey/api/migrations";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

/** A database as people make one by hand, with a platform's own schemas, and the scripts that nobody knows the order of. */
const VARIABLE = "LATCHKEY_TEST_HAND_MADE_URL";
const SCRIPTS = new URL("../../../cli/fixtures/harbour-lane/database/", import.meta.url).pathname;
const SUPABASE = `create schema auth; create table auth.users (id uuid primary key);
  create schema storage; create table storage.objects (id uuid primary key)`;
let journey: Journey;
let client: pg.Client;
const params = () => ({ project: "main", service: journey.workload.name });

beforeAll(async () => {
  journey = await Journey.begin();
  const url = new URL(journey.installation.database.ownerUrl);
  const name = `hand_made_${journey.installation.mark}`;
  const server = new pg.Client({ connectionString: url.href });
  await server.connect();
  await server.query(`create database ${name}`);
  await server.end();
  url.pathname = `/${name}`;
  process.env[VARIABLE] = url.href;
  client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query(SUPABASE);
  // What they ran: the second script, then the rights. The first never ran.
  for (const file of ["FINAL_schema_v2.sql", "fix-rls.sql"])
    await client.query(readFileSync(join(SCRIPTS, file), "utf8"));
  await client.query("create table scratch (id int); insert into leads (full_name) values ('Ada')");
  await journey.workload.apply({
    gates: [{ name: "schema", kind: "migrations", folder: "db", databaseUrlVariable: VARIABLE }],
    strategy: { kind: "all_at_once", batch: { when: "off" } },
  });
  cpSync(SCRIPTS, join(journey.workload.root, "app", "db"), { recursive: true });
});
afterAll(async () => {
  await client.end();
  delete process.env[VARIABLE];
  await journey.end();
});

const db = () => join(journey.workload.root, "app", "db");
const files = () => readdirSync(db()).map((file) => ({ file, text: readFileSync(join(db(), file), "utf8") }));
const baseline = (more: object = {}): Promise<BaselineResult> =>
  journey.owner.baselineSchema({ params: params(), body: { environment: "production", files: files(), ...more } });
const undo = () =>
  journey.owner.undoBaseline({ params: params(), body: { environment: "production", reason: "the wrong folder" } });
const marks = async () =>
  (await client.query<{ there: boolean }>("select to_regclass('latchkey_migration') is not null as there")).rows[0]
    ?.there
    ? (await client.query<{ file: string }>("select file from latchkey_migration order by file")).rows.map(
        (r) => r.file,
      )
    : null;
const entries = async (type: string) =>
  (await journey.owner.listLedger({ params: { project: "main" }, query: { type } })).items;

it("what the scripts make and the database does not have is told by file, line and object; nothing is written", async () => {
  const seen = await baseline();
  expect(seen.state).toBe("differs");
  const told = seen.differences.items.map((d) => `${d.file}:${d.line} ${d.object}: ${d.words}`);
  const other = "FINAL_schema_v2.sql:3 makes the same table in another way.";
  expect(told).toEqual([
    `schema.sql:2 column leads.created_at: It is not in the database. ${other}`,
    `schema.sql:2 column leads.id: The file says uuid; in the database it is int8. ${other}`,
    `schema.sql:2 column leads.name: It is not in the database. ${other}`,
    "schema.sql:8 table profiles: It is not in the database.",
  ]);
  // The platform's own tables are nobody's to explain.
  expect(seen.unexplained.items).toEqual(["table scratch"]);
  expect(await marks()).toBeNull();
  const noReason = await problemOf(baseline({ accept: true }));
  expect(noReason).toMatchObject({ code: "LK_INVALID", fields: [{ field: "reason" }] });
});

it("is taken with a reason, is in the ledger, and taken again it does nothing", async () => {
  const reason = "schema.sql never ran";
  expect(await baseline({ accept: true, reason })).toMatchObject({ state: "baselined" });
  expect(await marks()).toEqual(["FINAL_schema_v2.sql", "fix-rls.sql", "schema.sql"]);
  expect(await baseline({ accept: true, reason })).toMatchObject({ state: "was_baselined" });
  const begun = await until("it is in the ledger", async () => (await entries("delivery.baseline.begun"))[0]);
  expect(begun.data).toMatchObject({ reason, differences: [{}, {}, {}, {}] });
  expect(await entries("delivery.baseline.taken")).toHaveLength(1);
  const [schema] = (await journey.owner.listMigrations({ params: params() })).items;
  expect(schema?.baseline).toMatchObject({ state: "taken", reason });
  expect(schema?.migrations.map((m) => m.state)).toEqual(["applied", "applied", "applied"]);
});

it("a server that died while it took one leaves it unfinished: nothing migrates until it is taken again", async () => {
  // As a crash between our note and the workload's database leaves it.
  await journey.installation.database.pool.query("update workload_baseline set state = 'taking'");
  await client.query("delete from latchkey_migration");
  const ended = await journey.untilDeployment(await journey.ship(), "failed_gate");
  expect(ended.words).toContain("begun and not finished");
  expect(await marks()).toEqual([]);
  expect(await baseline({ accept: true, reason: "again" })).toMatchObject({ state: "baselined" });
  expect(await marks()).toHaveLength(3);
});

it("the schema as it is, dumped, is a baseline without a difference; without pg_dump that is said", async () => {
  const dump = () => journey.owner.dumpSchema({ params: params(), query: { environment: "production" } });
  const path = process.env.PATH;
  process.env.PATH = "/nowhere";
  const none = await problemOf(dump());
  process.env.PATH = path;
  expect(none).toMatchObject({ code: "LK_WORKLOAD_DATABASE", detail: expect.stringContaining("There is no pg_dump") });
  const asked = await dump().then(
    ({ sql }) => sql,
    (error: Error) => error.message,
  );
  const isThere = spawnSync("pg_dump", ["--version"]).status === 0;
  if (!isThere || asked.includes("server version mismatch")) {
    // An older pg_dump than the server is told by pg_dump's own words.
    expect(asked).toMatch(/There is no pg_dump|server version mismatch/);
    return;
  }
  expect(asked).not.toMatch(/latchkey_migration|auth\.users|CREATE SCHEMA storage/);
  const seen = await baseline({ files: [{ file: "0000-schema.sql", text: asked }], dryRun: true });
  expect(seen).toMatchObject({ state: "compared", differences: { total: 0 }, unexplained: { total: 0 } });
});

it("can be taken back, and taken anew", async () => {
  expect(await undo()).toMatchObject({ words: expect.stringContaining("taken back") });
  expect(await marks()).toEqual([]);
  expect((await journey.owner.listMigrations({ params: params() })).items[0]).toMatchObject({
    ...{ baseline: null, migrations: [] },
  });
  expect(await problemOf(undo())).toMatchObject({ code: "LK_INVALID" });
  expect(await baseline({ accept: true, reason: "as it is" })).toMatchObject({ state: "baselined" });
});

it("its files never run: only what comes after them does, after which it stays", async () => {
  mkdirSync(db(), { recursive: true });
  writeFileSync(join(db(), "z-0001-phone.sql"), "alter table leads add column phone text;\n");
  const rollout = await journey.rolloutOf(await journey.ship());
  await journey.drive(rollout, {}, "completed");
  // `FINAL_schema_v2.sql` drops the table, had it run.
  expect((await client.query("select full_name, phone from leads")).rows).toEqual([{ full_name: "Ada", phone: null }]);
  expect(await problemOf(undo())).toMatchObject({ code: "LK_MIGRATED", detail: expect.stringContaining("z-0001") });
  expect(await marks()).toHaveLength(4);
});

it("a file that was taken and then changed is told before anything runs", async () => {
  writeFileSync(join(db(), "schema.sql"), "create table other (id int);\n");
  const ended = await journey.untilDeployment(await journey.ship(), "failed_gate");
  expect(ended.words).toContain("schema.sql was changed after it ran");
});
