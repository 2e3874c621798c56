import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { decodeSketch, estimateDistinct } from "@latchkey/core/delivery/hyperloglog";
import { afterEach, expect, test } from "vitest";
import { scene } from "./scene.testkit.ts";
import { arm, ask, tableOf } from "./testkit.ts";

/** What releases can do, on purpose or not. */
const s = scene();
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A release that answers bytes: what `answer` writes for each connection's first bytes. */
async function bytes(answer: (socket: Socket, nth: number) => void): Promise<{ origin: string; asked: string[] }> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.on("data", (part) => {
      asked.push(String(part).split("\r\n")[0] ?? "");
      answer(socket, asked.length);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}
const serve = (origin: string, more: Parameters<typeof tableOf>[2] = {}) =>
  s.control.publish(tableOf(1, [arm("baseline", [origin], 100)], more));
const errors = () => s.control.sum(() => true, "errors");

test.each([
  ["garbage", "no http at all\r\n\r\n"],
  ["a head that never fits", `HTTP/1.1 200 OK\r\nA: ${"a".repeat(100_000)}\r\n\r\n`],
  ["a switch of protocols that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"],
  ["a control character in a header", "HTTP/1.1 200 OK\r\nA: \u0001\r\nContent-Length: 0\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
])("a release that answers %s is an error of its arm, and the visitor gets a 502", async (_, answer) => {
  const release = await bytes((socket) => socket.write(answer, "latin1"));
  await serve(release.origin);
  expect((await ask(s.origin, "/api/x", { method: "POST", body: "x" })).status).toBe(502);
  await s.control.until(() => errors() === 1);
  expect(release.asked.length).toBe(1);
});

test("a body that ends before its length breaks the visitor's off too, and counts", async () => {
  const release = await bytes((socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
  await serve(release.origin);
  await expect(ask(s.origin, "/api/x")).rejects.toThrow();
  await s.control.until(() => errors() === 1);
});

test("early hints and other answers of the hundreds are passed over", async () => {
  const release = await bytes((socket) =>
    socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
  );
  await serve(release.origin);
  expect(await ask(s.origin, "/api/x")).toMatchObject({ status: 200, text: "ok" });
});

test("answers without a body stay without one, and a HEAD keeps the length", async () => {
  const release = await bytes((socket, nth) => {
    const heads = ["204 No Content\r\nX-A: 1", '304 Not Modified\r\nETag: "a"', "200 OK\r\nContent-Length: 7"];
    socket.write(`HTTP/1.1 ${heads[nth - 1]}\r\n\r\n`);
  });
  await serve(release.origin);
  expect(await ask(s.origin, "/api/x")).toMatchObject({ status: 204, text: "" });
  expect(await ask(s.origin, "/api/x")).toMatchObject({ status: 304, text: "", headers: { etag: '"a"' } });
  const head = await ask(s.origin, "/api/x", { method: "HEAD" });
  expect(head).toMatchObject({ status: 200, text: "", headers: { "content-length": "7" } });
});

test("a connection that is lost before an answer: a GET is asked once more, a POST never", async () => {
  const release = await bytes((socket) => socket.destroy());
  await serve(release.origin);
  expect((await ask(s.origin, "/api/x", { method: "POST", body: "x" })).status).toBe(502);
  expect(release.asked).toEqual(["POST /api/x HTTP/1.1"]);
  expect((await ask(s.origin, "/api/x")).status).toBe(502);
  expect(release.asked.slice(1)).toEqual(["GET /api/x HTTP/1.1", "GET /api/x HTTP/1.1"]);
  await s.control.until(() => errors() === 2);
  expect(s.control.sum(() => true, "requests")).toBe(2);
});

test("a GET that its canary dropped is answered by the old release, and the canary has the error", async () => {
  const [old, canary] = [await s.release("old"), await bytes((socket) => socket.destroy())];
  await s.control.publish(tableOf(1, [arm("baseline", [old.origin], 0), arm("canary", [canary.origin], 100)]));
  expect(await ask(s.origin, "/api/name")).toMatchObject({ status: 200, text: "old" });
  await s.control.until(() => s.control.sum((c) => c.arm === "canary", "errors") === 1);
  expect(s.control.sum((c) => c.arm === "baseline", "requests")).toBe(0);
});

test("a large upload to a release that is away is answered, not cut off", async () => {
  const release = await bytes(() => undefined);
  for (const close of closing.splice(0)) close();
  await serve(release.origin);
  const body = "x".repeat(900_000);
  const headers = { "content-length": String(body.length) };
  expect((await ask(s.origin, "/api/x", { method: "POST", body, headers })).status).toBe(502);
});

test("an answer that comes before the upload has ended reaches the visitor", async () => {
  const release = await bytes((socket, nth) => {
    if (nth === 1) socket.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  });
  await serve(release.origin);
  const sent = request(`${s.origin}/api/x`, { method: "POST", headers: { "content-length": "900000" }, agent: false });
  sent.on("error", () => undefined);
  sent.write("x".repeat(1_000));
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  expect(answer.statusCode).toBe(403);
  sent.destroy();
});

test("events reach the visitor one by one while the stream is open", async () => {
  let push: (text: string) => void = () => undefined;
  const peer = await s.peer((_, res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write("data: 1\n\n");
    push = (text) => res.write(text);
  });
  await serve(peer.origin);
  const sent = request(`${s.origin}/api/events`, { headers: { accept: "text/event-stream" }, agent: false }).end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const parts = answer[Symbol.asyncIterator]();
  expect(String((await parts.next()).value)).toBe("data: 1\n\n");
  push("data: 2\n\n");
  expect(String((await parts.next()).value)).toBe("data: 2\n\n");
  sent.destroy();
});

test("a visitor who reads slowly holds the release back instead of filling the gateway", async () => {
  const CHUNK = Buffer.alloc(1_000_000);
  const CHUNKS = 200;
  let written = 0;
  let stalled: () => void = () => undefined;
  const stall = new Promise<void>((done) => {
    stalled = done;
  });
  const peer = await s.peer((_, res) => {
    const more = () => {
      if (++written > CHUNKS) return res.end();
      if (res.write(CHUNK)) return setImmediate(more);
      // One that drains goes on; one that never does is the stall that is waited for.
      const timer = setTimeout(stalled, 1_000);
      return res.once("drain", () => {
        clearTimeout(timer);
        more();
      });
    };
    more();
  });
  await serve(peer.origin);
  const sent = request(`${s.origin}/api/large`, { agent: false }).end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  await stall;
  expect(written).toBeLessThan(CHUNKS / 2);
  let bytesRead = 0;
  for await (const part of answer) bytesRead += (part as Buffer).length;
  expect(bytesRead).toBe(CHUNK.length * CHUNKS);
});

test("counts requests, latencies and users of each route class", async () => {
  const release = await s.release("app");
  await serve(release.origin);
  for (let i = 0; i < 40; i++) {
    const page = await ask(s.origin, "/", { headers: { accept: "text/html" } });
    const cookie = (page.headers["set-cookie"] ?? []).map((c) => c.split(";")[0]).join("; ");
    for (let j = 0; j < 2; j++) await ask(s.origin, "/api/name", { headers: { cookie } });
  }
  await s.control.until(() => s.control.sum((c) => c.routeClass === "api", "requests") === 80);
  const newest = s.control.reports.at(-1)?.counters.find((c) => c.routeClass === "api");
  expect(Object.values(newest?.latency ?? {}).reduce((sum, n) => sum + n, 0)).toBe(80);
  // Three standard errors of 3.25 % around 40 are four.
  expect(Math.abs(estimateDistinct(decodeSketch(newest?.users ?? "")) - 40)).toBeLessThanOrEqual(4);
  expect(s.control.sum((c) => c.routeClass === "document", "pageViews")).toBe(40);
});

test("a visitor waits for a process that is started again, and nothing counts as an error", async () => {
  const first = await bytes(() => undefined);
  const port = Number(new URL(first.origin).port);
  for (const close of closing.splice(0)) close();
  await serve(first.origin);
  const answered = ask(s.origin, "/api/x");
  const server = createServer((socket) => {
    socket.on("error", () => undefined).end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
  });
  await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
  closing.push(() => server.close());
  expect((await answered).status).toBe(200);
  expect(errors()).toBe(0);
});
