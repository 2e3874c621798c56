import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Installation } from "../apps/server/src/testing/installation.ts";
import { until } from "../apps/server/src/testing/until.ts";

/** The commands of docs/guides/adopt.md, in their order, in a repository as it is found in practice. */
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const scratch = mkdtempSync(join(tmpdir(), "latchkey-adoption-"));
const repository = join(scratch, "harbour-lane");
const guide = readFileSync(join(ROOT, "docs", "guides", "adopt.md"), "utf8");
const lines = [...guide.matchAll(/^ {4}latchkey (.*)$/gm)].map(([, line = ""]) => line.trim());
let installation: Installation;
let gateway: ChildProcess | null = null;
let site = "";
let visiting = true;
const visits = { all: 0, failed: 0 };

interface Ran {
  readonly exitCode: number | null;
  readonly out: string;
}
function latchkey(line: string): Promise<Ran> {
  const child = spawn(process.execPath, [join(ROOT, "tools", "latchkey.mjs"), ...line.split(" ")], {
    cwd: repository,
    env: {
      PATH: process.env.PATH,
      HOME: scratch,
      LATCHKEY_DIR: installation.dir,
      LATCHKEY_URL: installation.url,
      CI: "1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (out += part.toString()));
  return new Promise((done) => child.once("close", (exitCode) => done({ exitCode, out })));
}
/** The guide's next command: each is run once, in the guide's order. Where it asks, the answer is yes. */
function next(expected: string): Promise<Ran> {
  const line = lines.shift();
  expect(line).toBe(expected);
  return latchkey(/--apply|--undo|^apply/.test(expected) ? `${expected} --yes` : expected);
}

async function statusOf(answer: Response): Promise<number> {
  await answer.arrayBuffer();
  return answer.status;
}

async function visit(): Promise<void> {
  while (visiting) {
    for (const path of ["/", "/api/leads", "/api/offer-estimate?rooms=2"]) {
      const status = await fetch(site + path).then(statusOf, () => 0);
      visits.all += 1;
      if (status !== 200) visits.failed += 1;
    }
  }
}

beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(ROOT, "tools", "build.mjs"), "cli", "gateway"], { encoding: "utf8" });
  expect(built.status, built.stderr).toBe(0);
  cpSync(join(ROOT, "apps", "cli", "fixtures", "harbour-lane"), repository, { recursive: true });
  // Its packages are those that are installed here: what is tested needs no other versions of them.
  symlinkSync(join(ROOT, "node_modules"), join(repository, "node_modules"));
  installation = await Installation.start();
  gateway = spawn(process.execPath, [join(ROOT, "apps", "gateway", "dist", "main.mjs")], {
    env: {
      PATH: process.env.PATH,
      LATCHKEY_DIR: installation.dir,
      LATCHKEY_URL: installation.url,
      LATCHKEY_GATEWAY_PORT: "0",
    },
    stdio: ["ignore", "pipe", "ignore"],
  });
  let said = "";
  gateway.stdout?.on("data", (part: Buffer) => (said += part.toString()));
  const port = await until("the gateway listens", () => /"port":(\d+)/.exec(said)?.[1]);
  site = `http://127.0.0.1:${port}`;
});
afterAll(async () => {
  visiting = false;
  gateway?.kill("SIGTERM");
  await installation?.close();
  rmSync(scratch, { recursive: true, force: true });
});

const filesOf = () => {
  const listed = spawnSync("find", [".", "-path", "./node_modules", "-prune", "-o", "-type", "f", "-print"], {
    cwd: repository,
    encoding: "utf8",
  });
  const names = listed.stdout
    .trim()
    .split("\n")
    .filter((name) => !name.startsWith("./dist/"))
    .sort();
  return names.map((name) => [name, readFileSync(join(repository, name), "utf8")] as const);
};

test("a repository is adopted, shipped, and saved from a change that does harm; then it is as it was", async () => {
  const before = filesOf();
  const looked = await next("adopt");
  expect(looked).toMatchObject({ exitCode: 0 });
  for (const place of [
    ".github/workflows/deploy.yml:12:",
    ".github/dependabot.yml:3:",
    "netlify/functions/health.ts:1:",
  ])
    expect(looked.out).toContain(place);
  expect(filesOf()).toEqual(before);

  expect(await next("adopt --apply")).toMatchObject({ exitCode: 0 });
  expect(await next("config check")).toMatchObject({ exitCode: 0 });
  expect(await next("apply")).toMatchObject({ exitCode: 0, out: expect.stringContaining("Applied") });

  const shipped = await next("ship harbour-lane --wait");
  expect(shipped, shipped.out).toMatchObject({ exitCode: 0 });
  const page = await until("the site is served", async () => {
    const answer = await fetch(`${site}/deep/link`);
    return answer.status === 200 && (await answer.text());
  });
  expect(page).toContain("Harbour Lane");
  expect(await (await fetch(`${site}/api/offer-estimate?rooms=3`)).json()).toEqual({ cents: 13_500_000 });
  expect(await (await fetch(`${site}/.netlify/functions/health`)).json()).toMatchObject({ status: "degraded" });

  const leads = join(repository, "netlify", "functions", "leads.js");
  writeFileSync(leads, readFileSync(leads, "utf8").replace("const database = store();", "const database = shop();"));
  const visitors = visit();
  const harmful = await next("ship harbour-lane --wait");
  expect(harmful, harmful.out).toMatchObject({ exitCode: 3, out: expect.stringContaining("rolled back") });
  expect(await next("explain harbour-lane")).toMatchObject({ exitCode: 0, out: expect.stringMatching(/fail|error/i) });
  expect(
    await until("the first release serves alone again", async () => (await fetch(`${site}/api/leads`)).status),
  ).toBe(200);
  visiting = false;
  await visitors;
  expect(visits.failed).toBeGreaterThan(0);
  expect(visits.failed).toBeLessThan(visits.all / 5);

  writeFileSync(leads, readFileSync(leads, "utf8").replace("const database = shop();", "const database = store();"));
  expect(await next("adopt --undo")).toMatchObject({ exitCode: 0 });
  expect(filesOf()).toEqual(before);
  expect(lines).toEqual([]);
});
