import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connection, PushedRepository } from "../apps/server/src/testing/github/repository.ts";
import { Workload } from "../apps/server/src/testing/workload.ts";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** Previews on a service's page: made by hand, looked at, kept, failed and removed, in a real browser. */
const ROOT = join(import.meta.dirname, "..");
/** A build and a start on a busy machine. */
const UP_MS = 120_000;

let hub: string;
let repository: PushedRepository;
let installation: Installation;
let browser: Browser;
let page: Page;
let shop: Workload;
const complaints: string[] = [];

function push(branch: string, behaviour: { page?: string; build?: "fail" }): void {
  repository.commit(branch, undefined, behaviour);
  repository.git("push", "-q", "-f", "origin", `HEAD:${branch}`);
}

describe.skipIf(!hasBrowser)("previews in the console", () => {
  beforeAll(async () => {
    hub = mkdtempSync(join(tmpdir(), "latchkey-hub-"));
    repository = new PushedRepository(hub, join(ROOT, "apps", "server", "src", "testing", "workload"));
    repository.commit("The shop");
    repository.push();
    push("new-form", { page: "the new form" });
    push("broken", { build: "fail" });
    const also = { LATCHKEY_GITHUB_URL: repository.url };
    installation = await startOwn(ROOT, new AbortController().signal, also);
    const { client: owner } = installation;
    shop = new Workload({ dir: installation.own?.dir ?? "", mark: "console", owner });
    await shop.apply({ github: connection({ deployOnMerge: false }), previews: {} });
    browser = await launch();
    page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto((await owner.createSignInLink({})).url);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
    rmSync(hub, { recursive: true, force: true });
  });

  const panel = () => page.getByRole("region", { name: "Previews" });
  const open = () => page.goto(`${installation.url}/services/${shop.name}`);
  const row = (name: string) => panel().getByRole("listitem").filter({ hasText: name });
  const create = async (branch: string) => {
    await panel().getByRole("button", { name: "New preview" }).click();
    await page.getByLabel("Branch").fill(branch);
    await page.getByRole("button", { name: "Make it" }).click();
  };

  it(
    "are made of a branch by the keyboard alone, and are where their link goes",
    async () => {
      await open();
      await panel().getByText("There are none").waitFor();
      expect(await violations(page)).toEqual([]);
      const button = panel().getByRole("button", { name: "New preview" });
      await button.focus();
      await page.keyboard.press("Enter");
      const dialog = page.getByRole("dialog", { name: "New preview" });
      // The branch has the focus: it is what one came to fill in.
      await page.keyboard.press("Enter");
      await dialog.getByText("Name a branch of the repository.").waitFor();
      await page.keyboard.type("nobody");
      await page.keyboard.press("Enter");
      await dialog.getByRole("alert").getByText('has no branch "nobody"').waitFor();
      expect(await violations(page)).toEqual([]);
      await page.getByLabel("Branch").fill("new-form");
      await page.keyboard.press("Enter");
      await dialog.waitFor({ state: "hidden" });
      await expect.poll(() => button.evaluate((element) => element === document.activeElement)).toBe(true);
      const ready = row("new-form");
      await ready.getByText("ready").waitFor({ timeout: UP_MS });
      const link = ready.getByRole("link", { name: "new-form" });
      const visitor = await page.context().newPage();
      await visitor.goto((await link.getAttribute("href")) ?? "");
      await visitor.getByText("the new form").waitFor();
      await visitor.close();
    },
    2 * UP_MS,
  );

  it(
    "say why a build failed",
    async () => {
      await create("broken");
      await row("broken").getByText("failed", { exact: true }).waitFor({ timeout: UP_MS });
      await row("broken").getByText("Unexpected token in app.ts:3").waitFor();
      expect(await violations(page)).toEqual([]);
    },
    2 * UP_MS,
  );

  it("are kept for longer with a reason, for as many days as there may be", async () => {
    await page.getByRole("button", { name: "Keep new-form for longer" }).click();
    const dialog = page.getByRole("dialog", { name: "Keep new-form" });
    await dialog.getByLabel("Days from now").fill("400");
    await dialog.getByRole("button", { name: "Keep it" }).click();
    await dialog.getByText("More than 0, at most 90.").waitFor();
    await dialog.getByText("Say why: the ledger keeps it.").waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByLabel("Days from now").fill("30");
    await dialog.getByLabel("Reason").fill("a demo");
    await dialog.getByRole("button", { name: "Keep it" }).click();
    await dialog.waitFor({ state: "hidden" });
    const { items } = await installation.client.listPreviews({ params: { project: "main" }, query: {} });
    const kept = items.find((p) => p.name === "new-form");
    expect(Date.parse(kept?.endsAt ?? "")).toBeGreaterThan(Date.now() + 29 * 86_400_000);
  });

  it("can be read in the dark, and on a telephone", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 844 });
        await panel().scrollIntoViewIfNeeded();
        expect(await violations(page)).toEqual([]);
        expect(await overhang(page)).toBeLessThanOrEqual(0);
      }
    }
    if (process.env.LATCHKEY_PICTURES)
      await page.screenshot({ path: join(process.env.LATCHKEY_PICTURES, "previews.png"), fullPage: true });
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: "light" });
  });

  it("are removed with a reason, and gone", async () => {
    await page.getByRole("button", { name: "Remove broken" }).click();
    const dialog = page.getByRole("dialog", { name: "Remove broken" });
    await dialog.getByLabel("Reason").fill("looked at");
    await page.keyboard.press("Tab");
    await dialog.getByRole("button", { name: "Remove it" }).click();
    await row("broken").waitFor({ state: "hidden" });
    await row("new-form").waitFor();
    expect(complaints).toEqual([]);
  });

  it("say so where they can't be asked for", async () => {
    await page.route("**/previews?*", (route) => route.fulfill({ status: 500, body: "no" }));
    await open();
    await page
      .getByRole("button", { name: /try again/i })
      .first()
      .waitFor({ timeout: 60_000 });
  });
});
