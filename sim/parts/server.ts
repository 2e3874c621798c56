import type { GatewayReport, RoutingTable } from "@latchkey/api/gateway";
import type { Generation } from "@latchkey/core/delivery/generation";
import { compareGenerations } from "@latchkey/core/delivery/generation";
import type { Actor } from "@latchkey/core/delivery/rollout";
import type { SyntheticSource } from "@latchkey/core/delivery/synthetic";
import { transition } from "@latchkey/core/delivery/transitions";
import type { Logger } from "pino";
import { commandGate } from "../../apps/server/src/delivery/command-gate.ts";
import { DeploymentsController } from "../../apps/server/src/delivery/deployments.controller.ts";
import { overtakeGateway } from "../../apps/server/src/delivery/epochs.controller.ts";
import { UNAVAILABLE } from "../../apps/server/src/delivery/gate-runner.ts";
import { saveReport, seeGateway } from "../../apps/server/src/delivery/gateways.store.ts";
import { LocalTarget } from "../../apps/server/src/delivery/local-target.controller.ts";
import { applyToRollout } from "../../apps/server/src/delivery/rollout-engine.ts";
import { RolloutsController } from "../../apps/server/src/delivery/rollouts.controller.ts";
import { findRollout } from "../../apps/server/src/delivery/rollouts.store.ts";
import { runRounds } from "../../apps/server/src/delivery/rounds.controller.ts";
import { currentGeneration, routingTable } from "../../apps/server/src/delivery/routing.view.ts";
import { ship } from "../../apps/server/src/delivery/ship.ts";
import { workingTree } from "../../apps/server/src/delivery/sources.ts";
import { splitBatch } from "../../apps/server/src/delivery/split.ts";
import { startSequencer } from "../../apps/server/src/ledger/sequencer.ts";
import type { Clock } from "../../apps/server/src/platform/clock.ts";
import {
  ANSWERS,
  type Executor,
  inTransaction,
  type Run,
  type Transaction,
  type Transactions,
} from "../../apps/server/src/platform/database.ts";
import { once } from "../../apps/server/src/platform/idempotency.ts";
import { keepLease } from "../../apps/server/src/platform/leases.ts";
import { Loop } from "../../apps/server/src/platform/loop.ts";
import { LoopWatch } from "../../apps/server/src/platform/loop-watch.ts";
import { ProblemError } from "../../apps/server/src/platform/problems.ts";
import { idempotency } from "../../apps/server/src/security/index.ts";
import type { Connection } from "../backend.ts";
import type { World } from "../world.ts";
import { SimBuilder } from "./builder.ts";
import { simMetricSource } from "./metric-source.ts";
import type { Asked } from "./people.ts";

/** No service of a simulated world declares synthetic journeys. */
const NO_SYNTHETIC: SyntheticSource = { tend: () => {}, seen: () => {}, take: () => null, giveBack: () => {} };

/** One server process: the real controllers, on a clock of its own and a network that may fail at each step. */
export class SimServer {
  readonly name: string;
  readonly #world: World;
  /** Counts this server's processes: what an earlier one still waits for means nothing to the next. */
  #life = 0;
  #isUp = false;
  #stalledUntilMs = 0;
  #connections = new Set<Connection>();
  #loop: Loop | null = null;
  #database: Transactions | null = null;
  #target: LocalTarget | null = null;
  #hungUntilMs = 0;
  /** Since when its loop has hung; null while it goes round. */
  #hangsSinceMs: number | null = null;
  isLostForGood = false;
  skewMs = 0;
  drift = 0;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  readonly clock: Clock = {
    now: () => Math.floor(this.#monotonic() + this.skewMs),
    monotonic: () => this.#monotonic(),
    after: (ms, fn) => {
      const life = this.#life;
      let isOff = false;
      this.#world.timeline.after(ms / (1 + this.drift), () => {
        if (!isOff) this.deliver(life, fn);
      });
      return () => {
        isOff = true;
      };
    },
  };

  #monotonic(): number {
    return this.#world.startMs + (this.#world.timeline.nowMs - this.#world.startMs) * (1 + this.drift);
  }

  /** Runs something of this server now, or when its stall is over; never for a process that is gone. */
  deliver(life: number, fn: () => void): void {
    if (this.#life !== life || !this.#isUp) return;
    if (this.#world.timeline.nowMs < this.#stalledUntilMs) {
      this.#world.timeline.at(this.#stalledUntilMs, () => this.deliver(life, fn));
      return;
    }
    this.#world.actor = this;
    fn();
  }

  /** The whole process stands still, as in a long collection or on a machine that is suspended. */
  stall(ms: number): void {
    // Nothing wakes it earlier: what is to be delivered after a longer stall comes only then.
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#world.timeline.nowMs + ms);
    this.#world.tell(this.name, `stands still for ${Math.round(ms / 1000)} s`);
  }

  /** Its loop hangs, while all else of the process goes on. */
  hang(ms: number): void {
    this.#hungUntilMs = this.#world.timeline.nowMs + ms;
    this.#world.tell(this.name, `has a loop that hangs for ${Math.round(ms / 1000)} s`);
  }

  /** Where the loop hangs: what it waits for answers only then. */
  async #hangs(life: number): Promise<void> {
    const { timeline } = this.#world;
    if (timeline.nowMs >= this.#hungUntilMs) return;
    this.#hangsSinceMs ??= timeline.nowMs;
    await new Promise<void>((resolve) => timeline.at(this.#hungUntilMs, () => this.deliver(life, resolve)));
    this.#hangsSinceMs = null;
  }

  get isStalled(): boolean {
    return this.#isUp && this.#world.timeline.nowMs < this.#stalledUntilMs;
  }

  crash(why: string): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#life += 1;
    for (const connection of this.#connections) connection.kill();
    this.#connections.clear();
    this.#world.tell(this.name, `is killed (${why})`);
  }

  start(): void {
    if (this.#isUp || this.isLostForGood) return;
    this.#isUp = true;
    this.#life += 1;
    this.#stalledUntilMs = 0;
    this.#hungUntilMs = 0;
    this.#hangsSinceMs = null;
    this.#world.tell(this.name, "starts");
    const life = this.#life;
    this.deliver(life, () => void this.#wire(life));
  }

  async #wire(life: number): Promise<void> {
    const world = this.#world;
    const { clock } = this;
    const database = this.#facade(life);
    const log = this.#log();
    const watch = new LoopWatch(clock);
    if (world.mutations.has("loop-watch")) watch.hangs = () => false;
    const lease = await keepLease(database, log, "delivery", this.name, clock, watch);
    startSequencer(database, log, () => {}, clock);
    const prober = world.machine.proberOf(clock);
    const machine = world.machine.of(clock);
    const target = new LocalTarget({
      ...{ database, log, clock, machine, prober },
      ...{ dir: "/sim", sharedDir: "/sim", here: { id: "sim", address: "127.0.0.1" } },
      mayAct: () => lease.held(),
      onMoved: async () => {},
    });
    const loop = new Loop({ log, clock, of: "the delivery controllers" });
    const wake = () => loop.wake();
    const builder = new SimBuilder(world, clock);
    const deployments = new DeploymentsController({
      ...{ database, log, clock, builder, lease, wake },
      waiverOf: async () => null,
      gateRunners: { ...UNAVAILABLE, command: commandGate(builder) },
      onChanged: () => {},
      sourcesOf: workingTree,
    });
    const rollouts = new RolloutsController({
      database,
      log,
      clock,
      target,
      lease,
      prober,
      synthetic: NO_SYNTHETIC,
      metricSource: world.plan.policy.metrics ? simMetricSource(world, clock) : null,
      artifactDirOf: (digest) => digest,
      databaseUrlFor: async () => "postgres://sim",
      flagVariablesFor: async () => ({}),
      onRerouted: wake,
      onChanged: () => {},
    });
    this.#database = database;
    this.#target = target;
    this.#loop = loop;
    const tick = async () => {
      await this.#hangs(life);
      return deployments.tick();
    };
    runRounds(loop, clock, { lease, watch, deployments: { tick }, rollouts, target });
  }

  #log(): Logger {
    const tell = (level: string) => (details: { err?: unknown }, words: string) => {
      const error = details.err instanceof Error ? `: ${details.err.message}` : "";
      this.#world.tell(this.name, `${level}: ${words}${error}`, details.err);
    };
    const quiet = () => {};
    return { info: quiet, debug: quiet, warn: tell("warns"), error: tell("error") } as unknown as Logger;
  }

  /** The database as this process sees it: each step may be the last, and each answer may be lost. */
  #facade(life: number): Transactions {
    const { backend } = this.#world;
    const executor = (execute: (name: string, args: readonly unknown[], run: Run) => Promise<unknown>) =>
      ({ [ANSWERS]: execute }) as unknown as Executor;
    const db = executor((name, args, run) => this.#ask(life, name, args, () => backend.alone(name, args, run), null));
    const execute = async <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
      const connection = (await this.#ask(life, "begin", [], () => backend.begin(), null)) as Connection;
      const step = (name: string, args: readonly unknown[], run: () => Promise<unknown>) =>
        this.#ask(life, name, args, run, connection);
      const tx = executor((name, args, run) => step(name, args, () => connection.run(name, args, run)));
      try {
        const result = await work(tx as Transaction);
        await step("commit", [], () => connection.commit());
        return result;
      } catch (error) {
        await step("rollback", [], () => connection.rollback()).catch(() => {});
        throw error;
      } finally {
        this.#connections.delete(connection);
      }
    };
    return { db, transaction: (fn) => inTransaction(execute, fn) };
  }

  #ask(
    life: number,
    name: string,
    args: readonly unknown[],
    execute: () => Promise<unknown>,
    connection: Connection | null,
  ): Promise<unknown> {
    const world = this.#world;
    return new Promise((resolve, reject) => {
      const gone = () => Object.assign(new Error("the connection is gone"), { code: "08006" });
      const answer = (fn: () => void) => world.timeline.after(world.latencyMs(), () => this.deliver(life, fn));
      world.timeline.after(world.latencyMs(), () => {
        if (this.#life !== life) {
          connection?.kill();
          return;
        }
        world.step(this.name, name, args);
        if (name === "claim") world.watch.onAsked(this.name, this.#hangsSinceMs);
        const fate = world.faults.fateOfStep();
        if (fate === "crash_before") return this.crash(`before ${name}`);
        if (fate === "cut_before") {
          connection?.kill();
          return answer(() => reject(gone()));
        }
        const done = (fn: () => void) => {
          if (fate === "crash_after" && this.#life === life) return this.crash(`after ${name}, unanswered`);
          if (fate === "cut_after") {
            connection?.kill();
            world.tell(this.name, `never hears the answer to ${name}`);
            return answer(() => reject(gone()));
          }
          answer(fn);
        };
        execute().then(
          (value) => {
            if (name === "claim" && value !== null) world.watch.onHeld();
            if (name === "begin") {
              const begun = value as Connection;
              // A connection that its process never hears of is closed by the database.
              if (this.#life !== life || fate === "cut_after") begun.kill();
              else this.#connections.add(begun);
            }
            done(() => resolve(value));
          },
          (error: unknown) => done(() => reject(error)),
        );
      });
    });
  }

  /** What the gateway's poll does, without the wait for news. */
  async answerPoll(gateway: string, boot: string, applied: Generation): Promise<RoutingTable | null> {
    const { database, target } = this.#ready();
    await seeGateway(database.db, gateway, boot, applied);
    await overtakeGateway(database, gateway, applied, this.clock.now());
    this.#loop?.wake();
    const now = await currentGeneration(database.db);
    if (compareGenerations(now, applied) <= 0) return null;
    return routingTable(database.db, { upstreamOf: (run) => target.upstreamOf(run), assetsUrl: (id) => `sim://${id}` });
  }

  async answerReport(report: GatewayReport): Promise<void> {
    const { database } = this.#ready();
    const fresh = await database.transaction((tx) => saveReport(tx, report));
    if (fresh) this.#loop?.wake(report.counters.some((c) => c.errors > 0));
  }

  /** What the API's routes do with a wish: once for its key, whoever asks again. */
  async answerPerson(asked: Asked): Promise<string> {
    const { database } = this.#ready();
    const store = idempotency(database);
    const { actor } = asked;
    const keyed = { actor: actor.id, route: asked.kind, key: this.#world.mutations.keyOf(asked.key), sha256: "same" };
    const remember = (tx: Transaction, reference: string) =>
      store.remember(tx, actor.id, keyed.route, keyed.key, reference);
    const run = async () =>
      asked.kind === "ship"
        ? this.#ship(database, asked, remember)
        : asked.kind === "split"
          ? this.#split(database, asked, remember)
          : this.#act(database, asked.rolloutId, asked.kind, actor, remember);
    return (await once(store, keyed, 202, run, async (reference) => reference)) ?? "";
  }

  async #ship(
    database: Transactions,
    asked: Extract<Asked, { kind: "ship" }>,
    remember: (tx: Transaction, reference: string) => Promise<void>,
  ): Promise<string> {
    const made = await ship(
      database,
      {
        project: "main",
        service: asked.service,
        environment: "production",
        fault: asked.fault,
        strategy: null,
        releaseId: null,
        reason: "",
        ifBusy: asked.ifBusy,
        actor: asked.actor,
        hasArtifact: async () => true,
      },
      remember,
    );
    this.#loop?.wake();
    return made.id;
  }

  async #split(
    database: Transactions,
    { deploymentId, actor }: Extract<Asked, { kind: "split" }>,
    remember: (tx: Transaction, reference: string) => Promise<void>,
  ): Promise<string> {
    const who = { project: "main", deploymentId, reason: "", actor, hasArtifact: async () => true };
    const ids = await splitBatch(database, { ...who, also: (tx, made) => remember(tx, made.join()) });
    this.#loop?.wake();
    return ids.join();
  }

  async #act(
    database: Transactions,
    rolloutId: string,
    kind: Exclude<Asked["kind"], "ship" | "split">,
    actor: Actor,
    remember: (tx: Transaction, reference: string) => Promise<void>,
  ): Promise<string> {
    const row = await findRollout(database.db, rolloutId);
    if (!row) throw new ProblemError("LK_NOT_FOUND", { detail: "There is no such rollout." });
    const event = { kind, atMs: this.clock.now(), actor, reason: "asked for" };
    const wish = transition(row.machine, event);
    if (wish.ok && wish.value.decisions.length === 0) return "nothing to do";
    const outcome = await applyToRollout(database, rolloutId, { kind: "event", event }, (tx) =>
      remember(tx, rolloutId),
    );
    if (!outcome.ok) throw new ProblemError(outcome.error.code, { detail: outcome.error.words });
    this.#loop?.wake();
    return outcome.value.decisions.length > 0 ? rolloutId : "nothing to do";
  }

  #ready(): { database: Transactions; target: LocalTarget } {
    if (!this.#database || !this.#target)
      throw new ProblemError("LK_UNAVAILABLE", { detail: "The server is starting." });
    return { database: this.#database, target: this.#target };
  }

  /** A request over the network: `reply` is called with its outcome, unless the server dies or the answer is lost. */
  request<T>(handle: () => Promise<T>, reply: (outcome: { value: T } | { error: unknown }) => void): void {
    const world = this.#world;
    world.timeline.after(world.latencyMs(), () => {
      if (!this.#isUp) return reply({ error: new Error("connection refused") });
      const life = this.#life;
      const answer = (outcome: { value: T } | { error: unknown }) => {
        if (this.#life !== life || world.faults.losesMessage()) return;
        world.timeline.after(world.latencyMs() + world.faults.delayMs(), () => reply(outcome));
      };
      this.deliver(life, () => {
        handle().then(
          (value) => answer({ value }),
          (error: unknown) => answer({ error }),
        );
      });
    });
  }
}
