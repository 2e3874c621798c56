import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Product, type Started, until } from "./product.testkit.ts";

/** The whole product with its embedded PostgreSQL: backed up while visitors come, restored, and on with the gateway. */
const product = new Product();
let started: Started;
let file = "";
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
}, 60_000);

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
  const phrase = join(product.home, "phrase");
  writeFileSync(phrase, "a passphrase of many words\n");
  file = join(product.home, "copy.tar");
  const said = await product.cli("backup", "--to", file, "--passphrase-file", phrase, "--json");
  const backup = JSON.parse(said) as {
    id: string;
    verification: { state: string };
    contents: { keys: string[]; notIncluded: string[] };
  };
  expect(backup.verification.state).toBe("verified");
  expect(backup.contents).toMatchObject({ notIncluded: ["tiny_production"] });
  expect(backup.contents.keys).toContain("ledger.key");
  const kept = readFileSync(join(product.dir, "backups", `${backup.id}.tar`));
  expect(createHash("sha256").update(readFileSync(file)).digest("hex")).toBe(
    createHash("sha256").update(kept).digest("hex"),
  );
  expect(await product.cli("backups")).toContain("verified");
}, 60_000);

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
  const said = await product.cli("restore", file, "--yes");
  expect(said).toContain("The ledger forks");
  expect(said).toContain("latchkey_before_restore_");
  expect(said).toContain("databases of the workloads (tiny_production)");
  expect(product.processes()).toEqual([]);
  started = await product.up();
  await until("the gateway serves v1", async () => (await serves()) === "v1" || null, ROLLOUT_MS);
  expect(generation().epoch).toBeGreaterThan(ahead.epoch);
  expect(await product.cli("verify-ledger")).toContain("none missing or changed");
  expect(await product.cli("ledger", "list", "platform.restored")).toContain("platform.restored");
  product.write("v3");
  await shipped();
  await until("the gateway serves v3", async () => (await serves()) === "v3" || null, ROLLOUT_MS);
}, 170_000);
