import { describe, expect, it } from "vitest";
import { KEYS, type KeyName } from "./definitions.ts";
import { goalsOf, trendOf } from "./goals.ts";
import { type FiveKeys, type Key, keysOf } from "./keys.ts";
import { BENCHMARKS_2025, levels2023, quickCheck } from "./quick-check.ts";
import { emptyTally } from "./tally.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOTHING = keysOf(emptyTally(), { fromMs: 0, toMs: DAY }, "dora-2025");
const valued = (values: Partial<Record<KeyName, number>>, rest: Partial<Key> = {}): FiveKeys =>
  Object.fromEntries(
    KEYS.map((name) => [name, { ...NOTHING[name], value: values[name] ?? null, ...rest }]),
  ) as unknown as FiveKeys;

describe("the Quick Check of 2025", () => {
  it.each([
    [{ leadTime: 30 * 60_000 }, 10],
    [{ leadTime: HOUR }, 8],
    [{ leadTime: 3 * DAY }, 6],
    [{ leadTime: 20 * DAY }, 4],
    [{ recovery: 40 * DAY }, 2],
    [{ recovery: 200 * DAY }, 0],
    [{ frequency: 10 }, 10],
    [{ frequency: 1 }, 8],
    [{ frequency: 0.5 }, 6],
    [{ frequency: 1 / 20 }, 4],
    [{ frequency: 1 / 100 }, 2],
    [{ frequency: 0 }, 0],
    [{ failRate: 0 }, 10],
    [{ failRate: 0.19 }, 8.1],
    [{ rework: 1 }, 0],
  ])("scores %j with %d", (values, score) => {
    const [name] = Object.keys(values) as [KeyName];
    expect(quickCheck(valued(values), "all").scores[name].score).toBeCloseTo(score, 9);
  });
  it("puts a score beside the industry's, as far as that is known", () => {
    const { scores, average } = quickCheck(valued({ failRate: 0.5, leadTime: HOUR / 2, recovery: DAY }), "all");
    expect(scores.failRate.sdsAbove).toBeCloseTo((5 - 8.1) / 2.1, 9);
    expect(scores.failRate.words).toBe(
      "5 of 10 beside a mean of 8.1: worse than the mean by more than one standard deviation.",
    );
    expect(scores.leadTime.words).toMatch(/better than the mean/);
    expect(scores.recovery.words).toMatch(/within one standard deviation/);
    expect(average).toBeCloseTo((5 + 10 + 6) / 3, 9);
    const bank = quickCheck(valued({ recovery: HOUR }), "financial_services").scores.recovery;
    expect(bank).toMatchObject({ score: 8, mean: BENCHMARKS_2025.financial_services.recovery.mean, sdsAbove: null });
  });
  it("scores nothing without data", () => {
    const { scores, average } = quickCheck(NOTHING, "all");
    expect(average).toBeNull();
    for (const name of KEYS) expect(scores[name].score).toBeNull();
  });
});

describe("the levels of 2023", () => {
  it("are those of the report", () => {
    expect(levels2023(valued({ frequency: 3, leadTime: HOUR, failRate: 0.04, recovery: HOUR / 2, rework: 0 }))).toEqual(
      {
        ...{ frequency: "elite", leadTime: "elite", failRate: "elite", recovery: "elite", rework: null },
      },
    );
    expect(levels2023(valued({ frequency: 0.5, leadTime: 2 * DAY, failRate: 0.05, recovery: HOUR }))).toMatchObject({
      ...{ frequency: "high", leadTime: "high", failRate: "high", recovery: "high" },
    });
    expect(levels2023(valued({ frequency: 0.1, leadTime: 8 * DAY, failRate: 0.12, recovery: DAY }))).toMatchObject({
      ...{ frequency: "medium", leadTime: "medium", failRate: "medium", recovery: "medium" },
    });
    expect(levels2023(valued({ frequency: 0, leadTime: 31 * DAY, failRate: 0.15, recovery: 8 * DAY }))).toMatchObject({
      ...{ frequency: "low", leadTime: "low", failRate: "low", recovery: "low" },
    });
    expect(levels2023(NOTHING)).toMatchObject({ frequency: null, leadTime: null, failRate: null, recovery: null });
  });
});

describe("the guide's goals", () => {
  it("hold or don't, and neither without data", () => {
    const good = valued({ frequency: 10, leadTime: DAY - 1, failRate: 0.049, recovery: HOUR - 1, rework: 0 });
    const bad = valued({ frequency: 9.9, leadTime: DAY, failRate: 0.05, recovery: HOUR });
    const holding = (keys: FiveKeys) => KEYS.map((name) => goalsOf(keys, null)[name].holds);
    expect(holding(good)).toEqual([true, true, true, true, null]);
    expect(holding(bad)).toEqual([false, false, false, false, null]);
    expect(holding(NOTHING)).toEqual([null, null, null, null, null]);
  });
  it("tell the trend, and whether it is more than chance", () => {
    const often = (value: number, n: number): Key => ({ ...NOTHING.frequency, value, n });
    expect(trendOf(often(10, 100), often(20, 200))).toEqual({ direction: "better", isClear: true });
    expect(trendOf(often(1, 7), often(0.9, 6))).toEqual({ direction: "worse", isClear: false });
    const share = (value: number, low: number, high: number): Key => ({
      ...NOTHING.failRate,
      value,
      interval: { low, high },
    });
    expect(trendOf(share(0.2, 0.15, 0.25), share(0.1, 0.05, 0.14))).toEqual({ direction: "better", isClear: true });
    expect(trendOf(share(0.1, 0.05, 0.2), share(0.2, 0.1, 0.3))).toEqual({ direction: "worse", isClear: false });
    expect(trendOf(share(0.1, 0.05, 0.2), share(0.1, 0.06, 0.2))).toEqual({ direction: "same", isClear: false });
    expect(trendOf(NOTHING.failRate, share(0.1, 0, 1))).toBeNull();
    expect(goalsOf(valued({ failRate: 0.1 }), valued({ failRate: 0.2 })).failRate.trend).toEqual({
      ...{ direction: "better", isClear: false },
    });
  });
});
