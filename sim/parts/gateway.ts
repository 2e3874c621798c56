import type { ArmCounter, GatewayReport, RoutingTable } from "@latchkey/api/gateway";
import { compareGenerations, type Generation } from "@latchkey/core/delivery/generation";
import { armOfTicket } from "@latchkey/core/delivery/split";
import { bucketOf } from "@latchkey/core/shared/histogram";
import { seeded } from "@latchkey/core/shared/random";
import { ErringVisitors, isInHalf } from "../../apps/gateway/src/erring-visitors.ts";
import type { TableHolder } from "../../apps/gateway/src/table.ts";
import type { World } from "../world.ts";

type Counts = { -readonly [K in keyof ArmCounter]: ArmCounter[K] };
const TRAFFIC_MS = 500;
const REPORT_MS = 1_000;
/** A third of the requests are pages of so many visitors, who stay with their release. */
const PAGES = 0.3;
const VISITORS = 2_000;
const LATENCY_BUCKET = String(bucketOf(8));

/** Drawn once per deployment, as the cookie keeps it. */
const ticketOf = (visitor: number, deploymentId: string): number => {
  let seed = visitor;
  for (let i = 0; i < deploymentId.length; i++) seed = Math.imul(seed ^ deploymentId.charCodeAt(i), 0x5bd1e995);
  return seeded(seed)();
};

const portOf = (upstream: string | undefined): number => Number(upstream?.slice(upstream.lastIndexOf(":") + 1));

/** A gateway: the real table with its fence, cumulative counts, and a disk that keeps the last table. */
export class SimGateway {
  readonly name: string;
  readonly #world: World;
  #holder: Pick<TableHolder, "apply" | "current" | "generation">;
  #disk: RoutingTable | null = null;
  #boot = "";
  #boots = 0;
  #sequence = 0;
  #counts = new Map<string, Counts>();
  #isUp = false;
  #errorsNew = false;
  #erring = new ErringVisitors();
  #changed = new Set<Counts>();

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    this.#holder = world.mutations.tableHolder();
  }

  get isUp(): boolean {
    return this.#isUp;
  }
  get table(): RoutingTable | null {
    return this.#isUp ? this.#holder.current : null;
  }

  start(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#boots += 1;
    this.#boot = `${this.name}-${this.#boots}`;
    this.#sequence = 0;
    this.#counts = new Map();
    this.#changed = new Set();
    this.#erring = new ErringVisitors();
    this.#holder = this.#world.mutations.tableHolder();
    if (this.#disk) this.#apply(this.#disk, "from its disk");
    const boot = this.#boot;
    const again = (ms: number, fn: () => void) => {
      if (this.#boot !== boot || !this.#isUp) return;
      fn();
      this.#world.timeline.after(ms, () => again(ms, fn));
    };
    this.#poll(boot);
    again(TRAFFIC_MS, () => this.#serve());
    again(REPORT_MS, () => this.#report());
  }

  crash(losesDisk: boolean): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    if (losesDisk) this.#disk = null;
    this.#world.tell(this.name, losesDisk ? "is killed and loses its disk" : "is killed");
  }

  #poll(boot: string): void {
    if (this.#boot !== boot || !this.#isUp) return;
    const { timeline, chance } = this.#world;
    const server = chance.pick(this.#world.servers);
    const held: Generation = this.#holder.generation;
    const askedMs = timeline.nowMs;
    let isAsking = true;
    const next = (ms: number) => {
      if (isAsking) timeline.after(ms, () => this.#poll(boot));
      isAsking = false;
    };
    // An answer that is late is still taken: the gateway's own fence must know what it is worth.
    timeline.after(3_000, () => next(0));
    if (this.#world.faults.isCutOff(this.name)) return;
    server.request(
      () => server.answerPoll(this.name, boot, held),
      (outcome) => {
        next(chance.between(400, 1_600));
        if ("value" in outcome) this.#world.oracle.onHeard(this.name, askedMs);
        if (this.#boot !== boot || !this.#isUp || !("value" in outcome) || outcome.value === null) return;
        this.#apply(outcome.value, `from ${server.name}`);
      },
    );
  }

  #apply(table: RoutingTable, from: string): void {
    const before = this.#holder.generation;
    const outcome = this.#holder.apply(table);
    const { epoch, n } = table.generation;
    if (outcome === "older") this.#world.tell(this.name, `refuses generation ${epoch}.${n} ${from}, which is older`);
    if (outcome !== "applied") return;
    this.#disk = table;
    const arms = table.services.map((s) =>
      s.arms.map((a) => `${a.release} ${Math.round(a.weightPercent)} %`).join(", "),
    );
    this.#world.tell(this.name, `applies generation ${epoch}.${n} ${from}: ${arms.join("; ") || "nothing"}`);
    this.#world.oracle.onApplied(this.name, table, compareGenerations(table.generation, before) < 0);
  }

  /** Half a second of visitors. */
  #serve(): void {
    const { chance, truth, machine, guards } = this.#world;
    for (const service of this.#holder.current?.services ?? []) {
      if (service.environment.endsWith("/preview")) continue;
      if (guards.nobodyComes) continue;
      const arms = guards.arms(this.name, service.arms);
      const n = Math.round((this.#world.plan.requestsPerSecond * TRAFFIC_MS) / 1_000);
      for (let i = 0; i < n; i++) {
        const visitor = chance.isTrue(PAGES) ? Math.floor(chance.share() * VISITORS) : null;
        const ticket = visitor === null ? chance.share() : ticketOf(visitor, service.deploymentId);
        const arm = armOfTicket(arms, ticket);
        if (!arm) continue;
        const process = machine.at(portOf(arm.upstreams[0]));
        const failed =
          process === null || chance.isTrue(truth.of(process.digest).errorRatio + guards.errorRatio(arm.arm));
        this.#count(service, arm, failed, visitor === null ? null : String(visitor));
      }
    }
    if (this.#errorsNew) this.#report();
  }

  #count(
    service: RoutingTable["services"][number],
    arm: { arm: ArmCounter["arm"]; releaseId: string },
    failed: boolean,
    unit: string | null,
  ) {
    const { epoch, n } = service.generation;
    const routeClass = unit === null ? "api" : "document";
    const key = `${service.service}/${epoch}.${n}/${arm.arm}/${arm.releaseId}/${routeClass}`;
    const row: Counts = this.#counts.get(key) ?? {
      service: service.service,
      environment: service.environment,
      generation: service.generation,
      arm: arm.arm,
      releaseId: arm.releaseId,
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
    row.requests += 1;
    if (failed) this.#fail(row, service.deploymentId, unit);
    row.latency[LATENCY_BUCKET] = (row.latency[LATENCY_BUCKET] ?? 0) + 1;
    const half = row.halfLatency ?? {};
    if (isInHalf(unit, () => this.#world.chance.share())) half[LATENCY_BUCKET] = (half[LATENCY_BUCKET] ?? 0) + 1;
    row.halfLatency = half;
    if (failed && row.errors % 10 === 1) this.#errorsNew = true;
    this.#counts.set(key, row);
    this.#changed.add(row);
  }

  #fail(row: Counts, deploymentId: string, unit: string | null): void {
    const first = unit === null || this.#erring.isFirst("request", deploymentId, unit) ? 1 : 0;
    const half = isInHalf(unit, () => this.#world.chance.share()) ? 1 : 0;
    row.errors += 1;
    row.unitErrors = (row.unitErrors ?? 0) + first;
    row.halfErrors = (row.halfErrors ?? 0) + half;
    row.halfUnitErrors = (row.halfUnitErrors ?? 0) + first * half;
  }

  /** Cumulative counts; the message may be lost, late, doubled, or overtaken by the next. */
  #report(): void {
    this.#errorsNew = false;
    const { timeline, faults, guards, chance } = this.#world;
    this.#sequence += 1;
    const report: GatewayReport = {
      gateway: this.name,
      boot: this.#boot,
      sequence: this.#sequence,
      at: new Date(timeline.nowMs + guards.gatewayAheadMs(this.name)).toISOString(),
      applied: this.#holder.generation,
      residentBytes: 1,
      // As the real one: what changed, and now and then everything.
      counters: [...(this.#sequence % 5 === 0 ? this.#counts.values() : this.#changed)].map((c) => ({
        ...c,
        latency: { ...c.latency },
        halfLatency: { ...c.halfLatency },
      })),
    };
    this.#changed = new Set();
    if (faults.isCutOff(this.name)) return;
    for (let copy = 0; copy < faults.copies(); copy++) {
      if (faults.losesMessage()) continue;
      const server = chance.pick(this.#world.servers);
      timeline.after(faults.delayMs(), () =>
        server.request(
          () => server.answerReport(report),
          () => {},
        ),
      );
    }
  }
}
