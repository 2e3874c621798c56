import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** A flag's rules, written in the console: nothing holds before the difference was read. */
const ROOT = join(import.meta.dirname, "..");
const main = { project: "main" };
const FLAG = "new-search";

let installation: Installation;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
const open = async (path: string) => {
  await page.goto(`${installation.url}${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
};
const stored = async () => (await installation.client.getFlag({ params: { ...main, flag: FLAG } })).definition;

describe.skipIf(!hasBrowser)("a flag in the editor", () => {
  beforeAll(async () => {
    installation = await startOwn(ROOT, new AbortController().signal);
    const environments = { production: { isEnabled: true, otherwise: { kind: "variant" as const, variant: "off" } } };
    await installation.client.putFlag({
      params: { ...main, flag: FLAG },
      body: { definition: { environments, owner: "growth" }, reason: "a test" },
    });
    await installation.client.putFlag({
      params: { ...main, flag: "only-watched" },
      body: { definition: { environments }, reason: "a test" },
    });
    const body = { name: "functions", environment: "production", kind: "server" as const };
    const { secret } = await installation.client.createFlagKey({ params: main, body });
    for (let n = 0; n < 20; n++)
      await fetch(`${installation.url}/ofrep/v1/evaluate/flags/${FLAG}`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${secret}` },
        body: JSON.stringify({ context: { targetingKey: `u-${n}`, country: n < 5 ? "DE" : "FR" } }),
      });
    browser = await launch();
    page = await (await browser.newContext({ viewport: { width: 1280, height: 1_000 } })).newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto((await installation.client.createSignInLink({})).url);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
  });

  it("gets a rule, and says at once who would get what", async () => {
    await open(`/flags/${FLAG}`);
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByRole("heading", { name: `Edit ${FLAG}`, level: 1 }).waitFor();
    await page.getByRole("button", { name: "Rule", exact: true }).click();
    await page.getByLabel("Attribute of rule 1, condition 1").fill("country");
    await page.getByLabel("Relation of rule 1, condition 1").selectOption("in");
    await page.getByLabel("Values of rule 1, condition 1").fill("DE, AT");
    await page.getByText("25.0 % would get something else.").waitFor();
    await page.getByLabel("Attributes", { exact: true }).fill("country = AT");
    await page.getByText("now: off").waitFor();
    await page.getByText("Rule rule-1 holds (country is one of DE, AT): on.").waitFor();
    expect(await violations(page)).toEqual([]);
    expect((await stored()).environments.production?.rules).toEqual([]);
  });

  it("is not saved while something is wrong with it, and says what", async () => {
    await page.getByLabel("Values of rule 1, condition 1").fill("");
    await page.getByRole("button", { name: "Review and save" }).click();
    const form = page.getByRole("dialog", { name: "What changes" });
    await form.getByText("name at least one value").first().waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("25.0 % would get something else.").waitFor();
  });

  it("takes an environment's rules into another one, and is saved once the difference was read", async () => {
    await page.getByLabel("New environment").fill("staging");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByLabel("Take the rules of").selectOption("production");
    await page.getByLabel("Values of rule 1, condition 1").waitFor();
    await page.getByRole("button", { name: "Review and save" }).click();
    const form = page.getByRole("dialog", { name: "What changes" });
    await form.getByText("environments.production.rules.0.when.of.0.attribute").waitFor();
    expect(await violations(page)).toEqual([]);
    await form.getByRole("textbox", { name: "Reason" }).fill("the Germans first");
    await form.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: FLAG, level: 1 }).waitFor();
    await page.getByText("the Germans first").waitFor();
    const { environments } = await stored();
    expect(environments.staging).toEqual({ ...environments.production, isEnabled: false });
    expect(environments.production?.rules).toMatchObject([
      { when: { kind: "all", of: [{ attribute: "country", operator: "in", values: ["DE", "AT"] }] } },
    ]);
  });

  it("asks before what was written is left", async () => {
    await open(`/flags/${FLAG}/edit`);
    await page.getByRole("button", { name: "Copy rule 1" }).click();
    const asked: string[] = [];
    page.once("dialog", (dialog) => {
      asked.push(dialog.message());
      void dialog.dismiss();
    });
    await page.getByRole("link", { name: "Flags" }).last().click();
    await expect.poll(() => asked).toEqual(["Leave without saving?"]);
    expect(page.url()).toContain("/edit");
    page.once("dialog", (dialog) => void dialog.accept());
    await page.getByRole("link", { name: "Flags" }).last().click();
    await page.getByRole("heading", { name: "Flags", level: 1 }).waitFor();
  });

  it("says what is watched while a share grows, and what is hoped for", async () => {
    await open("/flags/only-watched/edit");
    await page.getByLabel("Serve").last().selectOption("rollout");
    await page.getByText("Watched: errors, browser-errors").click();
    await page.getByRole("button", { name: "Goal", exact: true }).click();
    await page.getByLabel("Goal 1", { exact: true }).fill("lead-sent");
    await page.getByLabel("Guardrail 1: tolerated, %").fill("5");
    await page.getByLabel("How it grows").selectOption("steps");
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Review and save" }).click();
    const form = page.getByRole("dialog", { name: "What changes" });
    await form.getByRole("textbox", { name: "Reason" }).fill("a test");
    await form.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "only-watched", level: 1 }).waitFor();
    const { definition } = await installation.client.getFlag({ params: { ...main, flag: "only-watched" } });
    expect(definition.environments.production?.otherwise).toMatchObject({
      ...{
        kind: "rollout",
        percent: 10,
        ramp: { kind: "steps", steps: [{ percent: 25 }, { percent: 50 }, { percent: 100 }] },
      },
      experiment: {
        guardrails: [{ metric: "errors", tolerancePercent: 5 }, { metric: "browser-errors" }],
        goals: [{ metric: "lead-sent", kind: "conversion", better: "more", minEffectPercent: 5 }],
      },
    });
  });

  it("shows what flagd logic answers while it is written, and saves what could be read", async () => {
    const logic = { if: [{ "==": [{ var: "country" }, "DE"] }, "on", "off"] };
    const otherwise = { kind: "logic" as const, logic, variant: "off" };
    const params = { ...main, flag: "from-flagd" };
    const body = { definition: { environments: { production: { isEnabled: true, otherwise } } }, reason: "a test" };
    await installation.client.putFlag({ params, body });
    await open("/flags/from-flagd/edit");
    await page.getByLabel("Attributes", { exact: true }).fill("country = AT");
    const section = page.getByRole("region", { name: "Who gets it" });
    await section.locator("strong", { hasText: /^off$/ }).waitFor();
    const text = page.getByLabel("flagd logic", { exact: true });
    const written = JSON.stringify(logic);
    await text.fill(written.replace('"DE"', '"AT"'));
    await section.locator("strong", { hasText: /^on$/ }).waitFor();
    await section.getByText("now: off").waitFor();
    await section.getByText("25.0 % would get something else.").waitFor();
    await text.fill(`${written.replace('"DE"', '"AT"')},`);
    await page.getByText("Until it is mended, what could be read last holds.").waitFor();
    await section.locator("strong", { hasText: /^on$/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    await text.fill(written.replace('"DE"', '"AT"'));
    await page.getByLabel("Where it answers nothing").selectOption("on");
    await page.getByRole("button", { name: "Review and save" }).click();
    const form = page.getByRole("dialog", { name: "What changes" });
    await form.getByText("environments.production.otherwise.logic.if.0.==.1").waitFor();
    await form.getByRole("textbox", { name: "Reason" }).fill("Austria first");
    await form.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "from-flagd", level: 1 }).waitFor();
    const { definition } = await installation.client.getFlag({ params });
    const read = { if: [{ "==": [{ var: "country" }, "AT"] }, "on", "off"] };
    expect(definition.environments.production?.otherwise).toEqual({ kind: "logic", logic: read, variant: "on" });
  });

  it("is taken from one environment into another one, after a look at what differs", async () => {
    const environments = { staging: { isEnabled: true, otherwise: { kind: "variant" as const, variant: "on" } } };
    const params = { ...main, flag: "only-staging" };
    await installation.client.putFlag({ params, body: { definition: { environments }, reason: "a test" } });
    await open("/flags");
    await page.getByRole("link", { name: "Compare" }).click();
    await page.getByRole("heading", { name: "Compare environments", level: 1 }).waitFor();
    await page.getByText("only in staging").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("link", { name: "Take only-staging into production…" }).click();
    await page.getByRole("button", { name: "Review and save" }).click();
    const form = page.getByRole("dialog", { name: "What changes" });
    await form.getByRole("textbox", { name: "Reason" }).fill("tried for a week");
    await form.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "only-staging", level: 1 }).waitFor();
    const { definition } = await installation.client.getFlag({ params });
    expect(definition.environments.production).toEqual({ ...definition.environments.staging, isEnabled: false });
  });

  for (const colorScheme of ["light", "dark"] as const)
    it(`has no accessibility fault in ${colorScheme}, and fits 390 px`, async () => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 390, height: 844 });
      await open(`/flags/${FLAG}/edit`);
      await page.getByLabel("Values of rule 1, condition 1").waitFor();
      await page.getByText("Of last week’s users").waitFor();
      expect(await violations(page)).toEqual([]);
      expect(await overhang(page)).toBeLessThanOrEqual(0);
      expect(complaints).toEqual([]);
    });
});
