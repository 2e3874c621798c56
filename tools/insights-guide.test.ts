import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Installation } from "../apps/server/src/testing/installation.ts";
import { until } from "../apps/server/src/testing/until.ts";

/** The commands of docs/guides/insights.md, in their order, in a repository that was released three times. */
const ROOT = resolve(import.meta.dirname, "..");
const GUIDE = readFileSync(join(ROOT, "docs", "guides", "insights.md"), "utf8");
const commands = [...GUIDE.matchAll(/^latchkey .*$/gm)].map(([line]) => line);
const folder = mkdtempSync(join(tmpdir(), "insights-guide-"));
let here: Installation;

beforeAll(async () => {
  const built = spawnSync(process.execPath, [join(ROOT, "tools", "build.mjs"), "cli"], { encoding: "utf8" });
  expect(built.status, built.stderr).toBe(0);
  here = await Installation.start({ writesPerSecond: 1_000 });
  mkdirSync(join(folder, "src"));
  const git = (...args: readonly string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=n", "-c", "user.email=n@example.org", ...args]);
  git("init", "--quiet", "--initial-branch=main");
  for (const version of ["v1", "v2", "v3"]) {
    writeFileSync(join(folder, "src", "page.txt"), version);
    git("add", "--all");
    git("commit", "--quiet", `--message=Change of ${version}`);
    git("tag", version);
  }
  writeFileSync(join(folder, "deployments.csv"), "deployment,finished_at\n1,2026-11-25T02:00:00Z\n");
});
afterAll(async () => {
  await here?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** As a shell runs it, with the CLI of this repository under its name. */
async function works(line: string): Promise<string> {
  const script = `latchkey() { "${process.execPath}" "${join(ROOT, "tools", "latchkey.mjs")}" "$@"; }\n${line}`;
  const env = { PATH: process.env.PATH, HOME: here.dir, LATCHKEY_DIR: here.dir, LATCHKEY_URL: here.url, CI: "1" };
  const child = spawn("bash", ["-c", script], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (out += part.toString()));
  const exitCode = await new Promise((done) => child.once("close", done));
  expect({ exitCode }, `${line}\n${out}`).toEqual({ exitCode: 0 });
  return out;
}

test("every command of the guide to insights works", async () => {
  expect(commands.length).toBeGreaterThanOrEqual(11);
  // The guide asks for figures before it tells how history comes in.
  expect(await works("latchkey dora")).toContain("latchkey import git");
  await works("latchkey import git . --service leads");
  const deployment = await until("the three releases are in the figures", async () => {
    const { items } = await here.owner.listInsightDeployments({
      params: { project: "main" },
      query: { service: "leads" },
    });
    return items.length === 3 && items[0]?.key;
  });
  const [at, key] = [Date.now(), "INC-7"];
  const fields = {
    source: "csv:pager",
    service: "leads",
    environment: "production",
    title: "Leads are lost",
    startedAtMs: at,
  };
  await here.owner.postInsightFacts({
    params: { project: "main" },
    body: { facts: [{ source: "csv:pager", id: key, kind: "incident", key, atMs: at, rank: 0, fields }] },
  });
  await until("the incident is in the figures", async () => {
    const { items } = await here.owner.listInsightIncidents({ params: { project: "main" }, query: {} });
    return items.length === 1;
  });
  let correction = "";
  for (const line of commands) {
    const out = await works(
      line.replace("<deployment>", deployment).replace("<incident>", key).replace("<correction>", correction),
    );
    correction = /cor_[0-9a-f]{32}/.exec(out)?.[0] ?? correction;
    if (line === "latchkey dora leads") expect(out).toMatch(/deployment frequency .*\n[\s\S]*change lead time/);
    if (line.startsWith("latchkey insights incidents")) expect(out).toContain("no deployment");
  }
});
