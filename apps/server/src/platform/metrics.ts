import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Database } from "./database.ts";
import { authorise, type Http } from "./http.ts";
import type { Vitals } from "./vitals.ts";
import { WAIT_BUCKETS_S } from "./waits.ts";

/** What the stream of the ledger did since this server started. */
export interface StreamCounts {
  readonly clients: number;
  readonly clientsMax: number;
  readonly catchingUp: number;
  readonly refused: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly statesSkipped: number;
}
export interface MetricsSources {
  readonly database: Database;
  readonly vitals: Vitals;
  readonly stream: () => StreamCounts;
  readonly notifications: () => Readonly<Record<"waiting" | "held" | "dead" | "oldestS", number>>;
}

/** /metrics, for who may read the system. Labels are of fixed sets: routes, states, reasons; never a name that somebody chose. */
export function registerMetrics(http: Http, o: MetricsSources): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "latchkey_" });
  observeRequests(http, registry);
  observeConnections(http, registry);
  exportDatabase(registry, o.database);
  exportStream(registry, o.stream);
  exportLimits(registry, http);
  exportVitals(registry, o.vitals);
  exportNotifications(registry, o.notifications);
  http.get("/metrics", async (request, reply) => {
    await authorise(http, request, "system.read");
    const text = `${await registry.metrics()}${waitsText(o.database)}`;
    return reply.header("content-type", registry.contentType).send(text);
  });
}

function observeRequests(http: Http, registry: Registry): void {
  const requests = new Histogram({
    name: "latchkey_http_request_duration_seconds",
    help: "API requests",
    labelNames: ["method", "route", "status_code"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.5, 1, 5],
    registers: [registry],
  });
  http.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    requests.observe(
      { method: request.method, route, status_code: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
  });
}

/** Connections beyond the server's own maximum are closed before anything is read: only here they leave a trace. */
function observeConnections(http: Http, registry: Registry): void {
  const dropped = new Counter({
    name: "latchkey_http_connections_dropped_total",
    help: "Connections closed because the server has its maximum",
    registers: [registry],
  });
  http.server.on("drop", () => dropped.inc());
}

/** A gauge of one number, or of one for each state. */
function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** A counter whose counts are kept elsewhere. */
function counter(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Readonly<Record<string, number>>,
) {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, n] of Object.entries(read())) this.inc({ [label]: value }, n);
    },
  });
}

function exportDatabase(registry: Registry, { pool, waits }: Database): void {
  new Gauge({
    name: "latchkey_database_connections",
    help: "Connections of the pool",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      this.set({ state: "total" }, pool.totalCount);
      this.set({ state: "idle" }, pool.idleCount);
      this.set({ state: "waiting" }, pool.waitingCount);
    },
  });
  gauge(registry, "latchkey_database_connections_max", "Connections that the pool may have", () => pool.options.max);
  new Counter({
    name: "latchkey_database_wait_refused_total",
    help: "Requests that got no connection of the pool",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(waits.refused);
    },
  });
}

/** A histogram that is counted where it happens (waits.ts): prom-client's own can't be filled afterwards. */
function waitsText({ waits }: Database): string {
  const name = "latchkey_database_wait_seconds";
  let below = 0;
  const buckets = WAIT_BUCKETS_S.map((bound, i) => {
    below += waits.counts[i] ?? 0;
    return `${name}_bucket{le="${bound}"} ${below}`;
  });
  return `
# HELP ${name} How long a connection of the pool was waited for
# TYPE ${name} histogram
${buckets.join("\n")}
${name}_bucket{le="+Inf"} ${waits.count}
${name}_sum ${waits.sumS}
${name}_count ${waits.count}
`;
}

function exportStream(registry: Registry, stream: () => StreamCounts): void {
  gauge(registry, "latchkey_stream_clients", "Clients of the stream", () => stream().clients);
  gauge(registry, "latchkey_stream_clients_max", "Clients that the stream takes", () => stream().clientsMax);
  gauge(registry, "latchkey_stream_catching_up", "Clients that wait to read the database", () => stream().catchingUp);
  counter(registry, "latchkey_stream_dropped_total", "Clients that were cut off or refused", "reason", () => ({
    ...stream().dropped,
    refused: stream().refused,
  }));
  new Counter({
    name: "latchkey_stream_states_skipped_total",
    help: "Newest states that a client was too slow for",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(stream().statesSkipped);
    },
  });
}

function exportLimits(registry: Registry, http: Http): void {
  const { limits } = http.latchkey;
  counter(registry, "latchkey_rate_limited_total", "Requests refused by a rate limit", "limit", () => limits.limited);
  gauge(registry, "latchkey_rate_limit_buckets", "Principals and addresses that are counted", () => limits.buckets);
}

/** Event-loop lag of the newest ten seconds, the outbox, and the disk: as the health page shows them. */
function exportVitals(registry: Registry, vitals: Vitals): void {
  const newest = () => vitals.samples.at(-1);
  new Gauge({
    name: "latchkey_event_loop_delay_seconds",
    help: "How late the event loop was, in the newest ten seconds",
    labelNames: ["quantile"],
    registers: [registry],
    collect() {
      this.set({ quantile: "0.5" }, (newest()?.loopP50Ms ?? 0) / 1_000);
      this.set({ quantile: "0.99" }, (newest()?.loopP99Ms ?? 0) / 1_000);
      this.set({ quantile: "1" }, (newest()?.loopMaxMs ?? 0) / 1_000);
    },
  });
  gauge(
    registry,
    "latchkey_event_loop_utilization",
    "Part of the time in which the loop had work",
    () => newest()?.loopUtilisation ?? 0,
  );
  gauge(
    registry,
    "latchkey_outbox_entries",
    "Recorded entries that wait for a number",
    () => newest()?.outboxLength ?? 0,
  );
  gauge(
    registry,
    "latchkey_outbox_oldest_seconds",
    "How long the oldest of them waits",
    () => newest()?.outboxOldestS ?? 0,
  );
  gauge(registry, "latchkey_disk_used_ratio", "Used part of the data folder's disk", () => newest()?.diskPart ?? 0);
}

/** Of the whole installation: each of its servers tells the same. */
function exportNotifications(registry: Registry, read: MetricsSources["notifications"]): void {
  new Gauge({
    name: "latchkey_notifications",
    help: "Notifications on their way, held by quiet hours, and given up",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      for (const state of ["waiting", "held", "dead"] as const) this.set({ state }, read()[state]);
    },
  });
  const help = "How long the oldest notification on its way waits";
  gauge(registry, "latchkey_notifications_oldest_seconds", help, () => read().oldestS);
}
