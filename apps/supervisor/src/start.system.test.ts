import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { explainInstall } from "../../../tools/install.mjs";
import { complaintAbout } from "../../../tools/node-version.mjs";
import { boundLogs } from "./logs.ts";
import { Product, until } from "./product.testkit.ts";

/** What can go wrong at a start is a sentence that says what to do. */
let product: Product;
beforeEach(async () => {
  product = new Product();
  await product.place();
});
afterEach(() => product.remove());

async function says(env: Record<string, string> = {}): Promise<string> {
  const started = product.start(env);
  expect(await started.ended).toBe(1);
  return started.output();
}

test("Node that is too old is told so, and which is not, is not", () => {
  expect(complaintAbout("12.22.12")).toContain("needs Node 20.19 or newer; this is 12.22.12");
  expect(complaintAbout("20.18.9")).not.toBeNull();
  for (const good of ["20.19.0", "22.0.0", "24.1.0"]) expect(complaintAbout(good)).toBeNull();
});

test("npm's failures are sentences", () => {
  expect(explainInstall("npm error code ENOTFOUND")).toContain("cannot be reached");
  expect(explainInstall("npm error ENOSPC: no space left on device")).toContain("disk is full");
  expect(explainInstall("npm error code EACCES")).toContain("may not write");
  expect(explainInstall("something else")).toContain("something else");
});

test("a port that is taken: who has it, and how to take another", async () => {
  const other = createServer();
  await new Promise<void>((done) => other.listen(product.gatewayPort, "127.0.0.1", done));
  const output = await says();
  await new Promise((done) => other.close(done));
  expect(output).toContain(`Port ${product.gatewayPort}, for the application, is taken by process ${process.pid}`);
  expect(output).toContain("LATCHKEY_GATEWAY_PORT=");
});

test("a folder that is a file, a configuration that is none, a database that does not answer", async () => {
  writeFileSync(product.dir, "");
  expect(await says()).toContain("is a file, and Latchkey needs a folder");
  expect(await says({ LATCHKEY_DIR: join(product.dir, "below") })).toContain("A part of");
  const dir = join(product.home, "other");
  mkdirSync(dir);
  expect(await says({ LATCHKEY_DIR: dir, DATABASE_URL: "postgresql://a:secret@127.0.0.1:9/x" })).toMatch(
    /DATABASE_URL: no PostgreSQL answers at 127\.0\.0\.1:9\. Start it/,
  );
  writeFileSync(join(dir, "config.json"), "{ no");
  expect(await says({ LATCHKEY_DIR: dir })).toContain("config.json");
}, 90_000);

test("locks of the dead do not keep anybody out, even where their pid lives on; one of the living does", async () => {
  mkdirSync(join(product.dir, "postgres", "data"), { recursive: true });
  const reused = { name: "supervisor", pid: process.pid, started: "1 another boot" };
  writeFileSync(join(product.dir, "supervisor.lock"), JSON.stringify(reused));
  writeFileSync(join(product.dir, "supervisor.json"), JSON.stringify([reused, { ...reused, name: "server" }]));
  writeFileSync(join(product.dir, "server.lock"), JSON.stringify({ pid: process.pid, started: "1" }));
  writeFileSync(join(product.dir, "postgres", "data", "postmaster.pid"), `${process.pid}\n`);
  mkdirSync(join(product.dir, "gateway"));
  writeFileSync(join(product.dir, "gateway", "routing.json"), '{"generation":{"epo');
  const started = await product.up();
  const second = product.start();
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain(`Latchkey runs already in ${product.dir} (process ${started.child.pid})`);
  started.child.kill("SIGTERM");
  expect(await started.ended).toBe(0);
  expect(product.processes()).toEqual([]);
}, 150_000);

test("Ctrl-C, twice, while PostgreSQL and the server are on their way up leaves nothing behind", async () => {
  const started = product.start();
  await until("the start", () => started.output().includes("Starting PostgreSQL") || null, 60_000);
  await until("the server", () => product.processes().length > 1 || null, 20_000);
  started.child.kill("SIGINT");
  await until("the stop", () => started.output().includes("Stopping") || null, 10_000);
  started.child.kill("SIGINT");
  await started.ended;
  await until("the end of all", () => product.processes().length === 0 || null, 20_000);
}, 120_000);

test("logs are bounded: rotated copies and the logs of releases and of previews have a number", () => {
  const releases = join(product.dir, "logs", "releases");
  mkdirSync(releases, { recursive: true });
  const limits = { rotateBytes: 10, keep: 2, releaseLogs: 3, previewLogs: 2 };
  const server = join(product.dir, "logs", "server.log");
  for (const round of ["first round", "second round", "third round"]) {
    writeFileSync(server, round);
    boundLogs(product.dir, limits);
  }
  expect(read(server)).toEqual(["", "third round", "second round", null]);
  for (let n = 0; n < 6; n++) writeFileSync(join(releases, `rel_${n}.log`), "x");
  boundLogs(product.dir, limits);
  expect(readdirSync(releases).length).toBe(3);
  // Previews come and go by the dozen: they take the place of no release's log.
  for (let n = 0; n < 6; n++) writeFileSync(join(releases, `prv_${n}.pr-12.log`), "x");
  boundLogs(product.dir, limits);
  expect(readdirSync(releases).filter((name) => name.startsWith("rel_")).length).toBe(3);
  expect(readdirSync(releases).filter((name) => name.startsWith("prv_")).length).toBe(2);
});

const read = (file: string) =>
  [file, `${file}.1`, `${file}.2`, `${file}.3`].map((f) => (existsSync(f) ? readFileSync(f, "utf8") : null));
