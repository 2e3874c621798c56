import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Zone } from "../shared/zone.ts";
import { WEEKDAYS } from "../shared/zone.ts";
import { inHours, type OpenHours, windowAt } from "./window.ts";

const HOUR = 3_600_000;
/** Europe/Berlin in 2026, by the IANA time zone database. */
const BERLIN: Zone = [
  { fromMs: 0, offsetMinutes: 60 },
  { fromMs: Date.UTC(2026, 2, 29, 1), offsetMinutes: 120 },
  { fromMs: Date.UTC(2026, 9, 25, 1), offsetMinutes: 60 },
];
const OFFICE: OpenHours = { days: ["mon", "tue", "wed", "thu"], from: "09:00", to: "17:00", zone: BERLIN };

describe("a window", () => {
  it("is open in its hours by the clock on the wall, in summer as in winter", () => {
    // 26 March 2026 is a Thursday, 30 March the Monday after clocks went forward.
    expect(inHours([OFFICE], Date.UTC(2026, 2, 26, 8))).toBe(true);
    expect(inHours([OFFICE], Date.UTC(2026, 2, 26, 7, 59))).toBe(false);
    expect(inHours([OFFICE], Date.UTC(2026, 2, 30, 7))).toBe(true);
    expect(inHours([OFFICE], Date.UTC(2026, 2, 30, 15))).toBe(false);
  });
  it("says when it opens next, over a weekend and a change of the clock", () => {
    expect(windowAt([OFFICE], [], Date.UTC(2026, 2, 27, 12))).toEqual({
      isOpen: false,
      words: "Outside of its hours.",
      opensAtMs: Date.UTC(2026, 2, 30, 7),
    });
  });
  it("is closed by a freeze, and says why and until when", () => {
    const freeze = { fromMs: Date.UTC(2026, 10, 23), toMs: Date.UTC(2026, 10, 30), reason: "Thanksgiving" };
    const seen = windowAt([OFFICE], [freeze], Date.UTC(2026, 10, 25, 10));
    expect(seen).toEqual({ isOpen: false, words: "Frozen: Thanksgiving", opensAtMs: Date.UTC(2026, 10, 30, 8) });
    expect(windowAt([], [freeze], Date.UTC(2026, 10, 25)).opensAtMs).toBe(Date.UTC(2026, 10, 30));
  });
  it("opens at a moment that is open, and at none before it", () => {
    const hours = fc.record({
      days: fc.uniqueArray(fc.constantFrom(...WEEKDAYS), { minLength: 1 }),
      from: fc.constantFrom("00:00", "02:30", "09:00"),
      to: fc.constantFrom("10:00", "24:00"),
      zone: fc.constant(BERLIN),
    });
    const start = Date.UTC(2026, 2, 20);
    const freeze = fc
      .tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 1, max: 200 }))
      .map(([from, long]) => ({ fromMs: start + from * HOUR, toMs: start + (from + long) * HOUR, reason: "x" }));
    fc.assert(
      fc.property(
        fc.array(hours, { minLength: 1, maxLength: 2 }),
        fc.array(freeze, { maxLength: 3 }),
        fc.integer({ min: 0, max: 300 }),
        (open, frozen, h) => {
          const at = start + h * HOUR;
          const seen = windowAt(open, frozen, at);
          const isOpen = (ms: number) => windowAt(open, frozen, ms).isOpen;
          if (seen.isOpen) expect(seen.opensAtMs).toBeNull();
          if (seen.opensAtMs === null) return;
          expect(isOpen(seen.opensAtMs)).toBe(true);
          for (let ms = at; ms < seen.opensAtMs; ms += HOUR / 2) expect(isOpen(ms)).toBe(false);
        },
      ),
    );
  });
});
