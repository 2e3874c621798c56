import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../shared/random.ts";
import { lnErrorsHarm, lnErrorsSafe, lnShareSmall } from "./errors.ts";
import {
  atMost,
  expAbove,
  minus,
  ONE,
  type Outcome,
  outcomesOf,
  over,
  plus,
  power,
  type Rational,
  type Request,
  rational,
  times,
  toNumber,
  ZERO,
} from "./exact.testkit.ts";
import { lnOnset, type Onset, startOnset, stepOnset } from "./late-onset.ts";
import { lnAverage } from "./log-space.ts";

/** Chances in thousandths that drift from request to request. */
const drifting = fc.array(fc.tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 1_000 })), {
  minLength: 1,
  maxLength: 5,
});
const share = fc.integer({ min: 1, max: 99 });
const counts = fc.tuple(
  fc.integer({ min: 0, max: 50 }),
  fc.integer({ min: 0, max: 50 }),
  fc.integer({ min: 0, max: 99 }),
);

/** r and s of a harm bet, exactly; psi = 0 stands for infinity. */
function betOf(psi: number, w: Rational): { readonly r: Rational; readonly s: Rational } {
  if (psi === 0) return { r: over(ONE, w), s: ZERO };
  const sum = plus(times(rational(psi), w), minus(ONE, w));
  return { r: over(rational(psi), sum), s: over(ONE, sum) };
}
const mean = (outcomes: readonly (readonly [Outcome, Rational])[], e: (o: Outcome) => Rational): Rational =>
  outcomes.reduce((sum, [outcome, chance]) => plus(sum, times(chance, e(outcome))), ZERO);

describe("the error tests, by published values", () => {
  it("harm: at d0 = 0 it is Wald's SPRT of the errors' sides; lines of NIST/SEMATECH e-Handbook 6.2.6 (p1 0.01, p2 0.1, alpha 0.05, beta 0.1)", () => {
    // h1 = 0.9389, h2 = 1.2054, s = 0.0397 are printed there; w = 0.01 and odds of 11 make the same two hypotheses.
    const lnE = (k: number, n: number) => lnErrorsHarm(11, 0.01, n, k, n - k, 0);
    for (const n of [10, 50, 200]) {
      expect(lnE(1.2054 + 0.0397 * n, n)).toBeCloseTo(Math.log((1 - 0.1) / 0.05), 1);
      expect(lnE(-0.9389 + 0.0397 * n, n)).toBeCloseTo(Math.log(0.1 / (1 - 0.05)), 1);
    }
    const k = lnE(1, 1) - lnE(0, 1);
    expect((Math.log(18) / k).toFixed(4)).toBe("1.2054");
    expect((-lnE(0, 1) / k).toFixed(4)).toBe("0.0397");
  });
  it("a small share: at its boldest it is the rule of three (Hanley & Lippman-Hand, JAMA 1983): none of n excludes 3 / n with 95 %", () => {
    for (const n of [30, 300, 3_000]) {
      expect(lnShareSmall(1e-12, n, 0, 3 / n)).toBeGreaterThan(Math.log(20));
      expect(lnShareSmall(1e-12, n, 0, 2.99 / n)).toBeLessThan(Math.log(20));
    }
  });
  // No table of the conditional test with a floor, nor of the safe test, is published: the exact means below stand for them.
});

describe("the error tests, by exact means over every outcome of a batch", () => {
  const exp = (x: Rational) => expAbove(x);
  it("harm: at most 1, when each request's chance on the canary is at most d0 higher, however the chances drift", () => {
    fc.assert(
      fc.property(
        drifting,
        share,
        fc.constantFrom(0, 2, 4, 10),
        fc.constantFrom(0, 2, 50),
        (chances, w100, psi, d1000) => {
          const [w, d0] = [rational(w100, 100), rational(d1000, 1_000)];
          const { r, s } = betOf(psi, w);
          const requests = chances.map(([pb, better]): Request => {
            const most = Math.min(1_000, pb + d1000);
            // Now and then the canary is better: H0 holds all the more.
            return { w, pb: rational(pb, 1_000), pc: rational(Math.min(most, better < 300 ? better : most), 1_000) };
          });
          // The floor's e^(-n d0 (r - 1)) is a power of one factor; where its exponent is large, of a piece of it.
          const per = times(d0, minus(r, ONE));
          const pieces = Math.ceil(toNumber(per)) || 1;
          const floor = power(exp({ n: -per.n, d: per.d * BigInt(pieces) }), pieces);
          const e = (o: Outcome) =>
            times(times(power(r, o.canaryBad), power(s, o.baselineBad)), power(floor, o.canary));
          expect(atMost(mean(outcomesOf(requests), e), plus(ONE, rational(1n, 10n ** 20n)))).toBe(true);
          for (const [o] of outcomesOf(requests)) {
            const exact = e(o);
            const code = Math.exp(
              lnErrorsHarm(
                psi || Number.POSITIVE_INFINITY,
                w100 / 100,
                o.canary,
                o.canaryBad,
                o.baselineBad,
                d1000 / 1_000,
              ),
            );
            expect(code).toBeCloseTo(toNumber(exact), Math.max(0, 9 - Math.ceil(Math.log10(1 + toNumber(exact)))));
          }
        },
      ),
      { numRuns: 30 },
    );
  });
  it("safe: at most 1, when each request's chance on the canary is at least d1 higher", () => {
    fc.assert(
      fc.property(
        drifting,
        share,
        fc.constantFrom(1, 3, 5, 7),
        fc.constantFrom(5, 100),
        (chances, w100, r10, d1000) => {
          const [w, d1, r] = [rational(w100, 100), rational(d1000, 1_000), rational(r10, 10)];
          const x = minus(ONE, r);
          const requests = chances.map(([pb, more]): Request => {
            const least = Math.min(1_000, pb + d1000);
            const base = least - d1000;
            return { w, pb: rational(base, 1_000), pc: rational(Math.max(least, more), 1_000) };
          });
          const bad = plus(ONE, times(over(w, minus(ONE, w)), x));
          const floor = exp(times(d1, x));
          const e = (o: Outcome) =>
            times(times(power(r, o.canaryBad), power(bad, o.baselineBad)), power(floor, o.canary));
          expect(atMost(mean(outcomesOf(requests), e), plus(ONE, rational(1n, 10n ** 20n)))).toBe(true);
          for (const [o] of outcomesOf(requests)) {
            const exact = toNumber(e(o));
            const code = Math.exp(
              lnErrorsSafe(r10 / 10, w100 / 100, o.canary, o.canaryBad, o.baselineBad, d1000 / 1_000),
            );
            expect(Math.abs(code / exact - 1)).toBeLessThan(1e-9);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
  it("a small share: at most 1 when the share is at least d", () => {
    for (const [r10, d, p] of [
      [1, 50, 50],
      [5, 50, 50],
      [8, 200, 350],
      [0, 10, 10],
    ] as const) {
      const [r, d1] = [rational(r10, 10), rational(d, 1_000)];
      const requests = Array.from({ length: 6 }, () => ({ w: ONE, pb: ZERO, pc: rational(p, 1_000) }));
      const floor = exp(times(d1, minus(ONE, r)));
      const e = (o: Outcome) => times(power(r, o.canaryBad), power(floor, o.canary));
      expect(atMost(mean(outcomesOf(requests), e), ONE)).toBe(true);
      expect(toNumber(e({ canary: 6, canaryBad: 1, baselineBad: 0 }))).toBeCloseTo(
        r10 === 0 ? 0 : Math.exp(lnShareSmall(r10 / 10, 6, 1, d / 1_000)),
        12,
      );
    }
  });
});

describe("the error tests", () => {
  it("tell more harm for each error more on the canary, and less for one on the baseline; of safety the other way round", () => {
    fc.assert(
      fc.property(
        counts,
        share,
        fc.constantFrom(2, 4, 10),
        fc.constantFrom(0.1, 0.5, 0.85),
        ([kc, kb, n], w100, psi, r) => {
          const w = w100 / 100;
          const harm = (c: number, b: number) => lnErrorsHarm(psi, w, n + 51, c, b, 0.0002);
          const safe = (c: number, b: number) => lnErrorsSafe(r, w, n + 51, c, b, 0.005);
          expect(harm(kc + 1, kb)).toBeGreaterThan(harm(kc, kb));
          expect(harm(kc, kb + 1)).toBeLessThan(harm(kc, kb));
          expect(safe(kc + 1, kb)).toBeLessThan(safe(kc, kb));
          expect(safe(kc, kb + 1)).toBeGreaterThan(safe(kc, kb));
        },
      ),
    );
  });
  it("are the same for a batch as for its parts, in whatever order they come", () => {
    fc.assert(
      fc.property(fc.array(counts, { maxLength: 6 }), share, (parts, w100) => {
        const w = w100 / 100;
        const of = (list: typeof parts) =>
          list.reduce((sum, [kc, kb, n]) => sum + lnErrorsHarm(4, w, n + kc, kc, kb, 0.0002), 0);
        const whole = parts.reduce(([a, b, c], [kc, kb, n]) => [a + kc, b + kb, c + n + kc] as const, [
          0, 0, 0,
        ] as const);
        expect(of(parts)).toBeCloseTo(lnErrorsHarm(4, w, whole[2], whole[0], whole[1], 0.0002), 6);
        expect(of([...parts].reverse())).toBeCloseTo(of(parts), 6);
      }),
    );
  });
});

describe("the mixture over start times", () => {
  const batches = fc.array(
    fc.tuple(fc.double({ min: -3, max: 3, noNaN: true }), fc.integer({ min: 0, max: 400_000 })),
    {
      minLength: 1,
      maxLength: 30,
    },
  );
  const run = (list: readonly (readonly [number, number])[]): Onset =>
    list.reduce<Onset>((state, [ln, since]) => stepOnset(state, ln, since), startOnset);
  /** The definition: the sum over every start of its weight times all that comes from there on, and the weight of none. */
  function slowly(list: readonly (readonly [number, number])[]): number {
    let left = 1;
    let sum = 0;
    for (const [i, [, since]] of list.entries()) {
      const weight = i === 0 ? 0.8 : Math.min(left, 0.2 * (since / 1_800_000));
      left -= weight;
      sum += weight * Math.exp(list.slice(i).reduce((ln, [own]) => ln + own, 0));
    }
    return sum + left;
  }
  it("is the sum over all starts, which takes the square of the time", () => {
    fc.assert(
      fc.property(batches, (list) => {
        expect(lnOnset(run(list))).toBeCloseTo(Math.log(slowly(list)), 6);
      }),
    );
  });
  it("has mean 1 for batches of mean 1, exactly: weights are known before the batch and add up to 1", () => {
    // Each batch doubles or ends all that is staked, by a fair coin: every sequence of eight, each with its chance.
    let sum = 0;
    for (let bits = 0; bits < 256; bits++)
      sum += Math.exp(
        lnOnset(run(Array.from({ length: 8 }, (_, i) => [(bits >> i) & 1 ? Math.LN2 : -1e9, 100_000 * i] as const))),
      );
    expect(sum / 256).toBeCloseTo(1, 9);
  });
  it("of a batch in parts lies between a start at their first and a share of it: it never gains more than that from being cut", () => {
    // Cutting a batch gives its later parts starts of their own, as if the harm had begun there: other weights, same total.
    // In one batch e = pi E + (1 - pi); in parts each start i has w_i of the tail from i on. With all parts for harm no tail
    // is more than the whole: e(parts) <= (sum of w) E + rest, and at least the first start's 0.8 E.
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: 1, maxLength: 10 }), (lns) => {
        const whole = lns.reduce((a, b) => a + b, 0);
        const parts = lnOnset(run(lns.map((ln) => [ln, 2_000] as const)));
        expect(parts).toBeLessThanOrEqual(whole + 1e-9);
        expect(parts).toBeGreaterThanOrEqual(Math.log(0.8) + whole - 1e-9);
      }),
    );
  });
});

it("the average over metrics has mean at most 1 however the metrics hang together (Vovk & Wang 2021): bets on one coin", () => {
  // All on the same coin, one bet against the others: the worst dependence there is, enumerated.
  const weights = [0.35, 0.25, 0.1, 0.15, 0.15];
  const stakes = [1, 0.9, -0.7, 0.3, -1];
  let sum = 0;
  for (const coin of [1, -1])
    sum +=
      Math.exp(
        lnAverage(
          stakes.map((stake) => Math.log(Math.max(1e-300, 1 + stake * coin))),
          weights,
        ),
      ) / 2;
  expect(sum).toBeCloseTo(1, 12);
});

describe("Ville's bound", () => {
  /** Requests one by one; the share, the chance to fail and the margin's whole excess, which may all change half way. */
  const worlds = [
    { w: [0.05, 0.05], p: [0.002, 0.002] },
    { w: [0.1, 0.5], p: [0.05, 0.001] },
    { w: [0.5, 0.5], p: [0.3, 0.01] },
    { w: [0.9, 0.2], p: [0.01, 0.4] },
  ] as const;
  const RUNS = 400;
  const LOOKS = 150;
  it.each(worlds)("holds for harm at its floor and for safety at its margin: shares $w, failures $p", ({ w, p }) => {
    let [blamed, passed] = [0, 0];
    for (let run = 0; run < RUNS; run++) {
      const random = seeded(run * 7 + 1);
      const [harm, safe] = [
        [0, 0, 0],
        [0, 0, 0],
      ];
      let [isBlamed, isPassed] = [false, false];
      for (let look = 0; look < LOOKS; look++) {
        const half = look < LOOKS / 2 ? 0 : 1;
        const c = { harm: [0, 0, 0], safe: [0, 0, 0] };
        for (let i = 0; i < 20; i++) {
          const isCanary = random() < w[half] ? 1 : 0;
          const dice = random();
          for (const [list, excess] of [
            [c.harm, 0.0002],
            [c.safe, 0.05],
          ] as const) {
            const bad = dice < p[half] + (isCanary ? excess : 0) ? 1 : 0;
            list[0] = (list[0] ?? 0) + isCanary;
            list[1] = (list[1] ?? 0) + bad * isCanary;
            list[2] = (list[2] ?? 0) + bad * (1 - isCanary);
          }
        }
        for (const [i, psi] of [2, 4, Number.POSITIVE_INFINITY].entries())
          harm[i] = (harm[i] ?? 0) + lnErrorsHarm(psi, w[half], c.harm[0] ?? 0, c.harm[1] ?? 0, c.harm[2] ?? 0, 0.0002);
        for (const [i, r] of [0.1, 0.5, 0.85].entries())
          safe[i] = (safe[i] ?? 0) + lnErrorsSafe(r, w[half], c.safe[0] ?? 0, c.safe[1] ?? 0, c.safe[2] ?? 0, 0.05);
        const third = [1 / 3, 1 / 3, 1 / 3];
        isBlamed ||= lnAverage(harm, third) >= Math.log(20);
        isPassed ||= lnAverage(safe, third) >= Math.log(20);
      }
      if (isBlamed) blamed += 1;
      if (isPassed) passed += 1;
    }
    // At 5 % of 400 runs 20 are expected at most, and 34 are three standard errors more.
    expect(blamed).toBeLessThanOrEqual(34);
    expect(passed).toBeLessThanOrEqual(34);
  });
});
