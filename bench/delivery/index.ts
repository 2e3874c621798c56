import type { Bench, Figure } from "../figure.ts";
import { startOwn } from "../installation.ts";
import { measureIdle, measureMemory } from "./footprint.ts";
import { measureGateway } from "./gateway.ts";
import { measureJudge } from "./judge.ts";
import { measureOverview } from "./overview.ts";
import { measureReads } from "./reads.ts";
import { measureRollback } from "./rollback.ts";
import { measureStart } from "./start.ts";

/** The topic `delivery`: how fast a rollback is, what everything costs, how long people wait. */
export const PARTS = ["judge", "gateway", "idle", "rollback", "memory", "reads", "overview", "start"] as const;
export type Part = (typeof PARTS)[number];

export async function benchDelivery(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const wanted = (part: Part) => only.length === 0 || only.includes(part);
  const figures: Figure[] = [];
  if (wanted("judge")) figures.push(...measureJudge(bench));
  if (wanted("gateway")) figures.push(...(await measureGateway(bench)));
  if ((["idle", "rollback", "memory", "reads", "overview"] as const).some(wanted)) {
    bench.say("Starting a Latchkey of its own ...");
    const installation = await startOwn(bench.root, bench.signal);
    try {
      if (wanted("idle")) figures.push(...(await measureIdle(bench, installation)));
      if (wanted("rollback")) figures.push(...(await measureRollback(bench, installation)));
      if (wanted("memory")) figures.push(...(await measureMemory(bench, installation)));
      if (wanted("reads")) figures.push(...(await measureReads(bench, installation)));
      if (wanted("overview")) figures.push(...(await measureOverview(bench, installation)));
    } finally {
      await installation.stop();
    }
  }
  if (wanted("start")) figures.push(...(await measureStart(bench)));
  return figures;
}
