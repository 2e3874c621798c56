import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname, extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { pino } from "pino";
import { handleApi } from "../leads/handlers.ts";
import { memoryStore } from "../leads/memory-store.ts";
import { migrateLeads, postgresStore } from "../leads/postgres-store.ts";
import type { LeadStore } from "../leads/store.ts";
import { type Fault, faultEffects, parseFault } from "./fault.ts";
import { createMetrics } from "./metrics.ts";

/** The leads application as a server of its own: API, page, health, metrics. */
const here = dirname(fileURLToPath(import.meta.url));
const PUBLIC = join(here, "public");
const BODY_MAX_BYTES = 65_536;
const release = process.env.LATCHKEY_RELEASE ?? "development";
const log = pino({
  level: process.env.LOG_LEVEL ?? "info",
  timestamp: pino.stdTimeFunctions.isoTime,
  base: { service: "leads", release, environment: process.env.LATCHKEY_ENVIRONMENT ?? "development" },
});
const metrics = createMetrics();
const faultFile = join(here, "fault.json");
const fault: Fault = existsSync(faultFile)
  ? parseFault((JSON.parse(readFileSync(faultFile, "utf8")) as { fault: string }).fault)
  : { kind: "none" };
const effects = faultEffects(fault, Math.random, () => process.exit(1));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

async function openStore(): Promise<LeadStore> {
  const url = process.env.DATABASE_URL;
  if (!url) {
    log.warn("no DATABASE_URL: demo mode, leads are kept in memory");
    return memoryStore();
  }
  const pool = new pg.Pool({
    connectionString: url,
    max: 6,
    statement_timeout: 5_000,
    connectionTimeoutMillis: 5_000,
    // A new connection costs a SCRAM handshake of some 10 ms, which the visitor of that moment would wait for.
    idleTimeoutMillis: 300_000,
  });
  pool.on("error", (err) => log.error({ err }, "a database connection was lost"));
  await migrateLeads(pool, join(here, "migrations"));
  return postgresStore(pool, metrics.query);
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

async function serveApi(
  store: LeadStore,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<string> {
  const from = performance.now();
  if (effects.before()) {
    sendJson(response, 500, { title: "Internal error", status: 500, detail: "A rehearsed failure." });
    return "/api/leads";
  }
  let body: unknown;
  try {
    body = await readBody(request);
  } catch {
    sendJson(response, 400, {
      title: "The request is not valid",
      status: 400,
      detail: "The body must be JSON of at most 64 kB.",
    });
    return "unreadable";
  }
  const key = request.headers["idempotency-key"];
  const answer = await handleApi(
    store,
    {
      method: request.method ?? "GET",
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      body,
      idempotencyKey: typeof key === "string" ? key.slice(0, 200) : null,
    },
    { leadProcessed: metrics.lead },
  );
  const delay = effects.delayMs(performance.now() - from);
  if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
  sendJson(response, answer.status, answer.body);
  return answer.route;
}

async function serveHealth(store: LeadStore, response: ServerResponse): Promise<void> {
  const from = performance.now();
  const alive = await store.ping().then(
    () => true,
    () => false,
  );
  const database = {
    status: alive ? "healthy" : "unhealthy",
    latencyMs: Math.round((performance.now() - from) * 10) / 10,
  };
  const unused = { status: "healthy", latencyMs: 0, detail: "not used" };
  sendJson(response, alive ? 200 : 503, {
    status: database.status,
    release,
    checks: { database, cache: unused, externalApis: unused, queue: unused },
  });
}

interface PublicFile {
  readonly body: Buffer;
  readonly etag: string;
  readonly type: string;
}
const publicFiles = new Map<string, PublicFile>();

/** A file of the build, or null. A release never changes, so each is read and hashed once. */
function publicFile(path: string): PublicFile | null {
  const known = publicFiles.get(path);
  if (known) return known;
  const file = normalize(join(PUBLIC, path));
  if (!file.startsWith(PUBLIC + sep) || !existsSync(file) || !statSync(file).isFile()) return null;
  const body = readFileSync(file);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const read = { body, etag, type: TYPES[extname(file)] ?? "application/octet-stream" };
  publicFiles.set(path, read);
  return read;
}

function serveFile(request: IncomingMessage, response: ServerResponse, path: string): void {
  const found = publicFile(path);
  const isAsset = path.startsWith("/assets/");
  // The rehearsal of a catch-all redirect: a script that is missing is answered with the page and status 200.
  const served = found ?? (isAsset && fault.kind !== "broken_page" ? null : publicFile("/index.html"));
  if (!served) {
    response.writeHead(404, { "content-type": "text/plain" }).end("not found");
    return;
  }
  const headers = {
    etag: served.etag,
    "cache-control": found && isAsset ? "public, max-age=31536000, immutable" : "no-cache",
  };
  // A gateway that adds to the page makes the tag a weak one; If-None-Match compares weakly (RFC 9110, 13.1.2).
  const held = (request.headers["if-none-match"] ?? "").split(/\s*,\s*/).map((tag) => tag.replace(/^W\//, ""));
  if (held.includes(served.etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, { ...headers, "content-type": served.type });
  response.end(request.method === "HEAD" ? undefined : served.body);
}

const store = await openStore();
const server = createServer((request, response) => {
  const from = performance.now();
  const url = new URL(request.url ?? "/", "http://leads");
  const given = request.headers["x-correlation-id"];
  const correlationId = typeof given === "string" && given.length <= 100 ? given : randomUUID();
  response.setHeader("x-correlation-id", correlationId);
  response.setHeader("x-release", release);
  const respond = async (): Promise<string> => {
    if (url.pathname.startsWith("/api/")) return serveApi(store, request, response, url);
    if (url.pathname === "/healthz") await serveHealth(store, response);
    else if (url.pathname === "/metrics")
      response.writeHead(200, { "content-type": metrics.contentType }).end(await metrics.text());
    else serveFile(request, response, url.pathname === "/" ? "/index.html" : decodeURIComponent(url.pathname));
    return url.pathname.startsWith("/assets/")
      ? "/assets"
      : url.pathname === "/healthz" || url.pathname === "/metrics"
        ? url.pathname
        : "page";
  };
  respond()
    .catch((err: unknown) => {
      log.error({ err, correlationId, path: url.pathname }, "request failed");
      if (!response.headersSent)
        sendJson(response, 500, { title: "Internal error", status: 500, detail: "Something went wrong here." });
      return "failed";
    })
    .then((route) => {
      metrics.request(request.method ?? "GET", route, response.statusCode, (performance.now() - from) / 1000);
      log.debug({ correlationId, method: request.method, path: url.pathname, status: response.statusCode }, "request");
    });
});
server.keepAliveTimeout = 65_000;
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? "127.0.0.1", () =>
  log.info({ port: process.env.PORT ?? 3000 }, "leads ready"),
);

const stop = () => {
  log.info("draining");
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  setTimeout(() => process.exit(0), 5_000).unref();
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
