import fc from "fast-check";
import { expect, test } from "vitest";
import { addToSketch, decodeSketch, emptySketch, estimateDistinct, mergeSketches, mergeUsers } from "./hyperloglog.ts";

function sketchOf(ids: readonly string[]): Uint8Array {
  const sketch = emptySketch();
  for (const id of ids) addToSketch(sketch, id);
  return sketch;
}

test("counts nobody as zero and the same visitor once", () => {
  expect(estimateDistinct(emptySketch())).toBe(0);
  expect(Math.round(estimateDistinct(sketchOf(["a", "a", "a"])))).toBe(1);
});

test("has the standard error of 3.25 % that it states, at every size", () => {
  for (const size of [100, 1_000, 3_000, 20_000]) {
    const runs = 40;
    let squares = 0;
    for (let run = 0; run < runs; run++) {
      const sketch = emptySketch();
      for (let i = 0; i < size; i++) addToSketch(sketch, `visitor-${size}-${run}-${i}`);
      squares += (estimateDistinct(sketch) / size - 1) ** 2;
    }
    // The root mean square of 40 runs has itself a relative error of 11 %; four of them above 3.25 %.
    expect(Math.sqrt(squares / runs)).toBeLessThan(0.0325 * 1.45);
  }
});

test("a merge is the sketch of the union", () => {
  const ids = fc.array(fc.string(), { maxLength: 50 });
  fc.assert(
    fc.property(ids, ids, (a, b) => {
      expect(mergeSketches(sketchOf(a), sketchOf(b))).toEqual(sketchOf([...a, ...b]));
    }),
  );
});

test("reads what a gateway writes, and takes anything else for nobody", () => {
  const written = (sketch: Uint8Array) => btoa(String.fromCharCode(...sketch));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1_024, maxLength: 1_024 }), (sketch) => {
      expect(decodeSketch(written(sketch))).toEqual(sketch);
    }),
  );
  const [a, b] = [sketchOf(["a", "b"]), sketchOf(["b", "c"])];
  expect(Math.round(estimateDistinct(mergeUsers([written(a), written(b)])))).toBe(3);
  for (const bad of ["", "AAAA", "?", "A".repeat(5_000)]) expect(estimateDistinct(mergeUsers([bad]))).toBe(0);
});
