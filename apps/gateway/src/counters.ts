import type { ArmCounter, RoutingArm, RoutingService, RoutingTable } from "@latchkey/api/gateway";
import { compareGenerations } from "@latchkey/core/delivery/generation";
import { bucketOf } from "@latchkey/core/shared/histogram";
import { ErringVisitors, isInHalf } from "./erring-visitors.ts";
import type { RouteClassName } from "./route.ts";
import { Users } from "./users.ts";

/** The report holds no more rows than this (packages/api/src/gateway.ts). */
export const MAX_ROWS = 2_000;
const KEEP_OLD_MS = 10 * 60_000;

type Identity = Pick<ArmCounter, "service" | "environment" | "generation" | "arm" | "releaseId" | "routeClass">;

/** Cumulative counts of one (service, generation, arm, release, route class). */
export class CounterRow {
  readonly identity: Identity;
  readonly #changed: (row: CounterRow, urgent: boolean) => void;
  readonly #isFirst: (kind: "request" | "page", unit: string) => boolean;
  readonly #latency = new Map<number, number>();
  readonly #halfLatency = new Map<number, number>();
  readonly #users = new Users();
  readonly #events: Map<string, number> | null;
  #requests = 0;
  #errors = 0;
  #pageViews = 0;
  #pageErrors = 0;
  #unitErrors = 0;
  #unitPageErrors = 0;
  #halfErrors = 0;
  #halfUnitErrors = 0;
  #halfPageErrors = 0;
  #halfUnitPageErrors = 0;
  /** Grows with each change; equal to `reported` when the server has it all. */
  version = 0;
  reported = 0;
  changedAtMs = 0;
  /** No longer among those that are reported. */
  dropped = false;

  /** `counted`: the metrics that it counts events of. */
  constructor(
    identity: Identity,
    counted: readonly string[],
    changed: (row: CounterRow, urgent: boolean) => void,
    isFirst: (kind: "request" | "page", unit: string) => boolean,
  ) {
    this.identity = identity;
    this.#events = counted.length > 0 ? new Map(counted.map((name) => [name, 0])) : null;
    this.#changed = changed;
    this.#isFirst = isFirst;
  }

  /** One request with its latency to the response's headers in milliseconds; `unit` is whom it was routed with, see `Visit`. */
  request(latencyMs: number, failed: boolean, visitor: string | null, unit: string | null): void {
    this.#requests++;
    if (failed) this.#error(unit);
    const bucket = bucketOf(latencyMs);
    this.#latency.set(bucket, (this.#latency.get(bucket) ?? 0) + 1);
    if (isInHalf(unit, Math.random)) this.#halfLatency.set(bucket, (this.#halfLatency.get(bucket) ?? 0) + 1);
    if (visitor !== null) this.#users.add(visitor);
    this.#touch(failed);
  }

  /** A request already counted as good whose body then broke off. */
  laterError(unit: string | null): void {
    this.#error(unit);
    this.#touch(true);
  }

  pageView(): void {
    this.#pageViews++;
    this.#touch(false);
  }

  pageError(visitor: string | null): void {
    const isFirst = visitor === null || this.#isFirst("page", visitor);
    this.#pageErrors++;
    if (isFirst) this.#unitPageErrors++;
    if (isInHalf(visitor, Math.random)) {
      this.#halfPageErrors++;
      if (isFirst) this.#halfUnitPageErrors++;
    }
    this.#touch(true);
  }

  event(metric: string): void {
    this.#events?.set(metric, (this.#events.get(metric) ?? 0) + 1);
    this.#touch(false);
  }

  snapshot(): ArmCounter {
    return {
      ...this.identity,
      requests: this.#requests,
      errors: this.#errors,
      latency: Object.fromEntries(this.#latency),
      pageViews: this.#pageViews,
      pageErrors: this.#pageErrors,
      users: this.#users.encode(),
      unitErrors: this.#unitErrors,
      unitPageErrors: this.#unitPageErrors,
      halfErrors: this.#halfErrors,
      halfUnitErrors: this.#halfUnitErrors,
      halfPageErrors: this.#halfPageErrors,
      halfUnitPageErrors: this.#halfUnitPageErrors,
      halfLatency: Object.fromEntries(this.#halfLatency),
      ...(this.#events ? { events: Object.fromEntries(this.#events) } : {}),
    };
  }

  #error(unit: string | null): void {
    const isFirst = unit === null || this.#isFirst("request", unit);
    this.#errors++;
    if (isFirst) this.#unitErrors++;
    if (!isInHalf(unit, Math.random)) return;
    this.#halfErrors++;
    if (isFirst) this.#halfUnitErrors++;
  }

  #touch(urgent: boolean): void {
    this.version++;
    this.#changed(this, urgent);
  }
}

/** All rows since boot that are current or not yet safely reported. */
export class Counters {
  readonly #rows = new Map<string, CounterRow>();
  /** The rows of a table's service, found without making their keys: a new table brings new services. */
  readonly #near = new WeakMap<RoutingService, Map<RoutingArm, Map<RouteClassName, CounterRow>>>();
  readonly #now: () => number;
  readonly #erring = new ErringVisitors();
  /** Called with true when an error was counted, which should reach the server at once. */
  onChange: (urgent: boolean) => void = () => {};
  /** Rows that were given up unreported because there were too many. */
  lostRows = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  row(service: RoutingService, arm: RoutingArm, routeClass: RouteClassName): CounterRow {
    const near = this.#near.get(service)?.get(arm)?.get(routeClass);
    if (near !== undefined && !near.dropped) return near;
    const row = this.#rowByKey(service, arm, routeClass);
    const ofService = this.#near.get(service) ?? new Map<RoutingArm, Map<RouteClassName, CounterRow>>();
    const ofArm = ofService.get(arm) ?? new Map<RouteClassName, CounterRow>();
    this.#near.set(service, ofService.set(arm, ofArm.set(routeClass, row)));
    return row;
  }

  #rowByKey(service: RoutingService, arm: RoutingArm, routeClass: RouteClassName): CounterRow {
    const g = service.generation;
    const key = JSON.stringify([
      service.service,
      service.environment,
      g.epoch,
      g.n,
      arm.arm,
      arm.releaseId,
      routeClass,
    ]);
    const found = this.#rows.get(key);
    if (found !== undefined) return found;
    if (this.#rows.size >= MAX_ROWS) this.#dropOldest();
    const row = new CounterRow(
      {
        service: service.service,
        environment: service.environment,
        generation: g,
        arm: arm.arm,
        releaseId: arm.releaseId,
        routeClass,
      },
      (service.counted ?? []).map(({ name }) => name),
      (changed, urgent) => {
        changed.changedAtMs = this.#now();
        this.onChange(urgent);
      },
      (kind, unit) => this.#erring.isFirst(kind, service.deploymentId, unit),
    );
    this.#rows.set(key, row);
    return row;
  }

  get size(): number {
    return this.#rows.size;
  }

  rows(): readonly CounterRow[] {
    return [...this.#rows.values()];
  }

  /** Drops rows of generations that are gone from the table, that the server has, and that rested ten minutes. */
  prune(table: RoutingTable | null): void {
    const before = this.#now() - KEEP_OLD_MS;
    for (const [key, row] of this.#rows) {
      const now = table?.services.find(
        (s) => s.service === row.identity.service && s.environment === row.identity.environment,
      );
      const old = now === undefined || compareGenerations(row.identity.generation, now.generation) < 0;
      if (old && row.reported === row.version && row.changedAtMs < before) this.#drop(key);
    }
  }

  #dropOldest(): void {
    for (const [key, row] of this.#rows) {
      if (row.reported !== row.version) continue;
      this.#drop(key);
      return;
    }
    const [first] = this.#rows.keys();
    if (first !== undefined) this.#drop(first);
    this.lostRows++;
  }

  #drop(key: string): void {
    const row = this.#rows.get(key);
    if (row !== undefined) row.dropped = true;
    this.#rows.delete(key);
  }
}
