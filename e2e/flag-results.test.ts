import { join } from "node:path";
import { armOf, bucketOf } from "@latchkey/core/flags/buckets";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** A rollout as an experiment, as a product manager follows it: users meet it, some sign up, then it does harm. */
const ROOT = join(import.meta.dirname, "..");
const FLAG = "new-lead-form";
const main = { project: "main" };

let installation: Installation;
let browser: Browser;
let page: Page;
let key = "";
const complaints: string[] = [];
const treated: string[] = [];
const control: string[] = [];

const report = async (what: "exposures" | "events", items: readonly object[]) => {
  const answer = await fetch(`${installation.url}/flags/v1/${what}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ [what]: items }),
  });
  expect(answer.status).toBe(202);
};
const picture = async (name: string) => {
  const folder = process.env.LATCHKEY_PICTURES;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
};

describe.skipIf(!hasBrowser)("results of a rollout in the console", () => {
  beforeAll(async () => {
    installation = await startOwn(ROOT, new AbortController().signal);
    browser = await launch();
    page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto((await installation.client.createSignInLink({})).url);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    const made = await installation.client.createFlagKey({
      params: main,
      body: { name: "test", environment: "production", kind: "server" },
    });
    key = made.secret;
    const bucket = bucketOf("targetingKey", FLAG, "flagd-2");
    for (let i = 0; treated.length < 480 || control.length < 480; i++) {
      const user = `u-${i}`;
      const arm = armOf(bucket({ targetingKey: user }) ?? Number.NaN, 20);
      if (arm === "treated" && treated.length < 480) treated.push(user);
      if (arm === "control" && control.length < 480) control.push(user);
    }
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
  });

  it("are reached from the flag, and say that nobody has met it yet", async () => {
    await installation.client.putFlag({
      params: { ...main, flag: FLAG },
      body: {
        reason: "a test",
        definition: {
          environments: {
            production: {
              isEnabled: true,
              otherwise: {
                ...{ kind: "rollout", variant: "on", against: "off", percent: 20 },
                experiment: { goals: [{ metric: "signup", minEffectPercent: 10 }] },
              },
            },
          },
        },
      },
    });
    await page.goto(`${installation.url}/flags/${FLAG}`);
    await page.getByRole("link", { name: "Results" }).click();
    await page.getByRole("heading", { name: `Results of ${FLAG}`, level: 1 }).waitFor();
    await page.getByText("Keep going", { exact: true }).waitFor();
    await page.getByText("0 / 0").waitFor();
    expect(await page.getByText("nothing reported").count()).toBe(2);
    await page.getByText("Nothing was decided yet").waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it("grow while somebody looks: the effect with its interval, and what to do", async () => {
    await report("exposures", [
      ...treated.map((user) => ({ flag: FLAG, variant: "on", rule: "otherwise", key: user })),
      ...control.map((user) => ({ flag: FLAG, variant: "off", rule: "otherwise", key: user })),
    ]);
    await page.getByText("480 / 480").waitFor();
    const signups = (users: readonly string[]) => users.map((user) => ({ metric: "signup", key: user }));
    await report("events", [...signups(treated.slice(0, 220)), ...signups(control.slice(0, 100))]);
    await page.getByText("+120 %", { exact: true }).waitFor();
    await page.getByText("Ship it", { exact: true }).waitFor();
    await page.getByText("signup: times as much as the control").first().waitFor();
    expect(await violations(page)).toEqual([]);
    await picture("results-light");
    await page.getByRole("button", { name: "As tables" }).click();
    await page.getByRole("region", { name: "Evidence of harm as a table" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "As pictures" }).click();
  });

  it("tell of a kill with its evidence, as soon as it is decided", async () => {
    const errors = (users: readonly string[]) => users.map((user) => ({ metric: "errors", key: user, isBad: true }));
    await report("events", [...errors(treated.slice(0, 40)), ...errors(control.slice(0, 3))]);
    await page.getByText("Killed", { exact: true }).first().waitFor();
    await page.getByText("does harm").waitFor();
    await page.getByRole("link", { name: "Killed" }).waitFor();
    await page
      .getByText(/40 of 480 treated users were hurt and 3 of 480 of the control/)
      .first()
      .waitFor();
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await violations(page)).toEqual([]);
    await picture("results-dark");
    await page.setViewportSize({ width: 390, height: 844 });
    // Pictures are drawn anew when their place has become another.
    await expect.poll(() => overhang(page)).toBe(0);
    await picture("results-narrow");
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: "light" });
    await page.getByRole("link", { name: "Killed" }).click();
    await page.getByText("flags.rollout.killed").first().waitFor();
  });

  it("say so where there is nothing to compare", async () => {
    await installation.client.putFlag({
      params: { ...main, flag: "plain" },
      body: {
        reason: "a test",
        definition: { environments: { production: { otherwise: { kind: "variant", variant: "on" } } } },
      },
    });
    await page.goto(`${installation.url}/flags/plain/results`);
    await page.getByText("There is nothing to compare").waitFor();
    await page.goto(`${installation.url}/flags/nowhere/results`);
    await page.getByText("There is no flag").waitFor();
    await page.goto(`${installation.url}/flags/${FLAG}`);
    await page.getByRole("heading", { name: "Last seven days" }).waitFor();
    await page.getByRole("cell", { name: "on 50 %" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await picture("flag");
    // The list tells which flags nobody asks for, and can show these alone.
    await page.goto(`${installation.url}/flags`);
    await page.getByRole("link", { name: FLAG }).waitFor();
    await page.getByLabel("Which flags").selectOption({ label: "New" });
    await page.getByRole("link", { name: "plain" }).waitFor();
    await page.getByRole("link", { name: FLAG }).waitFor({ state: "detached" });
    expect(await violations(page)).toEqual([]);
    await picture("flags");
    expect(complaints).toEqual([]);
  });
});
