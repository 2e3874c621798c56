import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketOf } from "../shared/histogram.ts";
import { type Anchors, type Answer, takeAnswer } from "./metric-readings.ts";
import { fillQuery, type Sample } from "./metric-source.ts";
import type { UserMetric } from "./metrics.ts";

const RATIO: UserMetric = {
  name: "checkout_errors",
  kind: "ratio",
  source: "prometheus",
  direction: "up_is_bad",
  severity: "critical",
  weight: 0.2,
};
const of = (value: number, labels: Sample["labels"] = {}): Sample => ({ labels, value });
const both = (events: readonly Sample[], total: readonly Sample[]): Answer => ({
  baseline: { events, total },
  canary: { events, total },
});

/** Takes answers in one after the other. */
function takeAll(metric: UserMetric, answers: readonly Answer[]) {
  let anchors: Anchors = {};
  return answers.map((answer) => {
    const taken = takeAnswer(metric, answer, anchors);
    anchors = taken.anchors;
    return taken.canary;
  });
}

describe("readings of counters", () => {
  it("add up to what was counted since the first, whichever readings were lost", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 2, maxLength: 30 }), fc.array(fc.boolean()), (steps, lost) => {
        let sum = 0;
        const all = steps.map((step) => {
          sum += step;
          return both([of(sum)], [of(2 * sum)]);
        });
        const kept = all.filter((_, i) => i === 0 || i === all.length - 1 || !lost[i]);
        const taken = takeAll(RATIO, kept);
        expect(taken.reduce((n, t) => n + t.events, 0)).toBe(sum - (steps[0] ?? 0));
        expect(taken.reduce((n, t) => n + t.total, 0)).toBe(2 * (sum - (steps[0] ?? 0)));
      }),
    );
  });
  it("begin with the first one, count a series that comes later from 0, and lose at most what a reset hides", () => {
    const a = { instance: "a" };
    const b = { instance: "b" };
    const taken = takeAll(RATIO, [
      both([of(7, a)], [of(100, a)]),
      both([of(9, a), of(3, b)], [of(130, a), of(10, b)]),
      // Process a began again at 0 and has counted 20 since.
      both([of(1, a), of(4, b)], [of(20, a), of(15, b)]),
      both([of(2, a), of(4, b)], [of(30, a), of(15, b)]),
    ]);
    expect(taken.map((t) => [t.events, t.total])).toEqual([
      [0, 0],
      [5, 40],
      [1, 5],
      [1, 10],
    ]);
  });
  it("take no series for no data, not for 0, and lose nothing by it", () => {
    const taken = takeAll(RATIO, [
      both([], [of(5)]),
      both([of(1)], [of(10)]),
      both([], [of(20)]),
      both([of(3)], [of(30)]),
      both([of(Number.NaN)], [of(40)]),
    ]);
    expect(taken.map((t) => [t.events, t.total])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [2, 20],
      [0, 10],
    ]);
  });
  it("keep the two releases apart", () => {
    const first = takeAnswer(RATIO, { baseline: { events: [of(1)], total: [of(9)] }, canary: {} }, {});
    expect(first.anchors.canary).toBeUndefined();
    const answer = { baseline: { events: [of(3)], total: [of(19)] }, canary: { events: [of(0)], total: [of(4)] } };
    const second = takeAnswer(RATIO, answer, first.anchors);
    expect([second.baseline.total, second.canary.total]).toEqual([10, 0]);
  });
});

describe("readings of a histogram", () => {
  const metric: UserMetric = { ...RATIO, kind: "histogram" };
  const buckets = (counts: readonly number[], labels: Sample["labels"] = {}): Sample[] =>
    ["0.1", "0.5", "+Inf"].map((le, i) => of(counts[i] ?? 0, { ...labels, le }));
  const answer = (...series: Sample[][]): Answer => ({ baseline: {}, canary: { buckets: series.flat() } });
  it("are what is new in each bucket, at its upper end, and twice the last end above all", () => {
    const [, taken] = takeAll(metric, [answer(buckets([1, 2, 3])), answer(buckets([4, 10, 12]))]);
    expect(taken?.values).toEqual({ [bucketOf(100)]: 3, [bucketOf(500)]: 5, [bucketOf(1_000)]: 1 });
    const [, plain] = takeAll({ ...metric, unit: "number" }, [answer(buckets([0, 0, 0])), answer(buckets([1, 1, 1]))]);
    expect(plain?.values).toEqual({ [bucketOf(0.1)]: 1 });
  });
  it("leave a process out whose buckets fell, and count the others", () => {
    const a = { instance: "a" };
    const b = { instance: "b" };
    const [, taken] = takeAll(metric, [
      answer(buckets([5, 5, 100], a), buckets([1, 1, 1], b)),
      answer(buckets([50, 60, 60], a), buckets([2, 2, 2], b)),
    ]);
    expect(taken?.values).toEqual({ [bucketOf(100)]: 1 });
  });
});

describe("a query", () => {
  it("is filled in for an arm, and keeps what is not ours", () => {
    const words = { release: "shop@7", arm: "canary" };
    expect(fillQuery('x{release="{{ release }}", arm="{{arm}}", other="{{release}}{{nothing}}"}', words)).toBe(
      'x{release="shop@7", arm="canary", other="shop@7{{nothing}}"}',
    );
  });
});
