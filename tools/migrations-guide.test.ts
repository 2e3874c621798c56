import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Journey } from "../apps/server/src/testing/journey.ts";
import { until } from "../apps/server/src/testing/until.ts";

/** The commands of docs/guides/database-migrations.md, in their order, on a database that was made by hand. */
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const VARIABLE = "SHOP_DATABASE_URL";
const guide = readFileSync(join(ROOT, "docs", "guides", "database-migrations.md"), "utf8");
const lines = [...guide.matchAll(/^ {4}latchkey (.*)$/gm)].map(([, line = ""]) => line.trim());
let journey: Journey;
let client: pg.Client;

interface Ran {
  readonly exitCode: number | null;
  readonly out: string;
}
/** The guide's service is called shop; the test's has its own name. */
function latchkey(line: string): Promise<Ran> {
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  const argv = words.map((word) => (word === "shop" ? journey.workload.name : word));
  const { dir, url } = journey.installation;
  const child = spawn(process.execPath, [join(ROOT, "tools", "latchkey.mjs"), ...argv], {
    cwd: journey.workload.root,
    env: { PATH: process.env.PATH, HOME: dir, LATCHKEY_DIR: dir, LATCHKEY_URL: url, CI: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (out += part.toString()));
  return new Promise((done) => child.once("close", (exitCode) => done({ exitCode, out })));
}
function next(expected: string): Promise<Ran> {
  expect(lines.shift()).toBe(expected);
  return latchkey(expected);
}

beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(ROOT, "tools", "build.mjs"), "cli"], { encoding: "utf8" });
  expect(built.status, built.stderr).toBe(0);
  journey = await Journey.begin();
  const url = new URL(journey.installation.database.ownerUrl);
  const name = `guide_${journey.installation.mark}`;
  const server = new pg.Client({ connectionString: url.href });
  await server.connect();
  await server.query(`create database ${name}`);
  await server.end();
  url.pathname = `/${name}`;
  process.env[VARIABLE] = url.href;
  client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const config = {
    gates: [{ name: "schema", kind: "migrations" as const, folder: "db/migrations", databaseUrlVariable: VARIABLE }],
    strategy: { kind: "all_at_once" as const, batch: { when: "off" as const } },
  };
  await journey.workload.apply(config);
  const { root } = journey.workload;
  writeFileSync(join(root, "latchkey.config.yaml"), JSON.stringify(journey.workload.config(config)));
  mkdirSync(join(root, "app", "db", "migrations"), { recursive: true });
});
afterAll(async () => {
  await client?.end();
  delete process.env[VARIABLE];
  await journey?.end();
});

const file = (name: string, text: string) =>
  writeFileSync(join(journey.workload.root, "app", "db", "migrations", name), text);
const promoted = async () => journey.drive(await journey.rolloutOf(await journey.ship()), {}, "completed");

test("every command of the guide does what the guide says", async () => {
  await client.query("create table lead (id int, mail text)");
  file("0000-schema.sql", "create table lead (id int, mail text, fax text);\n");
  expect(await next("migrations lint")).toMatchObject({
    exitCode: 0,
    out: expect.stringContaining("nothing dangerous"),
  });
  const planned = await next("migrations plan shop");
  expect(planned, planned.out).toMatchObject({
    exitCode: 0,
    out: expect.stringContaining("1 to run before the canary"),
  });

  const compared = await next("migrations baseline shop --dry-run");
  expect(compared, compared.out).toMatchObject({ exitCode: 0, out: expect.stringContaining("Nothing was written.") });
  expect(compared.out).toContain("0000-schema.sql:1: column lead.fax: It is not in the database.");
  const accept = 'migrations baseline shop --accept --reason "the old schema.sql never ran"';
  const taken = await next(accept);
  expect(taken, taken.out).toMatchObject({
    exitCode: 0,
    out: expect.stringContaining("count as applied in production"),
  });
  const undone = await next('migrations baseline shop --undo --reason "the wrong folder"');
  expect(undone, undone.out).toMatchObject({ exitCode: 0, out: expect.stringContaining("taken back") });
  expect(await latchkey(accept)).toMatchObject({ exitCode: 0 });

  file("0001-phone.sql", "alter table lead add column phone text;\n");
  await promoted();
  file("0007-contract-mail.sql", "alter table lead drop column mail;\n");
  await promoted();
  const seen = await next("migrations shop");
  expect(seen, seen.out).toMatchObject({ exitCode: 0 });
  expect(seen.out).toContain("Next contract: 0007-contract-mail.sql.");
  expect(seen.out).toContain("Baseline: 1 file was taken as applied");
  const asked = await next('contract shop 0007-contract-mail.sql --reason "nobody reads it"');
  expect(asked, asked.out).toMatchObject({ exitCode: 0 });
  await until("the column is gone", async () => {
    const { fields } = await client.query("select * from lead");
    return fields.map(({ name }) => name).join() === "id,phone";
  });
  expect(lines).toEqual([]);
});
