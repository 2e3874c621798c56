import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Random, seeded } from "@latchkey/core/shared/random";
import { type Product, type Started, until, Visitors } from "../../apps/supervisor/src/product.testkit.ts";

/**
 * Processes of a real installation are killed at random moments of real rollouts of a tiny service, half of whose
 * releases answer with errors. What must be true afterwards does not depend on when.
 */
export const VICTIMS = ["server", "gateway", "supervisor", "postgres", "postgres-restart", "release"] as const;
export type Victim = (typeof VICTIMS)[number];

export interface Crash {
  readonly victim: Victim;
  readonly isHarmful: boolean;
  /** State of the rollout or deployment when the signal was sent. */
  readonly during: string;
  readonly end: string;
  readonly seconds: number;
  /** Requests that failed though nothing that served them was killed, or more than its connections. */
  readonly strangeErrors: readonly string[];
  /** What should not be so; empty when all is well. */
  readonly wrong: readonly string[];
}

/** Longer than a rollout of the tiny service takes from the build to the end of its holdback, mostly 8 s. */
const MOMENT_MAX_MS = 9_000;
/** A start on two busy cores, and the rollout's own time. */
const REST_MS = 150_000;
const ENDED = ["completed", "rolled_back", "aborted", "failed_build", "failed_gate", "failed_start", "superseded"];
const main = { project: "main" } as const;
/** A killed process takes the answers on its connections with it: each visitor has one at a time. */
const VISITORS = 4;

export class Crashes {
  readonly #product: Product;
  readonly #random: Random;
  #started: Started;
  #n = 0;
  #ledgerSize = 0;
  readonly #acknowledged: string[] = [];

  constructor(product: Product, started: Started, seed: number) {
    this.#product = product;
    this.#started = started;
    this.#random = seeded(seed);
  }

  /** The first release, with nothing killed. */
  async begin(): Promise<void> {
    this.#product.write("v0");
    await this.#product.cli("apply", "--yes");
    const id = await this.#ship();
    await until("release 1", async () => ((await this.#stateOf(id)) === "completed" ? true : null), REST_MS);
  }

  async stop(): Promise<void> {
    this.#started.child.kill("SIGINT");
    await this.#started.ended;
    this.#product.remove();
  }

  async next(): Promise<Crash> {
    this.#n += 1;
    const victim = VICTIMS[this.#n % VICTIMS.length] ?? "server";
    const isHarmful = this.#random() < 0.5;
    this.#product.write(`v${this.#n}`, isHarmful);
    const visitors = new Visitors(this.#product.url);
    const from = performance.now();
    const id = await this.#ship();
    await new Promise((resolve) => setTimeout(resolve, this.#random() * MOMENT_MAX_MS));
    const during = (await this.#stateOf(id)) ?? "unknown";
    await this.#kill(victim);
    const end = await until(
      "the end of the rollout",
      async () => {
        const state = await this.#stateOf(id);
        return state !== null && ENDED.includes(state) ? state : null;
      },
      REST_MS,
    );
    await visitors.stop();
    const wrong = await this.#faultsOf(id, isHarmful, end);
    const strangeErrors = strange(visitors.failures, victim, isHarmful);
    return { victim, isHarmful, during, end, seconds: (performance.now() - from) / 1_000, strangeErrors, wrong };
  }

  async #ship(): Promise<string> {
    const made = await this.#product.client().ship({
      params: { ...main, service: "tiny" },
      body: { environment: "production", reason: "", ifBusy: "refuse" },
    });
    this.#acknowledged.push(made.id);
    return made.id;
  }

  /** What the server says; null while it does not answer. */
  async #stateOf(deploymentId: string): Promise<string | null> {
    try {
      const client = this.#product.client();
      const deployment = await client.getDeployment({ params: { ...main, deploymentId } });
      if (!deployment.rolloutId) return deployment.status;
      return (await client.getRollout({ params: { ...main, rolloutId: deployment.rolloutId } })).state;
    } catch {
      return null;
    }
  }

  async #kill(victim: Victim): Promise<void> {
    if (victim === "supervisor") {
      this.#started.child.kill("SIGKILL");
      await this.#started.ended;
      this.#started = await this.#product.up();
      return;
    }
    const pid = this.#pidOf(victim);
    if (pid > 1) process.kill(pid, victim === "postgres-restart" ? "SIGINT" : "SIGKILL");
  }

  #pidOf(victim: Victim): number {
    const { dir } = this.#product;
    if (victim === "postgres" || victim === "postgres-restart")
      return Number(readFileSync(join(dir, "postgres", "data", "postmaster.pid"), "utf8").split("\n")[0]);
    if (victim !== "release") return this.#product.pidOf(victim);
    const releases = this.#product.processes().filter((pid) => environmentOf(pid).includes("LATCHKEY_SERVICE=tiny"));
    return releases[Math.floor(this.#random() * releases.length)] ?? 0;
  }

  async #faultsOf(id: string, isHarmful: boolean, end: string): Promise<string[]> {
    const wrong: string[] = [];
    if (isHarmful && end === "completed") wrong.push("a harmful release was promoted");
    if (!isHarmful && end !== "completed") wrong.push(`a healthy release ended as ${end}`);
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => fetch(`${this.#product.url}/api/x`).then((answer) => answer.status)),
    );
    const bad = answers.filter((status) => status !== 200).length;
    if (bad > 0) wrong.push(`${bad} of 40 requests fail after the end`);
    const ledger = await this.#product.client().verifyLedger({ params: main });
    if (!ledger.ok) wrong.push("the ledger does not verify");
    if (ledger.size < this.#ledgerSize) wrong.push("the ledger is shorter than before");
    this.#ledgerSize = ledger.size;
    for (const deploymentId of this.#acknowledged.slice(-3)) {
      const found = await this.#product
        .client()
        .listLedger({ params: main, query: { subject: `deployment/${deploymentId}` } });
      if (found.items.length === 0) wrong.push(`${deploymentId} was acknowledged and is not in the ledger`);
    }
    return wrong.map((words) => `${id}: ${words}`);
  }
}

const environmentOf = (pid: number): string[] => {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return [];
  }
};

/** Failures that a killed process does not explain. */
function strange(failures: readonly string[], victim: Victim, isHarmful: boolean): string[] {
  const unexplained = failures.filter((words) => !(isHarmful && words === "500"));
  if (victim === "supervisor") return unexplained.filter((words) => /^\d/.test(words));
  if (victim === "gateway" || victim === "release") return unexplained.slice(VISITORS);
  return unexplained;
}
