import fc from "fast-check";
import { normalizedStrategyValue, normalizedVariantValue } from "unleash-client/lib/strategy/util.js";
import { describe, expect, it } from "vitest";
import { bucketOf, bucketsIn } from "./buckets.ts";

describe("Unleash's buckets", () => {
  it("are those of unleash-client, for rollouts and for variants, in any script", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ unit: "grapheme", minLength: 1 }),
        fc.integer({ min: 0, max: 100 }),
        (group, id, n) => {
          const context = { targetingKey: id };
          const rollout = bucketOf("targetingKey", group, "unleash")(context) ?? -1;
          expect(rollout < bucketsIn(n)).toBe(normalizedStrategyValue(id, group) <= n);
          const variant = bucketOf("targetingKey", group, "unleash-variants")(context) ?? -1;
          expect(variant < bucketsIn(n)).toBe(normalizedVariantValue(id, group, 1_000) <= n * 10);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
