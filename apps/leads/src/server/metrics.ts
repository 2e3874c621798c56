import { Counter, Histogram, Registry } from "prom-client";

/** The three metrics of the guide, with its buckets. */
export function createMetrics() {
  const register = new Registry();
  const requests = new Histogram({
    name: "http_request_duration_seconds",
    help: "HTTP requests",
    labelNames: ["method", "route", "status_code"],
    buckets: [0.1, 0.5, 1, 2, 5],
    registers: [register],
  });
  const leads = new Counter({
    name: "leads_processed_total",
    help: "Leads by source and what became of them",
    labelNames: ["source", "status"],
    registers: [register],
  });
  const queries = new Histogram({
    name: "db_query_duration_seconds",
    help: "Database queries",
    labelNames: ["operation", "table"],
    buckets: [0.01, 0.05, 0.1, 0.5, 1],
    registers: [register],
  });
  return {
    contentType: register.contentType,
    text: () => register.metrics(),
    request: (method: string, route: string, status: number, seconds: number) =>
      requests.observe({ method, route, status_code: String(status) }, seconds),
    lead: (source: string, status: string) => leads.inc({ source, status }),
    query: (operation: string, table: string, seconds: number) => queries.observe({ operation, table }, seconds),
  };
}
export type Metrics = ReturnType<typeof createMetrics>;
