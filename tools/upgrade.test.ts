import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

/** A throwaway clone of this very tree is started, upgraded to a commit that works, and to one that does not. */
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const home = mkdtempSync(join(tmpdir(), "latchkey-upgrade-"));
const origin = join(home, "origin");
const clone = join(home, "clone");
const dir = join(home, "data");
const COMPOSE = join("apps", "server", "src", "compose.ts");
let supervisor: ChildProcess | null = null;
let said = "";
let env: NodeJS.ProcessEnv = {};

function run(command: string, args: string[], cwd: string): string {
  const result = spawnSync(command, args, { cwd, encoding: "utf8", env });
  if (result.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${result.stdout}${result.stderr}`);
  return result.stdout.trim();
}
const git = (cwd: string, ...args: string[]) =>
  run("git", ["-c", "user.name=t", "-c", "user.email=t@localhost", ...args], cwd);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address ? address.port : 0;
}

async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await look())) {
    if (performance.now() > deadline || (supervisor && supervisor.exitCode !== null))
      throw new Error(`${what}: ${said}`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

/** Files as they are here, whether they are committed or not. */
function plant(): void {
  const files = run("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], ROOT).split("\0");
  for (const file of files.filter((name) => name !== "" && existsSync(join(ROOT, name)))) {
    mkdirSync(dirname(join(origin, file)), { recursive: true });
    cpSync(join(ROOT, file), join(origin, file));
  }
  run("git", ["init", "--quiet", "--initial-branch=main"], origin);
  commit("the tree as it is");
}
function commit(message: string): void {
  git(origin, "add", "--all");
  git(origin, "commit", "--quiet", "--message", message);
}
function change(file: string, from: string, to: string): void {
  const text = readFileSync(join(origin, file), "utf8");
  expect(text).toContain(from);
  writeFileSync(join(origin, file), text.replace(from, to));
}

async function upgrade(...args: string[]): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [join(clone, "tools", "latchkey.mjs"), "upgrade", ...args], {
    cwd: clone,
    env,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (part) => {
      text += part;
    });
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, text };
}
async function version(): Promise<string> {
  const token = readFileSync(join(dir, "cli.token"), "utf8").trim();
  const answer = await fetch(`http://127.0.0.1:${env.LATCHKEY_PORT}/api/v1/system`, {
    headers: { authorization: `Bearer ${token}`, connection: "close" },
  });
  return ((await answer.json()) as { version: string }).version;
}
const head = () => git(clone, "rev-parse", "HEAD");
const backups = () => readdirSync(join(dir, "backups")).filter((name) => name.endsWith(".tar"));

beforeAll(async () => {
  chmodSync(home, 0o755);
  env = {
    PATH: process.env.PATH,
    HOME: home,
    LATCHKEY_DIR: dir,
    LATCHKEY_PORT: String(await freePort()),
    LATCHKEY_GATEWAY_PORT: String(await freePort()),
    LATCHKEY_BARE: "1",
    GIT_CONFIG_NOSYSTEM: "1",
  };
  mkdirSync(origin);
  plant();
  git(home, "clone", "--quiet", origin, clone);
  // What is installed is copied: nothing is asked of a registry. Links where the disk is the same, for the time it takes.
  const copied = spawnSync("cp", ["-al", join(ROOT, "node_modules"), join(clone, "node_modules")]);
  if (copied.status !== 0) {
    rmSync(join(clone, "node_modules"), { recursive: true, force: true });
    run("cp", ["-a", join(ROOT, "node_modules"), join(clone, "node_modules")], home);
  }
  const started = spawn(process.execPath, [join(clone, "tools", "start.mjs")], {
    cwd: clone,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [started.stdout, started.stderr])
    stream.on("data", (part) => {
      said += part;
    });
  supervisor = started;
  await until("Latchkey is up", () => said.includes("Latchkey is up"));
}, 240_000);

afterAll(async () => {
  const child = supervisor;
  if (child && child.exitCode === null) {
    const ended = new Promise((done) => child.once("close", done));
    child.kill("SIGINT");
    await ended;
  }
  rmSync(home, { recursive: true, force: true });
}, 90_000);

test("says what would come, and does nothing", async () => {
  expect(await upgrade()).toMatchObject({ code: 0, text: expect.stringContaining("already") });
  change(COMPOSE, 'VERSION = "0.1.0"', 'VERSION = "0.2.0"');
  commit("A newer version");
  const before = head();
  const { code, text } = await upgrade("--dry-run");
  expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining("A newer version") });
  expect([head(), await version(), backups()]).toEqual([before, "0.1.0", []]);
  // What was just done is what the guide says.
  const guide = readFileSync(join(ROOT, "docs", "guides", "backups.md"), "utf8");
  expect(guide.match(/^ {4}npx latchkey upgrade.*$/gm)).toEqual(["    npx latchkey upgrade --dry-run"]);
}, 60_000);

test("refuses a tree with changes of its own, and a version that is not there", async () => {
  writeFileSync(join(clone, "README.md"), "mine");
  expect(await upgrade()).toMatchObject({ code: 1, text: expect.stringContaining("not committed") });
  git(clone, "checkout", "--quiet", "README.md");
  expect(await upgrade("--to", "v9")).toMatchObject({
    code: 1,
    text: expect.stringContaining("no branch, tag or commit v9"),
  });
  expect(backups()).toEqual([]);
}, 60_000);

test("takes a proved backup, goes to the newer version, and the gateway serves all the while", async () => {
  const failures: string[] = [];
  let visiting = true;
  const visitor = (async () => {
    while (visiting) {
      await fetch(`http://127.0.0.1:${env.LATCHKEY_GATEWAY_PORT}/__latchkey/healthz`, {
        headers: { connection: "close" },
      }).catch((error: unknown) => failures.push(String((error as Error).cause ?? error)));
      await new Promise((next) => setTimeout(next, 20));
    }
  })();
  const { code, text } = await upgrade();
  visiting = false;
  await visitor;
  expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining("done, and up") });
  expect(await version()).toBe("0.2.0");
  expect(backups()).toHaveLength(1);
  expect(git(clone, "status", "--porcelain", "--branch")).toBe("## main...origin/main");
  expect(failures.filter((words) => words.includes("ECONNREFUSED"))).toEqual([]);
}, 170_000);

test("goes back from a version whose server does not start, and says where the backup is", async () => {
  const before = head();
  change(
    COMPOSE,
    "  for (const dir of [config.dir,",
    '  if (config.port) throw new Error("this version is broken");\n  for (const dir of [config.dir,',
  );
  commit("A broken version");
  const { code, text } = await upgrade();
  expect({ code, text }).toMatchObject({ code: 1, text: expect.stringContaining("is back and serves") });
  expect(text).toMatch(/backups\/bak_\w+\.tar/);
  expect([head(), await version()]).toEqual([before, "0.2.0"]);
  expect(git(clone, "status", "--porcelain")).toBe("");
}, 240_000);
