import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "./nearest.ts";

describe("the name that was meant", () => {
  it.each([
    ["biuld", "build"],
    ["timeout", "timeoutMs"],
    ["blue-green", "blue_green"],
    ["deployment", "deployments"],
    ["xyz", null],
    ["", null],
  ])("%s: %s", (given, meant) => {
    expect(nearest(given, ["build", "timeoutMs", "blue_green", "deployments"])).toBe(meant);
  });
  it("finds a known name after any single slip", () => {
    const known = ["services", "releases", "rollout", "explain"];
    fc.assert(
      fc.property(fc.constantFrom(...known), fc.nat(8), fc.stringMatching(/^[a-z]$/), (name, at, letter) => {
        const slipped = name.slice(0, at % name.length) + letter + name.slice((at % name.length) + 1);
        expect(nearest(slipped, known)).toBe(name);
      }),
    );
  });
  it("is a distance: zero only for the same, the same both ways, no longer than the longer word", () => {
    const word = fc.stringMatching(/^[abc]{0,6}$/);
    fc.assert(
      fc.property(word, word, (a, b) => {
        const d = editDistance(a, b);
        expect(d === 0).toBe(a === b);
        expect(d).toBe(editDistance(b, a));
        expect(d).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(d).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });
});
