import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MINUTE_MS, WEEKDAYS, type Zone } from "../../shared/zone.ts";
import { HELD_MAX_MS, isQuiet, type QuietHours, quietUntil, weekOf } from "./quiet-hours.ts";

const HOUR = 60 * MINUTE_MS;
/** By the IANA time zone database, 2026: Berlin's clocks change at 01:00 UTC, Lord Howe's by half an hour at 15:30 and 15:00 UTC. */
const BERLIN: Zone = [
  { fromMs: 0, offsetMinutes: 60 },
  { fromMs: Date.UTC(2026, 2, 29, 1), offsetMinutes: 120 },
  { fromMs: Date.UTC(2026, 9, 25, 1), offsetMinutes: 60 },
];
const LORD_HOWE: Zone = [
  { fromMs: 0, offsetMinutes: 660 },
  { fromMs: Date.UTC(2026, 3, 4, 15), offsetMinutes: 630 },
  { fromMs: Date.UTC(2026, 9, 3, 15, 30), offsetMinutes: 660 },
];
const nights = (days: QuietHours["days"] = WEEKDAYS): QuietHours => ({
  timeZone: "Europe/Berlin",
  days,
  from: "22:00",
  to: "07:00",
});

describe("quiet hours", () => {
  it("end when the clock on the wall says so, an hour later in real time where it is set back", () => {
    const normal = Date.UTC(2026, 9, 22, 20);
    expect(quietUntil(nights(), BERLIN, normal)).toBe(normal + 9 * HOUR);
    const setBack = Date.UTC(2026, 9, 24, 20);
    expect(quietUntil(nights(), BERLIN, setBack)).toBe(setBack + 10 * HOUR);
    const setForward = Date.UTC(2026, 2, 28, 21);
    expect(quietUntil(nights(), BERLIN, setForward)).toBe(setForward + 8 * HOUR);
  });
  it("belong to the day on which they begin", () => {
    // 17 July 2026 is a Friday: its night ends on Saturday, and Saturday's is none.
    const friday = nights(["fri"]);
    expect(isQuiet(friday, BERLIN, Date.UTC(2026, 6, 17, 20))).toBe(true);
    expect(isQuiet(friday, BERLIN, Date.UTC(2026, 6, 18, 4, 59))).toBe(true);
    expect(isQuiet(friday, BERLIN, Date.UTC(2026, 6, 18, 5))).toBe(false);
    expect(isQuiet(friday, BERLIN, Date.UTC(2026, 6, 18, 21))).toBe(false);
  });
  it("that end where the clock jumps over their end, end with the jump", () => {
    const hours: QuietHours = { timeZone: "Europe/Berlin", days: WEEKDAYS, from: "00:00", to: "02:30" };
    expect(quietUntil(hours, BERLIN, Date.UTC(2026, 2, 29, 0, 30))).toBe(Date.UTC(2026, 2, 29, 1));
  });
  it("hold nothing for longer than their limit, though every hour is quiet", () => {
    const always: QuietHours = { timeZone: "UTC", days: WEEKDAYS, from: "08:00", to: "08:00" };
    expect(quietUntil(always, BERLIN, 0)).toBe(HELD_MAX_MS);
  });
  it("are a picture of the week", () => {
    const week = weekOf(nights(["sun"]));
    expect(week.map((day) => day.filter(Boolean).length)).toEqual([14, 0, 0, 0, 0, 0, 4]);
  });

  const time = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 15, 30, 59))
    .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`);
  const hours = fc.record({
    timeZone: fc.constant("any"),
    days: fc.subarray([...WEEKDAYS], { minLength: 1 }),
    from: time,
    to: time,
  });
  // Around each change of the clock, and anywhere else.
  const zoned = fc.constantFrom(BERLIN, LORD_HOWE).chain((zone) =>
    fc.record({
      zone: fc.constant(zone),
      atMs: fc
        .tuple(
          fc.constantFrom(...zone.slice(1).map((part) => part.fromMs), Date.UTC(2026, 5, 1)),
          fc.integer({ min: -3 * 1_440, max: 3 * 1_440 }),
        )
        .map(([around, minutes]) => around + minutes * MINUTE_MS),
    }),
  );
  it("never lose a message: they end at the first minute that is not quiet, over every change of the clock", () => {
    fc.assert(
      fc.property(hours, zoned, (quiet, { zone, atMs }) => {
        const until = quietUntil(quiet, zone, atMs);
        // The slow oracle goes from minute to minute.
        let slow = atMs;
        while (slow < atMs + HELD_MAX_MS && isQuiet(quiet, zone, slow)) slow += MINUTE_MS;
        expect(until).toBe(slow === atMs ? null : slow);
      }),
      { numRuns: 150 },
    );
  });
});
