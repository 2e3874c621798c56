import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../apps/server/src/testing/until.ts";
import { hasBrowser, launch } from "../bench/chromium.ts";
import { type Installation, startOwn } from "../bench/installation.ts";
import { overhang, violations } from "./browser.ts";

/** Insights as an engineer reads them: facts of another system come in, figures, pictures and files tell of them. */
const ROOT = join(import.meta.dirname, "..");
const main = { project: "main" };
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 2, 2, 8);
const WINDOW = "service=shop&from=2026-03-02&to=2026-03-11&by=day";

let installation: Installation;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

type Fact = Parameters<Installation["client"]["postInsightFacts"]>[0]["body"]["facts"][number];
const sha = (n: number): string => n.toString(16).padStart(40, "0");
const fact = (kind: Fact["kind"], key: string, atMs: number, fields: Fact["fields"]): Fact => ({
  ...{ source: "csv:test", id: `${kind}/${key}`, kind, key, atMs, rank: 0, fields },
});

/** A day's deployment of one change that was written ten hours before. */
function deployed(n: number, outcome: string, more: Fact["fields"] = {}): Fact[] {
  const at = START + n * DAY;
  const written = { authoredAtMs: at - 10 * HOUR, committedAtMs: at - 10 * HOUR, title: `Change ${n}` };
  return [
    fact("commit", sha(n + 1), at, written),
    fact("deployment", `shop-${n}`, at, {
      ...{ source: "csv:test", service: "shop", environment: "production", outcome },
      ...{ commit: sha(n + 1), commits: [sha(n + 1)] },
      ...{ startedAtMs: at - HOUR, exposedAtMs: at - HOUR, servedAllAtMs: at, finishedAtMs: at, ...more },
    }),
  ];
}

const card = (name: string) => page.getByRole("article", { name, exact: true });
const open = async (path: string): Promise<void> => {
  await page.goto(`${installation.url}${path}`);
};

describe.skipIf(!hasBrowser)("the pages of Insights", () => {
  beforeAll(async () => {
    installation = await startOwn(ROOT, new AbortController().signal);
    browser = await launch();
    page = await (
      await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true })
    ).newPage();
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto((await installation.client.createSignInLink({})).url);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    await installation.client.postInsightFacts({
      params: main,
      body: {
        facts: [
          ...deployed(0, "succeeded"),
          ...deployed(1, "rolled_back", { recoveredAtMs: START + DAY + HOUR }),
          ...deployed(2, "succeeded"),
          ...deployed(5, "succeeded"),
          // Nothing speaks for a deployment that caused the one, and the other names one that nobody knows.
          fact("incident", "I-1", START + 4 * DAY, {
            ...{ source: "csv:test", service: "shop", environment: "production", title: "The checkout stood" },
            ...{ startedAtMs: START + 4 * DAY, resolvedAtMs: START + 4 * DAY + 2 * HOUR },
          }),
          fact("incident", "I-2", START + 4 * DAY, {
            ...{ source: "csv:test", service: "elsewhere", title: "Mail was late", startedAtMs: START + 4 * DAY },
            links: [{ deployment: "nowhere", by: "stated", words: "" }],
          }),
        ],
      },
    });
    const query = { service: "shop", from: "2026-03-02T00:00:00Z", to: "2026-03-12T00:00:00Z" } as const;
    await until("the four deployments are counted", async () => {
      const { keys } = await installation.client.getDora({
        params: main,
        query: { ...query, by: "day", definition: "dora-2025" },
      });
      return keys.changeFailRate.of === 4 ? true : null;
    });
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await installation?.stop();
  });

  it("are reached by keys, and say of a service without facts that there is no data", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("i");
    await page.getByRole("heading", { name: "Insights", level: 1 }).waitFor();
    await open("/insights?service=nobody&days=30");
    for (const name of ["Change lead time", "Change fail rate", "Deployment rework rate"])
      await card(name).getByText("No data", { exact: true }).waitFor();
    await card("Change fail rate").getByText("latchkey import git <path>").waitFor();
  });

  it("show what the facts come to, with what each figure is drawn from", async () => {
    await open(`/insights?${WINDOW}`);
    await card("Change fail rate").getByText("25 %", { exact: true }).waitFor();
    await card("Change fail rate").getByText("from 4 deployments").waitFor();
    await card("Change lead time").getByText("10 h", { exact: true }).waitFor();
    await card("Failed deployment recovery time").getByText("from 1 failure").waitFor();
    const row = page.getByRole("row", { name: /^shop/ });
    await row.getByText("25 %").waitFor();
  });

  it("keep a dragged window in the address, from which Back leads out again", async () => {
    await open(`/insights?${WINDOW}`);
    const picture = page.locator(".u-over").first();
    await picture.waitFor();
    await picture.scrollIntoViewIfNeeded();
    const box = await picture.boundingBox();
    if (!box) throw new Error("The picture has no place on the page.");
    await page.mouse.move(box.x + box.width * 0.35, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 30, { steps: 6 });
    await page.mouse.up();
    await page.waitForURL((url) => url.searchParams.get("from") !== "2026-03-02");
    await picture.waitFor();
    const { searchParams } = new URL(page.url());
    const [from, to] = [searchParams.get("from") ?? "", searchParams.get("to") ?? ""];
    expect(from > "2026-03-02" && from < to && to < "2026-03-11").toBe(true);
    await page.reload();
    expect(await page.getByLabel("From", { exact: true }).inputValue()).toBe(from);
    expect(await page.getByLabel("To", { exact: true }).inputValue()).toBe(to);
    await page.goBack();
    await page.waitForURL(/from=2026-03-02/);
  });

  it("have the same rows in the table and in the file, and leave days without data empty", async () => {
    await open(`/insights?${WINDOW}&view=table`);
    const table = page.getByRole("table", { name: "Change fail rate", exact: true });
    await table.waitFor();
    expect(await table.getByRole("row").count()).toBe(11);
    expect(await table.getByRole("row", { name: /^3 Mar 2026/ }).textContent()).toContain("100 %");
    expect(await table.getByRole("row", { name: /^10 Mar 2026/ }).textContent()).toContain("No data");
    const section = page.getByRole("region", { name: "Over time" });
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      section.getByRole("button", { name: "CSV" }).click(),
    ]);
    expect(file.suggestedFilename()).toBe("dora-2026-03-02-2026-03-12.csv");
    const [head = "", ...rows] = readFileSync(await file.path(), "utf8")
      .trim()
      .split("\r\n");
    expect(rows).toHaveLength(10);
    const column = head.split(",").indexOf("Change fail rate: Value");
    const values = rows.map((row) => row.split(",")[column]);
    expect(values).toEqual(["0", "1", "0", "", "", "0", "", "", "", ""]);
  });

  it("lead from a figure to what is behind it, where a person may correct it and take that back", async () => {
    await open(`/insights?${WINDOW}`);
    await card("Change fail rate")
      .getByRole("link", { name: /The failed ones/ })
      .click();
    await page.waitForURL(/\/insights\/deployments\?.*only=failed/);
    await page.getByText("It was rolled back").waitFor();
    expect(await page.getByRole("button", { name: /^Correct this/ }).count()).toBe(1);
    await page.getByRole("button", { name: /^Correct this/ }).click();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Put it on record" }).click();
    await page.getByText("Say why: the ledger keeps it.").waitFor();
    await page.getByRole("radio", { name: /^Was no failure/ }).check();
    await page.getByLabel("Reason").fill("It was a drill of the team.");
    await page.getByRole("button", { name: "Put it on record" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await open(`/insights?${WINDOW}`);
    await card("Change fail rate").getByText("0 %", { exact: true }).waitFor();
    await open("/insights/deployments?service=shop&from=2026-03-02&to=2026-03-11");
    await page.getByText(/It was a drill of the team/).waitFor();
    await page.getByRole("button", { name: "Take it back" }).click();
    await page.getByRole("dialog").getByLabel("Reason").fill("It was none.");
    await page.getByRole("dialog").getByRole("button", { name: "Take it back" }).click();
    await page.getByText("taken back", { exact: true }).waitFor();
    await open(`/insights?${WINDOW}`);
    await card("Change fail rate").getByText("25 %", { exact: true }).waitFor();
  });

  it("list incidents, with what each is held to come from, and what contradicts itself", async () => {
    await open("/insights/incidents?service=shop&from=2026-03-02&to=2026-03-11");
    await page.getByText("The checkout stood").waitFor();
    await page.getByText("Over after 2 h").waitFor();
    await page.getByText(/^Held against no deployment/).waitFor();
    await open(`/insights?${WINDOW}`);
    await page.getByRole("link", { name: /contradiction/ }).click();
    await page.getByText("nowhere").first().waitFor();
  });

  it.each(["light", "dark"] as const)("have no accessibility fault in %s, and fit 390 px", async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const rows = "service=shop&from=2026-03-02&to=2026-03-11";
    const places = [
      [`/insights?${WINDOW}`, "Services side by side"],
      [`/insights?${WINDOW}&view=table`, "Services side by side"],
      [`/insights/deployments?${rows}`, "It was rolled back"],
      [`/insights/incidents?${rows}`, "The checkout stood"],
      ["/insights/conflicts", "unknown deployment"],
    ] as const;
    for (const [path, words] of places) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await open(path);
      await page.getByText(words).first().waitFor();
      expect(await violations(page), path).toEqual([]);
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await overhang(page), path).toBe(0);
    }
  });

  it("have made the browser complain of nothing", () => {
    expect(complaints).toEqual([]);
  });
});
