import { randomFillSync } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { RoutingArm } from "@latchkey/api/gateway";

/** Headers that belong to one connection (RFC 9110, 7.6.1) and those that only we may set. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);

/** These frame or direct the message: a Connection header that names them must not make us lose them. */
const NEVER_DROPPED = new Set(["", "host", "content-length"]);

const NO_NAMES: ReadonlySet<string> = new Set();

/** Names that a Connection header declares as meant for this connection only. */
export function connectionNames(connection: string | undefined): ReadonlySet<string> {
  // What nearly every message says; both words name nothing that another rule does not drop.
  if (connection === undefined || connection === "keep-alive" || connection === "close") return NO_NAMES;
  const names = (connection ?? "").split(",").map((n) => n.trim().toLowerCase());
  return new Set(names.filter((n) => !NEVER_DROPPED.has(n)));
}

/** Where a visitor comes from, by other proxies' word: a release must not believe it of just anybody. */
const PROXY_SAID = new Set(["forwarded", "x-real-ip"]);

/** Whether only a gateway may say this; servers that take `_` for `-` must not be told either. */
function isOurs(lower: string): boolean {
  const name = lower.includes("_") ? lower.replaceAll("_", "-") : lower;
  return name.startsWith("x-forwarded-") || name.startsWith("x-latchkey-");
}

/** What becomes of a request header on its way; most are just passed on. */
type Passage = "always" | "never" | "trusted" | "with-trace" | "unless-plain";
interface HeaderName {
  readonly lower: string;
  readonly passage: Passage;
}

function passageOf(lower: string): Passage {
  if (HOP_BY_HOP.has(lower) || isOurs(lower) || lower === "traceparent") return "never";
  if (PROXY_SAID.has(lower)) return "trusted";
  if (lower === "tracestate") return "with-trace";
  return lower === "accept-encoding" || lower === "range" || lower === "if-range" ? "unless-plain" : "always";
}

/** Spellings that were seen, so that a name is looked at once; strangers with made-up names can't make it grow. */
const seen = new Map<string, HeaderName>();
const SEEN_MAX = 500;

function nameOf(spelling: string): HeaderName {
  const known = seen.get(spelling);
  if (known !== undefined) return known;
  const lower = spelling.toLowerCase();
  const name = { lower, passage: passageOf(lower) };
  if (seen.size < SEEN_MAX) seen.set(spelling, name);
  return name;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}/;

/** A usable W3C traceparent, or null. */
export function validTraceparent(value: string | undefined): string | null {
  return value !== undefined && TRACEPARENT.test(value) ? value : null;
}

/** Hexadecimal digits of a trace id and of a span id. */
const TRACE_DIGITS = 32;
const ID_DIGITS = TRACE_DIGITS + 16;
/** Random bytes for 512 traceparents at a time: asking the system for each was a quarter of a request's CPU time. */
const chance = Buffer.alloc((512 * ID_DIGITS) / 2);
let digits = "";
let used = 0;

/** A fresh traceparent, marked as sampled so that the release records what began here. */
export function newTraceparent(): string {
  if (used === digits.length) {
    digits = randomFillSync(chance).toString("hex");
    used = 0;
  }
  const span = used + TRACE_DIGITS;
  const trace = digits.slice(used, span);
  used += ID_DIGITS;
  return `00-${trace}-${digits.slice(span, used)}-01`;
}

export interface ForwardOptions {
  readonly arm: RoutingArm;
  readonly trustProxy: boolean;
  /** Ask for an uncompressed, whole body, because something is put into it. */
  readonly plainBody: boolean;
}

/** "http" or "https" as the visitor's browser sees it. */
export function visitorProtocol(request: IncomingMessage, trustProxy: boolean): "http" | "https" {
  const said = trustProxy ? request.headers["x-forwarded-proto"] : undefined;
  return said === "https" ? "https" : "http";
}

/** Request headers for the upstream as a flat list of names and values, in the order they came. */
export function forwardedHeaders(request: IncomingMessage, options: ForwardOptions): string[] {
  const drop = connectionNames(request.headers.connection);
  const traceparent = validTraceparent(request.headers.traceparent as string | undefined);
  const out: string[] = [];
  const { rawHeaders } = request;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const spelling = rawHeaders[i] ?? "";
    const { lower, passage } = nameOf(spelling);
    if (passage !== "always" && !passes(passage, options, traceparent)) continue;
    if (drop.size > 0 && drop.has(lower)) continue;
    out.push(spelling, rawHeaders[i + 1] ?? "");
  }
  if (options.plainBody) out.push("accept-encoding", "identity");
  const peer = request.socket.remoteAddress ?? "unknown";
  const before = options.trustProxy ? request.headers["x-forwarded-for"] : undefined;
  const host = (options.trustProxy ? request.headers["x-forwarded-host"] : undefined) ?? request.headers.host ?? "";
  out.push("x-forwarded-for", before === undefined ? peer : `${String(before)}, ${peer}`);
  out.push("x-forwarded-proto", visitorProtocol(request, options.trustProxy));
  if (host !== "") out.push("x-forwarded-host", String(host));
  out.push("traceparent", traceparent ?? newTraceparent());
  out.push("x-latchkey-release", options.arm.release, "x-latchkey-arm", options.arm.arm);
  return out;
}

function passes(passage: Passage, options: ForwardOptions, traceparent: string | null): boolean {
  if (passage === "trusted") return options.trustProxy;
  if (passage === "with-trace") return traceparent !== null;
  return passage === "unless-plain" && !options.plainBody;
}

export type HeaderMap = Record<string, string | string[] | undefined>;

/** The first value of a header. */
export function one(headers: HeaderMap, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Response headers for the visitor: everything but what belongs to the upstream's connection. */
export function responseHeaders(headers: HeaderMap): Record<string, string | string[]> {
  const drop = connectionNames(one(headers, "connection"));
  const out: Record<string, string | string[]> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || HOP_BY_HOP.has(name) || drop.has(name)) continue;
    out[name] = value;
  }
  return out;
}

const HOST = /^(?:[a-z0-9._-]*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** Why a request must not be passed on, or null. What the parser lets through is looked at once more here. */
export function smuggling(request: IncomingMessage): string | null {
  const { headers } = request;
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && headers["content-length"] !== undefined)
    return "both content-length and transfer-encoding";
  if (coding !== undefined && coding.toLowerCase() !== "chunked") return "a transfer-encoding other than chunked";
  if (coding !== undefined && request.httpVersion === "1.0") return "a transfer-encoding in HTTP/1.0";
  let hosts = 0;
  let lengths = 0;
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const { lower } = nameOf(request.rawHeaders[i] ?? "");
    if (lower === "host") hosts++;
    else if (lower === "content-length") lengths++;
  }
  if (hosts > 1 || lengths > 1) return "a header that may come only once came twice";
  // Anything but a name and a port could read differently to us and to the release.
  if (!HOST.test(headers.host ?? "")) return "a host that is not one";
  if (!request.url?.startsWith("/")) return "a request target that is not a path";
  return null;
}
