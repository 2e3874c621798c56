import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import autocannon from "autocannon";
import { type Bench, type Figure, figure, median, sleep } from "../figure.ts";
import { freePort } from "../installation.ts";
import { cpuSeconds } from "../processes.ts";

/** (f) What the gateway costs, beside no gateway and beside HAProxy on the same machine, in turns within one run. */
const CONNECTIONS = 32;
const ROUTE = "/api/leads";
const ROUNDS = 5;

interface Contender {
  readonly name: string;
  readonly url: string;
  /** Null for the upstream itself. */
  readonly pid: number | null;
}
interface Round {
  readonly perSecond: number;
  readonly cpuMsPerRequest: number;
}

/** A release that answers a small JSON at once, in a process of its own. */
const UPSTREAM = `require("node:http").createServer((q,s)=>{s.writeHead(200,{"content-type":"application/json"});s.end('{"items":[]}')}).listen(+process.env.PORT,"127.0.0.1")`;

function start(command: string, args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(command, args, { env: { ...process.env, ...env }, stdio: "ignore" });
}

async function untilAnswers(url: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const answer = await fetch(url).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    await sleep(50);
  }
  throw new Error(`${url} does not answer.`);
}

async function drive({ url, pid }: Contender, seconds: number): Promise<Round> {
  const before = pid === null ? 0 : cpuSeconds(pid);
  const result = await autocannon({ url: url + ROUTE, connections: CONNECTIONS, duration: seconds });
  const after = pid === null ? 0 : cpuSeconds(pid);
  if (result.non2xx + result.errors > 0) throw new Error(`${url}: ${result.non2xx + result.errors} requests failed.`);
  const total = result.requests.total;
  return { perSecond: total / result.duration, cpuMsPerRequest: ((after - before) / total) * 1000 };
}

export async function measureGateway(bench: Bench): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
  const [upstream, gateway, haproxy] = [await freePort(), await freePort(), await freePort()];
  const children: ChildProcess[] = [start(process.execPath, ["-e", UPSTREAM], { PORT: String(upstream) })];
  try {
    const contenders: Contender[] = [{ name: "direct", url: `http://127.0.0.1:${upstream}`, pid: null }];
    const own = startGateway(bench.root, dir, gateway, upstream);
    children.push(own);
    contenders.push({ name: "gateway", url: `http://127.0.0.1:${gateway}`, pid: own.pid ?? 0 });
    const peer = startHaproxy(dir, haproxy, upstream);
    if (peer) {
      children.push(peer);
      contenders.push({ name: "HAProxy", url: `http://127.0.0.1:${haproxy}`, pid: peer.pid ?? 0 });
    } else
      bench.say(
        "SKIPPED: HAProxy is not installed (apt-get install haproxy); the gateway is compared with direct only.",
      );
    for (const c of contenders) await untilAnswers(c.url + ROUTE);
    const rounds = new Map<string, Round[]>(contenders.map((c) => [c.name, []]));
    for (let i = 0; i < (bench.quick ? 1 : ROUNDS); i++)
      for (const c of contenders) rounds.get(c.name)?.push(await drive(c, bench.quick ? 1 : 4));
    return figuresOf(rounds);
  } finally {
    for (const child of children) child.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  }
}

function figuresOf(rounds: ReadonlyMap<string, readonly Round[]>): Figure[] {
  const of = (name: string, pick: (r: Round) => number) => median((rounds.get(name) ?? []).map(pick));
  const speed = (r: Round) => r.perSecond;
  const cost = (r: Round) => r.cpuMsPerRequest;
  const n = rounds.get("gateway")?.length ?? 0;
  const direct = { name: "direct", value: of("direct", speed) };
  const peer = rounds.has("HAProxy") ? { name: "HAProxy", value: of("HAProxy", speed) } : null;
  return [
    figure(`gateway: throughput beside direct, median of ${n}`, of("gateway", speed), "requests/s", { peer: direct }),
    ...(peer
      ? [
          figure("gateway: throughput beside HAProxy", of("gateway", speed), "requests/s", { peer }),
          figure("gateway: CPU per request beside HAProxy", of("gateway", cost), "ms", {
            peer: { name: "HAProxy", value: of("HAProxy", cost) },
          }),
        ]
      : []),
    // A quarter of a millisecond is 500 requests a second in an eighth of a core.
    figure("gateway: CPU per request", of("gateway", cost), "ms", { below: 0.25 }),
  ];
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
