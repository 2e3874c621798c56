import type { BrowserContext, Request } from "playwright-core";
import { CHROMIUM, hasBrowser, launch } from "../chromium.ts";
import { type Bench, type Figure, figure, quantile } from "../figure.ts";
import type { Year } from "./year.ts";

/** Every page of the console with a year behind it, in a real Chromium: the API calls of each, and when its content is there. */
const GOAL_MS = 100;
const TIMES = 10;
/** No call under way for this long: the page asks for no more. */
const QUIET_MS = 150;
const LOOK_EVERY_MS = 20;

interface Visit {
  /** From the navigation to the heading, with every answer that it waits for. */
  readonly shownMs: number;
  readonly calls: readonly { readonly path: string; readonly ms: number }[];
}

export async function measurePages(bench: Bench, year: Year): Promise<Figure[]> {
  if (!hasBrowser) {
    bench.say(`SKIPPED: there is no Chromium at ${CHROMIUM}; the console's pages are not measured.`);
    return [];
  }
  const { client, url } = year.installation;
  const browser = await launch();
  try {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto((await client.createSignInLink({})).url);
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    await page.close();
    const calls: number[] = [];
    const shown: number[] = [];
    for (const [name, path] of await pagesOf(year)) {
      const visits: Visit[] = [];
      for (let i = 0; i < (bench.quick ? 1 : TIMES) && !bench.signal.aborted; i++)
        visits.push(await visit(context, url + path));
      const all = visits.flatMap((v) => v.calls);
      const slowest = [...all].sort((a, b) => b.ms - a.ms)[0];
      const p95 = quantile(
        all.map((c) => c.ms),
        0.95,
      );
      const at = quantile(
        visits.map((v) => v.shownMs),
        0.5,
      );
      bench.say(
        `${name}: shown after ${at.toFixed(0)} ms; ${all.length / visits.length} calls, p95 ${p95.toFixed(0)} ms, slowest ${slowest?.path} ${slowest?.ms.toFixed(0)} ms`,
      );
      calls.push(p95);
      shown.push(at);
    }
    return [
      figure(`console: API calls of the slowest of ${calls.length} pages, p95`, Math.max(...calls), "ms", {
        below: GOAL_MS,
      }),
      figure("console: navigation to content, slowest page's median", Math.max(...shown), "ms"),
    ];
  } finally {
    await browser.close();
  }
}

async function pagesOf({ installation, entries }: Year): Promise<[name: string, path: string][]> {
  const { client } = installation;
  const params = { project: "main" };
  const { items } = await client.listDeployments({ params, query: { limit: 200 } });
  const old = items.at(-1);
  const rollout = items.find((d) => d.status === "rolled_back" && d.rolloutId)?.rolloutId;
  return [
    ["Overview", "/"],
    ["Service", "/services/leads"],
    ["Deployment", `/deployments/${old?.id}`],
    ["Release", `/releases/${old?.release?.id}`],
    ["Rollout", `/rollouts/${rollout}`],
    ["Ledger", "/ledger"],
    ["Ledger entry", `/ledger/${Math.floor(entries / 2)}`],
    ["Settings", "/settings"],
    ["Health", "/health"],
  ];
}

/** In a tab of its own, with scripts and styles from the cache. */
async function visit(context: BrowserContext, address: string): Promise<Visit> {
  const tab = await context.newPage();
  const calls: { path: string; ms: number }[] = [];
  const under = new Set<Request>();
  const isCall = (request: Request) => {
    const { pathname } = new URL(request.url());
    return pathname.startsWith("/api/v1/") && pathname !== "/api/v1/stream";
  };
  let lastAnswer = performance.now();
  tab.on("request", (request) => isCall(request) && under.add(request));
  tab.on("requestfailed", (request) => under.delete(request));
  tab.on("requestfinished", (request) => {
    if (!under.delete(request)) return;
    lastAnswer = performance.now();
    const { requestStart, responseEnd } = request.timing();
    calls.push({ path: new URL(request.url()).pathname, ms: responseEnd - requestStart });
  });
  const begun = performance.now();
  await tab.goto(address, { waitUntil: "commit" });
  await tab.getByRole("heading", { level: 1 }).first().waitFor();
  let shown = performance.now();
  for (; under.size > 0 || performance.now() - lastAnswer < QUIET_MS; ) await tab.waitForTimeout(LOOK_EVERY_MS);
  shown = Math.max(shown, lastAnswer);
  await tab.close();
  return { shownMs: shown - begun, calls };
}
