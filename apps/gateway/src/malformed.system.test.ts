import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { assault, sendRaw } from "./assault.testkit.ts";
import { RawUpstream } from "./raw-upstream.testkit.ts";
import { scene } from "./scene.testkit.ts";
import { arm, ask, tableOf } from "./testkit.ts";

/** Malformed HTTP in every combination, and visitors who take their time. Limits are short, so that nobody need wait. */
const s = scene({ headersTimeoutMs: 300, requestTimeoutMs: 600, idleTimeoutMs: 300 });
const SEED = 20_250_102;
const MESSAGES = 1_500;
const LANES = 128;
const SLOW = 300;
let upstream: RawUpstream;

beforeEach(async () => {
  upstream = await RawUpstream.start();
  await s.control.publish(tableOf(1, [arm("baseline", [upstream.origin], 100)]));
});
afterEach(() => upstream.stop());

const port = () => Number(new URL(s.origin).port);

/** Sends the bytes, then one more byte again and again, until the gateway lets it go; resolves with what it said. */
function drip(head: string, byte: string): { readonly socket: Socket; readonly closed: Promise<string> } {
  const socket = connect(port(), "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1").on("data", (part) => {
    answer += part;
  });
  socket.write(head);
  const timer = setInterval(() => socket.write(byte), 100);
  const closed = new Promise<string>((done) => {
    socket
      .on("error", () => {})
      .on("close", () => {
        clearInterval(timer);
        done(answer);
      });
  });
  return { socket, closed };
}

test("whatever is malformed, the release sees what the gateway saw, and nothing smuggled", async () => {
  if (!s.gateway) throw new Error("there is no gateway");
  const { wrong, passed, refused } = await assault({
    port: port(),
    server: s.gateway.server,
    upstream,
    messages: MESSAGES,
    seed: SEED,
    lanes: LANES,
  });
  expect(wrong).toEqual([]);
  // The messages reach both what they are to get past and what they are to be stopped by.
  expect(passed).toBeGreaterThan(MESSAGES / 10);
  expect(refused).toBeGreaterThan(MESSAGES / 3);
  expect((await ask(s.origin, "/api/alive")).text).toBe("/api/alive");
});

test("hundreds who send their heads slowly keep nobody from being served, and are let go", async () => {
  const slow = Array.from({ length: SLOW }, (_, i) => drip(`GET /api/slow-${i} HTTP/1.1\r\nHost: x\r\nX-A: `, "a"));
  for (let i = 0; i < 20; i++) expect((await ask(s.origin, `/api/quick-${i}`)).status).toBe(200);
  const said = await Promise.all(slow.map((one) => one.closed));
  expect(said.every((answer) => /^(HTTP\/1.1 408 |$)/.test(answer))).toBe(true);
  expect(upstream.arrived.length).toBe(20);
});

test.each([
  ["by length", "Content-Length: 1000\r\n\r\n", "a"],
  ["by chunks", "Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"],
])("one who sends a body slowly is let go, %s, and the release never sees it whole", async (_, framing, byte) => {
  const said = await drip(`POST /api/slow HTTP/1.1\r\nHost: x\r\n${framing}`, byte).closed;
  expect(said).toMatch(/^(HTTP\/1.1 408 |$)/);
  expect(upstream.arrived).toEqual([]);
  expect((await ask(s.origin, "/api/alive")).status).toBe(200);
});

test("chunks without an end are cut off at the limit", async () => {
  const socket = connect(port(), "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1").on("data", (part) => {
    answer += part;
  });
  const closed = new Promise((done) => socket.on("error", () => {}).on("close", done));
  const chunk = `10000\r\n${"a".repeat(0x10000)}\r\n`;
  const more = (): void => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on("drain", more);
  socket.write("POST /api/endless HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  more();
  await closed;
  expect(answer).toMatch(/^(HTTP\/1.1 413 |$)/);
  expect(upstream.arrived).toEqual([]);
  expect((await ask(s.origin, "/api/alive")).status).toBe(200);
});

test("a bad second request on a line costs the third, never another visitor's", async () => {
  const bad = "GET /api/2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n";
  const text = `GET /api/1 HTTP/1.1\r\nHost: x\r\n\r\n${bad}GET /api/3 HTTP/1.1\r\nHost: x\r\n\r\n`;
  const others = Array.from({ length: 20 }, (_, i) => ask(s.origin, `/api/other-${i}`));
  const answer = await sendRaw(port(), text);
  expect(answer).toContain("HTTP/1.1 400 ");
  expect((await Promise.all(others)).map((other) => other.text)).toEqual(others.map((_, i) => `/api/other-${i}`));
  expect(upstream.arrived.some(({ target }) => target === "/api/3" || target === "/api/2")).toBe(false);
});
