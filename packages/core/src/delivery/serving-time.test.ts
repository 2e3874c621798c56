import { describe, expect, it } from "vitest";
import { type Decided, servingTimeOf } from "./serving-time.ts";

const decided = (
  kind: Decided["kind"],
  fromState: Decided["fromState"],
  toState: Decided["toState"],
  atMs: number,
): Decided => ({ kind, fromState, toState, atMs, reroutes: true });
const PROMOTED = decided("promoted", "progressing", "promoting", 1_000);
const HELD = decided("held_back", "promoting", "holdback", 1_400);
const BEGUN = decided("roll_back_begun", "holdback", "rolling_back", 9_000);
const BACK = decided("rolled_back", "rolling_back", "rolled_back", 9_300);

describe("the time from a decision until it was served", () => {
  it("is of the newest that was", () => {
    expect(servingTimeOf([PROMOTED, HELD])).toEqual({ way: "on", ms: 400 });
    expect(servingTimeOf([PROMOTED, HELD, BEGUN])).toEqual({ way: "on", ms: 400 });
    expect(servingTimeOf([PROMOTED, HELD, BEGUN, BACK])).toEqual({ way: "back", ms: 300 });
  });
  it("is none before, and never below nothing where a clock was set back", () => {
    expect(servingTimeOf([])).toBeNull();
    expect(servingTimeOf([PROMOTED])).toBeNull();
    expect(servingTimeOf([BACK])).toBeNull();
    expect(servingTimeOf([BEGUN, { ...BACK, atMs: 8_000 }])).toEqual({ way: "back", ms: 0 });
  });
});
