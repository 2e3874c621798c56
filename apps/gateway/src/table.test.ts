import { compareGenerations } from "@latchkey/core/delivery/generation";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TableHolder } from "./table.ts";
import { arm, tableOf } from "./testkit.ts";

test("whatever order tables arrive in, the newest generation is served and it never moves back", () => {
  const generation = fc.record({ epoch: fc.nat(3), n: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(generation, { minLength: 1 }), (generations) => {
      const holder = new TableHolder();
      let newest = generations[0] ?? { epoch: 0, n: 0 };
      for (const g of generations) {
        const before = holder.generation;
        const outcome = holder.apply({ ...tableOf(1, [arm("baseline", ["http://127.0.0.1:1"], 100)]), generation: g });
        expect(compareGenerations(holder.generation, before)).toBeGreaterThanOrEqual(0);
        if (outcome === "older") expect(compareGenerations(g, before)).toBeLessThan(0);
        if (compareGenerations(g, newest) > 0) newest = g;
      }
      expect(holder.generation).toEqual(newest);
    }),
  );
});

test("a restore's higher epoch is newer whatever its number", () => {
  expect(compareGenerations({ epoch: 2, n: 1 }, { epoch: 1, n: 900 })).toBeGreaterThan(0);
});
