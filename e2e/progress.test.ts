import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** A release that a script brings up: what the script says is seen while it is at work, on both pages. */
const ROOT = join(import.meta.dirname, "..");
const main = { project: "main" };

let installation: Installation;
let browser: Browser;
let page: Page;
let dir: string;

describe.skipIf(!hasBrowser)("a release on its way up, in the console", () => {
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "latchkey-progress-"));
    installation = await startOwn(ROOT, new AbortController().signal);
    browser = await launch();
    const options = { viewport: { width: 390, height: 844 }, colorScheme: "dark" as const };
    page = await (await browser.newContext(options)).newPage();
    await page.goto((await installation.client.createSignInLink({})).url);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it("says what its host says, line by line, on the rollout's and on the deployment's page", async () => {
    const { client, url } = installation;
    mkdirSync(join(dir, "sources"));
    cpSync(join(ROOT, "apps", "server", "src", "testing", "workload"), join(dir, "sources", "app"), {
      recursive: true,
    });
    writeFileSync(join(dir, "sources", "app", "behaviour.json"), JSON.stringify({ version: "1", build: "pass" }));
    const waitFor = (name: string) => `while ! [ -e ${join(dir, name)} ]; do sleep 0.05; done`;
    const script = `echo "Pulling the image" >&2; ${waitFor("pulled")}; echo "Waiting for a healthy task" >&2; ${waitFor("over")}; exit 4`;
    const words = ["sh", "-c", script];
    const target = { kind: "command" as const, prepare: words, retire: ["true"] };
    const config = { name: "shop", source: "app", build: ["node", "build.mjs"], gates: [], target };
    await client.applyService({ body: { config, root: join(dir, "sources") } });
    const { id } = await client.ship({ params: { ...main, service: "shop" }, body: {} });

    await page.goto(`${url}/deployments/${id}`);
    const log = page.getByRole("log");
    await log.getByText("Pulling the image").waitFor();
    await page.getByRole("link", { name: "Watch the rollout" }).click();
    await page.getByRole("heading", { name: "How far its host is" }).waitFor();
    writeFileSync(join(dir, "pulled"), "");
    // Without loading anything again.
    await log.getByText("Waiting for a healthy task").waitFor();
    expect(await violations(page)).toEqual([]);
    expect(await overhang(page)).toBe(0);
    writeFileSync(join(dir, "over"), "");
    await log.waitFor({ state: "detached" });
  }, 180_000);
});
