import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keptByRange } from "./kept-ranges.ts";

const commit = (n: number): string => n.toString(16).padStart(40, "0");
/** Counts how often it is asked. */
function counting(answer: (to: string | null) => string | null = (to) => `diff ${to}`) {
  const asked: string[] = [];
  const ask = async (folder: string, from: string | null, to: string | null) => {
    asked.push(`${folder} ${from} ${to}`);
    return answer(to);
  };
  return { asked, ask };
}

describe("what git says of a range", () => {
  it("is asked once, however often a gate that waits is", async () => {
    const { asked, ask } = counting();
    const kept = keptByRange(ask, { ranges: 4, characters: 1_000 });
    for (let i = 0; i < 5; i++) expect(await kept("/a", commit(1), commit(2))).toBe(`diff ${commit(2)}`);
    await kept("/a", commit(1), commit(3));
    await kept("/b", commit(1), commit(2));
    expect(asked).toHaveLength(3);
  });
  it("is asked each time where the answer may be another: a working tree, a branch, or nothing found", async () => {
    const { asked, ask } = counting((to) => (to === commit(9) ? null : "diff"));
    const kept = keptByRange(ask, { ranges: 4, characters: 1_000 });
    for (let i = 0; i < 2; i++) {
      await kept("/a", commit(1), null);
      await kept("/a", commit(1), "main");
      await kept("/a", "main", commit(2));
      await kept("/a", commit(1), commit(9));
    }
    expect(asked).toHaveLength(8);
  });
  it("takes no more room than it may, and always answers as git does", async () => {
    const ranges = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 40 })), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(ranges, async (asks) => {
        const { ask } = counting((to) => "x".repeat(Number.parseInt(to ?? "", 16)));
        const kept = keptByRange(ask, { ranges: 3, characters: 60 });
        for (const [from, to] of asks) expect(await kept("/a", commit(from), commit(to))).toHaveLength(to);
      }),
    );
  });
  it("forgets what was not asked for the longest", async () => {
    const { asked, ask } = counting();
    const kept = keptByRange(ask, { ranges: 2, characters: 1_000 });
    for (const to of [1, 2, 1, 3, 1, 2]) await kept("/a", null, commit(to));
    expect(asked.map((one) => Number.parseInt(one.slice(-40), 16))).toEqual([1, 2, 3, 2]);
  });
});
