import { type Random, seeded } from "@latchkey/core/shared/random";
import { type Product, type Started, until, Visitors } from "../../apps/supervisor/src/product.testkit.ts";

/** Something that goes wrong once in a rollout. */
export interface Blow {
  /** What happens, such as "server killed". */
  readonly name: string;
  strike(crashes: Crashes): Promise<void>;
  /** Of the visitors' failures those that it does not explain; a failure is a status or an error's words. */
  unexplained(failures: readonly string[]): readonly string[];
}

export interface Crash {
  readonly blow: string;
  readonly isHarmful: boolean;
  /** State of the rollout or deployment when it was struck. */
  readonly during: string;
  readonly end: string;
  readonly seconds: number;
  /** Requests that failed though nothing that served them was killed, or more than its connections. */
  readonly strangeErrors: readonly string[];
  /** What should not be so; empty when all is well. */
  readonly wrong: readonly string[];
}

/** Longer than a rollout of the tiny service takes: a harmful one is taken back after 3 s, mostly. */
const MOMENT_MAX_MS = { harmful: 5_000, healthy: 20_000 };
/** A start on two busy cores, and the rollout's own time. */
const REST_MS = 150_000;
const ENDED = ["completed", "rolled_back", "aborted", "failed_build", "failed_gate", "failed_start", "superseded"];
const main = { project: "main" } as const;

interface Excuse {
  readonly ends: readonly string[];
  /** What people are told then. */
  readonly words: RegExp;
}

/**
 * Real rollouts of a tiny service on a real installation, half of whose releases answer with errors; each is struck at a
 * random moment. What must be true afterwards does not depend on when.
 */
export class Crashes {
  readonly product: Product;
  readonly random: Random;
  /** The supervisor as it runs now: a blow may start another. */
  started: Started;
  /** The deployment under way. */
  deploymentId = "";
  /** How a healthy release, too, may rightly end after this blow; null where nothing but its promotion is right. */
  excuse: Excuse | null = null;
  #n = 0;
  #ledgerSize = 0;
  readonly #acknowledged: string[] = [];

  constructor(product: Product, started: Started, seed: number) {
    this.product = product;
    this.started = started;
    this.random = seeded(seed);
  }

  /** The first release, with nothing killed. */
  async begin(): Promise<void> {
    this.product.write("v0");
    await this.product.cli("apply", "--yes");
    const id = await this.#ship();
    await until("release 1", async () => ((await this.#stateOf(id)) === "completed" ? true : null), REST_MS);
  }

  async stop(): Promise<void> {
    this.started.child.kill("SIGINT");
    await this.started.ended;
  }

  async next(blow: Blow): Promise<Crash> {
    this.#n += 1;
    const isHarmful = this.random() < 0.5;
    this.product.write(`v${this.#n}`, isHarmful);
    const visitors = new Visitors(this.product.url);
    const from = performance.now();
    const id = await this.#ship();
    this.deploymentId = id;
    this.excuse = null;
    await new Promise((resolve) =>
      setTimeout(resolve, this.random() * MOMENT_MAX_MS[isHarmful ? "harmful" : "healthy"]),
    );
    const during = (await this.#stateOf(id)) ?? "unknown";
    await blow.strike(this);
    const end = await until(
      "the end of the rollout",
      async () => {
        const state = await this.#stateOf(id);
        return state !== null && ENDED.includes(state) ? state : null;
      },
      REST_MS,
    );
    await visitors.stop();
    const wrong = await this.#faultsOf(end, isHarmful);
    const strangeErrors = blow.unexplained(visitors.failures.filter((words) => !(isHarmful && words === "500")));
    const seconds = (performance.now() - from) / 1_000;
    return { blow: blow.name, isHarmful, during, end, seconds, strangeErrors, wrong };
  }

  async #ship(): Promise<string> {
    const made = await this.product.client().ship({
      params: { ...main, service: "tiny" },
      body: { environment: "production", reason: "", ifBusy: "refuse" },
    });
    this.#acknowledged.push(made.id);
    return made.id;
  }

  /** What the server says; null while it does not answer. */
  async #stateOf(deploymentId: string): Promise<string | null> {
    try {
      const client = this.product.client();
      const deployment = await client.getDeployment({ params: { ...main, deploymentId } });
      if (!deployment.rolloutId) return deployment.status;
      return (await client.getRollout({ params: { ...main, rolloutId: deployment.rolloutId } })).state;
    } catch {
      return null;
    }
  }

  async #faultsOf(end: string, isHarmful: boolean): Promise<string[]> {
    const wrong: string[] = [];
    if (isHarmful && end === "completed") wrong.push("a harmful release was promoted");
    if (!isHarmful && end !== "completed") {
      const { words, buildOutput } = await this.product.client().getDeployment({
        params: { ...main, deploymentId: this.deploymentId },
      });
      const why = `${words} ${buildOutput}`.trim();
      if (!this.excuse?.ends.includes(end) || !this.excuse.words.test(why))
        wrong.push(`a healthy release ended as ${end}: ${why}`);
    }
    const ask = () =>
      fetch(`${this.product.url}/api/x`).then(
        (answer) => String(answer.status),
        (error: Error) => String(error.cause ?? error),
      );
    // Struck at the very end, a process is being started again; once it answers, it answers all.
    await until("an answer after the end", async () => (await ask()) === "200" || null, REST_MS);
    const answers = await Promise.all(Array.from({ length: 40 }, ask));
    const bad = answers.filter((words) => words !== "200");
    if (bad.length > 0) wrong.push(`${bad.length} of 40 requests fail after the end: ${[...new Set(bad)].join(", ")}`);
    const ledger = await this.product.client().verifyLedger({ params: main });
    if (!ledger.ok) wrong.push("the ledger does not verify");
    if (ledger.size < this.#ledgerSize) wrong.push("the ledger is shorter than before");
    this.#ledgerSize = ledger.size;
    for (const deploymentId of this.#acknowledged.slice(-3)) {
      const found = await this.product
        .client()
        .listLedger({ params: main, query: { subject: `deployment/${deploymentId}` } });
      if (found.items.length === 0) wrong.push(`${deploymentId} was acknowledged and is not in the ledger`);
    }
    return wrong.map((words) => `${this.deploymentId}: ${words}`);
  }
}
