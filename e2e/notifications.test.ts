import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Receiver } from "../apps/server/src/testing/receiver.ts";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** Notifications as an owner sets them up: in a real browser, with a real receiver, by accessible roles. */
const ROOT = join(import.meta.dirname, "..");
let installation: Installation;
let receiver: Receiver;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const complaints: string[] = [];

describe.skipIf(!hasBrowser)("the page of notifications", () => {
  beforeAll(async () => {
    receiver = await new Receiver().start();
    installation = await startOwn(ROOT, new AbortController().signal);
    browser = await launch();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "Europe/Berlin" });
    page = await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto((await installation.client.createSignInLink({})).url);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
    await receiver?.stop();
  });

  it("tells how to begin, adds a webhook with a test message, and shows its secret once", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("m");
    await page.getByText("Nobody is told of anything yet").waitFor();
    await page.getByRole("button", { name: "Add a channel" }).click();
    await page.getByRole("radio", { name: /^Webhook/ }).check();
    await page.getByRole("button", { name: "Add it and send a test" }).click();
    await page.getByText("This is needed.").first().waitFor();
    await page.getByLabel("Name").fill("ours");
    await page.getByLabel("Address").fill("http://10.0.0.1/hook");
    await page.getByRole("button", { name: "Add it and send a test" }).click();
    await page.getByRole("alert").getByText("private network").waitFor();
    await page.getByLabel("Address").fill(`${receiver.url}/hook`);
    await page.getByRole("button", { name: "Add it and send a test" }).click();
    await page.getByText("The test message arrived.").waitFor();
    const secret = await page.getByText(/^whsec_/).textContent();
    await page.getByRole("button", { name: "I have it" }).click();
    await page.getByText("Working").waitFor();
    await page.getByText("What matters").waitFor();
    expect(await page.content()).not.toContain(secret);
    expect(receiver.taken).toHaveLength(1);
  });

  it("gives a rule quiet hours, and draws them", async () => {
    await page.getByRole("button", { name: "Change the rule What matters" }).click();
    await page.getByRole("checkbox", { name: /^Quiet hours/ }).check();
    await page.getByRole("checkbox", { name: "Sat" }).uncheck();
    await page.getByRole("checkbox", { name: "Sun" }).uncheck();
    await page.getByRole("button", { name: "Save" }).click();
    await page
      .getByText("Quiet from 22:00 to 07:00 of the next day, Monday to Friday, by the clocks of Europe/Berlin")
      .waitFor();
  });

  it("shows what did not arrive and why, and sends it again", async () => {
    const { client } = installation;
    const { items } = await client.listNotificationChannels({});
    receiver.answer = (_, response) => response.writeHead(410).end();
    const channelIds = items.map((channel) => channel.id);
    await client.createNotificationRule({ body: { name: "tokens", types: ["security.token.*"], channelIds } });
    await client.createToken({ body: { name: "somebody", role: "viewer" } });
    await page.getByLabel("Which messages").selectOption("Dead letters");
    await page.getByText("It answered 410.").first().waitFor();
    expect(page.url()).toContain("show=dead");
    receiver.answer = (_, response) => response.writeHead(204).end();
    await page.getByRole("button", { name: /^Send again: Token created/ }).click();
    await page.getByText("No dead letters").waitFor();
    await page.getByLabel("Which messages").selectOption("Delivered");
    await page.getByRole("link", { name: "Token created" }).waitFor();
  });

  it.each(["light", "dark"] as const)("has no accessibility fault in %s, and fits 390 px", async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(`${installation.url}/notifications`);
    await page.getByText("What matters").waitFor();
    expect(await violations(page)).toEqual([]);
    for (const dialog of ["channel", "rule"]) {
      await page.goto(`${installation.url}/notifications?dialog=${dialog}`);
      await page.getByRole("dialog").waitFor();
      expect(await violations(page), dialog).toEqual([]);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${installation.url}/notifications`);
    await page.getByText("What matters").waitFor();
    expect(await overhang(page)).toBe(0);
  });

  it("has made the browser complain of nothing", () => {
    // A refused form is an answer of 400, which the browser writes down by itself.
    expect(complaints.filter((text) => !text.includes("400 (Bad Request)"))).toEqual([]);
  });
});
