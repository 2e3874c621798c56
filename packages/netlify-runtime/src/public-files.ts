import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { extname, join, normalize, sep } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".avif": "image/avif",
  ".css": "text/css; charset=utf-8",
  ".gif": "image/gif",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".webp": "image/webp",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
  ".xml": "application/xml; charset=utf-8",
};
/** Of what is kept in memory; more is read again for each request. */
const KEPT_BYTES = 64 * 1024 * 1024;

export interface PublicFile {
  readonly body: Buffer;
  readonly etag: string;
  readonly type: string;
}

/** The files of a build. A release never changes, so each is read and hashed once. */
export class PublicFiles {
  readonly #dir: string;
  readonly #read = new Map<string, PublicFile>();
  #keptBytes = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** The file of a path: itself, with `.html`, or a folder's index.html; null when there is none. */
  find(path: string): PublicFile | null {
    let plain: string;
    try {
      plain = decodeURIComponent(path);
    } catch {
      return null;
    }
    if (plain.includes("\0")) return null;
    const bare = plain.replace(/\/+$/, "");
    for (const candidate of [plain, `${bare}.html`, `${bare}/index.html`]) {
      const found = this.#at(candidate);
      if (found) return found;
    }
    return null;
  }

  #at(path: string): PublicFile | null {
    const known = this.#read.get(path);
    if (known) return known;
    const file = normalize(join(this.#dir, path));
    if (!file.startsWith(this.#dir + sep) || !existsSync(file) || !statSync(file).isFile()) return null;
    const body = readFileSync(file);
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    const read = { body, etag, type: TYPES[extname(file).toLowerCase()] ?? "application/octet-stream" };
    if (this.#keptBytes + body.length <= KEPT_BYTES) {
      this.#read.set(path, read);
      this.#keptBytes += body.length;
    }
    return read;
  }
}
