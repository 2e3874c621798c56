import { ServiceConfig } from "@latchkey/api/models";
import { saveService } from "../apps/server/src/catalog/services.store.ts";
import { activeDeployments } from "../apps/server/src/delivery/deployments.store.ts";
import { endUnrolledDeployments, startEpoch } from "../apps/server/src/delivery/epochs.controller.ts";
import { activeRollouts } from "../apps/server/src/delivery/rollouts.store.ts";
import { outboxIsEmpty } from "../apps/server/src/ledger/ledger.store.ts";
import { ANSWERS, type Executor, type Run, type Transaction } from "../apps/server/src/platform/database.ts";
import { setIdSource } from "../apps/server/src/platform/ids.ts";
import { type Backend, memoryBackend } from "./backend.ts";
import { Chance } from "./chance.ts";
import { Faults } from "./faults.ts";
import { GuardFaults } from "./guard-faults.ts";
import { type Mutation, Mutations } from "./mutations.ts";
import { Oracle } from "./oracle.ts";
import { SimGateway } from "./parts/gateway.ts";
import { SimMachine } from "./parts/machine.ts";
import { SimPeople } from "./parts/people.ts";
import { SimServer } from "./parts/server.ts";
import { type Plan, planOf } from "./plan.ts";
import { Timeline } from "./timeline.ts";
import { Truth } from "./truth.ts";
import { Watch } from "./watch.ts";

const START_MS = Date.UTC(2026, 0, 1);
/** By then everything must have come to rest: longer than the longest rollout with all that it may wait for. */
const REST_MS = 15 * 60_000;
/** In a calm world the second release is shipped when the first has been up for a while. */
const CALM_SHIP_MS = 12_000;
export const SERVICE = "leads";

export interface WorldOptions {
  readonly seed: number;
  readonly without?: readonly Mutation[];
  /** Memory when it is left out. */
  readonly backend?: (nowMs: () => number) => Backend;
  /** Instead of what the seed decides. */
  readonly plan?: Partial<Plan>;
  readonly trace?: (line: string) => void;
  /** Also each step of each server. */
  readonly traceSteps?: boolean;
}
export interface Outcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly steps: number;
  readonly rollouts: number;
  readonly deployments: number;
  readonly joined: number;
}

/** A whole installation in one process: real controllers, a simulated rest, and chance from one seed. */
export class World {
  readonly startMs = START_MS;
  readonly plan: Plan;
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly mutations: Mutations;
  readonly backend: Backend;
  readonly truth: Truth;
  readonly faults: Faults;
  readonly guards: GuardFaults;
  readonly machine: SimMachine;
  readonly oracle: Oracle;
  readonly watch: Watch;
  readonly servers: readonly SimServer[];
  readonly gateways: readonly SimGateway[];
  readonly people: SimPeople;
  /** Whose code runs just now: ids are made by its clock. */
  actor: SimServer | null = null;
  steps = 0;
  readonly #options: WorldOptions;
  readonly #latency: Chance;
  readonly #counters = new Map<string, { readonly total: number; readonly events: number }>();

  constructor(options: WorldOptions) {
    this.#options = options;
    const { seed } = options;
    this.plan = { ...planOf(seed), ...options.plan };
    this.chance = new Chance(seed, 3);
    this.#latency = new Chance(seed, 4);
    this.mutations = new Mutations(options.without ?? []);
    const backend = (options.backend ?? memoryBackend)(() => this.timeline.nowMs);
    this.backend = this.#mutated(backend);
    this.timeline = new Timeline(START_MS, () => backend.pending > 0);
    this.truth = new Truth(new Chance(seed, 5), this.plan.shipsBatches ? 0.2 : 0);
    this.faults = new Faults(this);
    this.guards = new GuardFaults(this);
    this.machine = new SimMachine(this);
    this.oracle = new Oracle(this);
    this.watch = new Watch(this);
    this.servers = Array.from({ length: this.plan.servers }, (_, i) => new SimServer(this, `server-${i + 1}`));
    this.gateways = Array.from({ length: this.plan.gateways }, (_, i) => new SimGateway(this, `gateway-${i + 1}`));
    this.people = new SimPeople(this);
  }

  /** Counters of a metric source, which only grow: events of an arm, at the share of what was added to its total. */
  counted(arm: string, total: number, eventsInHundred: number): number {
    const before = this.#counters.get(arm) ?? { total: 0, events: 0 };
    const events = before.events + ((total - before.total) * eventsInHundred) / 100;
    this.#counters.set(arm, { total, events });
    return events;
  }

  latencyMs(): number {
    return this.#latency.isTrue(0.01) ? this.#latency.around(400) : this.#latency.between(0.3, 3);
  }

  tell(who: string, words: string, error?: unknown): void {
    const seconds = ((this.timeline.nowMs - START_MS) / 1_000).toFixed(3).padStart(9);
    this.#options.trace?.(`${seconds} s  ${who.padEnd(10)} ${words}`);
    if (error instanceof Error && this.#options.traceSteps) this.#options.trace?.(error.stack ?? "");
  }

  step(who: string, name: string, args: readonly unknown[]): void {
    this.steps += 1;
    if (this.#options.traceSteps) this.tell(who, `  ${name} ${args.filter((a) => typeof a === "string").join(" ")}`);
  }

  /** Asked directly, with no network between: for the world itself. */
  get directly(): Executor {
    return this.#executor((name, args, run) => this.backend.peek(name, args, run));
  }

  #executor(execute: (name: string, args: readonly unknown[], run: Run) => Promise<unknown>): Executor {
    return { [ANSWERS]: execute } as unknown as Executor;
  }

  async inOne<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const connection = await this.backend.begin();
    try {
      const tx = this.#executor((name, args, run) => connection.run(name, args, run));
      const result = await fn(tx as unknown as Transaction);
      await connection.commit();
      return result;
    } finally {
      await connection.rollback();
    }
  }

  #mutated(backend: Backend): Backend {
    const { mutations } = this;
    const wrap =
      (run: (name: string, args: readonly unknown[], fn: Run) => Promise<unknown>) =>
      async (name: string, args: readonly unknown[], fn: Run) =>
        mutations.answer(name, await run(mutations.name(name), mutations.arguments(name, args), fn));
    return {
      pending: 0,
      restart: () => backend.restart(),
      backup: () => backend.backup(),
      restore: (backup) => backend.restore(backup),
      close: () => backend.close(),
      peek: (name, args, fn) => backend.peek(name, args, fn),
      alone: wrap((name, args, fn) => backend.alone(name, args, fn)),
      begin: async () => {
        const connection = await backend.begin();
        return {
          run: wrap((name, args, fn) => connection.run(name, args, fn)),
          commit: () => connection.commit(),
          rollback: () => connection.rollback(),
          kill: () => connection.kill(),
        };
      },
    };
  }

  async run(): Promise<Outcome> {
    const ids = new Chance(this.plan.seed, 6);
    const restoreGuards = this.mutations.silenceGuards();
    setIdSource({
      now: () => this.actor?.clock.now() ?? this.timeline.nowMs,
      random: () => ids.bytes(8),
    });
    try {
      await this.#begin();
      const busyUntilMs = START_MS + this.plan.busyMs;
      await this.timeline.run(busyUntilMs, () => false);
      this.tell("world", "no more faults, no more wishes: everything may come to rest");
      this.faults.end();
      await this.#rest(busyUntilMs + REST_MS);
      // Whoever still stands still holds no lock any more.
      for (const server of this.servers) server.crash("at the end of the world");
      await this.oracle.closeEra();
    } finally {
      restoreGuards();
      setIdSource(null);
      await this.backend.close();
    }
    const { violations, rollouts, deployments, joined } = this.oracle;
    for (const violation of violations) this.tell("VIOLATION", violation);
    return { seed: this.plan.seed, violations, steps: this.steps, rollouts, deployments, joined };
  }

  async #begin(): Promise<void> {
    const { strategy, policy, smoke, batch } = this.plan;
    const config = ServiceConfig.parse({
      name: SERVICE,
      source: ".",
      build: ["build"],
      run: ["run"],
      gates: [{ name: "test", command: ["test"] }],
      smoke: smoke ? [{ path: "/" }] : [],
    });
    const whole = {
      ...config,
      strategy: { ...config.strategy, ...strategy, steps: [...strategy.steps], batch },
      analysis: policy,
    };
    await this.inOne((tx) =>
      saveService(tx, { project: "main", name: SERVICE, config: whole as never, config_digest: "", root: "/" }),
    );
    for (const server of this.servers) server.start();
    for (const gateway of this.gateways) gateway.start();
    this.#wish();
    this.faults.begin();
    if (this.plan.isCalm) this.timeline.after(CALM_SHIP_MS, () => this.#wish());
    else this.#wishes();
    // Not waited for: it needs its turn among the servers' transactions, for which time must go on.
    const { newEpochAtMs } = this.plan;
    if (newEpochAtMs !== null) this.timeline.after(newEpochAtMs, () => void this.#newEpoch("An operator asked for it"));
  }

  async #newEpoch(why: string): Promise<void> {
    await this.inOne((tx) => startEpoch(tx, { beyond: 0, atMs: this.timeline.nowMs, why }));
  }

  #wishes(): void {
    this.timeline.after(this.chance.around(8_000), async () => {
      if (this.timeline.nowMs >= START_MS + this.plan.busyMs) return;
      if (this.chance.isTrue(0.6)) {
        this.#wish();
        if (this.plan.shipsBatches) this.#wish();
      } else await this.#act();
      this.#wishes();
    });
  }

  #wish(): void {
    const { shipsBatches } = this.plan;
    const isFirst = this.people.wishes.length === 0;
    this.people.ask({
      kind: "ship",
      service: SERVICE,
      fault: !this.plan.isCalm && !isFirst && this.chance.isTrue(shipsBatches ? 0.05 : 0.4) ? "errors=50%" : null,
      ifBusy: this.plan.isCalm ? "queue" : shipsBatches ? "batch" : this.chance.pick(["queue", "supersede", "refuse"]),
    });
  }

  async #act(): Promise<void> {
    const [rollout] = await activeRollouts(this.directly);
    // A batch that was rolled back is split as soon as somebody looks.
    const batch = this.chance.isTrue(0.3) ? await this.oracle.batchTakenBack() : null;
    if (batch) return this.people.ask({ kind: "split", deploymentId: batch });
    if (!rollout) return;
    const kind = this.chance.pick(["pause", "resume", "promote", "roll_back", "abort"] as const);
    this.people.ask({ kind, rolloutId: rollout.id });
  }

  /** The database is set back to a backup, as an operator does it: servers down, a new epoch, servers up. */
  async restore(backup: unknown): Promise<void> {
    if (backup === null) return;
    for (const server of this.servers) server.crash("for a restore");
    await this.oracle.closeEra(false);
    await this.backend.restore(backup);
    this.tell("world", "the database is set back to the backup");
    const why = "The database was restored from a backup";
    await this.#newEpoch(why);
    await this.inOne((tx) => endUnrolledDeployments(tx, why));
    this.oracle.beginEra();
  }

  /** Until nothing is under way; people look after what waits for them. */
  async #rest(untilMs: number): Promise<void> {
    let isOver = false;
    const look = async () => {
      const db = this.directly;
      isOver =
        (await activeDeployments(db)).length === 0 &&
        (await outboxIsEmpty(db)) &&
        !this.people.isAnybodyAsking() &&
        !this.servers.some((server) => server.isStalled);
      for (const { id, machine, canary_release_id } of await activeRollouts(db)) {
        if (!machine.waitsForPerson && machine.state !== "paused") continue;
        const isHarmful = await this.oracle.isHarmful(canary_release_id);
        const kind = isHarmful ? "roll_back" : "promote";
        if (!this.people.isAsking(id)) this.people.ask({ kind, rolloutId: id });
      }
      if (!isOver) this.timeline.after(5_000, look);
    };
    this.timeline.after(5_000, look);
    await this.timeline.run(untilMs, () => isOver);
    // Reports and tables that are under way arrive.
    if (isOver) await this.timeline.run(this.timeline.nowMs + 15_000, () => false);
  }
}
