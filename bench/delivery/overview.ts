import { existsSync } from "node:fs";
import { join } from "node:path";
import { CHROMIUM, hasBrowser, launch } from "../chromium.ts";
import { type Bench, type Figure, figure, median } from "../figure.ts";
import type { Installation } from "../installation.ts";

/** (d) From the address to an Overview that can be used: heading and services are there, and no task runs long. */
/** A page that was quiet for this long after its content came has no long task under way (50 ms by definition). */
const QUIET_MS = 100;

/** Runs in the page: resolves with the time since navigation at which the last long task had ended. */
const INTERACTIVE = (quietMs: number) =>
  new Promise<number>((done) => {
    let end = performance.now();
    new PerformanceObserver((list) => {
      for (const task of list.getEntries()) end = Math.max(end, task.startTime + task.duration);
    }).observe({ type: "longtask" as never, buffered: true });
    const look = () => (performance.now() - end >= quietMs ? done(end) : setTimeout(look, 20));
    look();
  });

export async function measureOverview(bench: Bench, installation: Installation): Promise<Figure[]> {
  if (!existsSync(join(bench.root, "apps", "console", "index.html"))) {
    bench.say("SKIPPED: there is no console yet (apps/console/index.html); the Overview is not measured.");
    return [];
  }
  if (!hasBrowser) {
    bench.say(`SKIPPED: there is no Chromium at ${CHROMIUM}; the Overview is not measured.`);
    return [];
  }
  const browser = await launch();
  try {
    const { url } = await installation.client.createSignInLink({});
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(url);
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    const times: number[] = [];
    for (let i = 0; i < (bench.quick ? 2 : 9); i++) {
      // A tab of its own with an empty cache for each: what a first visit of the day takes.
      const tab = await context.newPage();
      const session = await context.newCDPSession(tab);
      await session.send("Network.enable");
      await session.send("Network.setCacheDisabled", { cacheDisabled: true });
      await tab.goto(`${installation.url}/`, { waitUntil: "commit" });
      await tab.getByRole("heading", { level: 1 }).first().waitFor();
      await tab.getByText("leads").first().waitFor();
      times.push(await tab.evaluate(INTERACTIVE, QUIET_MS));
      await tab.close();
    }
    return [
      figure(`Overview interactive, median of ${times.length}`, median(times) / 1000, "s", { below: 1 }),
      figure("Overview interactive, worst", Math.max(...times) / 1000, "s"),
    ];
  } finally {
    await browser.close();
  }
}
