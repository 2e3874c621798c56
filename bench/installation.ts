import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@latchkey/api/client";

/** A Latchkey to rehearse with: one of our own in a temporary folder, or one that runs already. */
export interface Installation {
  readonly client: Client;
  readonly url: string;
  readonly applicationUrl: string;
  /** Its state folder and supervisor, where it is our own. */
  readonly own: { readonly dir: string; readonly pid: number } | null;
  /** Ends what was started here, and nothing else. */
  stop(): Promise<void>;
}

const POLL_MS = 200;
/** Building and starting release 1 on a cold and busy machine of two cores. */
const START_TIMEOUT_MS = 180_000;

export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, "127.0.0.1", () => done()));
  const address = probe.address();
  await new Promise((done) => probe.close(done));
  if (address === null || typeof address === "string") throw new Error("There is no free port on 127.0.0.1.");
  return address.port;
}

const tokenIn = (dir: string): string => readFileSync(join(dir, "cli.token"), "utf8").trim();

export async function useRunning(url: string, root: string): Promise<Installation> {
  const dir = process.env.LATCHKEY_DIR ?? join(root, ".latchkey");
  const token = process.env.LATCHKEY_TOKEN ?? (existsSync(join(dir, "cli.token")) ? tokenIn(dir) : "");
  const client = createClient({ baseUrl: url, token });
  const leads = (await client.listServices({ params: { project: "main" } })).items.find((s) => s.name === "leads");
  if (!leads?.environments.some((e) => e.serving))
    throw new Error(`${url} does not serve "leads" yet. Start it with \`npm start\`, which ships its first release.`);
  return { client, url, applicationUrl: leads.url, own: null, stop: async () => {} };
}

/** Starts supervisor, server, database, gateway and release 1; resolves when the application serves. */
export async function startOwn(
  root: string,
  signal: AbortSignal,
  also: Readonly<Record<string, string>> = {},
): Promise<Installation> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-demo-"));
  const [port, gatewayPort] = [await freePort(), await freePort()];
  const logFile = join(dir, "start.log");
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [join(root, "tools", "start.mjs")], {
    cwd: root,
    // Its own group: Ctrl-C reaches the demo alone, which then ends it in order. A file, so that it can outlive us.
    detached: true,
    stdio: ["ignore", log, log],
    env: {
      ...process.env,
      LATCHKEY_DIR: dir,
      LATCHKEY_PORT: String(port),
      LATCHKEY_GATEWAY_PORT: String(gatewayPort),
      // One token does here what many do elsewhere.
      LATCHKEY_READS_PER_SECOND: "100000",
      LATCHKEY_WRITES_PER_SECOND: "100000",
      ...also,
    },
  });
  closeSync(log);
  const url = `http://127.0.0.1:${port}`;
  const stop = () => end(child, dir);
  try {
    const client = await untilServes(url, dir, child, logFile, signal);
    const applicationUrl = `http://127.0.0.1:${gatewayPort}`;
    return { client, url, applicationUrl, own: { dir, pid: child.pid ?? 0 }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilServes(
  url: string,
  dir: string,
  child: ChildProcess,
  logFile: string,
  signal: AbortSignal,
): Promise<Client> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  const tail = () => readFileSync(logFile, "utf8").trim().split("\n").slice(-8).join("\n");
  for (;;) {
    if (signal.aborted) throw new Error("Stopped before it was up.");
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`Latchkey did not come up. Its last lines:\n${tail()}`);
    if (existsSync(join(dir, "cli.token"))) {
      const client = createClient({ baseUrl: url, token: tokenIn(dir) });
      const found = await client.listServices({ params: { project: "main" } }).catch(() => null);
      if (found?.items.some((s) => s.name === "leads" && s.environments.some((e) => e.serving))) return client;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function end(child: ChildProcess, dir: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise<void>((done) => child.once("exit", () => done()));
    child.kill("SIGTERM");
    await gone;
  }
  rmSync(dir, { recursive: true, force: true });
}
