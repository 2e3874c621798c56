import { describe, expect, it } from "vitest";
import { healthOf, type VariantDay } from "./health.ts";

const DAY = 86_400_000;
const NOW = 1_764_763_200_000;
const standing = (counts: readonly [variant: string, count: number][], more: object = {}, ageDays = 30) =>
  healthOf(
    { purpose: "release", ...more },
    counts.map(([variant, count]): VariantDay => ({ environment: "production", variant, count })),
    { ageMs: ageDays * DAY, nowMs: NOW },
  ).health;

describe("the health of a flag", () => {
  it("says that nobody asks for it, once it is old enough to be asked for", () => {
    expect(standing([])).toBe("never_evaluated");
    expect(standing([], {}, 2)).toBe("new");
  });
  it("says that everybody gets the same, unless that is what it is for, or few asked", () => {
    expect(
      standing([
        ["on", 100_000],
        ["off", 50],
      ]),
    ).toBe("one_sided");
    expect(
      standing([
        ["on", 100_000],
        ["off", 500],
      ]),
    ).toBe("in_use");
    expect(standing([["on", 100]])).toBe("in_use");
    expect(standing([["on", 100_000]], { purpose: "permanent" })).toBe("in_use");
    expect(standing([["on", 100_000]], {}, 2)).toBe("in_use");
    // On here and off there is a difference.
    const counts = [
      { environment: "production", variant: "off", count: 5_000 },
      { environment: "staging", variant: "on", count: 5_000 },
    ];
    expect(healthOf({ purpose: "release" }, counts, { ageMs: 30 * DAY, nowMs: NOW }).health).toBe("in_use");
  });
  it("is stale the day after its last", () => {
    const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
    expect(standing([["on", 5]], { expires: day(NOW) })).toBe("in_use");
    expect(standing([["on", 5]], { expires: day(NOW - DAY) })).toBe("stale");
  });
});
