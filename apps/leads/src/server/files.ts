import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, normalize, sep } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

interface PublicFile {
  readonly body: Buffer;
  readonly etag: string;
  readonly type: string;
}

/** The files of a build. A release never changes, so each is read and hashed once. */
export class PublicFiles {
  readonly #dir: string;
  /** The rehearsal of a catch-all redirect: a script that is missing is answered with the page and status 200. */
  readonly #catchAll: boolean;
  /** What is written into the page's head: settings of where it runs, which a build does not know. */
  readonly #head: string;
  readonly #read = new Map<string, PublicFile>();

  constructor(dir: string, catchAll: boolean, head = "") {
    this.#dir = dir;
    this.#catchAll = catchAll;
    this.#head = head;
  }

  #find(path: string): PublicFile | null {
    const known = this.#read.get(path);
    if (known) return known;
    const file = normalize(join(this.#dir, path));
    if (!file.startsWith(this.#dir + sep) || !existsSync(file) || !statSync(file).isFile()) return null;
    const body = path === "/index.html" ? this.#page(file) : readFileSync(file);
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    const read = { body, etag, type: TYPES[extname(file)] ?? "application/octet-stream" };
    this.#read.set(path, read);
    return read;
  }

  #page(file: string): Buffer {
    return Buffer.from(readFileSync(file, "utf8").replace("</head>", () => `${this.#head}</head>`));
  }

  /** Answers with the file, or with the page, which routes by itself. */
  serve(request: IncomingMessage, response: ServerResponse, path: string): void {
    const found = this.#find(path);
    const isAsset = path.startsWith("/assets/");
    const served = found ?? (isAsset && !this.#catchAll ? null : this.#find("/index.html"));
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
}
