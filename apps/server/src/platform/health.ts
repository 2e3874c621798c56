import { sql } from "kysely";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Database } from "./database.ts";
import { authorise, type Http } from "./http.ts";

interface Check {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly latencyMs: number;
  readonly words: string;
}

/** /livez, /readyz and /healthz, open to all and telling nothing that helps an attacker; /metrics for who may read the system. */
export function registerHealth(http: Http, o: { database: Database; version: string; isReady: () => boolean }): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "latchkey_" });
  const requests = new Histogram({
    name: "latchkey_http_request_duration_seconds",
    help: "API requests",
    labelNames: ["method", "route", "status_code"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.5, 1, 5],
    registers: [registry],
  });
  new Gauge({
    name: "latchkey_database_connections",
    help: "Connections of the pool",
    labelNames: ["state"],
    registers: [registry],
    collect() {
      this.set({ state: "total" }, o.database.pool.totalCount);
      this.set({ state: "idle" }, o.database.pool.idleCount);
      this.set({ state: "waiting" }, o.database.pool.waitingCount);
    },
  });
  http.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    requests.observe(
      { method: request.method, route, status_code: String(reply.statusCode) },
      reply.elapsedTime / 1000,
    );
  });
  http.get("/livez", async () => ({ status: "alive" }));
  http.get("/readyz", async (_, reply) =>
    reply.code(o.isReady() ? 200 : 503).send({ status: o.isReady() ? "ready" : "starting" }),
  );
  http.get("/metrics", async (request, reply) => {
    await authorise(http, request, "system.read");
    return reply.header("content-type", registry.contentType).send(await registry.metrics());
  });
  http.get("/healthz", async (_, reply) => {
    const database = await timed(async () => {
      await sql`select 1`.execute(o.database.db);
      return "answers";
    });
    const queue = await timed(async () => {
      const found = await sql<{ n: string }>`select count(*) as n from ledger_outbox`.execute(o.database.db);
      return `${found.rows[0]?.n ?? 0} ledger entries wait to be numbered`;
    });
    const checks = {
      database,
      cache: { status: "healthy", latencyMs: 0, words: "none is used" } satisfies Check,
      externalApis: { status: "healthy", latencyMs: 0, words: "none is needed" } satisfies Check,
      queue,
    };
    const bad = Object.values(checks).some((check) => check.status === "unhealthy");
    return reply.code(bad ? 503 : 200).send({ status: bad ? "unhealthy" : "healthy", version: o.version, checks });
  });
}

async function timed(run: () => Promise<string>): Promise<Check> {
  const from = performance.now();
  const latencyMs = () => Math.round((performance.now() - from) * 10) / 10;
  try {
    const words = await run();
    return { status: "healthy", latencyMs: latencyMs(), words };
  } catch {
    return { status: "unhealthy", latencyMs: latencyMs(), words: "does not answer" };
  }
}
