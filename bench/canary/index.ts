import { measureJudge } from "../delivery/judge.ts";
import type { Bench, Figure } from "../figure.ts";
import { CELLS, type Cell, keyOf } from "./cells.ts";
import { writeDocument } from "./document.ts";
import { figuresOf } from "./figures.ts";
import type { Peer } from "./peers/peer.ts";
import { type Ending, preparePlay, rulesOf } from "./play.ts";
import { type Results, readResults, summaryOf, writeCell } from "./results.ts";

/** The topic `canary`: how often the judge blames the healthy, how soon it finds harm, beside the rules of others. */
export const CANARY_PARTS = ["false-rollbacks", "harm", "robustness", "pass", "low-traffic", "cost"] as const;

/**
 * A thousand runs tell 1 % from 2 % (95 % bounds of 1 %: 0.5 to 1.8), and the bounds of a median of two hundred lie at the
 * 43rd and the 57th percentile.
 */
const RUNS = { alarms: 1_000, times: 200 } as const;
/** With `--runs`, which says how often verdicts are counted: a fifth as many for medians. */
const TIMES_SHARE = 0.2;
const QUICK_RUNS = 5;

export async function benchCanary(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  if (bench.write && bench.quick)
    throw new Error("What --quick measures is not for publishing: leave --quick or --write away.");
  const wanted = (part: string) => only.length === 0 || only.includes(part);
  const known: Results = bench.write ? readResults(bench.root, bench.seed) : { judge: "", seed: bench.seed, cells: {} };
  const played: Record<string, Results["cells"][string]> = {};
  const cells = CELLS.filter((cell) => wanted(cell.part));
  for (const [i, cell] of cells.entries()) {
    if (bench.signal.aborted) throw new Error("Stopped; with --write what is finished is kept.");
    const runs = runsOf(bench, cell);
    const kept = known.cells[keyOf(cell)] ?? {};
    const missing = rulesOf(cell).filter((rule) => (kept[rule.name]?.runs ?? 0) < runs);
    bench.say(`${i + 1} of ${cells.length}: ${keyOf(cell)}, ${missing.length === 0 ? "kept" : `${runs} runs`}`);
    const rules = { ...kept, ...(await playCell(bench, cell, missing, runs)) };
    played[keyOf(cell)] = rules;
    if (bench.write && missing.length > 0) writeCell(bench.root, bench.seed, cell, rules);
  }
  if (bench.write) writeDocument(bench.root, readResults(bench.root, bench.seed));
  const figures = cells.flatMap((cell) => figuresOf(cell, played[keyOf(cell)] ?? {}));
  return wanted("cost") ? [...figures, ...measureJudge(bench)] : figures;
}

function runsOf(bench: Bench, { asks }: Cell): number {
  if (bench.runs !== null) return asks === "alarms" ? bench.runs : Math.max(1, Math.round(bench.runs * TIMES_SHARE));
  return bench.quick ? (asks === "alarms" ? QUICK_RUNS : 1) : RUNS[asks];
}

async function playCell(
  bench: Bench,
  cell: Cell,
  rules: readonly Peer[],
  runs: number,
): Promise<Results["cells"][string]> {
  const play = preparePlay(cell, rules, bench.seed);
  const endings = new Map<string, Ending[]>();
  for (let run = 0; run < runs && rules.length > 0; run++) {
    for (const [rule, ending] of play(run)) endings.set(rule, [...(endings.get(rule) ?? []), ending]);
    // Ctrl-C is heard between runs.
    await new Promise((resolve) => setImmediate(resolve));
    if (bench.signal.aborted) throw new Error("Stopped; with --write what is finished is kept.");
  }
  return Object.fromEntries([...endings].map(([rule, list]) => [rule, summaryOf(list, cell.fromMs)]));
}
