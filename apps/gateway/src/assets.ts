import type { IncomingMessage } from "node:http";
import type { RoutingService } from "@latchkey/api/gateway";
import type { Dispatcher } from "undici";
import { connectionNames, type HeaderMap, one } from "./headers.ts";
import type { Asked } from "./route.ts";
import { splitAddress, type Upstreams } from "./upstreams.ts";

/** A build tool's content hash before the extension: eight or more letters with a digit or capital among them. */
const HASHED = /[-._](?=[\w-]*[0-9A-Z])[\w-]{8,}\.[a-z0-9]{1,8}(?:[?#]|$)/;

export function isHashedAsset(path: string): boolean {
  return HASHED.test(path);
}

export function isHtml(headers: HeaderMap): boolean {
  return /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(one(headers, "content-type") ?? "");
}

/** "script" or "style" when the request is for one, by the browser's word or by the extension. */
export function codeAsset(asked: Asked): "script" | "style" | null {
  if (asked.dest === "script" || asked.dest === "style") return asked.dest;
  if (asked.dest !== undefined && asked.dest !== "empty") return null;
  const extension = /\.(m?js|css)(?:[?#]|$)/i.exec(asked.path)?.[1]?.toLowerCase();
  if (extension === undefined) return null;
  return extension === "css" ? "style" : "script";
}

/**
 * Whether an answer means that this release does not have the asset. A catch-all redirect answers a missing
 * script with the start page and status 200, which a browser then fails to run.
 */
export function isLostAsset(asked: Asked, status: number, headers: HeaderMap): boolean {
  if (asked.method !== "GET" && asked.method !== "HEAD") return false;
  if (status === 404) return isHashedAsset(asked.path) || codeAsset(asked) !== null;
  return status >= 200 && status < 300 && codeAsset(asked) !== null && isHtml(headers);
}

/** Whether a script was answered with a page: harm to the page that wanted it. */
export function isBrokenScript(asked: Asked, status: number, headers: HeaderMap): boolean {
  return codeAsset(asked) === "script" && status >= 200 && status < 300 && isHtml(headers);
}

/** An answer is worth waiting for this long in all; a page that waits longer is broken anyway. */
const SEARCH_MS = 5_000;
/** Searches at a time: each may ask 20 releases, and somebody who asks for names that never were must not flood them. */
const SEARCHES_MAX = 32;
/** A name that was nowhere is not searched again for this long, or until the table changes. */
const NOWHERE_KEPT_MS = 10_000;
const NOWHERE_MAX = 1_000;

/**
 * What a retired release's files are asked for with. They lie with the control plane's own server, which neither
 * gets nor needs what a visitor proves to the application with: no cookie, no authorization, no host of theirs.
 */
const PUBLIC_HEADERS = new Set([
  "accept",
  "accept-encoding",
  "if-none-match",
  "if-modified-since",
  "range",
  "user-agent",
]);

export function publicHeaders(request: IncomingMessage): string[] {
  const drop = connectionNames(request.headers.connection);
  const out: string[] = [];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i]?.toLowerCase() ?? "";
    if (PUBLIC_HEADERS.has(name) && !drop.has(name)) out.push(name, request.rawHeaders[i + 1] ?? "");
  }
  return out;
}

/** The path of a file below a base, or null when it could lead out of it. A file has no query. */
export function pathBelow(base: string, path: string): string | null {
  const file = path.replace(/[?#].*$/s, "");
  return /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\]|%2f|%5c|$)/i.test(file) ? null : base + file;
}

interface Place {
  readonly origin: string;
  readonly path: string;
  readonly headers: string[];
}

/** Finds a lost asset in the releases of the last 24 hours: those that run first, then those that are retired. */
export class AssetSearch {
  readonly #upstreams: Upstreams;
  readonly #credential: (origin: string) => Promise<string | null>;
  /** Per service of one table: a new table brings new objects, and with them a new search. */
  readonly #nowhere = new WeakMap<RoutingService, Map<string, number>>();
  readonly #server: () => string;
  #searching = 0;

  /**
   * `credential` tells what to prove ourselves with at an origin: the server's archive is not open to everybody. `server`
   * is the address of the one that answers: a place without an origin is there.
   */
  constructor(upstreams: Upstreams, credential: (origin: string) => Promise<string | null>, server: () => string) {
    this.#upstreams = upstreams;
    this.#credential = credential;
    this.#server = server;
  }

  /** The asset, or null. `tried` is the origin that does not have it, `headers` are those for a running release. */
  async find(
    service: RoutingService,
    request: IncomingMessage,
    asked: Asked,
    headers: string[],
    tried: string,
  ): Promise<Dispatcher.ResponseData | null> {
    const nowhere = this.#nowhere.get(service) ?? new Map<string, number>();
    this.#nowhere.set(service, nowhere);
    const key = `${asked.dest ?? ""} ${asked.path}`;
    const known = nowhere.get(key);
    if (this.#searching >= SEARCHES_MAX || (known !== undefined && performance.now() - known < NOWHERE_KEPT_MS))
      return null;
    this.#searching++;
    try {
      const found = await this.#ask(placesOf(service, request, asked, headers, tried, this.#server()), asked);
      if (found === null) remember(nowhere, key);
      return found;
    } finally {
      this.#searching--;
    }
  }

  async #ask(places: readonly Place[], asked: Asked): Promise<Dispatcher.ResponseData | null> {
    const deadline = performance.now() + SEARCH_MS;
    for (const { origin, path, headers } of places) {
      const left = deadline - performance.now();
      if (left <= 0) return null;
      try {
        const method = asked.method as Dispatcher.HttpMethod;
        const own = await this.#credential(origin);
        const answer = await this.#upstreams.pool(origin).request({
          path,
          method,
          headers: own === null ? headers : [...headers, "authorization", own],
          headersTimeout: left,
        });
        const held = answer.statusCode === 304 || (answer.statusCode >= 200 && answer.statusCode < 300);
        if (held && !isLostAsset(asked, answer.statusCode, answer.headers)) return answer;
        await answer.body.dump();
      } catch {
        // A release that is gone cannot have it; the next one may.
      }
    }
    return null;
  }
}

function remember(nowhere: Map<string, number>, key: string): void {
  const [oldest] = nowhere.keys();
  if (nowhere.size >= NOWHERE_MAX && oldest !== undefined) nowhere.delete(oldest);
  nowhere.delete(key);
  nowhere.set(key, performance.now());
}

function placesOf(
  service: RoutingService,
  request: IncomingMessage,
  asked: Asked,
  headers: string[],
  tried: string,
  server: string,
): Place[] {
  const running = new Set(service.arms.flatMap((arm) => arm.upstreams));
  running.delete(tried);
  const places: Place[] = [...running].map((origin) => ({ origin, path: asked.path, headers }));
  const plain = publicHeaders(request);
  for (const address of service.assetUpstreams) {
    const { origin, base } = splitAddress(address.startsWith("/") ? server + address : address);
    const path = origin === null ? null : pathBelow(base, asked.path);
    if (origin !== null && path !== null) places.push({ origin, path, headers: plain });
  }
  return places;
}
