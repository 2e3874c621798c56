import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TargetConfig } from "@latchkey/api/targets";
import { freePort } from "../../platform/adapters/local/process-table.ts";

const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), "cloud.mjs");

interface Table {
  readonly generation: { readonly epoch: number; readonly n: number };
  readonly arms: readonly {
    readonly release: { readonly id: string };
    readonly upstreams: string[];
    readonly percent: number;
  }[];
}
type Count = { generation: Table["generation"]; releaseId: string; requests: number; errors: number };

/** What the script `cloud.mjs` drives, seen from outside, with the load balancer that goes by its table. */
export class Cloud {
  readonly dir: string;
  #balancer: Server | null = null;
  readonly #counts = new Map<string, Count>();

  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(dir, { recursive: true });
  }

  /** `env` hands the folder on: the script finds it by no variable of the server. */
  config(own: { readonly routes: boolean }): Extract<TargetConfig, { kind: "command" }> {
    const words = ["env", `CLOUD_DIR=${this.dir}`, process.execPath, SCRIPT];
    return {
      ...{ kind: "command", prepare: words, retire: words, ...(own.routes ? { route: words, counts: words } : {}) },
      ...{ prepareTimeoutMs: 60_000, routeTimeoutMs: 20_000, retireTimeoutMs: 20_000, countsTimeoutMs: 10_000 },
      environmentVariables: [],
    };
  }

  #lines(name: string): string[] {
    const file = join(this.dir, name);
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }
  get starts(): number {
    return this.#lines("started.log").length;
  }
  calls(name: string): number {
    return this.#lines("calls.log").filter((line) => line.startsWith(`${name} `)).length;
  }
  /** What `prepare` began stays unanswered until `go`. */
  hold(): void {
    writeFileSync(join(this.dir, "hold"), "");
  }
  go(): void {
    rmSync(join(this.dir, "hold"), { force: true });
  }

  /** Where visitors come in: each is sent by the table as it is now, and counted. */
  async listen(): Promise<string> {
    const port = await freePort();
    this.#balancer = createServer((request, response) => {
      this.#forward(request.url ?? "/").then(
        ({ status, text }) => response.writeHead(status).end(text),
        () => response.writeHead(502).end(),
      );
    });
    await new Promise<void>((resolve) => this.#balancer?.listen(port, "127.0.0.1", resolve));
    return `http://127.0.0.1:${port}`;
  }

  async #forward(path: string): Promise<{ status: number; text: string }> {
    const table = JSON.parse(readFileSync(join(this.dir, "table.json"), "utf8")) as Table;
    let ticket = Math.random() * 100;
    const drawn = ({ percent }: { readonly percent: number }) => {
      ticket -= percent;
      return ticket < 0;
    };
    const arm = table.arms.find(drawn) ?? table.arms[0];
    if (!arm) return { status: 503, text: "nothing is served" };
    const answer = await fetch(`${arm.upstreams[0]}${path}`);
    const text = await answer.text();
    const key = JSON.stringify([table.generation, arm.release.id]);
    const count = this.#counts.get(key) ?? {
      ...{ generation: table.generation, releaseId: arm.release.id, requests: 0, errors: 0 },
    };
    this.#counts.set(key, count);
    count.requests += 1;
    if (answer.status >= 500) count.errors += 1;
    const file = join(this.dir, "counts.json");
    writeFileSync(`${file}.new`, JSON.stringify([...this.#counts.values()]));
    // The script may read it at any time, and finds it whole.
    renameSync(`${file}.new`, file);
    return { status: answer.status, text };
  }

  /** Ends what was started, and was not retired. */
  close(): void {
    this.#balancer?.closeAllConnections();
    this.#balancer?.close();
    for (const pid of this.#lines("started.log").map(Number)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It was retired.
      }
    }
  }
}
