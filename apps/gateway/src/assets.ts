import type { IncomingMessage } from "node:http";
import type { RoutingService } from "@latchkey/api/gateway";
import type { Dispatcher } from "undici";
import { type HeaderMap, one } from "./headers.ts";
import type { Asked } from "./route.ts";
import type { Upstreams } from "./upstreams.ts";

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

/** The asset from a release of the last 24 hours, or null. Releases are asked in the table's order. */
export async function findAsset(
  upstreams: Upstreams,
  service: RoutingService,
  request: IncomingMessage,
  headers: string[],
  tried: string,
): Promise<Dispatcher.ResponseData | null> {
  const asked: Asked = {
    method: request.method ?? "GET",
    path: request.url ?? "/",
    accept: undefined,
    dest: request.headers["sec-fetch-dest"] as string | undefined,
  };
  const known = new Set([...service.assetUpstreams, ...service.arms.flatMap((a) => a.upstreams)]);
  known.delete(tried);
  for (const origin of known) {
    try {
      const pool = upstreams.pool(origin);
      const method = asked.method as Dispatcher.HttpMethod;
      const answer = await pool.request({ path: asked.path, method, headers, headersTimeout: 5_000 });
      const held = answer.statusCode === 304 || (answer.statusCode >= 200 && answer.statusCode < 300);
      if (held && !isLostAsset(asked, answer.statusCode, answer.headers)) return answer;
      await answer.body.dump();
    } catch {
      // A release that is gone cannot have it; the next one may.
    }
  }
  return null;
}
