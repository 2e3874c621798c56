import { existsSync, readFileSync, statSync } from "node:fs";
import { extname, join, normalize, sep } from "node:path";
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

/** The console's built files; every other address that asks for a page gets its index, which routes by itself. */
export function serveConsole(http: Http, dir: string): void {
  http.setNotFoundHandler((request, reply) => {
    const path = decodePath(request.url.split("?")[0] ?? "/");
    const isPage = request.method === "GET" && !path.startsWith("/api/") && !path.startsWith("/v1/");
    const file = normalize(join(dir, path));
    const inside = file.startsWith(dir + sep) && existsSync(file) && statSync(file).isFile();
    if (isPage && inside) {
      const hashed = path.startsWith("/assets/");
      return reply
        .header("content-type", TYPES[extname(file)] ?? "application/octet-stream")
        .header("cache-control", hashed ? "public, max-age=31536000, immutable" : "no-cache")
        .send(readFileSync(file));
    }
    const index = join(dir, "index.html");
    if (isPage && !path.startsWith("/assets/") && !path.startsWith("/artifacts/") && existsSync(index)) {
      return reply
        .header("content-type", "text/html; charset=utf-8")
        .header("content-security-policy", POLICY)
        .header("cache-control", "no-cache")
        .send(readFileSync(index));
    }
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
