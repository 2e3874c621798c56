import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** Two people in two browsers: one asks, the other looks and decides. */
const ROOT = join(import.meta.dirname, "..");
const BUILD_MS = 180_000;
const main = { project: "main" };

let installation: Installation;
let browser: Browser;
let owner: Page;
let grace: Page;
const complaints: string[] = [];

async function newPage(): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.on("pageerror", (error) => complaints.push(error.message));
  return page;
}
const open = async (page: Page, path: string) => {
  await page.goto(`${installation.url}${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
};

describe.skipIf(!hasBrowser)("approvals in the console", () => {
  beforeAll(async () => {
    installation = await startOwn(ROOT, new AbortController().signal);
    browser = await launch();
    owner = await newPage();
    await owner.goto((await installation.client.createSignInLink({})).url);
    await owner.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
  });

  it("adds a person in Settings, whose link signs that person in", async () => {
    await open(owner, "/settings");
    await owner.getByRole("button", { name: "New person" }).click();
    const form = owner.getByRole("dialog", { name: "New person" });
    await form.getByLabel("Name", { exact: true }).fill("Grace H.");
    await form.getByLabel("Reliability").check();
    await form.getByRole("button", { name: "Add" }).click();
    await owner.getByRole("button", { name: "Sign-in link for Grace H." }).click();
    const link = owner.getByRole("dialog", { name: "Sign-in link for Grace H." });
    await link.getByRole("button", { name: "Make the link" }).click();
    const url = (await link.getByText("/sign-in#lk_").textContent()) ?? "";
    expect(await violations(owner)).toEqual([]);
    grace = await newPage();
    await grace.goto(url);
    await grace.getByRole("button", { name: /account of Grace H\./ }).waitFor();
  });

  it(
    "waits for somebody else than who asked, and says so to both",
    async () => {
      const { client } = installation;
      const { config } = await client.getService({ params: { ...main, service: "leads" } });
      const gates = [{ name: "second pair of eyes", kind: "approval" as const, roles: ["sre"] }];
      await client.applyService({ body: { config: { ...config, gates }, root: ROOT } });
      await open(grace, "/approvals");
      await grace.getByText("Nothing waits").waitFor();
      await open(owner, "/approvals");
      await client.ship({ params: { ...main, service: "leads" }, body: { fault: "none" } });

      await owner.getByText("can't approve it: somebody else must").waitFor({ timeout: BUILD_MS });
      expect(await owner.getByRole("button", { name: /^Approve/ }).count()).toBe(0);
      await grace.getByRole("link", { name: "Approvals 1 wait for you" }).waitFor();
      await grace.getByText("What goes out").first().click();
      await grace.getByText("second pair of eyes", { exact: true }).waitFor();
      expect(await violations(grace)).toEqual([]);

      await grace.getByRole("button", { name: /^Approve: leads/ }).click();
      const dialog = grace.getByRole("dialog", { name: "Approve this?" });
      await dialog.getByRole("button", { name: "Approve" }).click();
      await dialog.getByText("Say why: the ledger keeps it.").waitFor();
      await dialog.getByLabel("Reason").fill("read it, tried it");
      await dialog.getByLabel("Reason").press("Tab");
      await grace.keyboard.press("Tab");
      await grace.keyboard.press("Enter");
      // Both see it, without loading anything again.
      await grace.getByText(": read it, tried it").waitFor();
      await owner.getByText(": read it, tried it").waitFor();
      await owner.getByText("Nothing waits").waitFor();
    },
    2 * BUILD_MS,
  );

  it("freezes a service from the page; every page says so until it is ended", async () => {
    await owner.getByRole("button", { name: "New freeze" }).click();
    const dialog = owner.getByRole("dialog", { name: "New freeze" });
    await dialog.getByLabel("Reason").fill("The sale.");
    await dialog.getByLabel("Service").selectOption("leads");
    await dialog.getByRole("button", { name: "Freeze" }).click();
    await grace.getByText(/^Frozen until .*: leads\. The sale\.$/).waitFor();
    await open(grace, "/ledger");
    await grace.getByText(/^Frozen until .*: leads\. The sale\.$/).waitFor();
    expect(await violations(grace)).toEqual([]);
    await owner.getByRole("button", { name: "End the freeze: The sale." }).click();
    await owner.getByRole("dialog").getByRole("button", { name: "End the freeze" }).click();
    await owner.getByText("No freeze", { exact: true }).waitFor();
    await grace.getByText(/^Frozen until/).waitFor({ state: "hidden" });
  });

  it("fits a telephone, and the dark", async () => {
    for (const path of ["/approvals", "/settings"])
      for (const colorScheme of ["light", "dark"] as const) {
        await grace.emulateMedia({ colorScheme });
        await grace.setViewportSize({ width: 390, height: 844 });
        await open(grace, path);
        expect(await violations(grace), `${path} in ${colorScheme}`).toEqual([]);
        expect(await overhang(grace), `${path} at 390 px`).toBeLessThanOrEqual(0);
      }
    expect(complaints).toEqual([]);
  });
});
