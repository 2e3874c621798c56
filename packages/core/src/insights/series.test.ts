import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PERIODS, periodsOf, series } from "./series.ts";
import { addDeployment, emptyTally, tallyToJson } from "./tally.ts";
import { deploymentRecord } from "./testing/records.ts";

const at = (iso: string): number => Date.parse(iso);
const DAY = 86_400_000;
const labels = (from: string, to: string, by: (typeof PERIODS)[number]) =>
  periodsOf({ fromMs: at(from), toMs: at(to) }, by).map((period) => period.label);

describe("periods", () => {
  it("are days, ISO weeks and months of UTC, cut off where the window is", () => {
    expect(labels("2026-02-27", "2026-03-02", "day")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
    expect(labels("2024-02-28", "2024-03-01", "day")).toEqual(["2024-02-28", "2024-02-29"]);
    // ISO 8601: 2026 has a week 53, and 2027-01-01 is in it.
    expect(labels("2026-12-21", "2027-01-05", "week")).toEqual(["2026-W52", "2026-W53", "2027-W01"]);
    expect(labels("2024-12-30", "2024-12-31", "week")).toEqual(["2025-W01"]);
    expect(labels("2026-11-27", "2027-02-01", "month")).toEqual(["2026-11", "2026-12", "2027-01"]);
    expect(periodsOf({ fromMs: at("2026-11-27T12:00:00Z"), toMs: at("2026-12-02") }, "month")).toEqual([
      { fromMs: at("2026-11-27T12:00:00Z"), toMs: at("2026-12-01"), label: "2026-11" },
      { fromMs: at("2026-12-01"), toMs: at("2026-12-02"), label: "2026-12" },
    ]);
    expect(periodsOf({ fromMs: 5, toMs: 5 }, "day")).toEqual([]);
  });
  it("agree with the platform's calendar and cover the window without a gap", () => {
    const day = fc.integer({ min: -200_000, max: 200_000 });
    fc.assert(
      fc.property(day, fc.nat(500), fc.constantFrom(...PERIODS), (from, days, by) => {
        const window = { fromMs: from * DAY + 1, toMs: (from + days) * DAY + 2 };
        const periods = periodsOf(window, by);
        expect(periods[0]?.fromMs).toBe(window.fromMs);
        expect(periods.at(-1)?.toMs).toBe(window.toMs);
        for (const [i, period] of periods.entries()) {
          if (i > 0) expect(period.fromMs).toBe(periods[i - 1]?.toMs);
          const [first, last] = [new Date(period.fromMs), new Date(period.toMs - 1)];
          if (by !== "week" && first.getUTCFullYear() > 0 && first.getUTCFullYear() < 10_000) {
            const length = by === "day" ? 10 : 7;
            expect(period.label).toBe(first.toISOString().slice(0, length));
            expect(period.label).toBe(last.toISOString().slice(0, length));
          }
          if (by === "week" && i > 0) expect(first.getUTCDay()).toBe(1);
        }
      }),
    );
  });
});

describe("a series", () => {
  const cell = (iso: string) => {
    const tally = emptyTally();
    addDeployment(tally, deploymentRecord({ atMs: at(iso) }));
    return { fromMs: at(iso), tally };
  };
  it("adds cells up by period, and shows a period in which nothing happened", () => {
    const window = { fromMs: at("2026-11-01"), toMs: at("2026-12-01") };
    const cells = [cell("2026-11-03"), cell("2026-11-20"), cell("2026-11-04"), cell("2026-12-01"), cell("2026-10-31")];
    const weeks = series(cells, "week", window);
    expect(weeks.map((week) => [week.label, week.tally.byKind.planned])).toEqual([
      ["2026-W44", 0],
      ["2026-W45", 2],
      ["2026-W46", 0],
      ["2026-W47", 1],
      ["2026-W48", 0],
      ["2026-W49", 0],
    ]);
    expect(tallyToJson(cells[0]?.tally ?? emptyTally()).byKind.planned).toBe(1);
  });
});
