import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countOf, mergeHistograms } from "../shared/histogram.ts";
import { seeded } from "../shared/random.ts";
import { type JudgeState, judge, startJudge } from "./judge.ts";
import { defaultPolicy } from "./policy.ts";
import type { ArmCounts, JudgeReport, Look } from "./types.ts";
import { addCounts } from "./units.ts";

const POLICY = { ...defaultPolicy, settleMs: 0 };

/** Counts of some requests, each with its time to answer and whether it failed. */
interface Request {
  readonly ms: number;
  readonly failed: boolean;
}
const counted = (requests: readonly Request[]): ArmCounts =>
  requests.reduce<ArmCounts>(
    (sum, { ms, failed }) =>
      addCounts(sum, { requests: 1, errors: failed ? 1 : 0, latency: { [ms]: 1 }, pageViews: 0, pageErrors: 0 }),
    { requests: 0, errors: 0, latency: {}, pageViews: 0, pageErrors: 0 },
  );
const request = fc.record({ ms: fc.integer({ min: 60, max: 140 }), failed: fc.boolean() });
const looks = fc.array(
  fc.record({
    baseline: fc.array(request, { minLength: 0, maxLength: 12 }),
    canary: fc.array(request, { minLength: 0, maxLength: 8 }),
  }),
  { minLength: 1, maxLength: 12 },
);
const lookOf = (atMs: number, baseline: ArmCounts, canary: ArmCounts): Look => ({
  ...{ atMs, canaryShare: 0.3, baseline, canary, baselineProcess: null, canaryProcess: null, sourceUp: true },
});
function play(list: readonly Look[]): { state: JudgeState; report: JudgeReport } {
  let state = startJudge(POLICY);
  let report: JudgeReport | null = null;
  for (const look of list) ({ state, report } = judge(state, look, POLICY));
  if (report === null) throw new Error("no look");
  return { state, report };
}
const harmOf = (report: JudgeReport, metric: string): number =>
  report.metrics.find((m) => m.metric === metric)?.lnHarm ?? Number.NaN;

describe("what is in a look", () => {
  it("has no order: shuffled requests, and gateways added up in any order, give the same report to the last bit", () => {
    fc.assert(
      fc.property(looks, fc.nat(), (list, seed) => {
        const random = seeded(seed);
        const shuffled = (of: readonly Request[]) => {
          const keyed = of.map((r) => [random(), r] as const);
          return keyed.sort(([a], [b]) => a - b).map(([, r]) => r);
        };
        const split = (of: readonly Request[]): ArmCounts => {
          const at = Math.floor(random() * (of.length + 1));
          return addCounts(counted(of.slice(at)), counted(of.slice(0, at)));
        };
        const plain = list.map((l, i) => lookOf(2_000 * (i + 1), counted(l.baseline), counted(l.canary)));
        const other = list.map((l, i) =>
          lookOf(2_000 * (i + 1), split(shuffled(l.baseline)), split(shuffled(l.canary))),
        );
        expect(play(other).report).toEqual(play(plain).report);
      }),
      { numRuns: 30 },
    );
  });
});

describe("harm", () => {
  it("is never told less for one error more on the canary, in any look", () => {
    fc.assert(
      fc.property(looks, fc.nat(), (list, which) => {
        const plain = list.map((l, i) => lookOf(2_000 * (i + 1), counted(l.baseline), counted(l.canary)));
        const at = which % plain.length;
        const { canary } = plain[at] as Look;
        fc.pre(canary.errors < canary.requests);
        const worse = plain.map((look, i) =>
          i === at ? { ...look, canary: { ...canary, errors: canary.errors + 1 } } : look,
        );
        const [a, b] = [play(plain).report, play(worse).report];
        expect(harmOf(b, "errors")).toBeGreaterThanOrEqual(harmOf(a, "errors") - 1e-9);
        expect(b.lnHarm).toBeGreaterThanOrEqual(a.lnHarm - 1e-9);
      }),
      { numRuns: 30 },
    );
  });
  it("is told by the average of the metrics' e-values, by their weights", () => {
    fc.assert(
      fc.property(looks, (list) => {
        const { report } = play(list.map((l, i) => lookOf(2_000 * (i + 1), counted(l.baseline), counted(l.canary))));
        const sum = report.metrics.reduce((n, m) => n + m.weight * Math.exp(m.lnHarm), 0);
        expect(report.lnHarm).toBeCloseTo(Math.log(sum), 9);
      }),
      { numRuns: 20 },
    );
  });
});

describe("a look in parts", () => {
  it("comes to the same counts and safe evidence; harm keeps at least the first start's 0.8 and gains no more than the rest", () => {
    // Equal: what is a product over requests (the safe test of errors, tallies, counts). Not equal: the mixture over start
    // times, whose parts are starts of their own, and latency, whose unit is the batch: a cut changes which answers meet.
    // Of harm, with E_i what comes from part i on: e = sum of w_i E_i + rest, w_1 = 0.8 of the first batch in both. What is
    // cut within one moment has no time between its parts, and so no weight for starts there: then it is equal as well.
    fc.assert(
      fc.property(looks, fc.nat(), (list, seed) => {
        const random = seeded(seed);
        const whole = list.map((l, i) => lookOf(2_000 * (i + 1), counted(l.baseline), counted(l.canary)));
        const parts = list.flatMap((l, i) => {
          const at = [Math.floor(random() * (l.baseline.length + 1)), Math.floor(random() * (l.canary.length + 1))];
          return [
            lookOf(2_000 * (i + 1), counted(l.baseline.slice(0, at[0])), counted(l.canary.slice(0, at[1]))),
            lookOf(2_000 * (i + 1), counted(l.baseline.slice(at[0])), counted(l.canary.slice(at[1]))),
          ];
        });
        const [a, b] = [play(whole), play(parts)];
        expect([b.report.canaryRequests, b.report.baselineRequests]).toEqual([
          a.report.canaryRequests,
          a.report.baselineRequests,
        ]);
        expect(b.state.errorTallies).toEqual(a.state.errorTallies);
        for (const [i, ln] of a.state.errorsSafe.entries()) expect(b.state.errorsSafe[i]).toBeCloseTo(ln, 6);
        expect(harmOf(b.report, "errors")).toBeCloseTo(harmOf(a.report, "errors"), 6);
      }),
      { numRuns: 30 },
    );
  });
  it("waits for its latency, and loses none of it: what waits and what was judged is what came", () => {
    fc.assert(
      fc.property(looks, (list) => {
        const all = list.map((l, i) => lookOf(500 * (i + 1), counted(l.baseline), counted(l.canary)));
        const { state } = play(all);
        expect(countOf(state.canary.latency)).toBe(list.reduce((n, l) => n + l.canary.length, 0));
        const waiting = state.pending.reduce((h, p) => mergeHistograms(h, p.canary), {});
        expect(countOf(waiting)).toBeLessThanOrEqual(countOf(state.canary.latency));
      }),
      { numRuns: 20 },
    );
  });
});
