import { describe, expect, it } from "vitest";
import { ago, bytes, countdown, duration, milliseconds, odds, percent, progressOf, rate, shortId } from "./format.ts";

describe("figures as people read them", () => {
  it.each([
    [null, "–"],
    [0, "0 %"],
    [0.00001, "< 0.01 %"],
    [0.0002, "0.02 %"],
    [0.033, "3.3 %"],
    [0.05, "5 %"],
    [0.456, "46 %"],
    [1, "100 %"],
  ])("%s is %s", (ratio, text) => expect(percent(ratio)).toBe(text));

  it("keeps a tenth of a millisecond only where it can be told apart", () => {
    expect(milliseconds(4.26)).toBe("4.3 ms");
    expect(milliseconds(43.6)).toBe("44 ms");
    expect(milliseconds(12_340)).toBe("12.3 s");
  });

  it.each([
    [0, "0 s"],
    [400, "400 ms"],
    [59_400, "59 s"],
    [80_000, "1 min 20 s"],
    [3_600_000, "1 h"],
    [90_000_000, "1 d 1 h"],
  ])("%s ms last %s", (ms, text) => expect(duration(ms)).toBe(text));

  it("counts down by the second and never below zero", () => {
    expect(countdown(9_100)).toBe("0:10");
    expect(countdown(-5)).toBe("0:00");
    expect(countdown(3_661_000)).toBe("1:01:01");
  });

  it("tells the past from the future", () => {
    const now = Date.parse("2026-01-01T12:00:00Z");
    expect(ago("2026-01-01T11:59:58Z", now)).toBe("just now");
    expect(ago("2026-01-01T11:58:00Z", now)).toBe("2 min ago");
    expect(ago("2026-01-01T12:04:00Z", now)).toBe("in 4 min");
  });

  it("shortens an id to the end that differs", () => {
    expect(shortId("rol_01a210899a4170009f10f961b0e12b4e")).toBe("rol_…e12b4e");
    expect(shortId("leads")).toBe("leads");
  });

  it("says sizes and rates with their units", () => {
    expect(bytes(1_001_904)).toBe("1.0 MB");
    expect(bytes(999)).toBe("999 B");
    expect(rate(0)).toBe("0/s");
    expect(rate(23.2)).toBe("23/s");
  });
});

describe("evidence in words", () => {
  it("turns the logarithm of an e-value into odds", () => {
    expect(odds(-3)).toBe("none");
    expect(odds(Math.log(100))).toBe("100 : 1");
    expect(odds(Number.MAX_VALUE)).toBe("over a million : 1");
  });

  it("is a share of its threshold, between nothing and all of it", () => {
    expect(progressOf(Math.log(10), Math.log(100))).toBeCloseTo(0.5);
    expect(progressOf(-Number.MAX_VALUE, Math.log(100))).toBe(0);
    expect(progressOf(99, Math.log(100))).toBe(1);
  });
});
