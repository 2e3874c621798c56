import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { memoryStore } from "../leads/memory-store.ts";
import type { LeadStore } from "../leads/store.ts";
import { createApp } from "./app.ts";
import { faultEffects } from "./fault.ts";
import { openFeatures } from "./features.ts";
import type { Health } from "./health.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";

const publicDir = mkdtempSync(join(tmpdir(), "leads-public-"));
writeFileSync(join(publicDir, "index.html"), "<!doctype html><head></head>the page");
let url = "";
let lines: Record<string, unknown>[] = [];
let close = async () => {};

async function serve(store: LeadStore = memoryStore(), env: Record<string, string> = {}): Promise<void> {
  await close();
  lines = [];
  const log = createLog({ LOG_LEVEL: "debug", ...env }, { write: (line) => lines.push(JSON.parse(line)) });
  const fault = { kind: "none" } as const;
  const effects = faultEffects(fault, Math.random, () => {});
  const features = openFeatures(
    { LATCHKEY_FLAGS_PUBLIC_URL: "http://flags", LATCHKEY_FLAGS_BROWSER_KEY: "lkb_1" },
    log,
    "server",
  );
  const app = createApp({ store, log, metrics: createMetrics(), fault, effects, publicDir, features, release: "7" });
  await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
  close = async () => {
    app.closeAllConnections();
    await new Promise((resolve) => app.close(resolve));
  };
}
beforeEach(() => serve());
afterEach(async () => {
  await close();
  close = async () => {};
});

const lead = {
  contact: { name: "Sam Example", email: "sam@example.com", phone: "555-0100-200" },
  property: { address: "1 Main St", city: "Austin", state: "TX", zip: "78701", type: "single_family" },
};
const post = (body: string) =>
  fetch(`${url}/api/leads`, { method: "POST", body, headers: { "content-type": "application/json" } });

/** A request with a path that `fetch` would mend before it sends it. */
function raw(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    request({ hostname, port, path }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

describe("the application", () => {
  it.each(["//", "/%", "/%E0%A4%A", "http://[/"])("answers the address %s with 400, and lives on", async (path) => {
    expect(await raw(path)).toBe(400);
    expect((await fetch(url)).status).toBe(200);
  });
  it.each(["/../../../etc/passwd", "/..%2f..%2fetc/passwd", "/%00"])("gives only the page for %s", async (path) => {
    expect(await raw(path)).toBe(200);
  });
  it("refuses a body that is no JSON or too long", async () => {
    expect((await post("{")).status).toBe(400);
    expect((await post(JSON.stringify({ ...lead, message: "x".repeat(70_000) }))).status).toBe(400);
  });
  it("answers the page for any path of the page, and 404 for an asset that is not there", async () => {
    expect(await (await fetch(`${url}/crm/lead_1`)).text()).toContain("the page");
    expect((await fetch(`${url}/assets/index-gone.js`)).status).toBe(404);
  });
});

describe("flags", () => {
  it("give half of the leads a score, the same in the list and alone", async () => {
    for (let i = 0; i < 40; i++)
      await post(JSON.stringify({ ...lead, contact: { ...lead.contact, email: `s${i}@example.com` } }));
    const { items } = (await (await fetch(`${url}/api/leads?limit=100`)).json()) as {
      items: { id: string; score?: number }[];
    };
    const scored = items.filter((one) => one.score !== undefined);
    expect(scored.length).toBeGreaterThan(5);
    expect(scored.length).toBeLessThan(35);
    const alone = await (await fetch(`${url}/api/leads/${scored[0]?.id}`)).json();
    expect(alone).toMatchObject({ score: scored[0]?.score });
  });
  it("are told to the page by its head", async () => {
    const page = await (await fetch(url)).text();
    expect(page).toContain('<meta name="latchkey-flags" content="{&quot;url&quot;:&quot;http://flags&quot;');
    expect(page).toContain("lkb_1");
  });
});

describe("health", () => {
  const health = async () => {
    const response = await fetch(`${url}/healthz`);
    return { status: response.status, body: (await response.json()) as Health };
  };
  it("has the four checks, each with its latency", async () => {
    const { status, body } = await health();
    expect(status).toBe(200);
    expect(Object.keys(body.checks)).toEqual(["database", "cache", "externalApis", "queue"]);
    for (const check of Object.values(body.checks)) expect(check.latencyMs).toBeGreaterThanOrEqual(0);
  });
  it("is 503 without its database, and tells nobody where that is", async () => {
    const down = () => Promise.reject(new Error("connect ECONNREFUSED db.internal:5432"));
    await serve({ ...memoryStore(), ping: down });
    const { status, body } = await health();
    expect(status).toBe(503);
    expect(body.checks.database).toMatchObject({ status: "unhealthy", detail: "does not answer" });
    expect(JSON.stringify(body)).not.toContain("db.internal");
  });
});

describe("metrics", () => {
  it("have the names, labels and buckets that were asked for", async () => {
    expect((await post(JSON.stringify(lead))).status).toBe(201);
    await fetch(`${url}/api/leads/lead_none`);
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).toMatch(
      /^http_request_duration_seconds_count\{method="POST",route="\/api\/leads",status_code="201"\} 1$/m,
    );
    expect(text).toMatch(
      /^http_request_duration_seconds_count\{method="GET",route="\/api\/leads\/:id",status_code="404"\} 1$/m,
    );
    expect(text).toContain('leads_processed_total{source="website",status="new"} 1');
    const bounds = (name: string) => [
      ...new Set([...text.matchAll(new RegExp(`${name}_bucket\\{le="([^"]+)"`, "g"))].map((m) => m[1])),
    ];
    expect(bounds("http_request_duration_seconds")).toEqual(["0.1", "0.5", "1", "2", "5", "+Inf"]);
    const queries = createMetrics();
    queries.query("select", "lead", 0.02);
    const observed = await queries.text();
    for (const le of ["0.01", "0.05", "0.1", "0.5", "1"])
      expect(observed).toContain(`db_query_duration_seconds_bucket{le="${le}",operation="select",table="lead"}`);
  });
});

describe("logs", () => {
  it("are JSON with level, timestamp, service, environment and the request's correlation id", async () => {
    await serve(memoryStore(), { LATCHKEY_ENVIRONMENT: "production", LATCHKEY_RELEASE: "7" });
    const answer = await fetch(`${url}/api/leads`, { headers: { "x-correlation-id": "order-66" } });
    expect(answer.headers.get("x-correlation-id")).toBe("order-66");
    await expect
      .poll(() => lines.find((line) => line.msg === "request"))
      .toMatchObject({
        level: "debug",
        service: "leads",
        environment: "production",
        release: "7",
        correlationId: "order-66",
        route: "/api/leads",
        status: 200,
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      });
  });
  it("do not take a correlation id that could break a line or a header", async () => {
    const answer = await fetch(`${url}/api/leads`, { headers: { "x-correlation-id": 'a" injected="b' } });
    expect(answer.headers.get("x-correlation-id")).toMatch(/^[0-9a-f-]{36}$/);
  });
  it("say it when LOG_LEVEL is no level, and go on", () => {
    createLog({ LOG_LEVEL: "loud" }, { write: (line) => lines.push(JSON.parse(line)) }).info("still here");
    expect(lines.map((line) => line.level)).toEqual(["warn", "info"]);
  });
  it("keep the database's error, with the correlation id, when a request fails", async () => {
    await serve({ ...memoryStore(), list: () => Promise.reject(new Error("relation is gone")) });
    const answer = await fetch(`${url}/api/leads`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain("relation");
    expect(lines.find((line) => line.level === "error")).toMatchObject({
      correlationId: answer.headers.get("x-correlation-id"),
      err: { message: "relation is gone", stack: expect.any(String) },
    });
  });
});

process.once("exit", () => rmSync(publicDir, { recursive: true, force: true }));
