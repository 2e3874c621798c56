import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Journey } from "../testing/journey.ts";
import { problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";

/** One column's life: added under a canary, given up, and taken away by itself once nobody can go back. */
const VARIABLE = "LATCHKEY_TEST_STORY_URL";
const HOUR_MS = 3_600_000;
let journey: Journey;
let client: pg.Client;
const ids: string[] = [];
const params = () => ({ project: "main", service: journey.workload.name });

beforeAll(async () => {
  journey = await Journey.begin();
  const url = new URL(journey.installation.database.ownerUrl);
  const name = `story_${journey.installation.mark}`;
  const server = new pg.Client({ connectionString: url.href });
  await server.connect();
  await server.query(`create database ${name}`);
  await server.end();
  url.pathname = `/${name}`;
  process.env[VARIABLE] = url.href;
  client = new pg.Client({ connectionString: url.href });
  await client.connect();
  mkdirSync(join(journey.workload.root, "app", "db"), { recursive: true });
});
afterAll(async () => {
  await client.end();
  delete process.env[VARIABLE];
  await journey.end();
});

const apply = (windowMs: number) =>
  journey.workload.apply({
    gates: [{ name: "schema", kind: "migrations", folder: "db", databaseUrlVariable: VARIABLE }],
    strategy: { holdbackMs: 0 },
    rollback: { windowMs },
  });
const migration = (file: string, text: string) => writeFileSync(join(journey.workload.root, "app", "db", file), text);
const columns = async () =>
  (
    await client.query<{ name: string }>(
      "select column_name as name from information_schema.columns where table_name = 'lead' order by 1",
    )
  ).rows.map(({ name }) => name);
const promoted = async () => {
  const rollout = await journey.rolloutOf(await journey.ship());
  const { id } = (await journey.drive(rollout, {}, "completed")).canary;
  ids.push(id);
  return id;
};
const back = (releaseId: string | undefined) =>
  journey.owner.rollBack({
    params: params(),
    body: { environment: "production", reason: "wrong prices", releaseId: releaseId ?? "" },
  });
const next = async () => (await journey.owner.listMigrations({ params: params() })).items[0]?.next;
const entries = async (type: string) =>
  (await journey.owner.listLedger({ params: { project: "main" }, query: { type } })).items;

it("expands before its canary takes visitors: while it is judged, both releases read the schema", async () => {
  await apply(HOUR_MS);
  migration("0001-lead.sql", "create table lead (id int primary key, mail text);\n");
  await promoted();
  migration("0002-email.sql", "alter table lead add column email text;\n");
  const rollout = await journey.rolloutOf(await journey.ship());
  const seen = await journey.untilRollout(rollout, "progressing");
  expect(await columns()).toEqual(["email", "id", "mail"]);
  expect(seen.baseline?.id).toBe(ids[0]);
  ids.push((await journey.drive(rollout, {}, "completed")).canary.id);
});

it("a contract waits while a canary is judged and while somebody may go back; going back goes through", async () => {
  migration("0003-contract-mail.sql", "alter table lead drop column mail;\n");
  const rollout = await journey.rolloutOf(await journey.ship());
  await journey.untilRollout(rollout, "progressing");
  expect(await next()).toBeNull();
  ids.push((await journey.drive(rollout, {}, "completed")).canary.id);
  expect((await next())?.waits).toMatch(/rollback window/);
  const made = await back(ids[1]);
  await journey.drive(await journey.rolloutOf(made.id), {}, "completed");
  expect(await columns()).toEqual(["email", "id", "mail"]);
  await journey.owner.resumeDeployments({ params: params(), body: { environment: "production", reason: "mended" } });
  await promoted();
  expect(await columns()).toContain("mail");
});

it("with the window over it runs by itself", async () => {
  await apply(0);
  await until("the column is gone", async () => !(await columns()).includes("mail"));
  const applied = await until("it is in the ledger", async () =>
    (await entries("delivery.migration.applied")).find(({ data }) => data.file === "0003-contract-mail.sql"),
  );
  expect(applied).toMatchObject({ actor: { kind: "system" }, data: { phase: "contract" } });
  expect(await entries("delivery.migration.requested")).toEqual([]);
  expect(await next()).toBeNull();
});

it("from then on nobody goes back over it: refused, and machines wait and are told why", async () => {
  const refused = await problemOf(back(ids[1]));
  expect(refused).toMatchObject({ code: "LK_SCHEMA_CONTRACTED", status: 409 });
  expect(refused.detail).toContain("0003-contract-mail.sql");
  const { items } = await journey.owner.listDeploymentPauses({ params: { project: "main" } });
  expect(items).toMatchObject([{ environment: "production", reason: refused.detail }]);
  await until("the refusal is in the ledger", async () => (await entries("delivery.rollback.refused"))[0]);
  const service = await journey.owner.getService({ params: params() });
  expect(service.environments[0]?.serving?.id).toBe(ids[3]);
  // To a release that knows the contract the way stays open.
  await journey.owner.resumeDeployments({ params: params(), body: { environment: "production", reason: "seen" } });
  const made = await back(ids[2]);
  await journey.drive(await journey.rolloutOf(made.id), {}, "completed");
});
