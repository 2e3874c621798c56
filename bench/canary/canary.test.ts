import { healthy } from "@latchkey/core/analysis/planning/traffic";
import { describe, expect, it } from "vitest";
import { CELLS, type Cell, keyOf } from "./cells.ts";
import { documentOf } from "./document.ts";
import { figuresOf } from "./figures.ts";
import { blamesHealthy } from "./healthy.ts";
import { picture } from "./picture.ts";
import { OURS, preparePlay, rulesOf, UNSETTLED } from "./play.ts";
import { middleOf, percentOf, type Results, summaryOf } from "./results.ts";

const cellOf = (row: string, rate: number): Cell => {
  const found = CELLS.find((c) => c.row.startsWith(row) && c.requestsPerSecond === rate);
  if (!found) throw new Error(`There is no cell "${row}" at ${rate}/s.`);
  return found;
};

describe("the cells", () => {
  it("have keys of their own", () => {
    expect(new Set(CELLS.map(keyOf)).size).toBe(CELLS.length);
  });
});

describe("a run", () => {
  const cell = cellOf("every request fails", 145);
  it("comes again from its seed, whoever plays with whom", () => {
    const rules = rulesOf(cell);
    const together = preparePlay(cell, rules, 1)(3);
    expect(preparePlay(cell, rules, 1)(3)).toEqual(together);
    for (const rule of rules) expect(preparePlay(cell, [rule], 1)(3).get(rule.name)).toEqual(together.get(rule.name));
    expect(together.get(OURS)).toMatchObject({ action: "roll_back", atMs: 5_000 });
  });
  it("plays the judge without its wait only where latency tells", () => {
    expect(rulesOf(cell).map((r) => r.name)).not.toContain(UNSETTLED);
    expect(rulesOf(cellOf("twice as slow", 145)).map((r) => r.name)).toContain(UNSETTLED);
  });
});

describe("summaries", () => {
  it("take the median over all runs, and know its bounds by order statistics", () => {
    const list = Array.from({ length: 100 }, (_, i) => i + 1);
    // Ranks 50 ± 1.96 sqrt(100) / 2 = 50 ± 9.8.
    expect(middleOf(list)).toEqual({ median: 50, low: 40, high: 61 });
    expect(middleOf([1, 2, null, null])).toMatchObject({ median: 2, high: null });
    expect(middleOf([1, null, null])).toBeNull();
  });
  it("count from when harm begins: what came before found nothing", () => {
    const at = (atMs: number) => ({ action: "roll_back" as const, atMs, canaryRequests: 1 });
    const s = summaryOf([at(500_000), at(700_000), at(720_000)], 600_000);
    expect(s).toMatchObject({ runs: 3, rolledBack: 2, seconds: { median: 120 } });
  });
  it("bound shares by Wilson's interval", () => {
    // 0 of 1000: z^2 / (n + z^2) = 0.383 %.
    const { value, low, high } = percentOf(0, 1000);
    expect(value).toBe(0);
    expect(low).toBeCloseTo(0, 12);
    expect(high).toBeCloseTo(0.3827, 3);
  });
});

describe("what is published", () => {
  const cells = ["no difference, 1 % errors", "errors 1 → 2 %"].map((row) => cellOf(row, 145));
  const results: Results = {
    judge: "judge-0",
    seed: 1,
    cells: Object.fromEntries(
      cells.map((cell) => {
        const endings = Array.from({ length: 20 }, (_, i) => ({
          action: cell.part === "harm" || i < 3 ? ("roll_back" as const) : null,
          atMs: 130_000,
          canaryRequests: 1_900,
        }));
        return [keyOf(cell), { [OURS]: summaryOf(endings, 0), "Flagger-like": summaryOf(endings, 0) }];
      }),
    ),
  };
  it("names each goal that is missed, by how much", () => {
    const [, harm] = cells as [Cell, Cell];
    const figure = figuresOf(harm, results.cells[keyOf(harm)] ?? {}).find((f) => f.unit === "s");
    expect(figure).toMatchObject({ value: 130, goal: "<= 120", holds: false });
    const text = documentOf(results);
    expect(text).toMatch(/errors 1 → 2 %, 145\/s: median until rolled back .* \| 130 s +\| <= 120 +\| 1\.08 /);
    expect(text).toMatch(/no difference, 1 % errors, 145\/s: rolled back .* \| 15 % +\| <= 1 /);
    expect(text).not.toMatch(/NaN|undefined|null/);
  });
  it("marks rules that blame healthy releases at the same rate", () => {
    const [, harm] = cells as [Cell, Cell];
    expect(blamesHealthy(results, harm, "Flagger-like")).toBe(true);
    expect(blamesHealthy(results, { ...harm, model: healthy(145, 0.001) }, "Flagger-like")).toBe(false);
    expect(documentOf(results)).toContain("130*");
    expect(picture(results)).toContain('class="faint"');
  });
  it("draws what was measured, and nothing where nothing was", () => {
    expect(picture(results)).toContain("errors 1 → 2 %, 145/s");
    expect(picture({ ...results, cells: {} })).not.toContain("/s</text>");
    expect(documentOf({ ...results, cells: {} })).toContain("Not measured yet.");
  });
});
