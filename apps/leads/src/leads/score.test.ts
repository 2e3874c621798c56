import fc from "fast-check";
import { expect, it } from "vitest";
import { scoreOf } from "./score.ts";

const lead = (message: string, source: "website" | "referral" = "website") => ({
  property: { address: "1 Main St", city: "Austin", state: "TX", zip: "78701", type: "single_family" as const },
  ...{ source, message, duplicateOf: null },
});

it("is between 0 and 100, whatever was written", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 2_000 }), (message) => {
      const score = scoreOf(lead(message));
      expect(Number.isInteger(score) && score >= 0 && score <= 100).toBe(true);
    }),
  );
});
it("is higher for who says why they sell, and for who was sent by a friend", () => {
  expect(scoreOf(lead("I inherited it and must sell soon"))).toBeGreaterThan(scoreOf(lead("")));
  expect(scoreOf(lead("", "referral"))).toBeGreaterThan(scoreOf(lead("")));
});
