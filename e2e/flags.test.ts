import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** A flag from its making to the kill switch and back, as somebody works with it. */
const ROOT = join(import.meta.dirname, "..");
const main = { project: "main" };

let installation: Installation;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
const open = async (path: string) => {
  await page.goto(`${installation.url}${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
};
const because = async (dialog: string, press: string) => {
  const form = page.getByRole("dialog", { name: dialog });
  await form.getByRole("textbox", { name: "Reason" }).fill("a test");
  await form.getByRole("button", { name: press, exact: true }).click();
  await form.waitFor({ state: "hidden" });
};

describe.skipIf(!hasBrowser)("flags in the console", () => {
  beforeAll(async () => {
    installation = await startOwn(ROOT, new AbortController().signal);
    // Those that the repository brings along.
    for (const { key: flag } of (await installation.client.listFlags({ params: main })).items)
      await installation.client.archiveFlag({ params: { ...main, flag }, body: { reason: "a test" } });
    browser = await launch();
    page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto((await installation.client.createSignInLink({})).url);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
  });

  it("says what they are for where there are none, and makes the first", async () => {
    await open("/flags");
    await page.getByText("No flags yet").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "New flag" }).first().click();
    const form = page.getByRole("dialog", { name: "New flag" });
    await form.getByRole("button", { name: "Create" }).click();
    await form.getByText("Letters, digits and . _ -, such as new-lead-form.").waitFor();
    await form.getByLabel("Key", { exact: true }).fill("new-lead-form");
    await form.getByLabel("Owner").fill("growth");
    expect(await violations(page)).toEqual([]);
    await form.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "new-lead-form", level: 1 }).waitFor();
  });

  it("turns it on with a reason, tells who gets what and why, and turns it off again", async () => {
    await page.getByText("Everybody gets off. The rules below hold once it is on.").waitFor();
    await page.getByRole("button", { name: "Turn on in production…" }).click();
    await because("Turn new-lead-form on?", "Turn on in production");
    await page.getByRole("button", { name: "Turn off in production…" }).waitFor();
    await page.getByLabel("User (targetingKey)").fill("u-1");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.getByText("It has no rules: on.").waitFor();
    await page.getByRole("button", { name: "Turn off in production…" }).click();
    await because("Turn new-lead-form off?", "Turn off in production");
    await page.getByRole("button", { name: "Turn on in production…" }).waitFor();
    await page.getByText("Switched version 3").waitFor();
  });

  it("follows a rollout that somebody else moves, and kills it", async () => {
    const rules = {
      isEnabled: true,
      otherwise: { kind: "rollout", variant: "on", against: "off", percent: 1 } as const,
    };
    const params = { ...main, flag: "ramp" };
    await installation.client.putFlag({
      params,
      body: { definition: { environments: { production: rules } }, reason: "a test" },
    });
    await open("/flags/ramp");
    await page.getByText("on 1 %").waitFor();
    await installation.client.moveRollout({
      params,
      body: { environment: "production", percent: 40, reason: "no complaints" },
    });
    // By the stream: nobody loads the page anew.
    await page.getByText("on 40 %").waitFor();
    await page.getByText("off (control) 40 %").waitFor();
    await page.getByRole("button", { name: "Move the rollout of otherwise in production" }).click();
    expect(await violations(page)).toEqual([]);
    await because("Move the rollout in production", "Kill it");
    await page.getByText("off 100 %").waitFor();
  });

  it("puts back what was before, from the history", async () => {
    await open("/flags/new-lead-form");
    await page.getByRole("button", { name: "Put back as it was at version 2" }).click();
    await because("Put back version 2?", "Put it back");
    await page.getByText("Put back version 4").waitFor();
    await page.getByRole("button", { name: "Turn off in production…" }).waitFor();
  });

  it.each(["light", "dark"] as const)("has no accessibility fault in %s, and fits 390 px", async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      for (const path of ["/flags", "/flags/ramp"]) {
        await open(path);
        await page.getByRole("heading", { level: 2 }).first().waitFor();
        expect(await violations(page), `${path} at ${width}`).toEqual([]);
        expect(await overhang(page), `${path} at ${width}`).toBe(0);
      }
    }
    expect(complaints).toEqual([]);
  });
});
