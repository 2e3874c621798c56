import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** WCAG 2.2, levels A and AA. */
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** Violations of WCAG 2.2 AA on the page as it stands, one line each; none is what every page owes. */
export async function violations(page: Page): Promise<string[]> {
  // By the debugger's way in, so that the page's content security policy need not be loosened for a test.
  await page.evaluate(AXE);
  return page.evaluate(async (tags) => {
    const axe = (globalThis as unknown as { axe: { run(o: unknown): Promise<AxeResult> } }).axe;
    interface AxeResult {
      violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[];
    }
    // What a page was told just before is drawn with the next frame but one.
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    // What is still fading in has less contrast than it will have; what goes on for ever has no end to wait for.
    const fading = document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(fading.map((one) => one.finished));
    const { violations } = await axe.run({ runOnly: { type: "tag", values: tags } });
    return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${v.help}: ${n.html.slice(0, 160)}`));
  }, TAGS);
}

/** By how much the page is wider than its window: pages scroll down, never sideways. */
export const overhang = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
