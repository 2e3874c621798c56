import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { observeHttp } from "@latchkey/flags-sdk/node";
import type { Logger } from "pino";
import { handleApi } from "../leads/handlers.ts";
import type { LeadStore } from "../leads/store.ts";
import type { Fault, FaultEffects } from "./fault.ts";
import { type Features, VISITOR_HEADER, visitorOf } from "./features.ts";
import { PublicFiles } from "./files.ts";
import { healthOf } from "./health.ts";
import { correlationIdOf } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/** The leads application around its API: page, health, metrics, and the faults that a rehearsal builds in. */
export interface AppOptions {
  readonly store: LeadStore;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly fault: Fault;
  readonly effects: FaultEffects;
  readonly publicDir: string;
  readonly features: Omit<Features, "flush" | "close">;
  readonly release: string;
}

const BODY_MAX_BYTES = 65_536;
/** On requests that no visitor sent. */
const SYNTHETIC_HEADER = "x-latchkey-synthetic";
const isSynthetic = (request: IncomingMessage): boolean => request.headers[SYNTHETIC_HEADER] !== undefined;

export function createApp(o: AppOptions): Server {
  const files = new PublicFiles(o.publicDir, o.fault.kind === "broken_page", o.features.head);
  return createServer(observeHttp(o.features, contextOf, handlerOf(o, files)));
}

const visitorIn = (request: IncomingMessage): string | null => visitorOf(request.headers[VISITOR_HEADER]);
/** Who is told of to Latchkey; nobody for what no visitor sent. */
function contextOf(request: IncomingMessage): { targetingKey: string } | null {
  const visitor = isSynthetic(request) ? null : visitorIn(request);
  return visitor === null ? null : { targetingKey: visitor };
}

function handlerOf(o: AppOptions, files: PublicFiles): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const from = performance.now();
    const correlationId = correlationIdOf(request.headers["x-correlation-id"]);
    response.setHeader("x-correlation-id", correlationId);
    response.setHeader("x-release", o.release);
    // Latchkey sends no synthetic writes to a release that does not say that it marks them.
    if (isSynthetic(request)) response.setHeader(SYNTHETIC_HEADER, "marked");
    const url = addressOf(request);
    const path = url?.pathname ?? "?";
    void (url ? respond(o, files, request, response, url) : notAnAddress(response))
      .catch((err: unknown) => {
        o.log.error({ err, correlationId, path }, "request failed");
        if (!response.headersSent) sendProblem(response, 500, "Internal error", "Something went wrong here.");
        return "failed";
      })
      .then((route) => {
        const seconds = (performance.now() - from) / 1000;
        o.metrics.request(request.method ?? "GET", route, response.statusCode, seconds);
        const line = { correlationId, method: request.method, path, route, status: response.statusCode };
        o.log.debug({ ...line, durationMs: Math.round(seconds * 10_000) / 10 }, "request");
      });
  };
}

/** Null for what is no address: "//" and "/%" come from scanners, and must not end the process. */
function addressOf(request: IncomingMessage): URL | null {
  try {
    const url = new URL(request.url ?? "/", "http://leads");
    decodeURIComponent(url.pathname);
    return url;
  } catch {
    return null;
  }
}

async function notAnAddress(response: ServerResponse): Promise<string> {
  sendProblem(response, 400, "The request is not valid", "This is not an address.");
  return "unreadable";
}

/** Answers, and names the route for the metrics. */
async function respond(
  o: AppOptions,
  files: PublicFiles,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<string> {
  const { pathname } = url;
  if (pathname.startsWith("/api/")) return serveApi(o, request, response, url);
  if (pathname === "/healthz") {
    const health = await healthOf(() => o.store.ping(), o.release);
    sendJson(response, health.status === "healthy" ? 200 : 503, health);
    return pathname;
  }
  if (pathname === "/metrics") {
    response.writeHead(200, { "content-type": o.metrics.contentType }).end(await o.metrics.text());
    return pathname;
  }
  files.serve(request, response, pathname === "/" ? "/index.html" : decodeURIComponent(pathname));
  return pathname.startsWith("/assets/") ? "/assets" : "page";
}

async function serveApi(o: AppOptions, request: IncomingMessage, response: ServerResponse, url: URL): Promise<string> {
  const from = performance.now();
  const visitor = visitorIn(request);
  o.features.meet(visitor, { method: request.method ?? "GET", path: url.pathname });
  if (o.effects.before((flag) => o.features.hasOn(flag, visitor))) {
    sendProblem(response, 500, "Internal error", "A rehearsed failure.");
    return "/api/leads";
  }
  let body: unknown;
  try {
    body = await readBody(request);
  } catch {
    sendProblem(response, 400, "The request is not valid", "The body must be JSON of at most 64 kB.");
    return "unreadable";
  }
  const key = request.headers["idempotency-key"];
  const asked = {
    method: request.method ?? "GET",
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    body,
    idempotencyKey: typeof key === "string" ? key : null,
    synthetic: isSynthetic(request),
  };
  const answer = await handleApi(o.store, asked, { leadProcessed: o.metrics.lead }, o.features.present);
  o.features.answered(visitor, asked, answer);
  const delay = o.effects.delayMs(performance.now() - from);
  if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
  sendJson(response, answer.status, answer.body);
  return answer.route;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > BODY_MAX_BYTES) throw new Error("too large");
    chunks.push(chunk as Buffer);
  }
  return size === 0 ? null : JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
  response.end(JSON.stringify(body));
}

const sendProblem = (response: ServerResponse, status: number, title: string, detail: string): void =>
  sendJson(response, status, { title, status, detail });
