import { randomUUID } from "node:crypto";
import type { Client } from "@latchkey/api/client";
import type { ArmCounter, RoutingService, RoutingTable } from "@latchkey/api/gateway";
import { bucketOf } from "@latchkey/core/shared/histogram";

type ArmName = ArmCounter["arm"];
/** How an arm answers: the share of failures, and how long each answer takes. */
export interface Manner {
  readonly errorRatio?: number;
  readonly ms?: number;
  readonly pageErrorRatio?: number;
  /** With it the requests are pages of visitors, and whoever meets an error meets so many. */
  readonly errorsPerVisitor?: number;
  /** Share of requests that are an event of every metric that the table has counted. */
  readonly eventRatio?: number;
}
export interface Traffic {
  readonly requests?: number;
  readonly canary?: Manner;
  readonly baseline?: Manner;
  readonly holdback?: Manner;
}
const QUICK_MS = 5;

/** Plays a gateway without serving anybody: follows the table when told to, and reports counts that are made up. */
export class GatewayPlayer {
  readonly id: string;
  readonly #client: Client;
  readonly #boot = randomUUID();
  readonly #rows = new Map<string, ArmCounter>();
  #sequence = 0;
  /** Its clock against the right time. */
  clockAheadMs = 0;
  applied = { epoch: 0, n: 0 };
  table: RoutingTable | null = null;

  constructor(client: Client, id = "gateway-1") {
    this.#client = client;
    this.id = id;
  }

  /** One poll: tells what is applied, takes a newer table when there is one. True when there was. */
  async poll(): Promise<boolean> {
    const table = await this.#client.gatewayRouting({
      query: { gateway: this.id, boot: this.#boot, ...this.applied, waitMs: 0 },
    });
    if (table === null) return false;
    const newer = table.generation.n > this.applied.n || table.generation.epoch > this.applied.epoch;
    this.table = table;
    this.applied = table.generation;
    return newer;
  }

  /** Follows the table until it is the newest, and has told so. */
  async acknowledge(): Promise<void> {
    while (await this.poll());
  }

  /** Says that it lives without applying anything: what a gateway does that is slow to change over. */
  async lag(): Promise<void> {
    await this.#client.gatewayRouting({ query: { gateway: this.id, boot: this.#boot, ...this.applied, waitMs: 0 } });
  }

  serviceOf(name: string): RoutingService | undefined {
    return this.table?.services.find((s) => s.service === name);
  }

  /** Shares by arm, as the table has them. */
  shares(name: string): Partial<Record<ArmName, number>> {
    return Object.fromEntries(this.serviceOf(name)?.arms.map((a) => [a.arm, a.weightPercent]) ?? []);
  }

  /** Follows the table, then serves so many requests by it and reports. */
  async serve(traffic: Traffic = {}): Promise<void> {
    await this.acknowledge();
    await this.report(traffic);
  }

  /** Serves as a gateway of an older version, which counts nothing for a service's own metrics. */
  serveUncounted(name: string): () => Promise<void> {
    return async () => {
      await this.acknowledge();
      const service = this.serviceOf(name);
      if (service) delete service.counted;
      await this.report();
    };
  }

  /** Serves by the table that it has, and reports. */
  async report(traffic: Traffic = {}): Promise<void> {
    for (const service of this.table?.services ?? []) {
      for (const arm of service.arms) {
        const requests = Math.round(((traffic.requests ?? 4_000) * arm.weightPercent) / 100);
        if (requests > 0) this.#count(service, arm, requests, traffic[arm.arm] ?? {});
      }
    }
    await this.#client.gatewayReport({
      body: {
        gateway: this.id,
        boot: this.#boot,
        sequence: ++this.#sequence,
        at: new Date(Date.now() + this.clockAheadMs).toISOString(),
        applied: this.applied,
        residentBytes: 50_000_000,
        counters: [...this.#rows.values()],
      },
    });
  }

  #count(service: RoutingService, arm: RoutingService["arms"][number], requests: number, manner: Manner): void {
    const bucket = String(bucketOf(manner.ms ?? QUICK_MS));
    const errors = Math.round(requests * (manner.errorRatio ?? 0));
    const { errorsPerVisitor } = manner;
    const units = errorsPerVisitor === undefined ? errors : Math.round(errors / errorsPerVisitor);
    // All errors of a report fall into one half, their visitors evenly: as if those were few and each failed often.
    const half = errorsPerVisitor === undefined ? Math.floor(errors / 2) : (this.#sequence % 2) * errors;
    const pageErrors = Math.round(requests * (manner.pageErrorRatio ?? 0));
    this.#grow(service, arm, errorsPerVisitor === undefined ? "api" : "document", (row) => ({
      ...row,
      unitErrors: (row.unitErrors ?? 0) + units,
      halfErrors: (row.halfErrors ?? 0) + half,
      halfUnitErrors: (row.halfUnitErrors ?? 0) + Math.floor(units / 2),
      requests: row.requests + requests,
      errors: row.errors + errors,
      latency: { ...row.latency, [bucket]: (row.latency[bucket] ?? 0) + requests },
      halfLatency: { ...row.halfLatency, [bucket]: (row.halfLatency?.[bucket] ?? 0) + Math.floor(requests / 2) },
      pageViews: row.pageViews + requests,
      pageErrors: row.pageErrors + pageErrors,
      unitPageErrors: (row.unitPageErrors ?? 0) + pageErrors,
      halfPageErrors: (row.halfPageErrors ?? 0) + Math.floor(pageErrors / 2),
      halfUnitPageErrors: (row.halfUnitPageErrors ?? 0) + Math.floor(pageErrors / 2),
      ...this.#events(service, row, Math.round(requests * (manner.eventRatio ?? 0))),
    }));
    // A failed asset is no evidence, but it asks for a look now: rollouts go on without waiting for the next due one.
    this.#grow(service, arm, "asset", (row) => ({ ...row, requests: row.requests + 1, errors: row.errors + 1 }));
  }

  #events({ counted = [] }: RoutingService, row: ArmCounter, more: number): Pick<ArmCounter, "events"> {
    if (counted.length === 0) return {};
    return { events: Object.fromEntries(counted.map(({ name }) => [name, (row.events?.[name] ?? 0) + more])) };
  }

  #grow(
    service: RoutingService,
    { arm, releaseId }: { arm: ArmName; releaseId: string },
    routeClass: ArmCounter["routeClass"],
    more: (row: ArmCounter) => ArmCounter,
  ): void {
    const key = [service.service, service.environment, service.generation.n, releaseId, routeClass].join("/");
    const row: ArmCounter = this.#rows.get(key) ?? {
      service: service.service,
      environment: service.environment,
      generation: service.generation,
      arm,
      releaseId,
      routeClass,
      requests: 0,
      errors: 0,
      latency: {},
      pageViews: 0,
      pageErrors: 0,
      users: "",
      ...{
        unitErrors: 0,
        unitPageErrors: 0,
        halfErrors: 0,
        halfUnitErrors: 0,
        halfPageErrors: 0,
        halfUnitPageErrors: 0,
      },
      halfLatency: {},
    };
    this.#rows.set(key, more(row));
  }
}
