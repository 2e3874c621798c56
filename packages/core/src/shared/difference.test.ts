import fc from "fast-check";
import { expect, it } from "vitest";
import { differences } from "./difference.ts";

it("names each changed leaf with its path", () => {
  expect(differences({ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 3] }, d: true })).toEqual([
    { path: "b.c.1", before: 2, after: 3 },
    { path: "d", before: null, after: true },
  ]);
});
it("shows everything of what is new", () => {
  expect(differences(null, { a: { b: 1 } })).toEqual([{ path: "a.b", before: null, after: 1 }]);
});
it("finds nothing between equals", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(differences(value, JSON.parse(JSON.stringify(value)))).toEqual([]);
    }),
  );
});
