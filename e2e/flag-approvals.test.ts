import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** Two people and a flag in an environment where both have to agree. */
const ROOT = join(import.meta.dirname, "..");
const main = { project: "main" };
const FLAG = "new-form";

let installation: Installation;
let browser: Browser;
let owner: Page;
let ada: Page;
let grace: Page;
const complaints: string[] = [];
async function signedIn(link: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(link);
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  return page;
}
async function person(name: string): Promise<Page> {
  const { id } = await installation.client.addPerson({ params: main, body: { name, role: "deployer" } });
  return signedIn((await installation.client.createPersonLink({ params: { ...main, personId: id } })).url);
}
const open = async (page: Page, path: string) => {
  await page.goto(`${installation.url}${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
};
const because = async (page: Page, dialog: string, press: string, reason = "a test") => {
  const form = page.getByRole("dialog", { name: dialog });
  await form.getByRole("textbox", { name: "Reason" }).fill(reason);
  await form.getByRole("button", { name: press, exact: true }).click();
  return form;
};
const isOn = async () =>
  (await installation.client.getFlag({ params: { ...main, flag: FLAG } })).environments[0]?.isEnabled;

describe.skipIf(!hasBrowser)("a flag that two people have to agree to change", () => {
  beforeAll(async () => {
    installation = await startOwn(ROOT, new AbortController().signal);
    const environments = { production: { isEnabled: false, otherwise: { kind: "variant" as const, variant: "on" } } };
    await installation.client.putFlag({
      params: { ...main, flag: FLAG },
      body: { definition: { environments }, reason: "a test" },
    });
    browser = await launch();
    owner = await signedIn((await installation.client.createSignInLink({})).url);
    [ada, grace] = [await person("Ada"), await person("Grace")];
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
  });

  it("is so once an owner says it", async () => {
    await open(owner, "/flags");
    await owner.getByRole("button", { name: "Protect production" }).click();
    await because(owner, "Protect production?", "Ask for a second person", "SOC 2");
    await owner.getByText("A second person agrees to each change").waitFor();
  });

  it("is proposed by one, and agreed to by the other, who sees it come", async () => {
    await open(grace, "/flags");
    await grace.getByText("No change of a flag waits").waitFor();
    await open(ada, `/flags/${FLAG}`);
    await ada.getByRole("button", { name: "Turn on in production…" }).click();
    const form = await because(ada, `Turn ${FLAG} on?`, "Turn on in production", "for everybody");
    await form.getByText("Changes of flags in production need a second person").waitFor();
    expect(await violations(ada)).toEqual([]);
    await form.getByRole("button", { name: "Propose it" }).click();
    await ada.getByText("Waits for a second person").waitFor();
    await ada.getByRole("button", { name: `Withdraw: ${FLAG}, by Ada` }).waitFor();
    expect(await isOn()).toBe(false);
    await grace.getByText("for everybody").waitFor();
    expect(await violations(grace)).toEqual([]);
    await grace.getByRole("button", { name: `Agree: ${FLAG}, by Ada` }).click();
    await because(grace, `Agree: ${FLAG}`, "Agree");
    await grace.getByText("No change of a flag waits").waitFor();
    await ada.getByText("Ada, agreed by Grace").waitFor();
    expect(await isOn()).toBe(true);
  });

  it("is proposed by the editor too, and can be withdrawn", async () => {
    await open(ada, `/flags/${FLAG}/edit`);
    await ada.getByLabel("Variant").first().selectOption("off");
    await ada.getByRole("button", { name: "Review and save" }).click();
    await because(ada, "What changes", "Propose", "back to the old one");
    await ada.getByText("Waits for a second person").waitFor();
    await ada.getByRole("button", { name: `Withdraw: ${FLAG}, by Ada` }).click();
    await because(ada, `Withdraw: ${FLAG}`, "Withdraw");
    await ada.getByText("Waits for a second person").waitFor({ state: "detached" });
  });

  it("is turned off by one alone", async () => {
    await ada.getByRole("button", { name: "Turn off in production…" }).click();
    await because(ada, `Turn ${FLAG} off?`, "Turn off in production", "errors");
    await ada.getByRole("button", { name: "Turn on in production…" }).waitFor();
    expect(await isOn()).toBe(false);
  });

  it("has segments that two change, who read which flags answer by them", async () => {
    await open(ada, "/flags");
    await ada.getByRole("button", { name: "New segment" }).click();
    const made = ada.getByRole("dialog", { name: "New segment" });
    await made.getByRole("textbox", { name: "Reason" }).fill("a test");
    await made.getByRole("button", { name: "Save" }).click();
    await made.getByText("Letters, digits and . _ -, such as investors-abroad.").waitFor();
    await made.getByLabel("Key", { exact: true }).fill("abroad");
    await made.getByLabel("Attribute of the segment, condition 1").fill("country");
    await made.getByLabel("Relation of the segment, condition 1").selectOption("in");
    await made.getByLabel("Values of the segment, condition 1").fill("DE");
    expect(await violations(ada)).toEqual([]);
    await made.getByRole("button", { name: "Save" }).click();
    await ada.getByText("no flag names it").waitFor();
    const serve = { kind: "variant" as const, variant: "on" };
    const rules = [{ id: "r", when: { kind: "segment" as const, segment: "abroad" }, serve }];
    const environments = { production: { isEnabled: false, rules, otherwise: { ...serve, variant: "off" } } };
    await installation.client.putFlag({
      params: { ...main, flag: "for-abroad" },
      body: { definition: { environments }, reason: "a test" },
    });
    await open(ada, "/flags");
    await ada.getByRole("button", { name: "Change the segment abroad" }).click();
    const form = ada.getByRole("dialog", { name: "Change abroad" });
    await form.getByLabel("Values of the segment, condition 1").fill("DE, AT");
    await because(ada, "Change abroad", "Save", "a new market");
    await form.getByText("The flag for-abroad names the segment in production").waitFor();
    await form.getByRole("button", { name: "Propose it" }).click();
    await ada.getByRole("button", { name: "Withdraw: segment abroad, by Ada" }).waitFor();
    await open(grace, "/flags");
    const waiting = grace.getByRole("region", { name: "Changes of flags" });
    await waiting.getByText("when.of.0.values.1").waitFor();
    await waiting.getByText("Flags that answer by it:").waitFor();
    await waiting.getByRole("link", { name: "for-abroad" }).waitFor();
    expect(await violations(grace)).toEqual([]);
    await grace.getByRole("button", { name: "Agree: segment abroad, by Ada" }).click();
    await because(grace, "Agree: segment abroad", "Agree");
    await grace.getByText("No change of a flag waits").waitFor();
    const { items } = await installation.client.listFlagSegments({ params: main });
    expect(items).toMatchObject([{ key: "abroad", version: 2, when: { of: [{ values: ["DE", "AT"] }] } }]);
  });

  it("has no accessibility fault in dark, and fits 390 px", async () => {
    const change = { kind: "switch" as const, environment: "production", isEnabled: true };
    await installation.client.proposeFlagChange({
      params: { ...main, flag: FLAG },
      body: { change, reason: "from a pipeline" },
    });
    await grace.emulateMedia({ colorScheme: "dark" });
    await grace.setViewportSize({ width: 390, height: 844 });
    for (const path of ["/flags", `/flags/${FLAG}`]) {
      await open(grace, path);
      await grace.getByText("from a pipeline").waitFor();
      expect(await violations(grace), path).toEqual([]);
      expect(await overhang(grace), path).toBeLessThanOrEqual(0);
    }
    expect(complaints).toEqual([]);
  });
});
