import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSite } from "./server.ts";
import type { Redirect, Site, SiteFunction } from "./site.ts";

const dir = mkdtempSync(join(tmpdir(), "latchkey-netlify-"));
const errors: Record<string, unknown>[] = [];
let server: Server;
let base = "";

const SOURCES: Readonly<Record<string, string>> = {
  echo: `export const handler = async (event) => ({ statusCode: 201, headers: { "x-path": event.path }, body: JSON.stringify(event) });`,
  callback: `export default { handler: (event, context, callback) => { callback(null, { statusCode: 200, body: "called" }); } };`,
  modern: `export default async (request, context) => new Response(request.method + " " + (await request.text()) + " " + context.params.file, { status: 202 });
    export const config = { path: "/files/:file", method: ["POST"] };`,
  late: `export default () => new Response("late"); export const config = { path: ["/docs", "/late"], preferStatic: true };`,
  throws: `export const handler = async () => { throw new Error("no such table"); };`,
  silent: `export const handler = async () => {};`,
  picture: `export const handler = async () => ({ statusCode: 200, headers: { "content-type": "image/png" }, isBase64Encoded: true, body: "AAEC" });`,
  "mail-background": `export const handler = async () => { throw new Error("nobody waits for this"); };`,
};
const rule = (from: string, to: string, status = 200, more: Partial<Redirect> = {}): Redirect => ({
  ...{ from, to, status, force: false, query: {} },
  ...more,
});
const site: Site = {
  context: "production",
  redirects: [
    rule("/api/*", "/.netlify/functions/:splat"),
    rule("/forced.html", "/other.html", 301, { force: true }),
    rule("/about.html", "/never.html", 301),
    rule("/circle", "/circle2"),
    rule("/circle2", "/circle"),
    rule("/store", "/blog/:id", 302, { query: { id: ":id" } }),
    rule("/assets/*", "/index.html", 404),
    rule("/app/*", "/index.html"),
  ],
  headers: [{ for: "/*", values: { "X-Frame-Options": "DENY" } }],
  functions: Object.keys(SOURCES).map(
    (name): SiteFunction => ({
      name,
      file: `functions/${name}.mjs`,
      isBackground: name.endsWith("-background"),
      hasConfig: name === "modern" || name === "late",
    }),
  ),
};

beforeAll(async () => {
  mkdirSync(join(dir, "functions"), { recursive: true });
  mkdirSync(join(dir, "public", "docs"), { recursive: true });
  for (const [name, source] of Object.entries(SOURCES)) writeFileSync(join(dir, "functions", `${name}.mjs`), source);
  for (const page of ["index", "about", "forced", "404", "docs/index"])
    writeFileSync(join(dir, "public", `${page}.html`), `<p>${page}</p>`);
  writeFileSync(join(dir, "secret.txt"), "not published");
  server = await createSite(dir, site, { info: () => {}, error: (fields) => void errors.push(fields) });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true, force: true });
});
const get = (path: string, init: RequestInit = {}) => fetch(base + path, { redirect: "manual", ...init });

describe("files", () => {
  it.each([
    ["/", 200, "index"],
    ["/about", 200, "about"],
    ["/about.html", 200, "about"],
    ["/docs", 200, "docs/index"],
    ["/app/deep/link", 200, "index"],
    ["/assets/gone.js", 404, "index"],
    ["/nowhere", 404, "404"],
    ["/..%2fsecret.txt", 404, "404"],
    ["/%00", 404, "404"],
  ])("%s is answered with %i and the page %s", async (path, status, page) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toBe(`<p>${page}</p>`);
  });
  it("carry the headers of the site, and are not sent twice", async () => {
    const answer = await get("/about");
    expect(answer.headers.get("x-frame-options")).toBe("DENY");
    const again = await get("/about", { headers: { "if-none-match": answer.headers.get("etag") ?? "" } });
    expect(again.status).toBe(304);
  });
});

describe("redirects", () => {
  it("go before a file only when they are forced", async () => {
    const forced = await get("/forced.html");
    expect([forced.status, forced.headers.get("location")]).toEqual([301, "/other.html"]);
  });
  it("take parameters over", async () => {
    expect((await get("/store?id=12")).headers.get("location")).toBe("/blog/12");
    expect((await get("/store")).status).toBe(404);
  });
  it("that lead in a circle end", async () => {
    expect((await get("/circle")).status).toBe(404);
  });
});

describe("functions", () => {
  it("see the address that was asked for, and its parameters", async () => {
    const answer = await get("/api/echo?a=1&a=2", {
      method: "POST",
      body: '{"x":1}',
      headers: { "content-type": "application/json" },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("x-path")).toBe("/api/echo");
    expect(await answer.json()).toMatchObject({
      httpMethod: "POST",
      body: '{"x":1}',
      isBase64Encoded: false,
      queryStringParameters: { a: "1,2" },
      multiValueQueryStringParameters: { a: ["1", "2"] },
    });
  });
  it("may call back, and may be CommonJS", async () => {
    expect(await (await get("/.netlify/functions/callback")).text()).toBe("called");
  });
  it("may take a Request, at a path of their own and for their own methods", async () => {
    const answer = await get("/files/plan.pdf", { method: "POST", body: "hello" });
    expect([answer.status, await answer.text()]).toEqual([202, "POST hello plan.pdf"]);
    expect((await get("/files/plan.pdf")).status).toBe(404);
  });
  it("let files go first where they say so", async () => {
    expect(await (await get("/docs")).text()).toBe("<p>docs/index</p>");
    expect(await (await get("/late")).text()).toBe("late");
  });
  it("may answer bytes", async () => {
    expect([...new Uint8Array(await (await get("/api/picture")).arrayBuffer())]).toEqual([0, 1, 2]);
  });
  it("get bytes that are no text in base64", async () => {
    const body = new Uint8Array([0, 255, 1]);
    const answer = await get("/api/echo", {
      method: "POST",
      body,
      headers: { "content-type": "application/octet-stream" },
    });
    expect(await answer.json()).toMatchObject({ body: "AP8B", isBase64Encoded: true });
  });
  it("in the background are answered before they run", async () => {
    expect((await get("/.netlify/functions/mail-background")).status).toBe(202);
  });
  it.each(["throws", "silent"])("that fail (%s) are a 502, and the reason stays in the log", async (name) => {
    const answer = await get(`/api/${name}`);
    expect([answer.status, await answer.text()]).toEqual([502, "function failed"]);
    expect(errors.map((e) => e.requestId)).toContain(answer.headers.get("x-request-id"));
  });
  it("that are not there are a 404, never the page", async () => {
    expect((await get("/.netlify/functions/nope")).status).toBe(404);
    expect((await get("/api/nope")).status).toBe(404);
  });
  it("take bodies of 6 MB at most", async () => {
    expect((await get("/api/echo", { method: "POST", body: "x".repeat(6 * 1024 * 1024 + 1) })).status).toBe(413);
  });
});

it("a function that names its paths and can't be loaded keeps the site from starting", async () => {
  writeFileSync(join(dir, "functions", "broken.mjs"), `throw new Error("no key");`);
  const broken: SiteFunction = { name: "broken", file: "functions/broken.mjs", isBackground: false, hasConfig: true };
  const log = { info: () => {}, error: () => {} };
  await expect(createSite(dir, { ...site, functions: [broken] }, log)).rejects.toThrow("no key");
});
