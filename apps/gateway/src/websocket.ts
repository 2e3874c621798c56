import { request as httpRequest, type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { forwardedHeaders } from "./headers.ts";
import { pageOf } from "./pages.ts";
import type { Upstreams } from "./upstreams.ts";
import type { Visit } from "./visit.ts";

const HANDSHAKE_MS = 30_000;

/** Answers an upgrade with a plain response and closes. */
export function refuseUpgrade(socket: Duplex, status: number): void {
  const body = pageOf(status);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\ncontent-type: text/html; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function headLines(status: number, message: string, rawHeaders: readonly string[]): string {
  let out = `HTTP/1.1 ${status} ${message}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) out += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return `${out}\r\n`;
}

/** Joins the two sockets until either ends. */
function join(one: Duplex, other: Duplex): void {
  const end = () => {
    one.destroy();
    other.destroy();
  };
  for (const socket of [one, other]) {
    socket.on("error", end);
    socket.on("close", end);
  }
  one.pipe(other);
  other.pipe(one);
}

/**
 * Passes an upgrade (WebSocket) on to the visit's arm and joins the connections. The handshake is the request
 * that is counted; it is never repeated.
 */
export function passUpgrade(
  visit: Visit,
  upstreams: Upstreams,
  trustProxy: boolean,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const target = new URL(upstreams.originOf(visit.arm));
  const flat = forwardedHeaders(request, { arm: visit.arm, trustProxy, plainBody: false });
  // Only WebSocket is passed on. Another wish (curl's h2c) may be overlooked (RFC 9110, 7.8); passed on, it would open a
  // tunnel past everything that is checked here.
  if (request.headers.upgrade?.toLowerCase() === "websocket")
    flat.push("connection", "Upgrade", "upgrade", "websocket");
  const outgoing = httpRequest({
    host: target.hostname,
    port: target.port || 80,
    method: request.method ?? "GET",
    path: visit.asked.path,
    headers: flat as unknown as Record<string, string>,
    timeout: HANDSHAKE_MS,
    agent: false,
    setHost: false,
  });
  let counted = false;
  const count = (failed: boolean) => {
    if (counted) return;
    counted = true;
    visit.row.request(performance.now() - visit.beganMs, failed, visit.visitor, visit.unit);
  };
  const left = () => {
    count(false);
    outgoing.destroy();
  };
  socket.on("close", left);
  socket.on("error", left);
  outgoing.on("upgrade", (answer, upstream, upstreamHead) => {
    count(false);
    outgoing.setTimeout(0);
    socket.write(headLines(101, answer.statusMessage ?? "Switching Protocols", answer.rawHeaders));
    if (upstreamHead.length > 0) socket.write(upstreamHead);
    if (head.length > 0) upstream.write(head);
    join(socket, upstream);
  });
  outgoing.on("response", (answer) => {
    const status = answer.statusCode ?? 502;
    count(status >= 500);
    // The body goes out as it came decoded, so its framing headers do not hold; the end of the connection does.
    const kept: string[] = [];
    for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
      const name = answer.rawHeaders[i] ?? "";
      if (/^(connection|transfer-encoding|keep-alive)$/i.test(name)) continue;
      kept.push(name, answer.rawHeaders[i + 1] ?? "");
    }
    socket.write(headLines(status, answer.statusMessage ?? "", [...kept, "connection", "close"]));
    answer.on("error", () => socket.destroy());
    answer.pipe(socket);
  });
  outgoing.on("timeout", () => outgoing.destroy(Object.assign(new Error("time-out"), { code: "ETIMEDOUT" })));
  outgoing.on("error", (error: NodeJS.ErrnoException) => {
    if (counted) {
      socket.destroy();
      return;
    }
    count(true);
    refuseUpgrade(socket, error.code === "ETIMEDOUT" ? 504 : 502);
  });
  outgoing.end();
}
