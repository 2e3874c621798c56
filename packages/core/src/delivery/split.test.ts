import fc from "fast-check";
import { expect, test } from "vitest";
import { armOfTicket } from "./split.ts";

const arms = (canary: number) => [
  { arm: "baseline" as const, weightPercent: 100 - canary },
  { arm: "canary" as const, weightPercent: canary },
];
const share = fc.integer({ min: 0, max: 100 });
const ticket = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("shares match the weights exactly over evenly spread tickets", () => {
  fc.assert(
    fc.property(share, (percent) => {
      let canary = 0;
      for (let i = 0; i < 1_000; i++) if (armOfTicket(arms(percent), (i + 0.5) / 1_000)?.arm === "canary") canary++;
      expect(canary).toBe(percent * 10);
    }),
  );
});

test("never chooses an arm of weight 0, and nothing when there is no weight", () => {
  fc.assert(
    fc.property(share, ticket, (p, t) => {
      expect(armOfTicket(arms(p), t)?.weightPercent).toBeGreaterThan(0);
    }),
  );
  expect(armOfTicket([{ arm: "baseline", weightPercent: 0 }], 0.5)).toBeNull();
});

test("a visitor on the canary stays there while its share grows", () => {
  fc.assert(
    fc.property(share, share, ticket, (a, b, t) => {
      fc.pre(armOfTicket(arms(Math.min(a, b)), t)?.arm === "canary");
      expect(armOfTicket(arms(Math.max(a, b)), t)?.arm).toBe("canary");
    }),
  );
});
