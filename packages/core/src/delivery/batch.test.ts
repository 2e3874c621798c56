import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchOf, type Carried, halfOf, narrow, narrowWords, type Waiting } from "./batch.ts";

/** Commits of a history with branches: each one's parent is an earlier one, or none. */
const histories = fc.array(fc.option(fc.nat(), { nil: null }), { minLength: 1, maxLength: 12 }).map((parents) => {
  const parentOf = parents.map((p, i) => (p === null || i === 0 ? null : p % i));
  const contains = (newer: string, older: string): boolean => {
    for (let at: number | null = Number(newer); at !== null; at = parentOf[at] ?? null)
      if (at === Number(older)) return true;
    return false;
  };
  return { size: parents.length, contains };
});
const worlds = histories.chain(({ size, contains }) =>
  fc.record({
    contains: fc.constant(contains),
    maximum: fc.integer({ min: 1, max: 6 }),
    queue: fc
      .array(
        fc.record({
          commit: fc.option(
            fc.nat(size - 1).map((commit) => String(commit)),
            { nil: null, freq: 8 },
          ),
          mayBatch: fc.boolean().chain((b) => fc.constantFrom(true, true, b)),
          dirty: fc.constantFrom(false, false, false, true),
          strategy: fc.constantFrom(null, null, null, "all_at_once"),
        }),
        { maxLength: 8 },
      )
      .map((items) => items.map((item, i): Waiting => ({ ...item, id: `d${i}`, releaseId: `r${i}` }))),
  }),
);
const batchIn = ({ queue, maximum, contains }: typeof worlds extends fc.Arbitrary<infer W> ? W : never) =>
  batchOf(queue, maximum, async (newer, older) => contains(newer, older));

describe("who goes out together", () => {
  it("is the head of the queue and those right behind it, never more than allowed", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const batch = await batchIn(world);
        expect(batch).toEqual(world.queue.slice(0, batch.length));
        expect(batch.length).toBeLessThanOrEqual(world.maximum);
        expect(batch.length > 0).toBe(world.queue.length > 0);
      }),
    );
  });

  it("is only what the carrier's release is shown to contain, and what asked for it", async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const batch = await batchIn(world);
        const carrier = batch.at(-1);
        for (const d of batch.slice(0, -1)) {
          expect(world.contains(carrier?.commit ?? "", d.commit ?? "-")).toBe(true);
          expect([d.mayBatch, d.dirty, d.strategy]).toEqual([true, false, carrier?.strategy]);
          expect(carrier?.mayBatch).toBe(true);
        }
      }),
    );
  });

  it("is everybody on one trunk, up to the maximum", async () => {
    const queue = [1, 2, 3, 4].map(
      (n): Waiting => ({
        id: `d${n}`,
        releaseId: `r${n}`,
        mayBatch: true,
        commit: `${n}`,
        dirty: false,
        strategy: null,
      }),
    );
    const contains = async (newer: string, older: string) => newer > older;
    expect((await batchOf(queue, 9, contains)).length).toBe(4);
    expect((await batchOf(queue, 3, contains)).map((d) => d.id)).toEqual(["d1", "d2", "d3"]);
  });
});

describe("the search for the change that does harm", () => {
  const changes = fc
    .array(fc.boolean(), { minLength: 2, maxLength: 20 })
    // A change that made nothing new has the release of the one before.
    .map((news) => news.map((_, i) => change(i, news.slice(0, i + 1).lastIndexOf(true))));
  const change = (i: number, of: number): Carried => ({ deploymentId: `d${i}`, releaseId: `r${of}` });

  it("ends at the release that does it, after at most as many halvings as the number has bits and some", () => {
    fc.assert(
      fc.property(changes, fc.nat(), (all, seed) => {
        const releases = [...new Set(all.map((c) => c.releaseId))];
        const guilty = releases[seed % releases.length];
        const from = all.findIndex((c) => c.releaseId === guilty);
        const trials = [{ upTo: all.length, outcome: "bad" as "good" | "bad" }];
        let rounds = 0;
        for (;;) {
          const { cleared, suspected } = narrow(trials);
          expect(cleared).toBeLessThanOrEqual(from);
          expect(suspected).toBeGreaterThan(from);
          const half = halfOf(all.slice(cleared, suspected));
          if (half === null) break;
          rounds += 1;
          trials.push({ upTo: cleared + half, outcome: cleared + half > from ? "bad" : "good" });
        }
        const { cleared, suspected } = narrow(trials);
        expect(all.slice(cleared, suspected).every((c) => c.releaseId === guilty)).toBe(true);
        expect(rounds).toBeLessThan(releases.length);
      }),
    );
  });

  it("halves in the middle where each change has a release of its own", () => {
    const all = [0, 1, 2, 3, 4].map((i) => change(i, i));
    expect([2, 3, 4, 5].map((k) => halfOf(all.slice(0, k)))).toEqual([1, 1, 2, 2]);
    expect(halfOf(all.slice(0, 1))).toBeNull();
  });

  it.each([
    [[], "nobody knows yet which"],
    [[{ upTo: 2, outcome: "good" }], "one of changes 3 to 4 does harm"],
    [[{ upTo: 2, outcome: "bad" }], "one of changes 1 to 2 does harm"],
    [[{ upTo: 1, outcome: "bad" }], "change 1 does harm"],
    [
      [
        { upTo: 2, outcome: "good" },
        { upTo: 3, outcome: "bad" },
      ],
      "Nothing is known of change 4",
    ],
    [[{ upTo: 4, outcome: "good" }], "not seen again"],
  ] as const)("says what is known: %j", (trials, words) => {
    const known = narrow([{ upTo: 4, outcome: "bad" }, ...trials]);
    expect(narrowWords(4, known).toLowerCase()).toContain(words.toLowerCase());
  });
});
