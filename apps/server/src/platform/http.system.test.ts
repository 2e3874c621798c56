import type { Problem } from "@latchkey/api/models";
import { type PathSpec, paths, type RouteName } from "@latchkey/api/paths";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Line } from "../testing/fuzz/line.ts";
import { Installation } from "../testing/installation.ts";
import { jsonOf, problemOf } from "../testing/problem.ts";
import { until } from "../testing/until.ts";
import { Workload } from "../testing/workload.ts";

let installation: Installation;
let workload: Workload;
beforeAll(async () => {
  installation = await Installation.start();
  workload = new Workload(installation);
});
afterAll(() => installation.close());

const TOKENS = "/api/v1/projects/main/tokens";
const send = (path: string, body: string, headers: Record<string, string> = {}) =>
  installation.fetch(path, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });

describe("a request that is not valid", () => {
  it.each([
    ["JSON that ends too early", '{"name":'],
    ["no JSON at all", "name=a"],
    ["nothing", ""],
  ])("is refused with a problem that names the body: %s", async (_, body) => {
    const answer = await send(TOKENS, body);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    const problem = await jsonOf<Problem>(answer);
    expect(problem).toMatchObject({
      type: "about:blank",
      status: 400,
      code: "LK_INVALID",
      fields: [{ field: "body" }],
    });
    expect(problem.requestId).toBe(answer.headers.get("x-request-id"));
    expect(problem.remedy).not.toBe("");
  });

  it("is refused when its content is not called JSON", async () => {
    const answer = await send(TOKENS, "{}", { "content-type": "text/plain" });
    expect(await answer.json()).toMatchObject({ code: "LK_INVALID", fields: [{ field: "body" }] });
  });

  it("is refused when it is over 1 MB", async () => {
    const answer = await send(TOKENS, JSON.stringify({ name: "x".repeat(1_100_000) }));
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: "LK_TOO_LARGE", remedy: expect.stringContaining("1 MB") });
  });

  it.each([
    ["an object", '{"a":', "1", "}"],
    ["a list", "[", "", "]"],
  ])("is refused when %s in it is very deep, with a key too", async (_, open, inner, close) => {
    const deep = `{"action":${open.repeat(20_000)}${inner}${close.repeat(20_000)},"reason":"x"}`;
    const answer = await send("/api/v1/projects/main/rollouts/rol_1/actions", deep, { "idempotency-key": "deep" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "LK_INVALID", fields: [{ field: "action" }] });
  });

  it("may hold anything deep where nothing is asked for", async () => {
    const { secret } = await installation.tokenOf("owner");
    const headers = { authorization: `Bearer ${secret}`, "idempotency-key": "deep" };
    expect((await send("/api/v1/sign-out", "[".repeat(20_000) + "]".repeat(20_000), headers)).status).toBe(204);
  });

  it.each([
    ["no host", "GET /livez HTTP/1.1\r\n\r\n", 400, "Host"],
    ["a blank before a colon", "GET /livez HTTP/1.1\r\nHost : x\r\n\r\n", 400, "request"],
    ["nothing that is HTTP", "HELO there\r\n\r\n", 400, "request"],
    [
      "two framings",
      "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
      "request",
    ],
    ["a head over 16 kB", `GET /livez HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(20_000)}\r\n\r\n`, 431, undefined],
  ])("gets a problem that says so when it has %s", async (_, text, status, field) => {
    const line = new Line(Number(new URL(installation.url).port));
    const answer = await line.ask(Buffer.from(text, "latin1"));
    line.close();
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    const problem = JSON.parse(answer.text) as Problem;
    expect(problem.fields?.[0]?.field).toBe(field);
    expect(problem).toMatchObject({ status, requestId: answer.headers["x-request-id"] });
  });

  it("is answered though it expects something odd", async () => {
    const line = new Line(Number(new URL(installation.url).port));
    const answer = await line.ask(Buffer.from("GET /livez HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", "latin1"));
    line.close();
    expect([answer.status, answer.text]).toEqual([200, '{"status":"alive"}']);
  });

  it("names every field that is wrong or unknown, and what it must be", async () => {
    const answer = await send(TOKENS, JSON.stringify({ role: "king", colour: "red", expiresInDays: 0.5 }));
    const { fields = [], detail } = await jsonOf<Problem>(answer);
    expect(fields.map((f) => f.field).sort()).toEqual(["colour", "expiresInDays", "name", "role"]);
    for (const { field, message } of fields) expect(detail).toContain(`${field}: ${message}`);
  });

  it("names the place deep inside a configuration", async () => {
    const config = workload.config({
      strategy: { steps: [{ trafficPercent: 120, bakeMs: 0, minimumRequests: 0 }] },
    });
    const problem = await problemOf(installation.owner.applyService({ body: { config, root: workload.root } }));
    expect(problem.fields?.map((f) => f.field)).toEqual(["config.strategy.steps.0.trafficPercent"]);
  });

  it("names a query parameter", async () => {
    const answer = await installation.fetch("/api/v1/projects/main/ledger?limit=lots");
    expect(await answer.json()).toMatchObject({ status: 400, fields: [{ field: "limit" }] });
  });

  it.each([
    "/api/v1/nothing",
    "/v1/nothing",
    "/api/v1/projects/main/services/%zz",
    "/api/v1/projects/main/services/a%00b",
  ])("gets a problem for the address %s", async (path) => {
    const answer = await installation.fetch(path);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    const problem = await jsonOf<Problem>(answer);
    expect(problem.code).toMatch(/^LK_/);
    expect(answer.headers.get("x-request-id")).toBe(problem.requestId);
  });

  it("is never the server's fault, whatever stands in its address, query or body", async () => {
    const odd = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
      fc.constantFrom(
        "\u0000",
        "a\u0000b",
        "-1",
        "1e30",
        "99999999999",
        "NaN",
        "' or 1=1 --",
        "%",
        "../..",
        "\ud83d\ude00",
      ),
    );
    const routes = (Object.keys(paths) as RouteName[]).filter(
      (name) => !["signOut", "createSignInLink", "gatewayReport", "gatewayRouting"].includes(name),
    );
    const call = fc.record({
      name: fc.constantFrom(...routes),
      param: odd,
      query: fc.dictionary(fc.constantFrom("cursor", "limit", "type", "subject", "service", "afterMs", "x"), odd),
      body: fc.oneof(
        fc.jsonValue(),
        fc.record({ name: odd, role: fc.constant("viewer") }),
        fc.record({ action: fc.constant("pause"), reason: odd }),
        fc.record({ environment: odd, reason: odd, releaseId: odd }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(call, async ({ name, param, query, body }) => {
        const spec: PathSpec = paths[name];
        const path = spec.path.replace(":project", "main").replace(/:[a-zA-Z]+/g, encodeURIComponent(param));
        const url = `${path}?${new URLSearchParams(query)}`;
        const answer = spec.method === "GET" ? await installation.fetch(url) : await send(url, JSON.stringify(body));
        expect(answer.status, `${name} ${url} ${await answer.text()}`).toBeLessThan(500);
      }),
      { numRuns: 120 },
    );
  });

  it.each([
    ["GET", "/api/v1/projects/main/services/a%00b", undefined],
    ["GET", "/api/v1/projects/main/ledger?subject=a%00b", undefined],
    ["POST", TOKENS, JSON.stringify({ name: "a\u0000b", role: "viewer" })],
  ])("is refused for a character that no text may hold: %s %s", async (method, path, body) => {
    const answer = await installation.fetch(path, {
      method,
      ...(body === undefined ? {} : { body, headers: { "content-type": "application/json" } }),
    });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "LK_INVALID" });
  });

  it("is refused for numbers that no generation has", async () => {
    const headers = { authorization: `Bearer ${installation.secretIn("gateway.token")}` };
    for (const generation of ["epoch=1&n=99999999999", "epoch=2147483647&n=0"]) {
      const path = `/api/v1/gateway/routing?gateway=a&boot=b&${generation}&waitMs=0`;
      const answer = await installation.fetch(path, { headers });
      expect(answer.status, generation).toBe(400);
    }
  });
});

describe("every answer", () => {
  it("says that it may not be sniffed, framed or stored", async () => {
    const { headers } = await installation.fetch("/api/v1/me");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-request-id")).toMatch(/^req_/);
  });
});

describe("health", () => {
  it("is told of life, readiness, database, cache, outside and queue", async () => {
    expect(await (await fetch(`${installation.url}/livez`)).json()).toEqual({ status: "alive" });
    expect((await fetch(`${installation.url}/readyz`)).status).toBe(200);
    const health = await jsonOf<{ status: string; checks: object }>(await fetch(`${installation.url}/healthz`));
    expect(health.status).toBe("healthy");
    expect(Object.keys(health.checks)).toEqual(["database", "cache", "externalApis", "queue"]);
  });
});

describe("the description of the API", () => {
  it("has every route", async () => {
    const described = await jsonOf<{ paths: Record<string, Record<string, { operationId: string }>> }>(
      await installation.fetch("/api/v1/openapi.json"),
    );
    const operations = Object.values(described.paths)
      .flatMap((methods) => Object.values(methods))
      .map((operation) => operation.operationId);
    expect(operations.sort()).toEqual(Object.keys(paths).sort());
  });
});

describe("an idempotency key", () => {
  const apply = (key: string, description: string) =>
    installation.owner.applyService({
      body: { config: workload.config({ description }), root: workload.root },
      idempotencyKey: key,
    });
  const entriesOf = async () =>
    (await installation.owner.listLedger({ query: { subject: `service/${workload.name}` } })).items;

  it("makes a repeated request one effect with one answer", async () => {
    const first = await apply("key-1", "a shop");
    expect(first.applied).toBe(true);
    expect(await apply("key-1", "a shop")).toEqual(first);
    await until("it is in the ledger", async () => (await entriesOf()).length === 1);
    // Under another key the request is a new one: there is nothing left to change.
    expect((await apply("key-2", "a shop")).applied).toBe(false);
  });

  it("is refused with another body", async () => {
    await apply("key-3", "one");
    expect(await problemOf(apply("key-3", "two"))).toMatchObject({ status: 409, code: "LK_IDEMPOTENCY_REUSED" });
  });

  it("belongs to who sent it", async () => {
    const other = installation.clientWith((await installation.tokenOf("owner")).secret);
    await apply("key-4", "three");
    const body = { config: workload.config({ description: "four" }), root: workload.root };
    expect((await other.applyService({ body, idempotencyKey: "key-4" })).applied).toBe(true);
  });

  it("makes requests at the same time one effect", async () => {
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => apply("key-5", "at once")));
    for (const answer of answers) {
      if (answer.status === "fulfilled") expect(answer.value.applied).toBe(true);
      else expect(answer.reason).toMatchObject({ problem: { code: "LK_BUSY" } });
    }
    expect(answers.some((a) => a.status === "fulfilled")).toBe(true);
    expect((await apply("key-5", "at once")).applied).toBe(true);
    const entry = async () => (await entriesOf()).filter((e) => JSON.stringify(e.data).includes("at once"));
    await until("it is in the ledger", async () => (await entry()).length > 0);
    // What follows it is numbered after it: a second effect would be there by then.
    await apply("key-5b", "after that");
    await until("the next is numbered", async () => JSON.stringify(await entriesOf()).includes("after that"));
    expect((await entry()).filter((e) => JSON.stringify(e.data).includes('"after":"at once"'))).toHaveLength(1);
  });

  it("may be used again when the request failed", async () => {
    const wrong = installation.owner.ship({
      params: { project: "main", service: workload.name },
      body: { environment: "production", fault: "gremlins" },
      idempotencyKey: "key-6",
    });
    expect((await problemOf(wrong)).status).toBe(400);
    const right = installation.owner.ship({
      params: { project: "main", service: workload.name },
      body: { environment: "production" },
      idempotencyKey: "key-6",
    });
    expect((await right).status).toBe("building");
  });

  it("must have 1 to 200 characters", async () => {
    expect(await problemOf(apply("k".repeat(201), "x"))).toMatchObject({
      status: 400,
      fields: [{ field: "Idempotency-Key" }],
    });
  });
});
