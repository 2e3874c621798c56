import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import autocannon from "autocannon";
import { sleep } from "../figure.ts";
import { freePort } from "../installation.ts";
import { cpuSeconds } from "../processes.ts";

/** The gateway and others of its kind, each in a process of its own before one and the same upstream. */
const CONNECTIONS = 32;
const ROUTE = "/api/leads";
const UP_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;

export interface Contender {
  readonly name: string;
  readonly url: string;
  /** Null for the upstream itself. */
  readonly pid: number | null;
}
export interface Round {
  readonly perSecond: number;
  readonly cpuMsPerRequest: number;
}
export type PeerName = "HAProxy" | "reply-from" | "http-proxy-3";

/** What stands before the upstream, in the order in which it is driven. */
export interface Proxies {
  readonly contenders: readonly Contender[];
  stop(): void;
}

/** Starts the upstream, the gateway and the named peers; a peer that is not installed is left out, and said. */
export async function startProxies(
  root: string,
  peers: readonly PeerName[],
  say: (words: string) => void,
): Promise<Proxies> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const children: ChildProcess[] = [];
  const stop = () => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  };
  const script = (name: string, port: number, upstream: number) =>
    start(process.execPath, [join(root, "bench", "proxies", `${name}.mjs`)], {
      PORT: String(port),
      UPSTREAM: `http://127.0.0.1:${upstream}`,
      NODE_ENV: "production",
    });
  try {
    const upstream = await freePort();
    children.push(script("upstream", upstream, upstream));
    const contenders: Contender[] = [{ name: "direct", url: `http://127.0.0.1:${upstream}`, pid: null }];
    for (const name of ["gateway", ...peers] as const) {
      const port = await freePort();
      const child =
        name === "gateway"
          ? startGateway(root, dir, port, upstream)
          : name === "HAProxy"
            ? startHaproxy(dir, port, upstream)
            : script(name, port, upstream);
      if (child === null) {
        say("SKIPPED: HAProxy is not installed (apt-get install haproxy); the gateway is compared without it.");
        continue;
      }
      children.push(child);
      contenders.push({ name, url: `http://127.0.0.1:${port}`, pid: child.pid ?? 0 });
    }
    for (const c of contenders) await untilAnswers(c.url + ROUTE);
    return { contenders, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

function start(command: string, args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(command, args, { env: { ...process.env, ...env }, stdio: "ignore" });
}

async function untilAnswers(url: string): Promise<void> {
  for (let i = 0; i < UP_WITHIN_MS / LOOK_EVERY_MS; i++) {
    const answer = await fetch(url).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`${url} does not answer.`);
}

/** As many requests as it takes, over 32 connections: how many it answered, and what each cost it. */
export async function drive({ url, pid }: Contender, seconds: number): Promise<Round> {
  const before = pid === null ? 0 : cpuSeconds(pid);
  const result = await autocannon({ url: url + ROUTE, connections: CONNECTIONS, duration: seconds });
  const after = pid === null ? 0 : cpuSeconds(pid);
  if (result.non2xx + result.errors > 0) throw new Error(`${url}: ${result.non2xx + result.errors} requests failed.`);
  const total = result.requests.total;
  return { perSecond: total / result.duration, cpuMsPerRequest: ((after - before) / total) * 1000 };
}

/** The gateway by itself: it serves by the table in its folder while no control plane answers. */
function startGateway(root: string, dir: string, port: number, upstream: number): ChildProcess {
  const generation = { epoch: 1, n: 1 };
  const arm = { arm: "baseline", releaseId: "rel_1", release: "bench@1", weightPercent: 100 };
  const service = {
    service: "bench",
    environment: "production",
    deploymentId: "dep_1",
    rolloutId: null,
    hosts: ["*"],
    generation,
    arms: [{ ...arm, upstreams: [`http://127.0.0.1:${upstream}`] }],
    assetUpstreams: [],
    apiPrefixes: ["/api/"],
    injectBeacon: false,
  };
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "routing.json"), JSON.stringify({ generation, services: [service] }));
  return start(process.execPath, [join(root, "apps", "gateway", "dist", "main.mjs")], {
    LATCHKEY_URL: "http://127.0.0.1:9",
    LATCHKEY_GATEWAY_DIR: dir,
    LATCHKEY_GATEWAY_PORT: String(port),
    LATCHKEY_GATEWAY_TOKEN_FILE: join(dir, "none"),
    LATCHKEY_LOG_LEVEL: "error",
  });
}

function startHaproxy(dir: string, port: number, upstream: number): ChildProcess | null {
  if (spawnSync("haproxy", ["-v"]).status !== 0) return null;
  const file = join(dir, "haproxy.cfg");
  // One thread, as the gateway has: what is compared is the cost of a request, not the number of cores.
  writeFileSync(
    file,
    `global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 30s
  option forwardfor
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  http-reuse always
  server s 127.0.0.1:${upstream}
`,
  );
  return start("haproxy", ["-db", "-f", file]);
}
