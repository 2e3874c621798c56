import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createSite } from "@latchkey/netlify-runtime/server";
import type { Site } from "@latchkey/netlify-runtime/site";
import { unzipSync } from "fflate";
import { parseHeaders, parseRedirects } from "../../../../cli/src/netlify/published-files.ts";

/** A built site: its folder, with public/ and functions/, and what Netlify knows of it. */
export interface DeployFolder {
  readonly dir: string;
  readonly site: Site;
}
export interface EdgeContext {
  readonly next: () => Promise<Response>;
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly deploy: { readonly id: string };
}
export type EdgeFunction = (request: Request, context: EdgeContext) => Promise<Response | undefined>;

export async function listenOn(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The runtime that `latchkey build-netlify` puts into releases serves deploys here, too. */
export async function deployServer({ dir, site }: DeployFolder): Promise<Server> {
  const server = await createSite(dir, site, { info: () => {}, error: () => {} });
  await listenOn(server);
  return server;
}

/** A site of one page, and of one function where a source is given. */
export function folderOf(page: string, functions: Readonly<Record<string, string>> = {}): DeployFolder {
  const dir = mkdtempSync(join(tmpdir(), "netlify-deploy-"));
  const write = (path: string, text: string | Uint8Array) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  write("public/index.html", page);
  write("public/healthz", "ok");
  for (const [name, source] of Object.entries(functions)) write(`functions/${name}.mjs`, source);
  const site: Site = {
    context: "production",
    redirects: [{ from: "/api/*", to: "/.netlify/functions/:splat", status: 200, force: false, query: {} }],
    headers: [],
    functions: Object.keys(functions).map((name) => ({
      ...{ name, file: `functions/${name}.mjs`, isBackground: false, hasConfig: false },
    })),
  };
  write("site.json", JSON.stringify(site));
  return { dir, site };
}

/** What was uploaded, as a folder: its rules are read from _redirects and _headers, as Netlify does. */
export function folderOfUpload(
  wishes: { readonly files: Record<string, string>; readonly functions: Record<string, string> } | null,
  blobs: ReadonlyMap<string, Buffer>,
): DeployFolder {
  const dir = mkdtempSync(join(tmpdir(), "netlify-upload-"));
  const write = (path: string, body: Uint8Array) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), body);
  };
  const textOf = (path: string) => blobs.get(wishes?.files[path] ?? "")?.toString("utf8") ?? "";
  for (const [path, sha] of Object.entries(wishes?.files ?? {}))
    write(`public${path}`, blobs.get(sha) ?? Buffer.alloc(0));
  for (const [name, sha] of Object.entries(wishes?.functions ?? {}))
    for (const [path, body] of Object.entries(unzipSync(new Uint8Array(blobs.get(sha) ?? Buffer.alloc(0)))))
      write(`functions/${name}/${path}`, body);
  const functions = Object.keys(wishes?.functions ?? {}).map((name) => ({
    ...{ name, file: `functions/${name}/${name}.mjs`, isBackground: false, hasConfig: false },
  }));
  const rules = { redirects: parseRedirects(textOf("/_redirects")), headers: parseHeaders(textOf("/_headers")) };
  return { dir, site: { context: "production", ...rules, functions } };
}

/** One request, through the site's Edge Function where it has one. */
export async function serveThrough(
  request: IncomingMessage,
  response: ServerResponse,
  deploy: Server | null,
  deployId: string,
  edge: EdgeFunction | null,
): Promise<void> {
  // A deploy that was deleted serves no more.
  if (!deploy?.listening) {
    response.writeHead(404).end("Not Found");
    return;
  }
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (!["connection", "transfer-encoding", "content-length"].includes(name))
      headers.set(name, [value ?? ""].flat().join(", "));
  const body = parts.length > 0 ? new Uint8Array(Buffer.concat(parts)) : null;
  const asked = new Request(`http://${request.headers.host ?? "localhost"}${request.url ?? "/"}`, {
    ...{ method: request.method ?? "GET", headers },
    ...(body ? { body } : {}),
  });
  const behind = `http://127.0.0.1:${(deploy.address() as AddressInfo).port}${request.url ?? "/"}`;
  const next = () => fetch(behind, { method: asked.method, headers, redirect: "manual", ...(body ? { body } : {}) });
  try {
    const answer =
      (await edge?.(asked, { next, waitUntil: (work) => void work.catch(() => {}), deploy: { id: deployId } })) ??
      (await next());
    for (const [name, value] of answer.headers)
      if (!["content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie"].includes(name))
        response.setHeader(name, value);
    response.setHeader("set-cookie", answer.headers.getSetCookie());
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
  } catch {
    response.writeHead(502).end("edge failed");
  }
}
