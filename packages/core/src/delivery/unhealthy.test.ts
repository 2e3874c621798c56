import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Health } from "./health-shape.ts";
import { type Ailing, isToGoBack, lookAt, UNSEEN_MS_MAX, WELL } from "./unhealthy.ts";

const ALLOWED = 60_000;
type Seen = readonly [state: Health["state"], afterMs: number];
function after(looks: readonly Seen[]): { readonly end: Ailing; readonly backAtMs: number | null } {
  let end = WELL;
  let atMs = 0;
  let backAtMs: number | null = null;
  for (const [state, afterMs] of looks) {
    atMs += afterMs;
    end = lookAt(end, { state, words: `is ${state}` }, atMs, ALLOWED);
    if (backAtMs === null && isToGoBack(end, ALLOWED)) backAtMs = atMs;
  }
  return { end, backAtMs };
}
const repeat = (n: number, ...looks: Seen[]): Seen[] => Array.from({ length: n }, () => looks).flat();

test("goes back once it was unhealthy for the allowed time, not sooner", () => {
  expect(after(repeat(61, ["unhealthy", 1_000])).backAtMs).toBe(61_000);
  expect(after(repeat(60, ["unhealthy", 1_000])).backAtMs).toBeNull();
});

test("degraded is told, and never goes back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom("degraded" as const, "healthy" as const), fc.nat(10_000))),
      (looks) => {
        expect(after(looks).backAtMs).toBeNull();
      },
    ),
  );
});

test("what flaps does not hide: ten seconds ill and one well still goes back", () => {
  const flapping = repeat(8, ...repeat(10, ["unhealthy", 1_000]), ["healthy", 1_000]);
  expect(after(flapping).backAtMs).not.toBeNull();
});

test("well for a quarter of the time, it begins anew", () => {
  const looks: Seen[] = [
    ...repeat(50, ["unhealthy", 1_000]),
    ...repeat(17, ["healthy", 1_000]),
    ...repeat(50, ["unhealthy", 1_000]),
  ];
  expect(after(looks).backAtMs).toBeNull();
});

test("never goes back by a time that nobody saw: a gap counts as one short step, and a clock set back as none", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constant("unhealthy" as const), fc.integer({ min: -1e9, max: 1e9 })), { maxLength: 12 }),
      (looks) => {
        const { end, backAtMs } = after(looks);
        expect(end.unhealthyMs).toBeLessThanOrEqual(Math.max(0, looks.length - 1) * UNSEEN_MS_MAX);
        expect(backAtMs).toBeNull();
      },
    ),
  );
});

test("never goes back at a look that finds it well", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom("unhealthy" as const, "healthy" as const), fc.nat(5_000)), { maxLength: 200 }),
      (looks) => {
        expect(isToGoBack(after([...looks, ["healthy", 1_000]]).end, ALLOWED)).toBe(false);
      },
    ),
  );
});
