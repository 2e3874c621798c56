import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** The flags of the leads application, as its agents see them: switched while somebody looks, as `npm start` applied them. */
const ROOT = join(import.meta.dirname, "..");
let installation: Installation;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
const lead = (i: number) => ({
  contact: { name: `Sam Example ${i}`, email: `s${i}@example.com`, phone: "555-0100-200" },
  property: { address: `${i} Main St`, city: "Austin", state: "TX", zip: "78701", type: "condo" },
  message: "I inherited it and want to sell soon.",
});
const turn = (flag: string, isEnabled: boolean) =>
  installation.client.switchFlag({
    params: { project: "main", flag },
    body: { environment: "production", isEnabled, reason: "a test" },
  });
const figures = () => page.getByRole("heading", { name: /Of the .* below/ });

describe.skipIf(!hasBrowser)("flags in the leads application", () => {
  beforeAll(async () => {
    installation = await startOwn(ROOT, new AbortController().signal);
    for (let i = 0; i < 20; i++) {
      const made = await fetch(`${installation.applicationUrl}/api/leads`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(lead(i)),
      });
      expect(made.status).toBe(201);
    }
    browser = await launch();
    page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
  });

  it("show figures to everybody, until that is turned off, and nobody loads the page anew", async () => {
    await page.goto(`${installation.applicationUrl}/crm`);
    await figures().waitFor();
    await page.waitForFunction(() => localStorage.length > 1);
    await turn("advanced-analytics", false);
    await figures().waitFor({ state: "hidden" });
    await turn("advanced-analytics", true);
    await figures().waitFor();
  });

  it("give some leads a score and others none, the same in the list and on the lead", async () => {
    await page.getByRole("columnheader", { name: "Score" }).waitFor();
    const scores = await page.locator('td[data-label="Score"]').allTextContents();
    expect(scores.filter((words) => /^\d+$/.test(words)).length).toBeGreaterThan(0);
    expect(scores.filter((words) => words === "–").length).toBeGreaterThan(0);
    const scored = page.locator("tr", { has: page.locator('td[data-label="Score"]', { hasText: /^\d+$/ }) }).first();
    const score = await scored.locator('td[data-label="Score"]').textContent();
    await scored.getByRole("link").click();
    await page.getByText(`Score ${score} of 100`).waitFor();
    await turn("ml-lead-scoring", false);
    await page.goto(`${installation.applicationUrl}/crm`);
    await figures().waitFor();
    await expect
      .poll(async () => {
        await page.reload();
        await figures().waitFor();
        return page.getByRole("columnheader", { name: "Score" }).count();
      })
      .toBe(0);
    await turn("ml-lead-scoring", true);
  });

  it("have no accessibility fault and fit 390 px, with everything turned on", async () => {
    await page.goto(`${installation.applicationUrl}/crm`);
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      await figures().waitFor();
      expect(await violations(page), `at ${width}`).toEqual([]);
      expect(await overhang(page), `at ${width}`).toBe(0);
    }
    expect(complaints).toEqual([]);
  });
});
