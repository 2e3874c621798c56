import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Product, ROOT, type Started, until } from "./product.testkit.ts";

/** The whole product with its embedded PostgreSQL: backed up while visitors come, restored, and on with the gateway. */
const product = new Product();
const another = new Product();
let started: Started;
/** Where the commands are given, and their files are. */
const folder = join(product.home, "app");
const file = join(folder, "copy.tar");
const ROLLOUT_MS = 90_000;

beforeAll(async () => {
  await product.place();
  product.write("v1");
  started = await product.up();
  await product.cli("apply", "--yes");
  await shipped();
  expect(await serves()).toBe("v1");
}, 180_000);

afterAll(async () => {
  await stop();
  product.remove();
  another.remove();
}, 60_000);

/** What the guide tells its readers to type; `latchkey upgrade` is tools/upgrade.test.ts's. */
const GUIDE = readFileSync(join(ROOT, "docs", "guides", "backups.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("    "))
  .map((line) => line.trim().replace(/^[\d* ]+cd \S+ && /, ""))
  .filter((line) => !line.startsWith("npx latchkey upgrade"));
const typed = new Set<string>();

/** Types a line of the guide; a path is a name in the folder of the test. */
async function type(line: string, who = product, ...more: string[]): Promise<string> {
  expect(GUIDE).toContain(line);
  typed.add(line);
  const words = line.replace(/\/[\w./]*\//g, "").split(" ");
  if (words[0] === "npx") return who.cli(...words.slice(2), ...more);
  const done = spawnSync("sh", ["-c", line], { cwd: folder, encoding: "utf8" });
  expect(done.stderr).toBe("");
  return done.stdout;
}

async function stop(): Promise<void> {
  started.child.kill("SIGINT");
  await started.ended;
}

async function serves(): Promise<string> {
  const answer = await fetch(`${product.url}/api/x`, { headers: { connection: "close" } });
  return answer.status === 200 ? answer.text() : `status ${answer.status}`;
}

async function shipped(): Promise<void> {
  const params = { project: "main", service: "tiny" };
  const { id } = await product.client().ship({ params, body: { strategy: "all_at_once" } });
  await until(
    "the deployment's end",
    async () => {
      const seen = await product.client().getDeployment({ params: { project: "main", deploymentId: id } });
      return seen.status === "succeeded" || seen.status === "holdback" || null;
    },
    ROLLOUT_MS,
  );
}
const generation = () =>
  (
    JSON.parse(readFileSync(join(product.dir, "gateway", "routing.json"), "utf8")) as {
      generation: { epoch: number; n: number };
    }
  ).generation;

test("latchkey backup writes a proved copy that names what is not in it, with the keys closed", async () => {
  expect(await type("npx latchkey backup")).toContain("Restored into a scratch database");
  for (const name of ["phrase", "latchkey.phrase"]) writeFileSync(join(folder, name), "a passphrase of many words\n");
  const said = await type("npx latchkey backup --to copy.tar --passphrase-file phrase", product, "--json");
  const backup = JSON.parse(said) as {
    id: string;
    verification: { state: string };
    contents: { keys: string[]; notIncluded: string[] };
  };
  expect(backup.verification.state).toBe("verified");
  expect(backup.contents).toMatchObject({
    notIncluded: ["tiny_production"],
    keys: ["ledger.key", "subjects.key", "webhooks.key"],
  });
  const kept = readFileSync(join(product.dir, "backups", `${backup.id}.tar`));
  expect(createHash("sha256").update(readFileSync(file)).digest("hex")).toBe(
    createHash("sha256").update(kept).digest("hex"),
  );
  const hourly = GUIDE.find((line) => line.includes("/mnt/")) ?? "";
  expect(await type(hourly)).toContain("Restored into a scratch database");
  expect(await type("npx latchkey backups")).toContain("verified");
  expect(JSON.parse(await type("tar -xOf copy.tar manifest.json"))).toMatchObject({ id: backup.id });
  expect(await type("tar -xOf copy.tar tables/service/000001.gz | gunzip")).toContain("tiny");
}, 90_000);

test("latchkey restore refuses while the server runs, and changes nothing", async () => {
  expect(await product.cli("restore", file, "--yes")).toContain("Stop it first");
  expect(await serves()).toBe("v1");
}, 60_000);

test("a restored older state is served again, by a gateway that had gone ahead", async () => {
  product.write("v2");
  await shipped();
  await until("the gateway serves v2", async () => (await serves()) === "v2" || null, ROLLOUT_MS);
  const ahead = generation();
  await stop();
  const said = await type("npx latchkey restore copy.tar", product, "--yes");
  expect(said).toContain("The ledger forks");
  expect(said).toContain("latchkey_before_restore_");
  expect(said).toContain("databases of the workloads (tiny_production)");
  expect(product.processes()).toEqual([]);
  started = await product.up();
  await until("the gateway serves v1", async () => (await serves()) === "v1" || null, ROLLOUT_MS);
  // A release may get the port that the gateway's table of before names: it serves v1 before the newer table is there.
  await until("the gateway follows the newer epoch", async () => generation().epoch > ahead.epoch || null, ROLLOUT_MS);
  expect(await product.cli("ledger", "verify")).toContain("none missing or changed");
  expect(await product.cli("ledger", "list", "platform.restored")).toContain("platform.restored");
  product.write("v3");
  await shipped();
  await until("the gateway serves v3", async () => (await serves()) === "v3" || null, ROLLOUT_MS);
}, 170_000);

test("an empty folder on another machine becomes that installation, with its keys", async () => {
  await another.place();
  another.write("v1");
  for (const name of ["copy.tar", "phrase"])
    writeFileSync(join(another.home, "app", name), readFileSync(join(folder, name)));
  const said = await type("npx latchkey restore copy.tar --passphrase-file phrase", another, "--yes");
  expect(said).toContain("Put back: ledger.key, subjects.key");
  for (const name of ["ledger.key", "subjects.key"])
    expect(readFileSync(join(another.dir, name))).toEqual(readFileSync(join(product.dir, name)));
  await stop();
  started = await another.up();
  expect(await another.cli("ledger", "verify")).toContain("none missing or changed");
  expect(await another.cli("system")).toMatch(/ledger protected by database roles\s*:?\s*yes/i);
}, 170_000);

test("every command of the guide was typed", () => {
  expect(GUIDE.filter((line) => !typed.has(line))).toEqual([]);
});
