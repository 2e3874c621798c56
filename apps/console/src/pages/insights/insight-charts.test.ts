import { describe, expect, it } from "vitest";
import type { Dora, KeyFigure } from "../../api/types.ts";
import { headOf, isBlank, lonePoints, marksAt, rowsOf, topOf } from "../../charts/chart-data.ts";
import { figure as shown } from "../../charts/figures.ts";
import { toCsv } from "../../ui/csv.ts";
import { keyCharts, servicesCsv } from "./insight-charts.ts";
import { drawnFrom, frequency, intervalWords, sureness, valueWords } from "./insight-words.ts";

const figure = (value: number | null, of = 0): KeyFigure => ({
  value,
  p90: null,
  interval: value === null ? null : { low: value / 2, high: value * 2 },
  of,
  open: 0,
  soaking: 0,
  words: "",
});
const keysOf = (value: number | null): Dora["keys"] => ({
  deploymentFrequency: figure(value),
  changeLeadTime: figure(value),
  changeFailRate: figure(value),
  recoveryTime: figure(value),
  reworkRate: figure(value),
});
const week = (first: number, value: number | null): Dora["series"][number] => ({
  from: `2026-08-${String(first).padStart(2, "0")}T00:00:00Z`,
  to: `2026-08-${String(first + 7).padStart(2, "0")}T00:00:00Z`,
  keys: keysOf(value),
});
const mark = (at: string, kind: "failure" | "incident"): Dora["marks"][number] => ({
  ...{ at, kind, key: at, service: "shop", words: "It burnt." },
});
const dora = {
  series: [week(3, 0.5), week(10, null), week(17, 0.1)],
  // Newest first, as the API has them.
  marks: [mark("2026-08-18T00:00:00Z", "incident"), mark("2026-08-04T00:00:00Z", "failure")],
};

describe("the pictures of the five keys", () => {
  it("leaves a gap where there is no data, and never draws it as 0", () => {
    const chart = keyCharts(dora).changeFailRate;
    expect(chart.lines[0]?.values).toEqual([0.5, null, 0.1]);
    expect(chart.lines[0]?.low).toEqual([0.25, null, 0.05]);
    expect(chart.periods).toEqual(["3 to 9 Aug 2026", "10 to 16 Aug 2026", "17 to 23 Aug 2026"]);
    // Both points have no neighbour: without being drawn by themselves nothing would be seen of them.
    expect(lonePoints(chart.lines[0]?.values ?? [])).toEqual([0, 2]);
    expect(isBlank(keyCharts({ series: [week(3, null)], marks: [] }).reworkRate)).toBe(true);
  });

  it("shows the whole band where there is nothing but zeros, which are not the same as no data", () => {
    const none = { ...figure(0, 10), interval: { low: 0, high: 0.28 } };
    const { reworkRate } = keyCharts({
      series: [{ ...week(3, 0), keys: { ...keysOf(0), reworkRate: none } }],
      marks: [],
    });
    expect(isBlank(reworkRate)).toBe(false);
    expect(topOf(reworkRate, 0, Number.MAX_VALUE)).toBeGreaterThan(0.28);
  });

  it("draws a line alone where points have neighbours", () => {
    expect(lonePoints([1, 2, null, 3, null, null, 4, 5])).toEqual([3]);
    expect(lonePoints([null, null])).toEqual([]);
    expect(lonePoints([7])).toEqual([0]);
  });

  it("puts failures and incidents where they fell, in shapes that differ, and only where they bear on the key", () => {
    const chart = keyCharts(dora).recoveryTime;
    expect(chart.marks.map((m) => m.shape)).toEqual(["triangle", "diamond"]);
    expect(marksAt(chart, 0).map((m) => m.label)).toEqual(["shop: It burnt."]);
    expect(marksAt(chart, 1)).toEqual([]);
    expect(marksAt(chart, 2)).toHaveLength(1);
    expect(keyCharts(dora).changeLeadTime.marks).toEqual([]);
  });

  it("has the same rows in the file as in the picture, and an empty cell for no data", () => {
    const chart = keyCharts(dora).changeFailRate;
    expect(toCsv(headOf(chart), rowsOf(chart)).split("\r\n")).toEqual([
      "time,Value,Value low,Value high",
      "2026-08-03T00:00:00.000Z,0.5,0.25,1",
      "2026-08-10T00:00:00.000Z,,,",
      "2026-08-17T00:00:00.000Z,0.1,0.05,0.2",
      "",
    ]);
  });

  it("puts services side by side with an empty cell for no data", () => {
    const { head, rows } = servicesCsv({ services: [{ service: "shop", keys: keysOf(null) }] });
    expect(rows[0]).toHaveLength(head.length);
    expect(rows[0]?.slice(0, 5)).toEqual(["shop", null, null, null, 0]);
    expect(head[1]).toBe("Deployment frequency (a day)");
  });
});

describe("the words of a figure", () => {
  it("says that there is no data, which is not 0", () => {
    for (const unit of ["perDay", "duration", "ratio"] as const) expect(valueWords(null, unit)).toBe("No data");
    expect(valueWords(0, "ratio")).toBe("0 %");
    expect(valueWords(0, "perDay")).toBe("0 a day");
    expect(shown(null, "duration")).toBe("–");
  });

  it.each([
    [3.24, "3.2 a day"],
    [1, "1 a day"],
    [0.5, "3.5 a week"],
    [0.1, "3 in 30 days"],
    [0.01, "1 in 100 days"],
    [123.4, "123 a day"],
  ])("reads %d deployments a day as %j", (perDay, words) => {
    expect(frequency(perDay)).toBe(words);
  });

  it("says a duration, a share, their interval and what is open", () => {
    expect(valueWords(15_120_000, "duration")).toBe("4 h 12 min");
    expect(valueWords(0.021, "ratio")).toBe("2.1 %");
    expect(intervalWords(figure(0.04), "ratio")).toBe("2 % to 8 %");
    expect(intervalWords(figure(null), "ratio")).toBeNull();
    expect(sureness({ ...figure(3_600_000), p90: 7_200_000 }, "recoveryTime")).toBe(
      "95 %: 30 min to 2 h; 90 % within 2 h",
    );
    expect(sureness({ ...figure(3_600_000), interval: null }, "recoveryTime")).toBe("Too few for an interval");
    expect(sureness({ ...figure(2), interval: null }, "deploymentFrequency")).toBe("");
    expect(drawnFrom("recoveryTime", { ...figure(1, 1), open: 2, soaking: 3 })).toBe(
      "from 1 failure, 2 not recovered yet, 3 still watched",
    );
  });
});
