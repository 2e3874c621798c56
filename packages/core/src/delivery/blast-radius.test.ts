import fc from "fast-check";
import { expect, it } from "vitest";
import { blastRadius, blastWords } from "./blast-radius.ts";

const tally = (requests: number, errors: number) => ({ requests, errors, pageViews: 0, pageErrors: 0 });

it("blames the canary for what is above the baseline's own share", () => {
  const radius = blastRadius(tally(200, 22), tally(1_000, 10), 12, 45_000);
  expect(radius).toMatchObject({ failedRequests: 22, failedBecauseOfIt: 20 });
  expect(blastWords(radius)).toBe(
    "About 12 visitors met it with 200 requests in 45 s; 20 requests failed because of it.",
  );
});

it("blames it for all where there is nothing to compare with, and for nothing where it is better", () => {
  expect(blastRadius(tally(10, 3), tally(0, 0), 1, 1).failedBecauseOfIt).toBe(3);
  expect(blastRadius(tally(10, 0), tally(10, 5), 1, 1).failedBecauseOfIt).toBe(0);
});

it("never blames it for more than failed", () => {
  const count = fc.nat(10_000);
  fc.assert(
    fc.property(count, count, count, count, (n, k, m, j) => {
      const of = blastRadius(tally(n + k, k), tally(m + j, j), 1, 1);
      expect(of.failedBecauseOfIt).toBeGreaterThanOrEqual(0);
      expect(of.failedBecauseOfIt).toBeLessThanOrEqual(of.failedRequests);
    }),
  );
});
