import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Client } from "@latchkey/api/client";
import type { ServiceConfigInput } from "@latchkey/api/models";

const FIXTURE = join(dirname(fileURLToPath(import.meta.url)), "workload");

/** What the next build of the workload will do, and what the release that it makes will. */
export interface Behaviour {
  /** Another version is another release. */
  readonly version: string;
  readonly build: "pass" | "fail" | "nothing" | "link" | "wait" | "wait-and-mark";
  /** `wait` goes on once `go()` was called; `hang` never does. */
  readonly gate: "pass" | "fail" | "wait" | "hang";
  readonly start: "ok" | "exit" | "wait" | "die-when-ready";
  readonly health: number;
  /** What its health check says. */
  readonly healthBody: string;
  /** The text of its page; null answers 500. */
  readonly page: string | null;
  readonly ignoresTerm: boolean;
}
const GOOD: Behaviour = {
  version: "1",
  build: "pass",
  gate: "pass",
  start: "ok",
  health: 200,
  healthBody: "",
  page: "welcome to the shop",
  ignoresTerm: false,
};

/** Where the workload is shipped to. */
export interface Place {
  readonly dir: string;
  readonly mark: string;
  readonly owner: Client;
}

/** A service of small Node processes that does as it is told, in a folder outside any git repository. */
export class Workload {
  readonly name: string;
  readonly root: string;
  readonly #place: Place;

  /** `fixture`: where its files are, for who runs from a bundle. */
  constructor(place: Place, fixture = FIXTURE) {
    this.#place = place;
    this.name = `shop-${place.mark}`;
    this.root = join(place.dir, "sources");
    mkdirSync(this.root, { recursive: true });
    cpSync(fixture, join(this.root, "app"), { recursive: true });
    this.will({});
  }

  /** Decides what the next release is; what is left out is healthy. */
  will(behaviour: Partial<Behaviour>): void {
    const told = { ...GOOD, ...behaviour };
    writeFileSync(
      join(this.root, "app", "behaviour.json"),
      JSON.stringify({ ...told, ...(told.start === "wait" ? { goFile: this.#goFile } : {}) }),
    );
  }

  get #goFile(): string {
    return join(this.root, "app", "go");
  }
  /** What waits may go on. */
  go(): void {
    writeFileSync(this.#goFile, "");
  }
  stay(): void {
    rmSync(this.#goFile, { force: true });
  }
  /** The processes of all builds that have begun. */
  get #builds(): number[] {
    const file = join(this.root, "app", "builds.log");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").map(Number) : [];
  }
  get buildsBegun(): number {
    return this.#builds.length;
  }
  get lastBuild(): number {
    return this.#builds.at(-1) ?? 0;
  }

  config(over: Partial<ServiceConfigInput> = {}): ServiceConfigInput {
    return {
      name: this.name,
      source: "app",
      build: ["node", "build.mjs"],
      // Limits far above what a busy machine needs: no test but those of the limits themselves may meet them.
      gates: [{ name: "unit tests", command: ["node", "gate.mjs"], timeoutMs: 150_000 }],
      smoke: [{ path: "/", contains: "welcome" }],
      health: { readyTimeoutMs: 150_000 },
      ...over,
      strategy: {
        steps: [
          { trafficPercent: 10, bakeMs: 0, minimumRequests: 100 },
          { trafficPercent: 50, bakeMs: 0, minimumRequests: 100 },
        ],
        holdbackMs: 3_600_000,
        ...over.strategy,
      },
      analysis: { minimumBakeMs: 0, ...over.analysis },
    };
  }

  async apply(over: Partial<ServiceConfigInput> = {}): Promise<void> {
    await this.#place.owner.applyService({ body: { config: this.config(over), root: this.root } });
  }
}
