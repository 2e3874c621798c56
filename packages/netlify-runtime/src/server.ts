import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Answered, exportsOf, type FunctionModule, type Incoming, invoke } from "./handlers.ts";
import { matchPath } from "./patterns.ts";
import { type PublicFile, PublicFiles } from "./public-files.ts";
import { headersFor, type Rewritten, redirectFor } from "./rules.ts";
import type { Site, SiteFunction } from "./site.ts";

/** What a synchronous function takes in, as on Netlify. */
const BODY_MAX = 6 * 1024 * 1024;
const FUNCTIONS = "/.netlify/functions/";
/** A rewrite may lead to a path that is rewritten again; more than this goes in a circle. */
const REWRITES_MAX = 5;

export interface Log {
  info(fields: Record<string, unknown>): void;
  error(fields: Record<string, unknown>): void;
}

interface Route {
  readonly fn: SiteFunction;
  readonly pattern: string;
  readonly methods: readonly string[] | null;
  readonly preferStatic: boolean;
}

/**
 * Serves a built site as Netlify does: functions, forced redirects, files, other redirects, 404. `dir` is the release's
 * folder. Throws when a function that names its own paths can't be loaded: its paths would be answered by the page.
 */
export async function createSite(dir: string, site: Site, log: Log): Promise<Server> {
  const made = new SiteServer(dir, site, log);
  await made.loadRoutes();
  return createServer((request, response) => void made.serve(request, response));
}

class SiteServer {
  readonly #dir: string;
  readonly #site: Site;
  readonly #log: Log;
  readonly #files: PublicFiles;
  readonly #modules = new Map<string, Promise<FunctionModule>>();
  #routes: readonly Route[] = [];

  constructor(dir: string, site: Site, log: Log) {
    this.#dir = dir;
    this.#site = site;
    this.#log = log;
    this.#files = new PublicFiles(join(dir, "public"));
  }

  async loadRoutes(): Promise<void> {
    const found = this.#site.functions.filter((fn) => fn.hasConfig);
    this.#routes = (await Promise.all(found.map(async (fn) => routesOf(fn, await this.#load(fn))))).flat();
  }

  /** A module that throws while it is loaded is loaded again for the next request, as another instance would. */
  #load(fn: SiteFunction): Promise<FunctionModule> {
    const known = this.#modules.get(fn.name);
    if (known) return known;
    const loading = import(pathToFileURL(join(this.#dir, fn.file)).href) as Promise<FunctionModule>;
    this.#modules.set(fn.name, loading);
    loading.catch(() => this.#modules.delete(fn.name));
    return loading;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    try {
      await this.#answer(request, response, requestId);
    } catch (error) {
      this.#log.error({ requestId, path: request.url, error: String(error instanceof Error ? error.stack : error) });
      if (response.headersSent) response.destroy();
      else response.writeHead(502, { "content-type": "text/plain", "x-request-id": requestId }).end("function failed");
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
    const host = request.headers.host ?? "localhost";
    const proto = request.headers["x-forwarded-proto"] === "https" ? "https" : "http";
    let url: URL;
    try {
      url = new URL(request.url ?? "/", `${proto}://${host}`);
    } catch {
      response.writeHead(400).end("bad address");
      return;
    }
    let status = 200;
    const asked = url.pathname;
    for (let turn = 0; turn <= REWRITES_MAX; turn++) {
      const called = this.#functionAt(url, request.method ?? "GET", false);
      if (called) return this.#run(called, { request, response, url, asked, requestId });
      const forced = redirectFor(this.#site, url, true);
      const file = forced ? null : this.#files.find(url.pathname);
      if (file) return this.#file(request, response, { file, asked, status });
      const late = forced ? null : this.#functionAt(url, request.method ?? "GET", true);
      if (late) return this.#run(late, { request, response, url, asked, requestId });
      const rule = forced ?? redirectFor(this.#site, url, false);
      if (!rule) break;
      if (rule.status >= 300 && rule.status < 400) {
        response.writeHead(rule.status, { location: rule.to, "cache-control": "no-cache" }).end();
        return;
      }
      if (/^https?:\/\//.test(rule.to)) return this.#proxy(request, response, rule);
      status = rule.status;
      url = new URL(rule.to, url);
    }
    const page = this.#files.find("/404.html");
    if (page) this.#file(request, response, { file: page, asked, status: 404 });
    else response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("not found");
  }

  #functionAt(
    url: URL,
    method: string,
    afterFiles: boolean,
  ): { fn: SiteFunction; params: Record<string, string> } | "none" | null {
    if (!afterFiles && url.pathname.startsWith(FUNCTIONS)) {
      const [name = ""] = url.pathname.slice(FUNCTIONS.length).split("/");
      const fn = this.#site.functions.find((f) => f.name === name);
      return fn ? { fn, params: {} } : "none";
    }
    for (const route of this.#routes) {
      if (route.preferStatic !== afterFiles || (route.methods && !route.methods.includes(method))) continue;
      const params = matchPath(route.pattern, url.pathname);
      if (params) return { fn: route.fn, params };
    }
    return null;
  }

  async #run(
    called: { fn: SiteFunction; params: Record<string, string> } | "none",
    o: { request: IncomingMessage; response: ServerResponse; url: URL; asked: string; requestId: string },
  ): Promise<void> {
    const { request, response, url, requestId } = o;
    if (called === "none") {
      response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("no such function");
      return;
    }
    const body = await bodyOf(request);
    if (body === null) {
      response.writeHead(413, { "content-type": "text/plain", connection: "close" }).end("the body is too large");
      return;
    }
    const { fn, params } = called;
    const headers: Record<string, string> = {};
    for (const [k, v] of Object.entries(request.headers)) if (v !== undefined) headers[k] = [v].flat().join(", ");
    const ip = headers["x-forwarded-for"]?.split(",")[0]?.trim() ?? request.socket.remoteAddress ?? "";
    // A function sees the address that the visitor asked for, with the parameters that rewrites added.
    const seen = new URL(o.asked + url.search, url);
    const incoming: Incoming = { method: request.method ?? "GET", url: seen, headers, body, ip, requestId, params };
    if (fn.isBackground) {
      response.writeHead(202).end();
      await invoke(fn.name, await this.#load(fn), incoming).catch((error: unknown) =>
        this.#log.error({ requestId, function: fn.name, error: String(error) }),
      );
      return;
    }
    const from = performance.now();
    const answer = await invoke(fn.name, await this.#load(fn), incoming);
    this.#log.info({ requestId, function: fn.name, status: answer.status, ms: Math.round(performance.now() - from) });
    send(request, response, answer, requestId);
  }

  #file(
    request: IncomingMessage,
    response: ServerResponse,
    o: { file: PublicFile; asked: string; status: number },
  ): void {
    const { file, status } = o;
    const headers = {
      "cache-control": "public, max-age=0, must-revalidate",
      ...headersFor(this.#site, o.asked),
      etag: file.etag,
    };
    // A gateway that adds to the page makes the tag a weak one; If-None-Match compares weakly (RFC 9110, 13.1.2).
    const held = (request.headers["if-none-match"] ?? "").split(/\s*,\s*/).map((tag) => tag.replace(/^W\//, ""));
    if (status === 200 && held.includes(file.etag)) {
      response.writeHead(304, headers).end();
      return;
    }
    response.writeHead(status, { "content-type": file.type, "content-length": file.body.length, ...headers });
    response.end(request.method === "HEAD" ? undefined : file.body);
  }

  /** A rewrite to another site: its answer as it comes. */
  async #proxy(request: IncomingMessage, response: ServerResponse, rule: Rewritten): Promise<void> {
    const body = await bodyOf(request);
    if (body === null) return void response.writeHead(413).end();
    const { host: _, connection: __, ...kept } = request.headers;
    const hasBody = body.length > 0 && request.method !== "GET" && request.method !== "HEAD";
    const answer = await fetch(rule.to, {
      method: request.method ?? "GET",
      headers: Object.entries(kept).flatMap(([k, v]) => (v === undefined ? [] : [[k, [v].flat().join(", ")]])) as [
        string,
        string,
      ][],
      redirect: "manual",
      ...(hasBody ? { body: new Uint8Array(body) } : {}),
      signal: AbortSignal.timeout(26_000),
    });
    const headers = [...answer.headers].filter(
      ([k]) => !["content-encoding", "content-length", "transfer-encoding"].includes(k),
    );
    send(request, response, { status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()) }, "");
  }
}

function routesOf(fn: SiteFunction, module: FunctionModule): Route[] {
  const config = exportsOf(module).config as
    | { path?: string | string[]; method?: string | string[]; preferStatic?: boolean }
    | undefined;
  if (!config?.path) return [];
  const methods = config.method === undefined ? null : [config.method].flat().map((m) => m.toUpperCase());
  const preferStatic = config.preferStatic === true;
  return [config.path].flat().map((pattern) => ({ fn, pattern, methods, preferStatic }));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BODY_MAX) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answered, requestId: string): void {
  for (const [name, value] of answer.headers) {
    const key = name.toLowerCase();
    if (key === "content-length" || key === "transfer-encoding" || key === "connection") continue;
    response.appendHeader(name, value);
  }
  if (!response.hasHeader("cache-control")) response.setHeader("cache-control", "no-cache");
  if (requestId) response.setHeader("x-nf-request-id", requestId);
  response.writeHead(answer.status, { "content-length": answer.body.length });
  response.end(request.method === "HEAD" ? undefined : answer.body);
}
