import fc from "fast-check";
import { expect, test } from "vitest";
import { ErringVisitors, isInHalf } from "./erring-visitors.ts";

test("each visitor is the first once per deployment, with pages apart from requests", () => {
  const erring = new ErringVisitors();
  const first = (kind: "request" | "page", deployment: string) => erring.isFirst(kind, deployment, "a");
  expect([first("request", "d1"), first("page", "d1"), first("request", "d2")]).toEqual([true, true, true]);
  expect([first("request", "d1"), first("page", "d1"), first("request", "d2")]).toEqual([false, false, false]);
});

test("when full, whoever has failed least lately is forgotten, and who goes on failing never is", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30), { maxLength: 200 }), (others) => {
      const erring = new ErringVisitors(4);
      erring.isFirst("request", "d", "again and again");
      for (const [i, other] of others.entries()) {
        erring.isFirst("request", "d", `${other}`);
        if (i % 3 === 0) expect(erring.isFirst("request", "d", "again and again")).toBe(false);
        expect(erring.size).toBeLessThanOrEqual(4);
      }
    }),
  );
});

test("ids of visitors fall into two halves, always into the same", () => {
  const ids = Array.from({ length: 2_000 }, () => crypto.randomUUID());
  const half = ids.filter((id) => isInHalf(id, () => 0)).length;
  // Six standard deviations around 1,000.
  expect(Math.abs(half - 1_000)).toBeLessThan(135);
  for (const id of ids) expect(isInHalf(id, () => 0.9)).toBe(isInHalf(id, () => 0.1));
  expect([isInHalf(null, () => 0.4), isInHalf(null, () => 0.6)]).toEqual([true, false]);
});
