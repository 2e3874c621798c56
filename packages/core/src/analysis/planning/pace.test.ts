import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PaceInput, paceOf, paceWords } from "./pace.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = 1_000 * DAY;
/** So many changes, evenly over the time up to now. */
const every = (ms: number, n: number): number[] => Array.from({ length: n }, (_, i) => NOW - i * ms);
const input = (over: Partial<PaceInput>): PaceInput => ({
  rolloutTimesMs: [HOUR],
  expectedMs: MINUTE,
  askedAtMs: [],
  nowMs: NOW,
  maximumChanges: 5,
  ...over,
});

describe("how fast changes come and go out", () => {
  it("is batched when a single rollout takes longer than it takes for the next change to come", () => {
    expect(paceOf(input({ askedAtMs: every(30 * MINUTE, 6) }))).toMatchObject({
      changesPerDay: 48,
      alonePerDay: 24,
      batchedPerDay: 120,
      outpaced: true,
    });
    expect(paceOf(input({ askedAtMs: every(12 * HOUR, 6) })).outpaced).toBe(false);
  });

  it("forgets a burst once it is over, and all that is older than a week", () => {
    const burst = every(MINUTE, 10);
    expect(paceOf(input({ askedAtMs: burst })).outpaced).toBe(true);
    expect(paceOf(input({ askedAtMs: burst, nowMs: NOW + 2 * DAY })).outpaced).toBe(false);
    expect(paceOf(input({ askedAtMs: burst, nowMs: NOW + 8 * DAY }))).toMatchObject({
      changes: 0,
      changesPerDay: null,
    });
  });

  it("goes by the median of what was measured, and by what is expected before that", () => {
    expect(paceOf(input({ rolloutTimesMs: [MINUTE, HOUR, 9 * HOUR] })).rolloutMs).toBe(HOUR);
    expect(paceOf(input({ rolloutTimesMs: [] }))).toMatchObject({ rolloutMs: MINUTE, rollouts: 0 });
  });

  it("is finite whatever was measured, and faster changes never make it less outpaced", () => {
    const times = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { maxLength: 20 });
    fc.assert(
      fc.property(times, times, fc.double({ min: 1, max: 20, noNaN: true }), (rolloutTimesMs, ago, faster) => {
        const at = (by: number) => ago.map((ms) => NOW - ms / by);
        const pace = paceOf(input({ rolloutTimesMs, askedAtMs: at(1) }));
        const quicker = paceOf(input({ rolloutTimesMs, askedAtMs: at(faster) }));
        for (const value of [pace.rolloutMs, pace.alonePerDay, pace.batchedPerDay, pace.changesPerDay ?? 0])
          expect(Number.isFinite(value)).toBe(true);
        // The same changes, that is: one of more than a week ago that comes into the week makes a longer span of it.
        const isSame = pace.changes === quicker.changes;
        if (pace.outpaced && isSame && quicker.changesPerDay !== null) expect(quicker.outpaced).toBe(true);
      }),
    );
  });
});

describe("what is said of it", () => {
  const busy = paceOf(input({ askedAtMs: every(30 * MINUTE, 6) }));
  const calm = paceOf(input({ askedAtMs: every(12 * HOUR, 6) }));
  it.each([
    [busy, "auto", "go out together"],
    [busy, "off", "Set strategy.batch.when to auto"],
    [calm, "auto", "each goes out alone"],
    [calm, "off", "not needed"],
    [paceOf(input({ askedAtMs: every(MINUTE, 20) })), "auto", "raise strategy.batch.maximumChanges"],
  ] as const)("%#", (pace, when, words) => {
    expect(paceWords(pace, when).join(" ")).toContain(words);
  });
});
