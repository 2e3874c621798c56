import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../../shared/random.ts";
import { type Definition, KEYS } from "../definitions.ts";
import type { Fact } from "../history.ts";
import { keysOf } from "../keys.ts";
import { historyOf, recordsOf, tallyOf } from "../replay.ts";
import { series } from "../series.ts";
import { mergeTallies, tallyToJson } from "../tally.ts";
import { makeWorld, type World } from "./world.ts";

const FROM = 1_767_225_600_000;
const DAY = 86_400_000;
const PLAN = { seed: 9, fromMs: FROM, days: 120, perDay: 10, mendedAlong: 0.5 };
const WORLD = makeWorld(PLAN);
const keysFrom = ({ facts, window }: Pick<World, "facts" | "window">, definition: Definition = "dora-2025") =>
  keysOf(tallyOf(recordsOf(historyOf(facts)), window, Number.POSITIVE_INFINITY), window, definition);
const median = (values: readonly number[]) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
};
function shuffled<T>(values: readonly T[], seed: number): T[] {
  const random = seeded(seed);
  return values
    .map((value) => [random(), value] as const)
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value);
}

describe("in a world of which the truth is known", () => {
  it("the five keys of DORA 2025 are the truth, but for failures of which no fact tells", () => {
    const { truth, window } = WORLD;
    const keys = keysFrom(WORLD);
    expect(truth.failed.size).toBeGreaterThan(50);
    expect(truth.hidden.size).toBeGreaterThan(0);
    expect(makeWorld({ ...PLAN, mendedAlong: 0 }).truth.hidden.size).toBe(0);
    const days = Math.ceil(window.toMs / DAY) - Math.floor(window.fromMs / DAY);
    expect(keys.frequency.value).toBeCloseTo(truth.delivered.size / days, 9);
    const seen = [...truth.failed].filter(([key]) => !truth.hidden.has(key)).map(([, times]) => times);
    expect(keys.failRate.value).toBe(seen.length / truth.delivered.size);
    expect(keys.recovery.value).toBe(median(seen.map(({ fromMs, untilMs }) => untilMs - fromMs)));
    expect(keys.rework.value).toBe(truth.rework.size / truth.met.size);
    expect(keys.leadTime.value).toBe(median([...truth.leadMs.values()]));
    expect(keys.leadTime.n).toBe(truth.leadMs.size);
  });
  it("no incident is blamed on a deployment that had nothing to do with it, and nothing is made up", () => {
    const { incidents, conflicts } = recordsOf(historyOf(WORLD.facts));
    const wrong = incidents.filter(({ key, deployment }) => deployment && deployment !== WORLD.truth.causes.get(key));
    expect(wrong).toEqual([]);
    expect(conflicts).toEqual([]);
  });
  it("the same facts in any order, late or told twice, are the same records", () => {
    const small = makeWorld({ ...PLAN, days: 8 });
    const told = recordsOf(historyOf(small.facts));
    fc.assert(
      fc.property(fc.nat(), fc.nat(small.facts.length), (seed, again) => {
        const facts: Fact[] = shuffled([...small.facts, ...small.facts.slice(0, again)], seed);
        expect(recordsOf(historyOf(facts))).toEqual(told);
      }),
      { numRuns: 30 },
    );
  });
  it("an incident that no deployment caused changes no key of DORA 2025, whatever an alert says", () => {
    const small = makeWorld({ ...PLAN, days: 8 });
    const before = keysFrom(small);
    fc.assert(
      fc.property(fc.nat(8 * DAY), fc.nat(DAY), fc.nat(20), (at, lasted, n) => {
        const [detectedAtMs, resolvedAtMs] = [FROM + at, FROM + at + lasted];
        const links = [{ deployment: `deployment-${n}`, by: "alert", words: "" }];
        const outage: Fact = {
          ...{ source: "power", id: "1", kind: "incident", key: "outage", atMs: detectedAtMs, rank: 0 },
          fields: { service: "shop", detectedAtMs, resolvedAtMs, links },
        };
        const facts = [...small.facts, outage];
        expect(keysFrom({ ...small, facts })).toEqual(before);
        expect(keysFrom({ ...small, facts }, "dora-2021").recovery.n).toBe(keysFrom(small, "dora-2021").recovery.n + 1);
      }),
      { numRuns: 20 },
    );
  });
  it("sums of days make the same keys as the records, and as the sketch within 2 %", () => {
    const records = recordsOf(historyOf(WORLD.facts));
    const days = (exactUpTo: number) =>
      Array.from({ length: Math.ceil((WORLD.window.toMs - FROM) / DAY) }, (_, i) => {
        const fromMs = FROM + i * DAY;
        return { fromMs, tally: tallyOf(records, { fromMs, toMs: fromMs + DAY }, exactUpTo) };
      });
    const whole = tallyOf(records, WORLD.window, Number.POSITIVE_INFINITY);
    const exact = days(Number.POSITIVE_INFINITY).map((day) => day.tally);
    expect(tallyToJson(exact.reduce(mergeTallies))).toEqual(tallyToJson(whole));
    const months = series(days(0), "month", WORLD.window).map((month) => month.tally);
    const sketched = keysOf(months.reduce(mergeTallies), WORLD.window, "dora-2025");
    const keys = keysOf(whole, WORLD.window, "dora-2025");
    for (const name of KEYS) {
      expect(sketched[name].n).toBe(keys[name].n);
      expect(Math.abs((sketched[name].value ?? 0) / (keys[name].value ?? 0) - 1)).toBeLessThan(0.02);
    }
  });
  it("a person who sets a cause right changes the keys, and whoever withdraws it changes them back", () => {
    const key = [...WORLD.truth.failed.keys()].find((one) => !WORLD.truth.hidden.has(one));
    const said = (atMs: number, fields: Fact["fields"]): Fact => ({
      ...{ source: "people", id: String(atMs), kind: "correction", key: "c1", atMs, rank: 0, fields },
    });
    const claim = said(1, { claim: "no_failure", deployment: key ?? "", reason: "A test.", madeAtMs: 1 });
    const corrected = keysFrom({ ...WORLD, facts: [...WORLD.facts, claim] });
    expect(corrected.failRate.value).toBe(
      (WORLD.truth.failed.size - WORLD.truth.hidden.size - 1) / WORLD.truth.delivered.size,
    );
    const withdrawn = [...WORLD.facts, said(2, { isWithdrawn: true }), claim];
    expect(keysFrom({ ...WORLD, facts: withdrawn })).toEqual(keysFrom(WORLD));
  });
});
