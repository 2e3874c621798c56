import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Distribution } from "./distribution.ts";

const of = (values: readonly number[], exactUpTo?: number): Distribution => {
  const made = new Distribution(exactUpTo);
  for (const value of values) made.add(value);
  return made;
};
const duration = fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 4e11 }));
const durations = fc.array(duration, { maxLength: 60 });
const QS = [0, 0.1, 0.5, 0.9, 1];

describe("a distribution", () => {
  it("of nothing has no quantile and no interval", () => {
    for (const upTo of [0, 10]) {
      expect(of([], upTo).quantile(0.5)).toBeNull();
      expect(of([], upTo).interval(0.5)).toBeNull();
    }
  });
  it("is exact while it holds few", () => {
    const few = of([4, 1, 3, 2]);
    expect(few.isExact).toBe(true);
    expect(few.quantile(0.5)).toBe(2.5);
    few.add(100);
    expect(few.quantile(0.5)).toBe(3);
  });
  it("as a sketch is within 2 % of the exact one, with its interval", () => {
    const close = (sketched: number | null | undefined, exact: number | null | undefined) => {
      expect(sketched === null || sketched === undefined).toBe(exact === null || exact === undefined);
      expect(Math.abs((sketched ?? 0) - (exact ?? 0))).toBeLessThanOrEqual(0.02 * (exact ?? 0) + 1);
    };
    fc.assert(
      fc.property(durations, (values) => {
        const [exact, sketch] = [of(values, Number.POSITIVE_INFINITY), of(values, 0)];
        expect(sketch.isExact).toBe(false);
        expect(sketch.count).toBe(exact.count);
        for (const q of QS) close(sketch.quantile(q), exact.quantile(q));
        close(sketch.interval(0.5)?.low, exact.interval(0.5)?.low);
        close(sketch.interval(0.5)?.high, exact.interval(0.5)?.high);
      }),
    );
  });
  it("of two merged is that of all their values, in whichever order, exact or not", () => {
    fc.assert(
      fc.property(durations, durations, fc.constantFrom(0, 20, 1000), (a, b, upTo) => {
        const union = of([...a, ...b], upTo).toJson();
        expect(of(a, upTo).merge(of(b, upTo)).toJson()).toEqual(union);
        expect(of(b, upTo).merge(of(a, upTo)).toJson()).toEqual(union);
      }),
    );
  });
  it("comes back from JSON as it was, and goes on", () => {
    fc.assert(
      fc.property(durations, duration, fc.constantFrom(0, 20, Number.POSITIVE_INFINITY), (values, more, upTo) => {
        const made = of(values, upTo);
        const read = Distribution.fromJson(JSON.parse(JSON.stringify(made.toJson())));
        expect(read.toJson()).toEqual(made.toJson());
        for (const each of [made, read]) each.add(more);
        expect(read.toJson()).toEqual(made.toJson());
        expect(read.count).toBe(values.length + 1);
      }),
    );
  });
  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("takes no %d for a duration", (value) =>
    expect(() => of([value])).toThrow(RangeError),
  );
});
