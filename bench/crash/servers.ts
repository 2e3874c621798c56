import { type Random, seeded } from "@latchkey/core/shared/random";
import { type Product, until, Visitors } from "../../apps/supervisor/src/product.testkit.ts";
import { type Bench, type Figure, figure, sleep } from "../figure.ts";
import { Cluster } from "./cluster.ts";
import { faultsOfCluster, ProcessWatch } from "./cluster-faults.ts";

/**
 * Several servers on one PostgreSQL, one of them killed every ten seconds and started again, while rollouts follow one
 * another and visitors come: whoever is left goes on.
 */
const SERVERS = 3;
const GATEWAYS = 2;
const RUN_MS = 600_000;
const QUICK_MS = 60_000;
const KILL_EVERY_MS = 10_000;
/** A killed server is started again within this: some of the next kills then leave one alone. */
const DOWN_MAX_MS = 8_000;
/** Three takeovers of a lease, each with a build or a start done again, on two busy cores. */
const ROLLOUT_MS = 180_000;
const ENDED = ["completed", "rolled_back", "aborted", "failed", "superseded"];
const FAILED = ["failed_build", "failed_gate", "failed_start", "aborted", "superseded", "unchanged"];
const main = { project: "main" } as const;

/** One rollout, from the wish to its end. */
interface Ran {
  readonly id: string;
  readonly isHarmful: boolean;
  readonly end: string;
  readonly seconds: number;
}

export async function withServersKilled(bench: Bench, product: Product): Promise<Figure[]> {
  await product.place();
  // Harm is found in two seconds; a healthy release needs not be proved to be so here.
  product.maximumMs = 10_000;
  product.write("v0");
  const cluster = new Cluster(product);
  bench.say(`Starting ${SERVERS} servers on one PostgreSQL, and ${GATEWAYS} gateways ...`);
  try {
    await cluster.up(SERVERS, GATEWAYS);
    const applied = await cluster.cli("apply", "--yes");
    if (applied.exitCode !== 0) throw new Error(`The service could not be applied: ${applied.err}`);
    const rollouts = new Rollouts(cluster, bench);
    await rollouts.run(false);
    return await killing(bench, cluster, rollouts);
  } finally {
    await cluster.down();
  }
}

async function killing(bench: Bench, cluster: Cluster, rollouts: Rollouts): Promise<Figure[]> {
  const until = performance.now() + (bench.quick ? QUICK_MS : RUN_MS);
  const random = seeded(bench.seed);
  const visitors = cluster.gateways.map((gateway) => new Visitors(gateway.url));
  const watch = new ProcessWatch(cluster.product);
  const killer = new Killer(cluster, random, bench);
  killer.start();
  try {
    while (performance.now() < until && !bench.signal.aborted)
      await rollouts.run(rollouts.acknowledged.length % 2 === 0);
  } finally {
    await killer.stop();
    for (const visitor of visitors) await visitor.stop();
    watch.stop();
  }
  if (bench.signal.aborted) throw new Error("Stopped.");
  for (const server of cluster.servers) await cluster.untilReady(server.url);
  const faults = await faultsOfCluster(cluster, rollouts.acknowledged);
  for (const words of [...rollouts.wrong, ...faults.doubled, ...faults.lost, ...watch.doubled])
    bench.say(`WRONG: ${words}`);
  const served = visitors.reduce((sum, visitor) => sum + visitor.served, 0);
  // A harmful release answers 500 until it is taken back: that is what it is for.
  const errors = visitors.flatMap((visitor) => visitor.failures).filter((words) => words !== "500");
  if (errors.length > 0) bench.say(`Visitors saw: ${[...new Set(errors)].join(", ")}`);
  const slowest = Math.max(...rollouts.ran.map((ran) => ran.seconds));
  return [
    figure("servers on one PostgreSQL", SERVERS, "servers"),
    figure("servers killed", killer.kills, "kills", { atLeast: bench.quick ? 3 : 50 }),
    figure("of them, those that drove the rollouts", killer.drivers, "kills"),
    figure("rollouts", rollouts.ran.length, "rollouts", { atLeast: bench.quick ? 2 : 15 }),
    figure("of them, harmful", rollouts.ran.filter((ran) => ran.isHarmful).length, "rollouts"),
    figure("the longest rollout", slowest, "s"),
    figure("rollouts that ended wrongly", rollouts.wrong.length, "rollouts", { below: 1 }),
    figure("deployments, decisions and events done twice", faults.doubled.length, "", { below: 1 }),
    figure("releases that ran twice", watch.doubled.length, "releases", { below: 1 }),
    figure("entries lost, or a ledger that does not verify", faults.lost.length, "", { below: 1 }),
    figure("visitors served", served, "requests"),
    figure("visitors' errors", errors.length, "requests", { below: 1 }),
  ];
}

/** Rollouts one after the other, asked for by the command line. */
class Rollouts {
  readonly ran: Ran[] = [];
  readonly wrong: string[] = [];
  readonly acknowledged: string[] = [];
  readonly #cluster: Cluster;
  readonly #bench: Bench;

  constructor(cluster: Cluster, bench: Bench) {
    this.#cluster = cluster;
    this.#bench = bench;
  }

  async run(isHarmful: boolean): Promise<void> {
    const n = this.acknowledged.length + 1;
    this.#cluster.product.write(`v${n}`, isHarmful);
    const from = performance.now();
    const asked = await this.#cluster.cli("ship", "tiny", "--json");
    if (asked.exitCode !== 0) {
      this.wrong.push(`version ${n} was not taken: ${asked.err.trim()}`);
      return;
    }
    const { id } = JSON.parse(asked.out) as { id: string };
    this.acknowledged.push(id);
    const end = await until(`the end of ${id}`, () => this.#endOf(id), ROLLOUT_MS);
    const seconds = (performance.now() - from) / 1_000;
    this.ran.push({ id, isHarmful, end, seconds });
    const release = isHarmful ? "harmful" : "healthy";
    this.#bench.say(`${String(n).padStart(3)}  ${release} release ${end} after ${seconds.toFixed(1)} s`);
    if (end !== (isHarmful ? "rolled_back" : "completed"))
      this.wrong.push(`${id}: a ${release} release ended as ${end}`);
  }

  /** How it ended; null while it goes on, or nobody answers. */
  async #endOf(deploymentId: string): Promise<string | null> {
    try {
      const { client } = this.#cluster;
      const deployment = await client.getDeployment({ params: { ...main, deploymentId } });
      if (FAILED.includes(deployment.status)) return deployment.status;
      if (!deployment.rolloutId) return null;
      const { state } = await client.getRollout({ params: { ...main, rolloutId: deployment.rolloutId } });
      return ENDED.includes(state) ? state : null;
    } catch {
      return null;
    }
  }
}

/** Kills a server every ten seconds, every other time the one that drives, and starts it again a while later. */
class Killer {
  kills = 0;
  drivers = 0;
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #bench: Bench;
  readonly #starting = new Set<Promise<void>>();
  #stopped = false;
  #done: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, random: Random, bench: Bench) {
    this.#cluster = cluster;
    this.#random = random;
    this.#bench = bench;
  }

  start(): void {
    this.#done = this.#rounds();
  }

  async #rounds(): Promise<void> {
    for (let round = 1; ; round++) {
      const from = performance.now();
      while (!this.#stopped && performance.now() - from < KILL_EVERY_MS) await sleep(50);
      if (this.#stopped) return;
      await this.#kill(round % 2 === 0);
    }
  }

  async #kill(wantsDriver: boolean): Promise<void> {
    const driver = await this.#cluster.holder();
    const up = this.#cluster.servers.flatMap(({ member }, at) => (member.isUp ? [at] : []));
    const at =
      wantsDriver && driver !== null && up.includes(driver) ? driver : up[Math.floor(this.#random() * up.length)];
    const victim = at === undefined ? undefined : this.#cluster.servers[at];
    // One is left always: without any there is nobody to go on.
    if (!victim || up.length < 2) return;
    await victim.member.end("SIGKILL");
    this.kills += 1;
    if (at === driver) this.drivers += 1;
    this.#bench.say(`     server ${(at ?? 0) + 1} killed${at === driver ? ", which drove" : ""}`);
    const again = sleep(this.#random() * DOWN_MAX_MS).then(() => victim.member.start());
    this.#starting.add(again);
    void again.then(() => this.#starting.delete(again));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    await Promise.all(this.#starting);
  }
}
