import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { freePort } from "../platform/adapters/local/process-table.ts";
import { removeDirectory, temporaryDirectory } from "./directory.ts";
import { until } from "./until.ts";

const PROGRAM = "/usr/bin/prometheus";
/** Debian's package; tools/debian.mjs installs it, and says so where it can't. */
export const hasPrometheus = existsSync(PROGRAM);

/** A page of counters for Prometheus to scrape, in its text format. */
export class Exporter {
  readonly #values = new Map<string, number>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
      response.end([...this.#values].map(([series, value]) => `${series} ${value}\n`).join(""));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** e.g. `requests_total{release="shop@1"}`. */
  set(series: string, value: number): void {
    this.#values.set(series, value);
  }
  grow(series: string, by: number): void {
    this.set(series, (this.#values.get(series) ?? 0) + by);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** A real Prometheus that scrapes an exporter every second. */
export class PrometheusServer {
  readonly exporter = new Exporter();
  readonly #dir = temporaryDirectory();
  #process: ChildProcess | null = null;
  #port = 0;

  static async start(): Promise<PrometheusServer> {
    const made = new PrometheusServer();
    const target = await made.exporter.listen();
    writeFileSync(
      join(made.#dir, "prometheus.yml"),
      JSON.stringify({
        global: { scrape_interval: "1s", scrape_timeout: "1s" },
        scrape_configs: [{ job_name: "shop", static_configs: [{ targets: [target] }] }],
      }),
    );
    await made.begin();
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it (again, at its address and with what it has stored). */
  async begin(): Promise<void> {
    this.#port ||= await freePort();
    const child = spawn(
      PROGRAM,
      [
        `--config.file=${join(this.#dir, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(this.#dir, "data")}`,
        `--web.listen-address=127.0.0.1:${this.#port}`,
        "--log.level=error",
      ],
      { stdio: "ignore" },
    );
    this.#process = child;
    await until("Prometheus is ready", async () => {
      const answer = await fetch(`${this.url}/-/ready`).catch(() => null);
      return answer?.ok === true;
    });
  }

  /** Ends it; its exporter stays. */
  async halt(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.halt();
    this.exporter.close();
    removeDirectory(this.#dir);
  }
}
