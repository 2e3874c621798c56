import { expect, it } from "vitest";
import { fileChanges, tally } from "./file-changes.ts";

const file = (path: string, sha256: string, sizeBytes = 10) => ({ path, sha256, sizeBytes });

it("tells what was added, changed, removed and kept, by hash", () => {
  const changes = fileChanges(
    [file("a", "1"), file("b", "2", 15), file("d", "4")],
    [file("a", "1"), file("b", "9"), file("c", "3")],
  );
  expect(changes.map((c) => [c.path, c.state, c.growth])).toEqual([
    ["a", "same", 0],
    ["b", "changed", 5],
    ["c", "removed", -10],
    ["d", "added", 10],
  ]);
  expect(tally(changes)).toEqual({ added: 1, changed: 1, removed: 1, same: 1 });
});

it("compares with nothing when there is nothing before", () => {
  expect(fileChanges([file("a", "1")], null).map((c) => c.state)).toEqual(["same"]);
});
