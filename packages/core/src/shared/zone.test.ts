import { describe, expect, it } from "vitest";
import { momentsOf, offsetAt, wallTime, type Zone } from "./zone.ts";

/** Europe/Berlin in 2026, by the IANA time zone database: summer time from 29 March to 25 October, at 01:00 UTC. */
const BERLIN: Zone = [
  { fromMs: 0, offsetMinutes: 60 },
  { fromMs: Date.UTC(2026, 2, 29, 1), offsetMinutes: 120 },
  { fromMs: Date.UTC(2026, 9, 25, 1), offsetMinutes: 60 },
];

describe("a zone as data", () => {
  it("tells the offset on each side of a change", () => {
    expect(offsetAt(BERLIN, Date.UTC(2026, 2, 29, 1) - 1)).toBe(60);
    expect(offsetAt(BERLIN, Date.UTC(2026, 2, 29, 1))).toBe(120);
  });
  it("shows what a clock on the wall shows", () => {
    // 29 March 2026 is a Sunday.
    expect(wallTime(BERLIN, Date.UTC(2026, 2, 29, 0, 59))).toMatchObject({ weekday: 6, minute: 119 });
    expect(wallTime(BERLIN, Date.UTC(2026, 2, 29, 1))).toMatchObject({ weekday: 6, minute: 180 });
    expect(wallTime([{ fromMs: 0, offsetMinutes: -60 }], 0)).toEqual({ day: -1, weekday: 2, minute: 1380 });
  });
  it("knows that an hour comes twice in autumn and one never in spring", () => {
    const day = (ms: number) => wallTime(BERLIN, ms).day;
    expect(momentsOf(BERLIN, day(Date.UTC(2026, 9, 25)), 150)).toEqual([
      Date.UTC(2026, 9, 25, 0, 30),
      Date.UTC(2026, 9, 25, 1, 30),
    ]);
    expect(momentsOf(BERLIN, day(Date.UTC(2026, 2, 29)), 150)).toEqual([]);
  });
});
