import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServiceConfigInput } from "@latchkey/api/models";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../apps/server/src/testing/until.ts";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** A service with a path of environments, from a promotion to a rollback with all that was changed along, on a telephone. */
const ROOT = join(import.meta.dirname, "..");
const main = { project: "main" };
const shop = { ...main, service: "shop" };
const STEP_MS = 120_000;

let installation: Installation;
let browser: Browser;
let page: Page;
let dir: string;
const complaints: string[] = [];

const open = async (path: string) => {
  await page.goto(`${installation.url}${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
};
/** As it stands it must be good for everybody: in the light and in the dark, and no wider than a telephone. */
const looksRight = async (name: string): Promise<void> => {
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page), `${name} in ${colorScheme}`).toEqual([]);
    expect(await overhang(page), `${name} at 390 px`).toBeLessThanOrEqual(0);
    if (process.env.LATCHKEY_SHOTS)
      await page.screenshot({ path: join(process.env.LATCHKEY_SHOTS, `${name}-${colorScheme}.png`) });
  }
};
const apply = async (over: Partial<ServiceConfigInput>): Promise<void> => {
  const config: ServiceConfigInput = {
    ...{ name: "shop", source: "app", build: ["node", "build.mjs"] },
    gates: [{ name: "unit tests", command: ["node", "gate.mjs"] }],
    environments: ["staging", "production"],
    rollback: { unhealthyMs: 60_000 },
    promotions: [{ from: "staging", to: "production", soakMs: 0 }],
    strategy: { kind: "all_at_once", batch: { when: "off" }, holdbackMs: 0 },
    ...over,
  };
  await installation.client.applyService({ body: { config, root: dir } });
};
const serving = async (environment: string) =>
  (await installation.client.getService({ params: shop })).environments.find((e) => e.name === environment)?.serving
    ?.number;
const untilServes = (environment: string, number: number) =>
  until(`${environment} serves ${number}`, async () => (await serving(environment)) === number);
const toStaging = async (number: number): Promise<void> => {
  const behaviour = { version: `${number}`, build: "pass", gate: "pass", start: "well", health: 200, healthBody: "" };
  writeFileSync(join(dir, "app", "behaviour.json"), JSON.stringify({ ...behaviour, page: `welcome ${number}` }));
  await installation.client.ship({ params: shop, body: { environment: "staging" } });
  await untilServes("staging", number);
};
/** Opens a dialog by its button, looks at it, says why, and agrees. */
const agree = async (o: { button: string; dialog: string | RegExp; press: string; also?: () => Promise<void> }) => {
  await page.getByRole("button", { name: o.button, exact: true }).first().click();
  const form = page.getByRole("dialog", { name: o.dialog });
  const press = form.getByRole("button", { name: o.press, exact: true });
  await press.click();
  await form.getByText("Say why: the ledger keeps it.").waitFor();
  await o.also?.();
  await form.getByLabel("Reason").fill("customers report wrong prices");
  await looksRight(o.press.toLowerCase().replace(/\W+/g, "-"));
  await press.click();
  await form.waitFor({ state: "hidden" });
};

describe.skipIf(!hasBrowser)("going on and going back in the console", () => {
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "latchkey-rollback-"));
    mkdirSync(join(dir, "app"));
    cpSync(join(ROOT, "apps", "server", "src", "testing", "workload"), join(dir, "app"), { recursive: true });
    installation = await startOwn(ROOT, new AbortController().signal);
    browser = await launch();
    page = await (await browser.newContext({ viewport: { width: 390, height: 844 } })).newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto((await installation.client.createSignInLink({})).url);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    await apply({});
    await toStaging(1);
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it(
    "promotes along the path, with a reason",
    async () => {
      await installation.client.promote({ params: shop, body: { to: "production", reason: "the first" } });
      await untilServes("production", 1);
      await toStaging(2);
      await open("/services/shop");
      await agree({
        ...{ button: "Promote shop to production", dialog: "Promote shop #2 to production" },
        press: "Promote to production",
      });
      await untilServes("production", 2);
    },
    STEP_MS,
  );

  it(
    "goes back from the list of releases, with the configuration and the flags that were changed along",
    async () => {
      const { client } = installation;
      const rules = { isEnabled: true, otherwise: { kind: "variant" as const, variant: "off" } };
      const definition = { environments: { production: rules } } as Parameters<
        typeof client.putFlag
      >[0]["body"]["definition"];
      await client.putFlag({ params: { ...main, flag: "new-form" }, body: { definition, reason: "for release 3" } });
      await toStaging(3);
      await client.promote({ params: shop, body: { to: "production", reason: "with its flag" } });
      await untilServes("production", 3);
      await apply({ rollback: { unhealthyMs: 45_000 } });
      await client.switchFlag({
        params: { ...main, flag: "new-form" },
        body: { environment: "production", isEnabled: false, reason: "the old form" },
      });
      await open("/services/shop?tab=releases");
      await agree({
        ...{ button: "Roll back production to #2", dialog: "Roll back shop in production", press: "Roll back to #2" },
        also: async () => {
          await page.getByRole("checkbox", { name: "Apply the configuration of then again" }).check();
          await page.getByRole("checkbox", { name: "Put back the flags that were changed" }).check();
          await page.getByText("new-form: isEnabled: false to true").waitFor();
          await page.getByText("rollback.unhealthyMs: 45000 to 60000").waitFor();
        },
      });
      await page.getByText("1 flag put back: new-form.").first().waitFor();
      await untilServes("production", 2);
      expect((await client.getService({ params: shop })).config.rollback?.unhealthyMs).toBe(60_000);
      const { environments } = await client.getFlag({ params: { ...main, flag: "new-form" } });
      expect(environments).toMatchObject([{ name: "production", isEnabled: true }]);
    },
    STEP_MS,
  );

  it("says on the path what was taken back, and before it is promoted again", async () => {
    await open("/services/shop");
    await page.getByText(/was taken back in production \(customers report wrong prices\)/).waitFor();
    await page.getByRole("button", { name: "Promote again: shop to production" }).click();
    const dialog = page.getByRole("dialog", { name: "Promote shop #3 to production" });
    await dialog.getByText("A person who promotes it sends the same release there again.").waitFor();
    await looksRight("promote-again");
    await dialog.getByRole("button", { name: "Cancel" }).click();
  });

  it("lists waivers, and takes one back", async () => {
    await installation.client.createWaiver({
      params: shop,
      body: {
        ...{ gate: "unit tests", reason: "their machine is moved" },
        until: new Date(Date.now() + 5 * 86_400_000).toISOString(),
      },
    });
    await open("/services/shop?tab=configuration");
    await page.getByText("their machine is moved").waitFor();
    await looksRight("waivers");
    await page.getByRole("button", { name: "Take back the waiver of unit tests" }).click();
    const dialog = page.getByRole("dialog", { name: "Take the waiver of “unit tests” back?" });
    await looksRight("waiver-back");
    await dialog.getByRole("button", { name: "Take it back" }).click();
    await page.getByText("Taken back", { exact: true }).first().waitFor();
  });

  it("measures how much went by itself", async () => {
    await open("/deployments");
    await page.getByRole("heading", { name: "By itself, in the last 30 days" }).scrollIntoViewIfNeeded();
    await page.getByRole("img", { name: /^Deployments a day\./ }).waitFor();
    await looksRight("automation");
  });

  it(
    "lets a deployment out of its window, with a reason",
    async () => {
      const { client } = installation;
      const inThreeDays = new Date(Date.now() + 3 * 86_400_000).getUTCDay();
      const day = (["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const)[inThreeDays] ?? "sun";
      const allow = [{ days: [day], from: "00:00", to: "00:01", timeZone: "UTC" }];
      await apply({ gates: [{ name: "hours", kind: "window", environments: ["production"], allow }] });
      await client.resumeDeployments({ params: shop, body: { environment: "production", reason: "it was the flag" } });
      const body = { to: "production", reason: "the cause was the flag" };
      const { id } = await client.promote({ params: shop, body });
      await open(`/deployments/${id}?gate=hours`);
      await agree({ button: "Let it out now…", dialog: "Let it out now?", press: "Let it out" });
      await untilServes("production", 3);
      expect(complaints).toEqual([]);
    },
    STEP_MS,
  );
});
