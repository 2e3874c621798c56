import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, createClient } from "@latchkey/api/client";
import { startedAt } from "./record.ts";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address ? address.port : 0;
}

/** Looks again until it holds; throws with what was waited for when the deadline has passed. */
export async function until<T>(what: string, look: () => Promise<T | null> | T | null, withinMs: number): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come about within ${withinMs} ms`);
    await new Promise((next) => setTimeout(next, 20));
  }
}

export interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

/** `npm start` as a newcomer runs it, with its data and its two ports in places of their own. */
export class Product {
  readonly home = mkdtempSync(join(tmpdir(), "latchkey-product-"));
  readonly dir = join(this.home, "data");
  port = 0;
  gatewayPort = 0;
  /** How long a rollout waits for a proof, and is promoted then. */
  maximumMs = 15_000;
  holdbackMs = 2_000;
  /** What its processes find in their environment besides. */
  extra: Record<string, string> = {};

  async place(): Promise<void> {
    // As root, PostgreSQL runs as another user: below a closed folder its data would go elsewhere.
    chmodSync(this.home, 0o755);
    this.port = await freePort();
    this.gatewayPort = await freePort();
  }

  start(env: Record<string, string> = {}): Started {
    const child = spawn(process.execPath, [join(ROOT, "tools", "start.mjs")], {
      cwd: ROOT,
      env: { ...process.env, ...this.env(), LATCHKEY_BARE: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (part) => {
        text += part;
      });
    const ended = new Promise<number | null>((done) => child.once("close", (code) => done(code)));
    return { child, output: () => text, ended };
  }

  async up(): Promise<Started> {
    const started = this.start();
    await until(
      "Latchkey is up",
      () => {
        if (started.child.exitCode !== null) throw new Error(started.output());
        return started.output().includes("Latchkey is up") ? true : null;
      },
      90_000,
    );
    return started;
  }

  env(): Record<string, string> {
    return {
      LATCHKEY_DIR: this.dir,
      LATCHKEY_PORT: String(this.port),
      LATCHKEY_GATEWAY_PORT: String(this.gatewayPort),
      ...this.extra,
    };
  }

  get url(): string {
    return `http://127.0.0.1:${this.gatewayPort}`;
  }

  client(): Client {
    const token = readFileSync(join(this.dir, "cli.token"), "utf8").trim();
    return createClient({ baseUrl: `http://127.0.0.1:${this.port}`, token });
  }

  async cli(...args: string[]): Promise<string> {
    const env = { ...process.env, ...this.env() };
    const child = spawn(process.execPath, [join(ROOT, "apps", "cli", "dist", "main.mjs"), ...args], {
      cwd: join(this.home, "app"),
      env,
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (part) => {
        text += part;
      });
    await new Promise((done) => child.once("close", done));
    return text;
  }

  pidOf(name: string): number {
    const all = JSON.parse(readFileSync(join(this.dir, "supervisor.json"), "utf8")) as { name: string; pid: number }[];
    return all.find((who) => who.name === name)?.pid ?? 0;
  }

  /** A service that builds and starts in no time; `bad` answers its API with 500. */
  write(version: string, bad = false): void {
    const app = join(this.home, "app");
    mkdirSync(app, { recursive: true });
    writeFileSync(join(app, "build.mjs"), BUILD);
    writeFileSync(join(app, "version.json"), JSON.stringify({ version, bad }));
    writeFileSync(join(app, "latchkey.config.ts"), configOf(this.maximumMs, this.holdbackMs));
  }

  /** Every living process whose command line, environment or working folder is of this product. */
  processes(): number[] {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid > 1 && pid !== process.pid && this.#isOurs(pid));
  }

  #isOurs(pid: number): boolean {
    try {
      if (startedAt(pid) === null) return false;
      const of = (file: string) => readFileSync(`/proc/${pid}/${file}`, "utf8");
      if (of("cmdline").includes(this.home) || of("environ").includes(this.home)) return true;
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(this.home);
    } catch {
      return false;
    }
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

const configOf = (maximumMs: number, holdbackMs: number): string => `export default {
  name: "tiny",
  source: ".",
  build: ["node", "build.mjs"],
  strategy: { steps: [{ trafficPercent: 50, bakeMs: 1_000, minimumRequests: 20 }], holdbackMs: ${holdbackMs}, maximumMs: ${maximumMs}, onInconclusive: "promote" },
  analysis: { minimumBakeMs: 2_000 },
};
`;
const BUILD = `import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
const out = process.env.LATCHKEY_ARTIFACT;
const { version, bad } = JSON.parse(readFileSync("version.json", "utf8"));
mkdirSync(out + "/public/assets", { recursive: true });
writeFileSync(out + "/public/assets/index-" + version + "AbCd1234.js", "run('" + version + "')");
writeFileSync(out + "/server.mjs", \`
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
const server = createServer((req, res) => {
  if (req.url.startsWith("/api/")) return res.writeHead(\${bad ? 500 : 200}).end("\${version}");
  if (req.url === "/healthz") return res.end("ok");
  if (req.url === "/assets/index-\${version}AbCd1234.js")
    return res.writeHead(200, { "content-type": "text/javascript" }).end(readFileSync("public" + req.url));
  if (req.url.startsWith("/assets/")) return res.writeHead(404).end();
  res.writeHead(200, { "content-type": "text/html" }).end("<html><head></head>\${version}</html>");
});
server.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => server.close(() => process.exit(0)));
\`);
`;

/** Visitors of the API, four at a time, each waiting for its answer: light, and it notices every failure. */
export class Visitors {
  readonly failures: string[] = [];
  served = 0;
  #running = true;
  readonly #all: Promise<void>[];

  constructor(url: string) {
    this.#all = Array.from({ length: 4 }, () => this.#visit(url));
  }

  async #visit(url: string): Promise<void> {
    while (this.#running) {
      try {
        const answer = await fetch(`${url}/api/x`, { signal: AbortSignal.timeout(30_000) });
        await answer.arrayBuffer();
        this.served++;
        if (answer.status !== 200) this.failures.push(String(answer.status));
      } catch (error) {
        this.failures.push(String((error as Error).cause ?? error));
      }
      await new Promise((next) => setTimeout(next, 15));
    }
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#all);
  }
}
