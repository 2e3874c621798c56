import type { Bench, Figure } from "../figure.ts";
import { measureLoops } from "./loops.ts";
import { measureMerge } from "./merge.ts";
import { measureOrder } from "./order.ts";
import { measureReports } from "./reports.ts";
import { measureServing } from "./serving.ts";
import { measureWebhooks } from "./webhooks.ts";

/**
 * The topic `pipeline`: what comes from GitHub, how soon a merge meets its first visitors, how soon they are served by the old
 * release again, who waits for large reports,
 * and what looking after 200 services costs when nothing goes on.
 */
const MEASURES: Readonly<Record<string, (bench: Bench) => Promise<Figure[]>>> = {
  webhooks: measureWebhooks,
  order: measureOrder,
  merge: measureMerge,
  serving: measureServing,
  reports: measureReports,
  loops: measureLoops,
};
export const PIPELINE_PARTS = Object.keys(MEASURES);

export async function benchPipeline(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [part, measure] of Object.entries(MEASURES))
    if (only.length === 0 || only.includes(part)) figures.push(...(await measure(bench)));
  return figures;
}
