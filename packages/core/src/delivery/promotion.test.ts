import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PlaceFacts, type PromotionFacts, pathMistakes, standingOf } from "./promotion.ts";

const STEP = { from: "staging", to: "production", automatic: true, soakMs: 60_000 };
const place = (number: number | null, change: Partial<PlaceFacts> = {}): PlaceFacts => ({
  serving: number === null ? null : { releaseId: `rel_${number}`, number, sinceMs: 0 },
  ...{ isBusy: false, isPaused: false },
  ...change,
});
const FACTS: PromotionFacts = { from: place(2), to: place(1), tried: null, left: null, nowMs: 60_000 };
const state = (change: Partial<PromotionFacts>, step = STEP) => standingOf(step, { ...FACTS, ...change }).state;

describe("a step of the path", () => {
  it("is ready once the release has served long enough", () => {
    expect(standingOf(STEP, FACTS)).toEqual({
      ...{ state: "ready", words: "Release 2 goes on to production.", readyAtMs: 60_000, isTakenBack: false },
    });
    expect(standingOf(STEP, { ...FACTS, nowMs: 59_999 })).toMatchObject({ state: "soaking", readyAtMs: 60_000 });
  });
  it("waits, and says for what", () => {
    expect(state({ from: place(null) })).toBe("nothing");
    expect(state({ to: place(2) })).toBe("same");
    expect(state({ to: place(3) })).toBe("blocked");
    expect(state({ from: place(2, { isBusy: true }) })).toBe("blocked");
    expect(state({ to: place(1, { isPaused: true }) })).toBe("blocked");
    expect(state({ to: place(1, { isBusy: true }) })).toBe("blocked");
    expect(state({ to: place(1, { isBusy: true }) }, { ...STEP, automatic: false })).toBe("ready");
    expect(state({ to: place(null) })).toBe("ready");
  });
  it("never sends the same release twice by itself", () => {
    expect(state({ tried: "rolling_out" })).toBe("under_way");
    expect(state({ tried: "rolled_back" })).toBe("tried");
    expect(state({ tried: "failed_gate" })).toBe("tried");
  });
  it("says of a release that was taken back that it was, and why, whoever asks whether it could go", () => {
    const judged = standingOf(STEP, { ...FACTS, tried: "rolled_back" });
    expect(judged).toMatchObject({ state: "tried", isTakenBack: true });
    expect(judged.words).toMatch(/^Release 2 was taken back in production: it does not go again by itself\./);
    const left = { ...FACTS, tried: "succeeded", left: "wrong prices" };
    for (const step of [STEP, { ...STEP, automatic: false }])
      expect(standingOf(step, left)).toMatchObject({
        ...{
          state: "tried",
          isTakenBack: true,
          words: expect.stringContaining("taken back in production (wrong prices)"),
        },
      });
    // Also where nobody has promoted it, but an owner sent it past the path.
    expect(state({ left: "wrong prices" })).toBe("tried");
    // Another one came to staging since, or it is on its way again: that is past.
    expect(standingOf(STEP, { ...left, tried: "rolling_out" })).toMatchObject({
      state: "under_way",
      isTakenBack: false,
    });
    expect(standingOf(STEP, { ...FACTS, tried: "failed_gate" })).toMatchObject({ isTakenBack: false });
  });
});

describe("a path", () => {
  it("has names that are there, one way to each, and no circle", () => {
    const names = ["development", "staging", "production"];
    const words = (...steps: [string, string][]) =>
      pathMistakes(
        names,
        steps.map(([from, to]) => ({ from, to })),
      ).map((m) => `${m.index}.${m.field}: ${m.words}`);
    expect(words(["development", "staging"], ["staging", "production"])).toEqual([]);
    expect(words(["stagging", "production"])).toEqual([
      "0.from: must be one of environments (development, staging, production); it is stagging.",
    ]);
    expect(words(["staging", "staging"])).toEqual(["0.to: must be another environment than from; both are staging."]);
    expect(words(["staging", "production"], ["development", "production"])).toEqual([
      "1.to: production is reached by another step already. Take one away.",
    ]);
    expect(words(["staging", "production"], ["production", "staging"])).toHaveLength(2);
  });

  it("without mistakes ends wherever one begins", () => {
    const name = fc.constantFrom("a", "b", "c", "d", "e");
    fc.assert(
      fc.property(fc.array(fc.record({ from: name, to: name }), { maxLength: 6 }), (steps) => {
        if (pathMistakes(["a", "b", "c", "d", "e"], steps).length > 0) return;
        for (const begin of ["a", "b", "c", "d", "e"]) {
          let reached = [begin];
          for (let i = 0; i < 6; i++)
            reached = reached.flatMap((at) => steps.filter(({ from }) => from === at).map(({ to }) => to));
          expect(reached).toEqual([]);
        }
      }),
    );
  });
});
