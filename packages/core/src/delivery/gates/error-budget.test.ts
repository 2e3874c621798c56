import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeBudget, NO_ERROR_BUDGET } from "./error-budget.ts";

describe("an error budget's gate", () => {
  it("never passes where nobody knows the budget", async () => {
    expect(judgeBudget(await NO_ERROR_BUDGET.remaining("leads", "production"), 0).status).toBe("could_not_run");
    for (const remainingRatio of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(judgeBudget({ kind: "known", remainingRatio }, 0).status).toBe("could_not_run");
  });

  it("passes exactly where enough is left, and more left never makes it worse", () => {
    const ratio = fc.double({ min: -2, max: 1, noNaN: true });
    fc.assert(
      fc.property(ratio, ratio, fc.integer({ min: 0, max: 100 }), (a, b, minimumPercent) => {
        const passes = (remainingRatio: number) =>
          judgeBudget({ kind: "known", remainingRatio }, minimumPercent).status === "passed";
        expect(passes(a)).toBe(a * 100 >= minimumPercent);
        if (passes(Math.min(a, b))) expect(passes(Math.max(a, b))).toBe(true);
      }),
    );
  });

  it("says how much is left and how much it takes", () => {
    expect(judgeBudget({ kind: "known", remainingRatio: 0.125 }, 20).words).toBe(
      "12.5 % of the error budget is left; it takes 20 %.",
    );
  });
});
