import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../shared/random.ts";
import { clusteringNote, clusteringOf } from "./dispersion.ts";
import { HARM_PSI, lnErrorsHarm } from "./errors.ts";
import { judge, startJudge } from "./judge.ts";
import { defaultPolicy } from "./policy.ts";
import { clusteringBefore, looks, play, type StickyWorld } from "./sticky.testkit.ts";
import type { ArmCounts, Look } from "./types.ts";
import { addCounts, errorsPerVisitor, temperingOf } from "./units.ts";

const clustered = { cluster: 3, share: 0.1 } as const;
const fails = (runs: number, world: (i: number) => StickyWorld, from: number) =>
  Array.from({ length: runs }, (_, i) => play(world(i), from + i).verdict).filter((v) => v === "FAIL").length;

describe("errors that come in clusters of three, visitors staying with a release", () => {
  const healthy = { ...clustered, errors: [0.01, 0.01] } as const;
  it.each([10, 145])(
    "seldom cost a healthy release its place at %d requests/s, counted once per visitor",
    (perSecond) => {
      // alpha = 1 %: more than 3 of 60 has a chance of 0.3 %. Counted one by one they cost every third, and three in four.
      expect(fails(60, () => ({ ...healthy, perSecond, counts: "units" }), 100)).toBeLessThanOrEqual(3);
      expect(fails(30, () => ({ ...healthy, perSecond, counts: "all" }), 100)).toBeGreaterThanOrEqual(4);
    },
  );
  it.each([10, 145])("seldom do at %d requests/s where each request is routed by itself", (perSecond) => {
    expect(fails(60, () => ({ ...healthy, perSecond, counts: "by_request" }), 200)).toBeLessThanOrEqual(3);
  });
  it.each([10, 145])(
    "seldom do at %d requests/s with the evidence tempered by what ten minutes before tell",
    (perSecond) => {
      const world = (i: number): StickyWorld => {
        const plain = { ...healthy, perSecond, counts: "all" } as const;
        const clustering = clusteringBefore(plain, 9_000 + i, 10);
        if (clustering === null) throw new Error("ten minutes have tens of errors");
        return { ...plain, policy: { ...defaultPolicy, clustering } };
      };
      // 2 %: more than 4 of 50 has a chance of 0.3 %.
      expect(fails(50, world, 300)).toBeLessThanOrEqual(4);
    },
  );
  it("still show harm", () => {
    const harmful = { ...clustered, perSecond: 145, errors: [0.001, 0.02] } as const;
    for (const counts of ["units", "by_request"] as const)
      expect(fails(10, () => ({ ...harmful, counts }), 400)).toBe(10);
  });
  it("show a total outage within six visitors of the canary and a look", () => {
    const outage = { perSecond: 10, share: 0.1, cluster: 1, errors: [0.001, 1], counts: "units" } as const;
    for (let seed = 500; seed < 520; seed++) {
      let state = startJudge(defaultPolicy);
      let failed = 0;
      for (const look of looks(outage, seed, 300_000)) {
        const judged = judge(state, look, defaultPolicy);
        if (judged.report.verdict === "FAIL") break;
        state = judged.state;
        failed = state.canary.unitErrors ?? 0;
      }
      // Before the look that found it: the sixth visitor came in that look, if not earlier.
      expect(failed).toBeLessThan(6);
    }
  });
  it("seldom make a release look safe whose requests fail more often by exactly the margin", () => {
    const world = { ...clustered, perSecond: 145, errors: [0.001, 0.006], counts: "units" } as const;
    const passed = Array.from({ length: 60 }, (_, i) => play(world, 600 + i, true, 600_000)).filter(
      (r) => r.verdict === "PASS",
    ).length;
    // beta = 5 %: more than 8 of 60 has a chance of 0.3 %.
    expect(passed).toBeLessThanOrEqual(8);
  });
  it("don't keep a healthy release from being shown to be safe", () => {
    const world = { ...clustered, perSecond: 145, errors: [0.001, 0.001], counts: "units" } as const;
    const passed = Array.from({ length: 10 }, (_, i) => play(world, 700 + i, true)).filter((r) => r.verdict === "PASS");
    expect(passed.length).toBeGreaterThanOrEqual(9);
  });
  it("are told of in the reason, as visitors", () => {
    const report = play({ ...clustered, perSecond: 145, errors: [0.001, 0.05], counts: "units" }, 800);
    expect(report.reasons[0]).toMatch(
      / of \d+ canary requests failed, which counts as \d+: one failure per visitor\.\)/,
    );
  });
});

describe("a visitor's coin", () => {
  it("keeps the harm test's mean at most 1 whatever they do, at the margin", () => {
    const chance = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(
        chance,
        fc.nat(30),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.constantFrom(...HARM_PSI),
        (w, more, h, psi) => {
          const [requests, d0] = [more + 1, 0.0002];
          const ever = (each: number) => 1 - (1 - each) ** requests;
          const e = (nc: number, kc: number, kb: number) => Math.exp(lnErrorsHarm(psi, w, nc, kc, kb, d0));
          const [qc, qb] = [ever(Math.min(1, h + d0)), ever(h)];
          const mean =
            w * (qc * e(requests, 1, 0) + (1 - qc) * e(requests, 0, 0)) + (1 - w) * (qb * e(0, 0, 1) + (1 - qb));
          expect(mean).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
    );
  });
  it("keeps a tempered cluster's mean at most 1 for every bet, sizes being geometric", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.02, max: 0.6, noNaN: true }),
        fc.double({ min: 1, max: 20, noNaN: true }),
        fc.constantFrom(...HARM_PSI),
        (w, mean, psi) => {
          const p = 1 / mean;
          const clustering = { minutes: 60, errors: 2 * mean - 1, unitErrors: null };
          const eta = temperingOf({ ...defaultPolicy, clustering }, { ...nothing, canaryShare: w });
          const factor = (kc: number, kb: number) => Math.exp(eta * lnErrorsHarm(psi, w, 0, kc, kb, 0));
          const geometric = (x: number) => (p * x) / (1 - (1 - p) * x);
          expect(w * geometric(factor(1, 0)) + (1 - w) * geometric(factor(0, 1))).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
    );
  });
});

const none: ArmCounts = { requests: 0, errors: 0, latency: {}, pageViews: 0, pageErrors: 0 };
const nothing: Look = {
  atMs: 0,
  canaryShare: 0.1,
  baseline: none,
  canary: none,
  baselineProcess: null,
  canaryProcess: null,
  sourceUp: true,
};

describe("the split of the stable release", () => {
  const minutes = (sizes: (random: () => number) => number, seed: number, n: number) => {
    const random = seeded(seed);
    return Array.from({ length: n }, () => {
      let [errors, halfErrors, unitErrors, halfUnitErrors] = [0, 0, 0, 0];
      for (let v = 0; v < 20; v++) {
        const size = sizes(random);
        const half = random() < 0.5 ? 1 : 0;
        errors += size;
        halfErrors += half * size;
        unitErrors += 1;
        halfUnitErrors += half;
      }
      return { errors, halfErrors, unitErrors, halfUnitErrors };
    });
  };
  it("tells the size of clusters, with an error for safety, and that visitors come one by one", () => {
    const found = Array.from({ length: 40 }, (_, i) => clusteringOf(minutes(() => 3, i, 60)));
    const mean = found.reduce((sum, c) => sum + (c?.errors ?? 0), 0) / found.length;
    // 3 (1 + sqrt(2 / 60)) = 3.55; the mean of 40 has an error of 0.09.
    expect(mean).toBeGreaterThan(3.2);
    expect(mean).toBeLessThan(3.9);
    // Three errors above 1 by chance: one in a hundred.
    expect(found.filter((c) => c?.unitErrors !== 1).length).toBeLessThanOrEqual(3);
    expect(found[0] && clusteringNote(found[0])).toMatchObject({ state: "note", guard: "clustered" });
  });
  it("claims nothing of fewer than twenty errors, or five minutes", () => {
    expect(clusteringOf([])).toBeNull();
    expect(clusteringOf(minutes(() => 3, 1, 4))).toBeNull();
    const few = minutes(() => 1, 1, 19).map(() => ({ errors: 1, halfErrors: 0, unitErrors: 1, halfUnitErrors: 0 }));
    expect(clusteringOf(few)).toBeNull();
  });
  it("is told with the rollout's guards, and keeps nothing from moving", () => {
    const clustering = { minutes: 60, errors: 3.2, unitErrors: 1 };
    const look = { ...nothing, baseline: { ...none, requests: 9 }, canary: { ...none, requests: 1 } };
    const { report } = judge(startJudge(defaultPolicy), look, { ...defaultPolicy, clustering });
    expect(report.guards.find((g) => g.guard === "clustered")?.words).toContain("clusters of about 3.2");
    expect(report.hold).toBe(false);
  });
});

describe("counts by visitor", () => {
  const anyArm = fc
    .record({ requests: fc.nat(100), errors: fc.nat(100), units: fc.option(fc.nat(100)) })
    .map(({ requests, errors, units }): ArmCounts => {
      const failed = Math.min(errors, requests);
      const plain = { ...none, requests, errors: failed };
      if (units === null) return plain;
      const unitErrors = Math.min(units, failed);
      return { ...plain, unitErrors, unitPageErrors: 0, visitorRequests: requests, visitorErrors: failed };
    });
  it("add up in any order, and an arm without them counts every error", () => {
    fc.assert(
      fc.property(anyArm, anyArm, anyArm, (a, b, c) => {
        expect(addCounts(addCounts(a, b), c)).toEqual(addCounts(a, addCounts(c, b)));
        expect(addCounts(a, none)).toEqual(a);
        const size = errorsPerVisitor(a, b);
        expect(size).toBeGreaterThanOrEqual(1);
        expect(size).toBeLessThanOrEqual(5);
      }),
    );
  });
  it("replay through JSON to the same answer, to the last bit", () => {
    const clustering = { minutes: 17, errors: 3.7, unitErrors: 1.4 };
    const policy = { ...defaultPolicy, clustering };
    const again = JSON.parse(JSON.stringify(policy));
    let [live, stored] = [startJudge(policy), startJudge(again)];
    for (const look of looks({ ...clustered, perSecond: 10, errors: [0.01, 0.03], counts: "units" }, 3, 300_000)) {
      const a = judge(live, look, policy);
      const b = judge(JSON.parse(JSON.stringify(stored)), JSON.parse(JSON.stringify(look)), again);
      expect(b.report).toEqual(a.report);
      [live, stored] = [a.state, b.state];
    }
  });
});
