import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { extname, join, normalize, sep } from "node:path";
import { gzipSync } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Http } from "./http.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".png": "image/png",
  ".json": "application/json",
};
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/** Fonts and pictures are compressed already. */
const COMPRESSED = /\.(html|js|css|svg|json)$/;
/** A build has some thirty files; what an old build left behind is dropped with the rest. */
const KEPT_MAX = 200;

interface Served {
  readonly mtimeMs: number;
  readonly plain: Buffer;
  readonly gzip: Buffer | null;
  readonly tag: string;
}

/** Files as they are sent, read and compressed once per build. */
class FileCache {
  readonly #kept = new Map<string, Served>();

  /** The file as it stands now; null when there is none. */
  get(file: string): Served | null {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (!stat?.isFile()) return null;
    const kept = this.#kept.get(file);
    if (kept?.mtimeMs === stat.mtimeMs) return kept;
    const plain = readFileSync(file);
    const served: Served = {
      mtimeMs: stat.mtimeMs,
      plain,
      gzip: COMPRESSED.test(file) ? gzipSync(plain, { level: 9 }) : null,
      tag: `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`,
    };
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(file, served);
    return served;
  }
}

/** Hashed names never change; everything else is asked for again and mostly answered by 304. */
function send(request: FastifyRequest, reply: FastifyReply, file: string, served: Served): FastifyReply {
  const immutable = file.includes(`${sep}assets${sep}`);
  const takesGzip = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
  reply
    .header("content-type", TYPES[extname(file)] ?? "application/octet-stream")
    .header("cache-control", immutable ? "public, max-age=31536000, immutable" : "no-cache")
    .header("etag", served.tag);
  if (served.gzip) reply.header("vary", "accept-encoding");
  if (file.endsWith(".html")) reply.header("content-security-policy", POLICY);
  if (request.headers["if-none-match"] === served.tag) return reply.code(304).send();
  if (served.gzip && takesGzip) return reply.header("content-encoding", "gzip").send(served.gzip);
  return reply.send(served.plain);
}

/** The console's built files; every other address that asks for a page gets its index, which routes by itself. */
export function serveConsole(http: Http, dir: string): void {
  const files = new FileCache();
  http.setNotFoundHandler((request, reply) => {
    const path = decodePath(request.url.split("?")[0] ?? "/");
    const isPage = request.method === "GET" && !path.startsWith("/api/") && !path.startsWith("/v1/");
    const file = normalize(join(dir, path));
    const found = isPage && file.startsWith(dir + sep) ? files.get(file) : null;
    if (found) return send(request, reply, file, found);
    const index = join(dir, "index.html");
    const page = isPage && !path.startsWith("/assets/") && !path.startsWith("/artifacts/") ? files.get(index) : null;
    if (page) return send(request, reply, index, page);
    const problem = {
      type: "about:blank",
      title: "Not found",
      status: 404,
      code: "LK_NOT_FOUND",
      detail: "There is nothing at this address.",
      remedy: "See /api/v1/openapi.json for what there is.",
      requestId: request.id,
    };
    return reply.code(404).header("content-type", "application/problem+json").send(JSON.stringify(problem));
  });
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return "/";
  }
}
