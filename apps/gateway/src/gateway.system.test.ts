import { type IncomingMessage, request } from "node:http";
import { expect, test } from "vitest";
import { scene } from "./scene.testkit.ts";
import { arm, ask, tableOf } from "./testkit.ts";

const s = scene();
const release = (name: string, assets?: Record<string, string>) => s.release(name, assets);
const PAGE = { accept: "text/html" };

test("without a table it says so kindly, and its health answers", async () => {
  const page = await ask(s.origin, "/", { headers: PAGE });
  expect([page.status, page.headers["retry-after"]]).toEqual([503, "3"]);
  expect(page.text).toContain("We will be right back");
  expect(JSON.parse((await ask(s.origin, "/__latchkey/healthz")).text)).toMatchObject({ status: "waiting" });
});

test("splits API requests by weight and keeps a visitor on one release", async () => {
  const [a, b] = [await release("old"), await release("new")];
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 60), arm("canary", [b.origin], 40)]));
  let canary = 0;
  for (let i = 0; i < 400; i++) if ((await ask(s.origin, "/api/name")).text === "new") canary++;
  // 400 draws at 40 %: six standard deviations around 160.
  expect(canary).toBeGreaterThan(101);
  expect(canary).toBeLessThan(219);
  const first = await ask(s.origin, "/", { headers: PAGE });
  expect(first.headers["cache-control"]).toBe("max-age=7");
  const cookies = first.headers["set-cookie"] ?? [];
  expect(cookies.every((c) => c.includes("HttpOnly") && c.includes("SameSite=Lax"))).toBe(true);
  const cookie = cookies.map((c) => c.split(";")[0]).join("; ");
  for (let i = 0; i < 20; i++) {
    const again = await ask(s.origin, "/other", { headers: { ...PAGE, cookie } });
    expect(again.text).toBe(first.text);
    expect(again.headers["set-cookie"]).toBeUndefined();
  }
});

test("a GET to a dead arm is answered by the other and counted on the first; a POST is not repeated", async () => {
  const [a, b] = [await release("old"), await release("new")];
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 0), arm("canary", [b.origin], 100)]));
  await b.kill();
  expect(await ask(s.origin, "/api/name")).toMatchObject({ status: 200, text: "old" });
  expect((await ask(s.origin, "/api/name", { method: "POST", body: "x" })).status).toBe(502);
  await s.control.until(() => s.control.sum((c) => c.arm === "canary", "errors") === 2);
  expect(s.control.sum((c) => c.arm === "canary", "requests")).toBe(2);
  expect(s.control.sum((c) => c.arm === "baseline", "requests")).toBe(0);
});

test("an answer of 500 and above is an error of its arm", async () => {
  const a = await release("old");
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)]));
  expect((await ask(s.origin, "/api/fail")).status).toBe(500);
  await s.control.until(() => s.control.sum((c) => c.arm === "baseline", "errors") === 1);
});

test("an answer that breaks off is an error; a visitor who leaves is not", async () => {
  const a = await release("old");
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)]));
  await expect(ask(s.origin, "/api/breaks")).rejects.toThrow();
  await s.control.until(() => s.control.sum((c) => c.arm === "baseline", "errors") === 1);
  const arrived = new Promise<void>((done) => a.server.once("request", () => done()));
  const sent = request(`${s.origin}/api/never`, { agent: false });
  const gone = new Promise<void>((done) => sent.on("error", () => done()));
  sent.end();
  await arrived;
  sent.destroy();
  await gone;
  await s.control.until(() => s.control.sum((c) => c.arm === "baseline", "requests") === 2);
  expect(s.control.sum((c) => c.arm === "baseline", "errors")).toBe(1);
});

test("streams both ways while the request is still being sent", async () => {
  const a = await release("old");
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)]));
  const sent = request(`${s.origin}/api/echo`, { method: "POST", agent: false });
  sent.write("first");
  const answer = await new Promise<IncomingMessage>((done) => sent.on("response", done));
  const parts = answer[Symbol.asyncIterator]();
  expect(String((await parts.next()).value)).toBe("first");
  sent.end("second");
  expect(String((await parts.next()).value)).toBe("second");
  expect((await parts.next()).done).toBe(true);
});

test("limits bodies, declared or not, without blaming the release", async () => {
  const a = await release("old");
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)]));
  const status = await new Promise<number | undefined>((done, fail) => {
    const sent = request(
      `${s.origin}/api/name`,
      { method: "POST", headers: { "content-length": "1000001" } },
      (res) => {
        res.resume();
        done(res.statusCode);
        sent.destroy();
      },
    );
    sent.on("error", fail);
    sent.flushHeaders();
  });
  expect(status).toBe(413);
  const headers = { "transfer-encoding": "chunked" };
  const body = "x".repeat(1_000_001);
  expect((await ask(s.origin, "/api/sink", { method: "POST", headers, body })).status).toBe(413);
  await s.gateway?.stop();
  expect(s.control.sum((c) => c.arm === "baseline", "errors")).toBe(0);
  await s.start();
});

test("refuses what could smuggle a second request, and headers that are too large", async () => {
  const a = await release("old");
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)]));
  const both = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  expect(await s.raw(both)).toMatch(/^HTTP\/1.1 400 /);
  const coding = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
  expect(await s.raw(coding)).toMatch(/^HTTP\/1.1 400 /);
  expect(await s.raw("GET http://evil/ HTTP/1.1\r\nHost: x\r\n\r\n")).toMatch(/^HTTP\/1.1 400 /);
  expect(await s.raw(`GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
});

test("tells the release who asks, and drops what only the gateway may say", async () => {
  const a = await release("old");
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)]));
  const headers = {
    "x-latchkey-arm": "canary",
    "x-forwarded-for": "6.6.6.6",
    connection: "close, x-once",
    "x-once": "1",
  };
  const seen = JSON.parse((await ask(s.origin, "/api/headers", { headers })).text);
  expect(seen).toMatchObject({
    "x-latchkey-arm": "baseline",
    "x-latchkey-release": "1.0.0-baseline",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "http",
    "x-forwarded-host": new URL(s.origin).host,
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
  });
  expect(seen["x-once"]).toBeUndefined();
});

test("passes a WebSocket upgrade on", async () => {
  const a = await release("old");
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)]));
  const sent = request(`${s.origin}/live`, {
    headers: { connection: "Upgrade", upgrade: "websocket", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" },
  });
  sent.end();
  const [answer, socket] = await new Promise<[IncomingMessage, import("node:stream").Duplex]>((done, fail) => {
    sent.on("upgrade", (res, s) => done([res, s]));
    sent.on("error", fail);
  });
  expect(answer.headers["sec-websocket-accept"]).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  socket.write("hello");
  const echoed = await new Promise((done) => socket.once("data", done));
  expect(String(echoed)).toBe("hello");
  socket.destroy();
});

test("finds a lost asset in another release, and counts a script that is nowhere as a broken page", async () => {
  const script = "/assets/index-BKj3x9aZ.js";
  const [a, gone] = [await release("new"), await release("old", { [script]: "run()" })];
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)], { assetUpstreams: [gone.origin] }));
  const headers = { "sec-fetch-dest": "script" };
  expect(await ask(s.origin, script, { headers })).toMatchObject({ status: 200, text: "run()" });
  expect((await ask(s.origin, "/assets/index-ZZZ3x9aZ.js", { headers })).text).toContain("<title>new");
  await s.control.until(() => s.control.sum((c) => c.arm === "baseline", "pageErrors") === 1);
});

test("puts the beacon into pages where policy allows, and counts a page view's errors once", async () => {
  const a = await release("old");
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 100)], { injectBeacon: true }));
  const page = await ask(s.origin, "/", { headers: { ...PAGE, "accept-encoding": "gzip" } });
  const view = /<head><script src="\/__latchkey\/beacon.js" data-view="([0-9a-f-]{36})"><\/script><title>/.exec(
    page.text,
  )?.[1];
  expect(page.text.endsWith("</html>")).toBe(true);
  expect((await ask(s.origin, "/__latchkey/beacon.js")).text).toContain("unhandledrejection");
  expect((await ask(s.origin, "/csp", { headers: PAGE })).text).toBe("<html><head></head></html>");
  const body = JSON.stringify({ kind: "error", view });
  for (let i = 0; i < 3; i++) {
    expect((await ask(s.origin, "/__latchkey/beacon", { method: "POST", body })).status).toBe(204);
  }
  expect((await ask(s.origin, "/__latchkey/beacon", { method: "POST", body: "no" })).status).toBe(400);
  await s.control.until(() => s.control.sum((c) => c.routeClass === "document", "pageViews") === 2);
  await s.control.until(() => s.control.sum((c) => c.routeClass === "document", "pageErrors") >= 1);
  expect(s.control.sum((c) => c.routeClass === "document", "pageErrors")).toBe(1);
});

test("starts again from its file without a server, and refuses an older table afterwards", async () => {
  const [a, b] = [await release("old"), await release("new")];
  await s.control.publish(tableOf(7, [arm("baseline", [a.origin], 100)]));
  const port = Number(new URL(s.config?.serverUrls[0] ?? "").port);
  await s.gateway?.stop();
  await s.control.peer?.kill();
  await s.start();
  expect((await ask(s.origin, "/api/name")).text).toBe("old");
  s.control.table = tableOf(3, [arm("baseline", [b.origin], 100)]);
  s.control.acknowledged = { epoch: 0, n: 0 };
  await s.control.start(port);
  await s.control.until(() => s.control.acknowledged.n === 7);
  expect((await ask(s.origin, "/api/name")).text).toBe("old");
});

test("taking a release to 0 % drops no request and sends none to it afterwards", async () => {
  const [a, b] = [await release("old"), await release("new")];
  await s.control.publish(tableOf(1, [arm("baseline", [a.origin], 50), arm("canary", [b.origin], 50)]));
  let switched = false;
  const late: string[] = [];
  const statuses = new Set<number>();
  const visitor = async () => {
    for (let i = 0; i < 150; i++) {
      const after = switched;
      const answer = await ask(s.origin, "/api/name");
      statuses.add(answer.status);
      if (after) late.push(answer.text);
    }
  };
  const visitors = Array.from({ length: 8 }, visitor);
  await ask(s.origin, "/api/name");
  await s.control.publish(tableOf(2, [arm("baseline", [a.origin], 100)]));
  switched = true;
  await Promise.all(visitors);
  expect([...statuses]).toEqual([200]);
  expect(new Set(late)).toEqual(new Set(["old"]));
});

/** Several in a row: one of ten thousand goes there by its weight. */
async function untilOnly(wanted: string, served: () => Promise<string>): Promise<void> {
  let inRow = 0;
  for (const end = Date.now() + 20_000; inRow < 5 && Date.now() < end; )
    inRow = (await served()) === wanted ? inRow + 1 : 0;
}

test("a server that answers while nobody looks after the rollouts does not count as one that watches", async () => {
  const [a, b] = [await release("old"), await release("new")];
  const made = tableOf(1, [arm("baseline", [a.origin], 0.01), arm("canary", [b.origin], 99.99)]);
  await s.control.publish({ ...made, services: made.services.map((service) => ({ ...service, deadManMs: 1_000 })) });
  expect((await ask(s.origin, "/api/name")).text).toBe("new");
  s.control.isUnwatched = true;
  const served = async () => (await ask(s.origin, "/api/name")).text;
  await untilOnly("old", served);
  const texts = new Set<string>();
  for (let i = 0; i < 50; i++) texts.add(await served());
  expect([...texts]).toEqual(["old"]);
});

test("a canary that no server watches for too long gets no visitors, until one has answered for a while", async () => {
  const [a, b] = [await release("old"), await release("new")];
  const made = tableOf(1, [arm("baseline", [a.origin], 0.01), arm("canary", [b.origin], 99.99)]);
  await s.control.publish({ ...made, services: made.services.map((service) => ({ ...service, deadManMs: 1_000 })) });
  expect((await ask(s.origin, "/api/name")).text).toBe("new");
  await s.control.peer?.kill();
  const served = async () => (await ask(s.origin, "/api/name")).text;
  await untilOnly("old", served);
  const texts = new Set<string>();
  for (let i = 0; i < 50; i++) texts.add(await served());
  expect([...texts]).toEqual(["old"]);
});
