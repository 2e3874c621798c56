import type { ArmCounter, RoutingService } from "@latchkey/api/gateway";
import { routesItself, type TargetConfig, targetOf } from "@latchkey/api/targets";
import { compareGenerations, type Generation } from "@latchkey/core/delivery/generation";
import type { RoutePlan, Router } from "@latchkey/core/delivery/ports";
import type { Logger } from "pino";
import { environmentsOf, type ServiceRow, servicesWithTargets } from "../catalog/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { saveReport } from "./gateways.store.ts";
import { rollbackPolicyOf } from "./rollback-policy.ts";
import { currentGeneration } from "./routing.view.ts";
import { gatewayOf } from "./serving.view.ts";
import { askForRoute, type Place, saveRouteError, saveServed } from "./targets.store.ts";

/** Also without news, so that what was changed by hand, or lost in a restart, is set right. */
const EVERY_MS = 1_000;
/** New errors wait this long, so that a burst of them is one report. */
const URGENT_MS = 25;
const HEARTBEATS = 5;

/** What splits a service's traffic, with its counts where it has some. */
export interface Machine {
  readonly router: Router;
  /** Cumulative counts for the judge; null while none are heard of. */
  readonly counts: {
    readonly boot: string;
    report(everything: boolean): { readonly counters: ArmCounter[]; readonly taken: () => void };
  } | null;
  onNews(news: (hasErrors: boolean) => void): void;
  /** Of a target whose counts come by another way: says that it lives, and what it has applied. */
  readonly hear?: (applied: Generation) => Promise<void>;
  /** For its people, also while it fails. */
  readonly notes: readonly string[];
  close(): void;
}
export interface RoutersOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly lease: Pick<Lease, "fence" | "guards">;
  /** Null for targets behind Latchkey's gateway. */
  readonly machineOf: (config: TargetConfig, place: Place) => Machine | null;
  readonly routingOf: (service: ServiceRow, environment: string) => Promise<RoutingService | null>;
  /** A target acknowledged, or has counted: rollouts may go on. */
  readonly onNews: (hasErrors: boolean) => void;
}
interface Known extends Place {
  readonly kind: string;
  readonly config: string;
  readonly machine: Machine;
  sequence: number;
  /** What the machine has acknowledged of all routing changes; null while it does not answer. */
  applied: Generation | null;
  busy: Promise<void> | null;
  again: boolean;
}
const keyOf = (place: Place): string => JSON.stringify([place.project, place.service, place.environment]);

/**
 * Drives targets that route by themselves: each follows the desired routing of its environment as a gateway does. What is
 * asked of it is written first, then done, then acknowledged; all of it can be done again. One that takes its time keeps
 * no other waiting.
 */
export class RoutersController {
  readonly #o: RoutersOptions;
  readonly #known = new Map<string, Known>();
  #timer: (() => void) | null = null;
  #stopped = false;

  constructor(options: RoutersOptions) {
    this.#o = options;
  }

  start(): void {
    this.#plan(0);
  }

  /** The routing changed. */
  wake(): void {
    this.#plan(0);
  }

  #plan(inMs: number): void {
    this.#timer?.();
    if (this.#stopped) return;
    this.#timer = this.#o.clock.after(inMs, () => {
      this.round()
        .catch((error: unknown) => this.#o.log.error({ err: error }, "a round of the routers failed"))
        .finally(() => this.#plan(EVERY_MS));
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.();
    await Promise.all([...this.#known.values()].map((known) => known.busy ?? Promise.resolve()));
    this.#closeAll();
  }

  #closeAll(): void {
    for (const known of this.#known.values()) known.machine.close();
    this.#known.clear();
  }

  async round(): Promise<void> {
    const fence = this.#o.lease.fence();
    // Whoever holds the lease listens to what the targets have counted.
    if (fence === null) return this.#closeAll();
    const seen = new Set<string>();
    for (const service of await servicesWithTargets(this.#o.database.db)) {
      // Most services are behind the gateway: nothing is asked for them, every second.
      const targets = [service.config.target, ...Object.values(service.config.targets ?? {})];
      if (targets.every((target) => target === undefined || !routesItself(target))) continue;
      for (const { name } of await environmentsOf(this.#o.database.db, service.project, service.name)) {
        const place = { project: service.project, service: service.name, environment: name };
        const target = targetOf(service.config, name);
        const known = routesItself(target) ? this.#knownOf(place, target) : null;
        if (!known) continue;
        seen.add(keyOf(place));
        this.#follow(known, service, fence);
      }
    }
    for (const [key, known] of this.#known) {
      if (seen.has(key)) continue;
      known.machine.close();
      this.#known.delete(key);
    }
  }

  #knownOf(place: Place, config: TargetConfig): Known | null {
    const key = keyOf(place);
    const text = JSON.stringify(config);
    const known = this.#known.get(key);
    if (known?.config === text) return known;
    known?.machine.close();
    this.#known.delete(key);
    const machine = this.#o.machineOf(config, place);
    if (!machine) return null;
    const made: Known = {
      ...{ ...place, kind: config.kind, config: text, machine },
      ...{ sequence: 0, applied: null, busy: null, again: false },
    };
    let due = false;
    machine.onNews((hasErrors) => {
      if (!hasErrors || due) return;
      due = true;
      this.#o.clock.after(URGENT_MS, () => {
        due = false;
        void this.#report(made).catch(() => {});
      });
    });
    this.#known.set(key, made);
    return made;
  }

  #follow(known: Known, service: ServiceRow, fence: number): void {
    if (known.busy) {
      known.again = true;
      return;
    }
    known.busy = this.#route(known, service, fence)
      .catch((error: unknown) => {
        known.applied = null;
        this.#o.log.error({ err: error, service: known.service }, "a target could not be routed");
      })
      .finally(() => {
        known.busy = null;
        if (!known.again) return;
        known.again = false;
        this.wake();
      });
  }

  async #route(known: Known, service: ServiceRow, fence: number): Promise<void> {
    const { db } = this.#o.database;
    // Read first: whatever is newer in the plan is acknowledged with the next one.
    const all = await currentGeneration(db);
    const routing = await this.#o.routingOf(service, known.environment);
    const plan = planOf(known, service, routing);
    const isAsked = await this.#o.database.transaction(
      async (tx) =>
        (await this.#o.lease.guards(tx, fence)) && (await askForRoute(tx, known, known.kind, plan.generation)),
    );
    if (!isAsked) return;
    const outcome = await known.machine.router.route(plan);
    const { notes } = known.machine;
    if (!outcome.ok && outcome.error.kind === "behind") return known.machine.hear?.(known.applied ?? all);
    if (!outcome.ok) {
      known.applied = null;
      return saveRouteError(db, known, outcome.error.words, notes);
    }
    const arms = plan.arms.map((arm) => ({
      arm: arm.arm,
      releaseId: arm.releaseId,
      release: arm.release,
      address: arm.upstreams[0] ?? "",
      trafficPercent: arm.weightPercent,
    }));
    await saveServed(db, known, { generation: plan.generation, arms, notes: [...notes, ...outcome.value.notes] });
    const isNews = known.applied === null || compareGenerations(known.applied, all) !== 0;
    known.applied = all;
    await known.machine.hear?.(all);
    await this.#report(known);
    if (isNews) this.#o.onNews(false);
  }

  /** A target that counts is a gateway to the judge: it lives while it answers, and has applied what it acknowledged. */
  async #report(known: Known): Promise<void> {
    const { counts } = known.machine;
    if (!counts || known.applied === null) return;
    const { counters, taken } = counts.report(known.sequence % HEARTBEATS === 0);
    known.sequence += 1;
    const report = {
      gateway: gatewayOf(known),
      boot: counts.boot,
      sequence: known.sequence,
      at: new Date(this.#o.clock.now()).toISOString(),
      applied: known.applied,
      residentBytes: 0,
      counters,
    };
    await this.#o.database.transaction((tx) => saveReport(tx, report));
    taken();
    if (counters.length > 0) this.#o.onNews(counters.some((row) => row.errors > 0));
  }
}

function planOf(place: Place, service: ServiceRow, routing: RoutingService | null): RoutePlan {
  const { config } = service;
  return {
    service: place.service,
    environment: place.environment,
    deploymentId: routing?.deploymentId ?? "",
    generation: routing?.generation ?? { epoch: 0, n: 0 },
    arms: routing?.arms ?? [],
    apiPrefixes: config.routing.apiPrefixes,
    healthPath: config.health.path,
    deadMan: { isArmed: routing?.deadManMs !== undefined, afterMs: rollbackPolicyOf(service).deadManMs },
    counted: routing?.counted ?? [],
  };
}
