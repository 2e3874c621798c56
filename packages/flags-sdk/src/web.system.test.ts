import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BuiltServer } from "../../../apps/server/src/testing/built-server.ts";
import { until } from "../../../apps/server/src/testing/until.ts";
import { hasBrowser, launch } from "../../../bench/chromium.ts";

/** A page with flags in a real browser, on another origin than the server, which is killed and comes back. */
let server: BuiltServer;
let browser: Browser;
let site: Server;
let key = "";
let script = "";
const main = { project: "main" };
const put = (flag: string, definition: object) =>
  server.owner.putFlag({ params: { ...main, flag }, body: { definition: definition as never, reason: "a test" } });
const turn = (flag: string, isEnabled: boolean) =>
  server.owner.switchFlag({
    params: { ...main, flag },
    body: { environment: "production", isEnabled, reason: "a test" },
  });
const everybody = { isEnabled: true, otherwise: { kind: "rollout", variant: "on", against: "off", percent: 100 } };
const open = async (user = "u-1", at?: Page): Promise<Page> => {
  const page = at ?? (await (await browser.newContext()).newPage());
  const { port } = site.address() as AddressInfo;
  await page.goto(`http://127.0.0.1:${port}/?${user}`);
  return page;
};
/** Evaluates in the page; the types of the page's own names are the test's business. */
const inPage = <R>(page: Page, code: string): Promise<R> => page.evaluate(code) as Promise<R>;

describe.skipIf(!hasBrowser)("a page with flags", () => {
  beforeAll(async () => {
    server = await BuiltServer.start();
    await put("form", { isPublic: true, environments: { production: everybody } });
    await put("colour", {
      ...{ isPublic: true, type: "string", variants: { on: "blue", off: "grey" } },
      environments: {
        production: {
          ...everybody,
          rules: [
            {
              id: "one-of-us",
              when: { kind: "attribute", attribute: "targetingKey", operator: "equals", values: ["secret-tester"] },
              serve: { kind: "variant", variant: "off" },
            },
          ],
        },
      },
    });
    const nothing = { ...everybody, isEnabled: false, off: null };
    await put("own-value", { isPublic: true, environments: { production: nothing } });
    await put("inner", { isPublic: false, environments: { production: everybody } });
    const body = { name: "web", environment: "production", kind: "browser" as const };
    key = (await server.owner.createFlagKey({ params: main, body })).secret;
    const { outputFiles } = await build({
      entryPoints: [join(import.meta.dirname, "testing", "page.ts")],
      ...{ bundle: true, write: false, format: "esm", platform: "browser", target: "es2022" },
      define: { "process.env.NODE_ENV": '"production"' },
    });
    script = outputFiles?.[0]?.text ?? "";
    site = createServer((request, response) => {
      if (request.url === "/page.js") return response.writeHead(200, { "content-type": "text/javascript" }).end(script);
      const user = decodeURIComponent((request.url ?? "").split("?")[1] ?? "");
      const settings = JSON.stringify({ url: server.url, key, user });
      response.writeHead(200, { "content-type": "text/html" });
      return response.end(
        `<!doctype html><div id="root"></div><script>settings=${settings}</script><script type="module" src="/page.js"></script>`,
      );
    });
    await new Promise<void>((done) => site.listen(0, "127.0.0.1", done));
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    site?.closeAllConnections();
    site?.close();
    await server?.close();
  });

  it("shows what it has for the first paint, then what the server says; public flags only, and never rules", async () => {
    const page = await open();
    await page.getByText("blue, new form, not inner").waitFor();
    expect((await inPage<string[]>(page, "paints"))[0]).toBe("white, old form, not inner");
    const kept = await inPage<string>(page, "JSON.stringify(localStorage)");
    expect(kept).toContain("blue");
    for (const hidden of ["inner", "secret-tester", "one-of-us"]) expect(kept).not.toContain(hidden);
    await open("u-1", page);
    await page.getByText("blue, new form, not inner").waitFor();
    expect((await inPage<string[]>(page, "paints"))[0]).toBe("blue, new form, not inner");
    // Somebody else is not shown what was kept of the one before.
    await open("secret-tester", page);
    await page.getByText("grey, new form, not inner").waitFor();
    expect((await inPage<string[]>(page, "paints"))[0]).toBe("white, old form, not inner");
  });

  it("renders anew when a flag changes, and when somebody signs in", async () => {
    const page = await open();
    await page.getByText("blue, new form").waitFor();
    await turn("form", false);
    await page.getByText("blue, old form").waitFor();
    await turn("form", true);
    await page.getByText("blue, new form").waitFor();
    await inPage(page, "flags.setContext({ targetingKey: 'secret-tester' })");
    await page.getByText("grey, new form").waitFor();
  });

  it("keeps what it has while the server is dead, and comes back", async () => {
    const page = await open();
    await page.getByText("blue, new form").waitFor();
    await until("it is followed", async () => (await inPage(page, "flags.state")) === "ready");
    await server.kill();
    await until("it is missed", async () => (await inPage(page, "flags.state")) === "stale");
    await page.getByText("blue, new form").waitFor();
    // Loaded anew without a server it shows what the last visit knew.
    await open("u-1", page);
    await page.getByText("blue, new form").waitFor();
    await server.start();
    await turn("form", false);
    await page.getByText("blue, old form").waitFor();
    await turn("form", true);
    await page.getByText("blue, new form").waitFor();
  });

  it("tells the server who met a variant, when the page is left at the latest", async () => {
    await put("half", {
      isPublic: true,
      environments: { production: { ...everybody, otherwise: { ...everybody.otherwise, percent: 50 } } },
    });
    for (const user of ["a", "b", "c", "d"]) {
      const page = await open(user);
      await until("it is known", async () => (await inPage(page, "flags.details('half', false).reason")) === "SPLIT");
      await page.goto("about:blank");
      await page.close();
    }
    await until("all four are counted", async () => {
      const { items } = await server.owner.getFlagResults({ params: { ...main, flag: "half" } });
      return (items[0]?.exposed.treated ?? 0) + (items[0]?.exposed.control ?? 0) === 4;
    });
  });

  it("speaks OpenFeature by its official SDK", async () => {
    const page = await open();
    await inPage(page, "openFeature.set()");
    expect(await inPage(page, "openFeature.colour()")).toMatchObject({
      ...{ value: "blue", variant: "on", reason: "SPLIT", flagMetadata: { rule: "otherwise" } },
    });
    expect(await inPage(page, "openFeature.own()")).toMatchObject({ value: true, reason: "DISABLED" });
    expect(await inPage(page, "openFeature.wrong()")).toMatchObject({ value: true, errorCode: "TYPE_MISMATCH" });
    const heard = () => inPage<string[]>(page, "openFeature.heard");
    expect(await heard()).toContain("PROVIDER_READY");
    await turn("colour", false);
    await until("the change is heard", async () => (await heard()).includes("PROVIDER_CONFIGURATION_CHANGED"));
    // What was heard may be of a change before.
    const reason = async () => (await inPage<{ reason: string }>(page, "openFeature.colour()")).reason;
    await until("the flag is off on the page", async () => (await reason()) !== "SPLIT");
    expect(await inPage(page, "openFeature.colour()")).toMatchObject({ value: "grey", reason: "DISABLED" });
    await turn("colour", true);
    await inPage(page, "openFeature.become('secret-tester')");
    expect(await inPage(page, "openFeature.colour()")).toMatchObject({ value: "grey", reason: "TARGETING_MATCH" });
  });
});
