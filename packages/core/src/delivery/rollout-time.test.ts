import * as fc from "fast-check";
import { expect, test } from "vitest";
import { GAP_MS_MAX, moveOn, type RolloutTime } from "./rollout-time.ts";

const START: RolloutTime = { atMs: 1_000, seenMs: 1_000 };
const through = (walls: readonly number[]): RolloutTime[] => {
  let time = START;
  return walls.map((wall) => {
    time = moveOn(time, wall);
    return time;
  });
};

test("is the wall clock's while that runs evenly", () => {
  expect(through([3_000, 5_000, 7_000]).map((t) => t.atMs)).toEqual([3_000, 5_000, 7_000]);
});

test("set forward by an hour, a clock adds one gap; set back, it adds nothing, and both go on evenly from there", () => {
  const hour = 3_600_000;
  expect(through([2_000, 2_000 + hour, 4_000 + hour]).map((t) => t.atMs)).toEqual([
    2_000,
    2_000 + GAP_MS_MAX,
    4_000 + GAP_MS_MAX,
  ]);
  expect(through([2_000, 2_000 - hour, 4_000 - hour]).map((t) => t.atMs)).toEqual([2_000, 2_000, 4_000]);
});

test("never goes back and never leaps, whatever clocks say", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1e9, max: 1e9 }), { maxLength: 50 }), (walls) => {
      let before = START.atMs;
      for (const { atMs } of through(walls)) {
        expect(atMs - before).toBeGreaterThanOrEqual(0);
        expect(atMs - before).toBeLessThanOrEqual(GAP_MS_MAX);
        before = atMs;
      }
    }),
  );
});
