import { describe, expect, it } from "vitest";
import { zoneBetween } from "./zones.ts";

describe("a zone's changes of the clock", () => {
  it("are those of the IANA time zone database", () => {
    expect(zoneBetween("Europe/Berlin", Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1))).toEqual([
      { fromMs: Date.UTC(2026, 0, 1), offsetMinutes: 60 },
      { fromMs: Date.UTC(2026, 2, 29, 1), offsetMinutes: 120 },
      { fromMs: Date.UTC(2026, 9, 25, 1), offsetMinutes: 60 },
    ]);
    // Half an hour, and from a moment within a minute.
    expect(
      zoneBetween("Australia/Lord_Howe", Date.UTC(2026, 3, 1, 0, 0, 7, 11), Date.UTC(2026, 3, 8))?.slice(1),
    ).toEqual([{ fromMs: Date.UTC(2026, 3, 4, 15), offsetMinutes: 630 }]);
  });
  it("are one part where the clock is never changed, and null where there is no such zone", () => {
    expect(zoneBetween("Asia/Tokyo", 0, 86_400_000)).toEqual([{ fromMs: 0, offsetMinutes: 540 }]);
    expect(zoneBetween("Middle/Earth", 0, 1)).toBeNull();
  });
});
