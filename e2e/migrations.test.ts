import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Workload } from "../apps/server/src/testing/workload.ts";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** What a service's page says of its database: taken over, added to, about to lose a column, and failed. */
const ROOT = join(import.meta.dirname, "..");
const SHIP_MS = 120_000;

let installation: Installation;
let browser: Browser;
let page: Page;
let shop: Workload;
let version = 0;
const complaints: string[] = [];

const params = () => ({ project: "main", service: shop.name });
const migration = (file: string, text: string) => writeFileSync(join(shop.root, "app", "db", file), text);
async function ship(status: "succeeded" | "failed_gate"): Promise<void> {
  version += 1;
  shop.will({ version: String(version) });
  const { id } = await installation.client.ship({ params: params(), body: { strategy: "all_at_once" } });
  await expect
    .poll(
      async () => (await installation.client.getDeployment({ params: { project: "main", deploymentId: id } })).status,
      {
        timeout: SHIP_MS,
      },
    )
    .toBe(status);
}

describe.skipIf(!hasBrowser)("migrations in the console", () => {
  beforeAll(async () => {
    installation = await startOwn(ROOT, new AbortController().signal);
    const { client: owner } = installation;
    shop = new Workload({ dir: installation.own?.dir ?? "", mark: "console", owner });
    mkdirSync(join(shop.root, "app", "db"), { recursive: true });
    await shop.apply({
      gates: [{ name: "schema", kind: "migrations", folder: "db" }],
      strategy: { kind: "all_at_once", batch: { when: "off" } },
    });
    browser = await launch();
    page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto((await owner.createSignInLink({})).url);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
  });

  const panel = () => page.getByRole("region", { name: "Migrations in production" });
  const open = () => page.goto(`${installation.url}/services/${shop.name}`);

  it("says that nothing ran yet, and which schema was there before", async () => {
    await open();
    await panel().getByText("Nothing ran here yet").waitFor();
    migration("hand-made.sql", "create table nowhere (id int);\n");
    const files = [{ file: "hand-made.sql", text: "create table nowhere (id int);\n" }];
    const body = { environment: "production", files, accept: true, reason: "made by hand" };
    await installation.client.baselineSchema({ params: params(), body });
    await open();
    const baseline = panel().getByText("1 file was there before Latchkey");
    await baseline.focus();
    await page.keyboard.press("Enter");
    await panel().getByText("table nowhere: It is not in the database.").waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it(
    "shows what ran, what waits for what, and what failed and why",
    async () => {
      migration("m1-lead.sql", "create table lead (id int, mail text);\n");
      await ship("succeeded");
      migration("m2-contract-mail.sql", "alter table lead drop column mail;\n");
      await ship("succeeded");
      migration("m3-broken.sql", "select 1 / 0;\n");
      await ship("failed_gate");
      await open();
      const rows = panel().getByRole("list", { name: "Migrations that ran in production" }).getByRole("listitem");
      await rows.filter({ hasText: "m1-lead.sql" }).getByText("Applied").waitFor();
      const failed = rows.filter({ hasText: "m3-broken.sql" });
      await failed.getByText("Failed").waitFor();
      await failed.getByText("division by zero").waitFor();
      await panel().getByText("m2-contract-mail.sql").waitFor();
      await panel()
        .getByText(/is in its rollback window for \d+ more minutes/)
        .waitFor();
    },
    3 * SHIP_MS,
  );

  it("can be read in the dark, on a telephone, and says so where it can't be asked", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 844 });
        await panel().scrollIntoViewIfNeeded();
        expect(await violations(page)).toEqual([]);
        expect(await overhang(page)).toBeLessThanOrEqual(0);
      }
    }
    await page.route("**/migrations", (route) => route.fulfill({ status: 500, body: "no" }));
    await open();
    await page
      .getByRole("button", { name: /try again/i })
      .first()
      .waitFor({ timeout: 60_000 });
    expect(complaints).toEqual([]);
  });
});
