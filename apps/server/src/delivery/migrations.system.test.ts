import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

/** The database that the gate migrates: one of the installation's own server, named by a variable. */
const VARIABLE = "LATCHKEY_TEST_MIGRATED_URL";
let journey: Journey;
let client: pg.Client;
const WINDOW_MS = 600_000;

beforeAll(async () => {
  journey = await Journey.begin();
  const url = new URL(journey.installation.database.ownerUrl);
  const name = `migrated_${journey.installation.mark}`;
  const server = new pg.Client({ connectionString: url.href });
  await server.connect();
  await server.query(`create database ${name}`);
  await server.end();
  url.pathname = `/${name}`;
  process.env[VARIABLE] = url.href;
  client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await apply(WINDOW_MS);
});
afterAll(async () => {
  await client.end();
  delete process.env[VARIABLE];
  await journey.end();
});

const apply = (windowMs: number) =>
  journey.workload.apply({
    gates: [{ name: "schema", kind: "migrations", folder: "db", databaseUrlVariable: VARIABLE }],
    strategy: { kind: "all_at_once", batch: { when: "off" } },
    rollback: { windowMs },
  });
const migration = (file: string, text: string) => {
  mkdirSync(join(journey.workload.root, "app", "db"), { recursive: true });
  writeFileSync(join(journey.workload.root, "app", "db", file), text);
};
const columns = async () =>
  (
    await client.query<{ name: string }>(
      "select column_name as name from information_schema.columns where table_name = 'lead' order by 1",
    )
  ).rows.map((row) => row.name);
const params = () => ({ project: "main", service: journey.workload.name });
const entries = async (type: string) =>
  (await journey.owner.listLedger({ params: { project: "main" }, query: { type } })).items;
const shipped = async () => {
  const rollout = await journey.rolloutOf(await journey.ship());
  return (await journey.drive(rollout, {}, "completed")).canary.id;
};
const status = () => journey.owner.listMigrations({ params: params() });
const ids: string[] = [];

describe("migrations of a release", () => {
  beforeEach(() => migration("0001-lead.sql", "create table lead (id int primary key, mail text);\n"));

  it("run before it starts, and are in the ledger", async () => {
    ids.push(await shipped());
    expect(await columns()).toEqual(["id", "mail"]);
    const applied = await until("it is in the ledger", async () => (await entries("delivery.migration.applied"))[0]);
    expect(applied.data).toMatchObject({ file: "0001-lead.sql", phase: "expand", releaseId: ids[0] });
  });

  it("that are dangerous stop it by file and line, and change nothing", async () => {
    migration("0002-mail.sql", "-- a comment\n\nalter table lead add column phone text not null;\n");
    const ended = await journey.untilDeployment(await journey.ship(), "failed_gate");
    expect(ended.words).toContain("0002-mail.sql:3 not_null_without_default");
    expect(await columns()).toEqual(["id", "mail"]);
  });

  it("that fail stop it, and change nothing", async () => {
    migration("0002-mail.sql", "alter table lead add column phone text;\nselect 1 / 0;\n");
    const ended = await journey.untilDeployment(await journey.ship(), "failed_gate");
    expect(ended.words).toContain("division by zero");
    expect(await columns()).toEqual(["id", "mail"]);
    const failed = await until("it is in the ledger", async () => (await entries("delivery.migration.failed"))[0]);
    expect(failed.data).toMatchObject({ file: "0002-mail.sql" });
  });

  it("wait for who holds the table, and run once it is free", async () => {
    migration("0002-mail.sql", "alter table lead add column email text;\n");
    await client.query("begin; lock table lead in access share mode");
    const deployment = await journey.ship();
    await until("the migration waits for the lock", async () => {
      const found = await client.query("select 1 from pg_locks where not granted and mode = 'AccessExclusiveLock'");
      return found.rows.length > 0;
    });
    await client.query("commit");
    const rollout = await journey.rolloutOf(deployment);
    ids.push((await journey.drive(rollout, {}, "completed")).canary.id);
    expect(await columns()).toEqual(["email", "id", "mail"]);
  });

  it("that only take away wait for the rollback window; until then every way back is open", async () => {
    migration("0003-contract-mail.sql", "alter table lead drop column mail;\n");
    ids.push(await shipped());
    expect(await columns()).toEqual(["email", "id", "mail"]);
    const made = await journey.owner.rollBack({
      params: params(),
      body: { environment: "production", reason: "try", releaseId: ids[1] ?? "" },
    });
    await journey.drive(await journey.rolloutOf(made.id), {}, "completed");
    await journey.owner.resumeDeployments({ params: params(), body: { environment: "production", reason: "on" } });
    ids.push(await shipped());
    expect(await columns()).toContain("mail");
  });

  it("are planned before there is a release: what runs, what waits for what, what is refused, how large tables are", async () => {
    await client.query("insert into lead (id) select generate_series(1, 500); analyze lead");
    const folder = join(journey.workload.root, "app", "db");
    const files = readdirSync(folder).map((file) => ({ file, text: readFileSync(join(folder, file), "utf8") }));
    const planned = await journey.owner.planMigrations({
      params: params(),
      body: {
        environment: "production",
        files: [
          ...files,
          { file: "0004-phone.sql", text: "alter table lead add column fax text;\n" },
          { file: "0005-index.sql", text: "create index lead_fax on lead (fax);\n" },
          { file: "0006-contract-fax.sql", text: "alter table lead drop column fax;\n" },
        ],
      },
    });
    expect(planned.blocked).toBeNull();
    expect(planned.files.map((f) => `${f.file} ${f.state}`)).toEqual([
      ...["0001-lead.sql applied", "0002-mail.sql applied", "0003-contract-mail.sql waits", "0004-phone.sql runs"],
      ...["0005-index.sql refused", "0006-contract-fax.sql waits"],
    ]);
    expect(planned.files[3]?.tables).toEqual([{ table: "public.lead", rows: 500, bytes: expect.any(Number) }]);
    expect(planned.files[4]?.findings).toMatchObject([{ line: 1, rule: "index" }]);
    expect(planned.files[2]?.words).toMatch(/rollback window/);
    expect(planned.files[5]?.words).toMatch(/serves and does not know this file/);
    expect(await columns()).toEqual(["email", "id", "mail"]);
    await client.query("delete from lead");
  });

  it("run on a person's word before the window ends; then no release that needs what is gone is served, and machines wait", async () => {
    const { next } = (await status()).items[0] ?? {};
    expect(next?.file).toBe("0003-contract-mail.sql");
    expect(next?.waits).toMatch(/rollback window/);
    const wrong = journey.owner.contractSchema({
      params: params(),
      body: { environment: "production", file: "0009.sql", reason: "no" },
    });
    expect(await problemOf(wrong)).toMatchObject({ code: "LK_INVALID", fields: [{ field: "file" }] });
    await journey.owner.contractSchema({
      params: params(),
      body: { environment: "production", file: "0003-contract-mail.sql", reason: "nobody reads it" },
    });
    await until("the contract ran", async () => !(await columns()).includes("mail"));
    const refused = await problemOf(
      journey.owner.rollBack({
        params: params(),
        body: { environment: "production", reason: "wrong prices", releaseId: ids[1] ?? "" },
      }),
    );
    expect(refused).toMatchObject({ code: "LK_SCHEMA_CONTRACTED" });
    expect(refused.detail).toContain("0003-contract-mail.sql");
    const { items } = await journey.owner.listDeploymentPauses({ params: { project: "main" } });
    expect(items[0]?.reason).toContain("0003-contract-mail.sql");
    const refusal = await until(
      "the refusal is in the ledger",
      async () => (await entries("delivery.rollback.refused"))[0],
    );
    expect(refusal.data).toMatchObject({ code: "LK_SCHEMA_CONTRACTED", migration: "0003-contract-mail.sql" });

    const old = await journey.owner.ship({
      params: params(),
      body: { environment: "production", releaseId: ids[1] ?? "" },
    });
    expect((await journey.untilDeployment(old.id, "failed_gate")).words).toContain("LK_SCHEMA_CONTRACTED");
  });

  it.each([
    ["nobody answers", (url: URL) => Object.assign(url, { port: "9" }), /can't be reached: .*It was tried 6 times/],
    ["the user is not known", (url: URL) => Object.assign(url, { username: "nobody-there" }), /refuses the user/],
    ["there is no such database", (url: URL) => Object.assign(url, { pathname: "/nowhere" }), /no database nowhere/],
  ])("say what is wrong with the database, and that nothing was checked: %s", async (_name, change, words) => {
    const right = process.env[VARIABLE] ?? "";
    process.env[VARIABLE] = change(new URL(right)).href;
    const ended = await journey.untilDeployment(await journey.ship(), "failed_gate");
    process.env[VARIABLE] = right;
    expect(ended.gates.at(-1)).toMatchObject({ status: "could_not_run", words: expect.stringMatching(words) });
  });

  it("refuse a file that was changed after it ran", async () => {
    migration("0002-mail.sql", "alter table lead add column email varchar(10);\n");
    const ended = await journey.untilDeployment(await journey.ship(), "failed_gate");
    expect(ended.words).toContain("0002-mail.sql was changed after it ran");
  });
});
