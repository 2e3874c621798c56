import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { beforeEach, expect, test } from "vitest";
import { scene } from "./scene.testkit.ts";
import { arm, ask, type Peer, tableOf } from "./testkit.ts";

/** What visitors can send, on purpose or not. */
const s = scene({ headersTimeoutMs: 300 });
let release: Peer;
let seen: string[];

beforeEach(async () => {
  release = await s.release("app");
  seen = [];
  release.server.on("request", (req: IncomingMessage) => seen.push(`${req.method} ${req.url}`));
  await s.control.publish(tableOf(1, [arm("baseline", [release.origin], 100)]));
});

const status = async (text: string): Promise<number> => Number((await s.raw(text)).split(" ")[1] ?? "0");
const END = "Connection: close\r\n\r\n";
const SMUGGLED = "GET /api/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

test.each([
  ["content-length and chunked", `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["two lengths", `Content-Length: 0\r\nContent-Length: 44\r\n\r\n${SMUGGLED}`],
  ["a list of lengths", `Content-Length: 0, 44\r\n\r\n${SMUGGLED}`],
  ["a signed length", `Content-Length: +44\r\n\r\n${SMUGGLED}`],
  ["a coding before chunked", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
  ["a coding that is not quite chunked", `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["a space before the colon", `Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`],
  ["a folded line", `X-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n${SMUGGLED}`],
  ["two hosts", "Host: y\r\n\r\n"],
  ["a bare carriage return", "X-A: 1\rTransfer-Encoding: chunked\r\n\r\n"],
])("refuses %s", async (_, lines) => {
  expect(await status(`POST /api/name HTTP/1.1\r\nHost: x\r\n${lines}`)).toBe(400);
  expect(seen).toEqual([]);
});

test.each(["a/../b", "a@b", "a b", "a:99999999", "%00", "[::1", "a,b"])("refuses the host %s", async (host) => {
  expect(await status(`GET /api/name HTTP/1.1\r\nHost: ${host}\r\n${END}`)).toBe(400);
  expect(seen).toEqual([]);
});

test("refuses targets that are no path, hosts that are missing, and what is too long", async () => {
  expect(await status(`GET http://evil/ HTTP/1.1\r\nHost: x\r\n${END}`)).toBe(400);
  expect(await status(`OPTIONS * HTTP/1.1\r\nHost: x\r\n${END}`)).toBe(400);
  expect(await s.raw(`CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n${END}`)).toBe("");
  expect(await status(`GET / HTTP/1.1\r\n${END}`)).toBe(400);
  expect(await status(`GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n${END}`)).toBe(431);
  expect(await status(`GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(20_000)}\r\n${END}`)).toBe(431);
  expect(await status(`GET /api/${"a".repeat(12_000)} HTTP/1.1\r\nHost: x\r\n${END}`)).toBe(200);
  expect(seen.length).toBe(1);
});

test("a chunk whose size makes no sense ends the request, and the release never sees it complete", async () => {
  const arrived = new Promise<IncomingMessage>((done) => release.server.once("request", done));
  const socket = connect(Number(new URL(s.origin).port), "127.0.0.1");
  socket.write("POST /api/sink HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  const req = await arrived;
  const ended = new Promise<string>((done) =>
    req.on("end", () => done("complete")).on("error", () => done("broken off")),
  );
  socket.write("zz\r\nbad\r\n0\r\n\r\n");
  let answer = "";
  for await (const part of socket) answer += part;
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(await ended).toBe("broken off");
  expect((await ask(s.origin, "/api/name")).text).toBe("app");
  await s.control.until(() => s.control.sum(() => true, "requests") === 2);
  expect(s.control.sum(() => true, "errors")).toBe(0);
});

test("one who sends a head slowly is let go", async () => {
  const socket = connect(Number(new URL(s.origin).port), "127.0.0.1");
  socket.write("GET /api/name HTTP/1.1\r\nHost: x\r\nX-A: ");
  const drip = setInterval(() => socket.write("a"), 50);
  let answer = "";
  socket.on("data", (part) => {
    answer += part;
  });
  await new Promise((closed) => socket.on("error", () => undefined).on("close", closed));
  clearInterval(drip);
  expect(answer).toMatch(/^(HTTP\/1.1 408 |$)/);
  expect(seen).toEqual([]);
});

test("what only a gateway may say is taken out, however it is written", async () => {
  const lines =
    "X-Latchkey-Arm: canary\r\nX_Latchkey_Arm: canary\r\nX-Forwarded-For: 6.6.6.6\r\nx_forwarded_for: 6.6.6.6\r\n" +
    "Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nKeep-Alive: timeout=9\r\nProxy-Authorization: x\r\nTE: trailers\r\n" +
    "Connection: close, host, x-once, content-length, x-forwarded-for\r\nX-Once: 1\r\n\r\n";
  const answer = await s.raw(`GET /api/headers HTTP/1.1\r\nHost: shop.test:80\r\n${lines}`);
  const headers = JSON.parse(/\{.*\}/s.exec(answer)?.[0] ?? "") as Record<string, string>;
  expect(headers).toMatchObject({ host: "shop.test:80", "x-latchkey-arm": "baseline", "x-forwarded-for": "127.0.0.1" });
  expect(JSON.stringify(headers)).not.toMatch(/6\.6\.6\.6|canary|x-once|"te"|keep-alive":"timeout|proxy-auth/);
});

test("a valid traceparent is passed on with its state; another is replaced and its state dropped", async () => {
  const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const headers = (traceparent: string) => ({ traceparent, tracestate: "a=1" });
  const kept = JSON.parse((await ask(s.origin, "/api/headers", { headers: headers(good) })).text);
  expect(kept).toMatchObject({ traceparent: good, tracestate: "a=1" });
  for (const bad of [
    "00-0-0-01",
    `ff${good.slice(2)}`,
    good.replace("0af7651916cd43dd8448eb211c80319c", "0".repeat(32)),
  ]) {
    const made = JSON.parse((await ask(s.origin, "/api/headers", { headers: headers(bad) })).text);
    expect(made.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(made.tracestate).toBeUndefined();
  }
});

test("HTTP/1.0 gets an answer that it can read, and two requests on one line are answered in order", async () => {
  const old = await s.raw("GET /api/name HTTP/1.0\r\n\r\n");
  expect(old).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(old.toLowerCase()).not.toContain("transfer-encoding");
  expect(old.endsWith("\r\n\r\napp")).toBe(true);
  const two = await s.raw(`GET /api/headers HTTP/1.1\r\nHost: x\r\n\r\nGET /api/name HTTP/1.1\r\nHost: x\r\n${END}`);
  expect(two.match(/HTTP\/1.1 200 OK/g)?.length).toBe(2);
  expect(two.indexOf("x-latchkey-arm")).toBeLessThan(two.lastIndexOf("app"));
});

test("a body is asked for only when it would be taken", async () => {
  const expecting = (length: number) =>
    new Promise<{ status: number | undefined; continued: boolean }>((done, fail) => {
      let continued = false;
      const headers = { expect: "100-continue", "content-length": String(length) };
      const sent = request(`${s.origin}/api/sink`, { method: "POST", headers, agent: false }, (res) => {
        res.resume();
        done({ status: res.statusCode, continued });
        sent.destroy();
      });
      sent.on("continue", () => {
        continued = true;
        sent.end("x".repeat(length));
      });
      sent.on("error", fail);
      sent.flushHeaders();
    });
  expect(await expecting(10)).toEqual({ status: 200, continued: true });
  expect(await expecting(1_000_001)).toEqual({ status: 413, continued: false });
  expect(await status(`POST /api/sink HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 0\r\n${END}`)).toBe(417);
});

test("another upgrade than WebSocket is overlooked, and one with a body is refused", async () => {
  const h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
  const answer = await s.raw(`GET /api/headers HTTP/1.1\r\nHost: x\r\n${h2c}\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  expect(answer).not.toMatch(/"upgrade"|http2-settings/);
  const body = `Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 44\r\n\r\n${SMUGGLED}`;
  expect(await status(`GET /live HTTP/1.1\r\nHost: x\r\n${body}`)).toBe(400);
});

test("a visitor who leaves in the middle of an upload is no error of the release", async () => {
  const broken = new Promise<void>((done) => {
    release.server.once("request", (req: IncomingMessage) => req.on("error", () => done()));
  });
  const sent = request(`${s.origin}/api/sink`, {
    method: "POST",
    headers: { "content-length": "900000" },
    agent: false,
  });
  sent.on("error", () => undefined);
  await new Promise((written) => sent.write("x".repeat(100_000), written));
  sent.destroy();
  await broken;
  await s.control.until(() => s.control.sum(() => true, "requests") === 1);
  expect(s.control.sum(() => true, "errors")).toBe(0);
});

test("a beacon that is too large is cut off", async () => {
  const body = "x".repeat(100_000);
  const answer = await ask(s.origin, "/__latchkey/beacon", { method: "POST", body }).catch(() => null);
  expect(answer === null || answer.status === 413).toBe(true);
  expect((await ask(s.origin, "/__latchkey/beacon", { method: "POST", body: "{}" })).status).toBe(400);
});
