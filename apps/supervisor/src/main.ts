import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { environmentOf, readServerConfig, type ServerConfig, serverFlagsHelp } from "@latchkey/config/server";
import { Kept } from "./child.ts";
import { dropRecord, endOrphans, livingSupervisor, writeRecord } from "./record.ts";

/**
 * Keeps the server and the gateway running, and stops everything it started, in order, and nothing else.
 * Releases and PostgreSQL outlive a crash of the server on purpose; at a full stop the server's own commands end them.
 */
const here = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(here, "..", "..", "..");
const config = configOrExit();
const { dir, port, gatewayPort } = config;
const SERVER = join(ROOT, "apps", "server", "dist", "main.mjs");
const GATEWAY = join(ROOT, "apps", "gateway", "dist", "main.mjs");
const CLI = join(ROOT, "apps", "cli", "dist", "main.mjs");
const URL_ = `http://127.0.0.1:${port}`;
const env: NodeJS.ProcessEnv = {
  ...process.env,
  // Flags and file are settled here; the server, the gateway and the command line read them from the environment.
  ...environmentOf(config),
  LATCHKEY_URL: URL_,
  LATCHKEY_GATEWAY_TOKEN_FILE: join(dir, "gateway.token"),
  LATCHKEY_GATEWAY_DIR: join(dir, "gateway"),
};
const say = (words: string): void => {
  process.stdout.write(`${words}\n`);
};
const fail = (words: string): never => {
  process.stderr.write(`${words}\n`);
  process.exit(1);
};

/** Flags win over the environment, that over config.json; without any of them all data is in .latchkey beside the sources. */
function configOrExit(): ServerConfig {
  const argv = process.argv.slice(2);
  if (argv.includes("--help")) {
    process.stdout.write(`npm start -- [flags]\n\n${serverFlagsHelp()}\n`);
    process.exit(0);
  }
  try {
    return readServerConfig(
      { ...process.env, LATCHKEY_DIR: process.env.LATCHKEY_DIR || join(ROOT, ".latchkey") },
      argv,
    );
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exit(2);
  }
}

async function portIsFree(wanted: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((done) => {
    probe.once("error", () => done(false));
    probe.listen(wanted, "127.0.0.1", () => probe.close(() => done(true)));
  });
}

async function answers(address: string): Promise<boolean> {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(2_000), redirect: "manual" });
    await answer.arrayBuffer();
    return answer.status < 500;
  } catch {
    return false;
  }
}

async function until(what: string, address: string, seconds: number, logFile: string): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await answers(address))) {
    if (performance.now() > deadline) {
      const tail = existsSync(logFile) ? readFileSync(logFile, "utf8").trim().split("\n").slice(-5).join("\n") : "";
      throw new Error(`The ${what} did not come up within ${seconds} s. Its last lines:\n${tail}`);
    }
    await new Promise((r) => setTimeout(r, 50));
  }
}

function cli(...args: string[]): boolean {
  const result = spawnSync(process.execPath, [CLI, ...args], { cwd: ROOT, env, encoding: "utf8" });
  if (result.status !== 0) say(`${result.stdout}${result.stderr}`.trim());
  return result.status === 0;
}

/** On the first start: the services of latchkey.config.ts, and release 1 of each. */
async function firstRelease(): Promise<void> {
  if (process.env.LATCHKEY_BARE || !cli("apply", "--yes")) return;
  const token = readFileSync(join(dir, "cli.token"), "utf8").trim();
  const answer = await fetch(`${URL_}/api/v1/projects/main/services`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { items } = (await answer.json()) as {
    items: { name: string; environments: { serving: unknown; deployment: { finishedAt: string | null } | null }[] }[];
  };
  for (const service of items) {
    const busy = service.environments.some((e) => e.deployment && e.deployment.finishedAt === null);
    if (busy || service.environments.some((e) => e.serving)) continue;
    say(`Building and starting the first release of ${service.name} ...`);
    if (!cli("ship", service.name, "--strategy", "all_at_once", "--wait", "--reason", "first release"))
      say("The first release did not come up. `npx latchkey deployments` says why.");
  }
}

const log = (name: string): string => join(dir, "logs", `${name}.log`);
const server = new Kept({ name: "server", script: SERVER, logFile: log("server"), env, say });
const gateway = new Kept({ name: "gateway", script: GATEWAY, logFile: log("gateway"), env, say });

let stopping = false;
async function stop(code: number): Promise<void> {
  if (stopping) {
    server.hasten();
    gateway.hasten();
    return;
  }
  stopping = true;
  say("\nStopping ...");
  await gateway.stop();
  await server.stop();
  for (const step of ["--stop-releases", "--stop-database"])
    spawnSync(process.execPath, [SERVER, step], { env, stdio: "ignore" });
  dropRecord(dir);
  say("Stopped. Everything is kept in .latchkey/; `npm start` goes on from there.");
  process.exit(code);
}

async function main(): Promise<void> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (!statSync(dir).isDirectory()) fail(`${dir} is not a folder. Move it away, or set LATCHKEY_DIR.`);
  const other = livingSupervisor(dir);
  if (other !== null)
    fail(
      `Latchkey runs already (process ${other}): ${URL_}. Stop that one first, or set LATCHKEY_DIR and other ports.`,
    );
  const orphans = await endOrphans(dir);
  if (orphans > 0) say(`Ended ${orphans} processes that an earlier start had left behind.`);
  for (const [what, wanted, name] of [
    ["the server", port, "LATCHKEY_PORT"],
    ["the gateway", gatewayPort, "LATCHKEY_GATEWAY_PORT"],
  ] as const) {
    if (!(await portIsFree(wanted)))
      fail(`Port ${wanted}, for ${what}, is taken. Free it, or choose another: ${name}=${wanted + 1} npm start`);
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop(0));
  say("Starting the database and the server ...");
  server.start();
  await until("server", `${URL_}/readyz`, 60, log("server"));
  say("Starting the gateway ...");
  gateway.start();
  await until("gateway", `http://127.0.0.1:${gatewayPort}/__latchkey/healthz`, 30, log("gateway"));
  const note = setInterval(
    () =>
      writeRecord(dir, [
        { name: "server", pid: server.pid },
        { name: "gateway", pid: gateway.pid },
      ]),
    1_000,
  );
  note.unref();
  writeRecord(dir, [
    { name: "server", pid: server.pid },
    { name: "gateway", pid: gateway.pid },
  ]);
  await firstRelease();
  if (stopping) return;
  say(`
Latchkey is up.

  Console       ${readFileSync(join(dir, "sign-in.url"), "utf8").trim()}
                (signs you in once, within 15 minutes)
  Application   http://127.0.0.1:${gatewayPort}/

Try next, in another terminal:
  npx latchkey services
  npx latchkey ship leads --wait
  npx latchkey ship leads --fault errors=5% --wait     a bad release, rolled back by itself

Ctrl-C stops everything.`);
}

main().catch(async (error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  await stop(1);
});
