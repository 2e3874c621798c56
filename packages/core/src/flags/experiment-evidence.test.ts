import { describe, expect, it } from "vitest";
import { lnBeta, lnBetaAbove, lnBetaBelow, lnGamma } from "../shared/beta.ts";
import { seeded } from "../shared/random.ts";
import { medianKilled, playRollout } from "./experiment.testkit.ts";
import { lnHarm, lnMismatch, meanHalfWidth, ratioInterval } from "./experiment-evidence.ts";

describe("the gamma and beta functions", () => {
  it("are those of the tables", () => {
    for (let n = 1; n < 30; n++) {
      let factorial = 0;
      for (let i = 2; i < n; i++) factorial += Math.log(i);
      expect(lnGamma(n)).toBeCloseTo(factorial, 9);
    }
    expect(lnGamma(0.5)).toBeCloseTo(0.5 * Math.log(Math.PI), 10);
    // I_x(a, b) of whole numbers is a sum of binomials: I_0.4(2, 3) = 0.5248.
    expect(Math.exp(lnBetaBelow(2, 3, 0.4) - lnBeta(2, 3))).toBeCloseTo(0.5248, 10);
    for (const [a, b, x] of [
      [1, 1, 0.3],
      [500, 400, 0.5],
      [3, 9_000, 0.001],
      [1e6, 1e6, 0.5],
    ] as const)
      expect(Math.exp(lnBetaBelow(a, b, x) - lnBeta(a, b)) + Math.exp(lnBetaAbove(a, b, x) - lnBeta(a, b))).toBeCloseTo(
        1,
        8,
      );
  });
});

/** The mean of e over all that can come of n users, where each is of the treated with probability w. */
function meanOf(ln: (treated: number, control: number) => number, n: number, w: number): number {
  let sum = 0;
  for (let t = 0; t <= n; t++) {
    const lnBinomial = lnGamma(n + 1) - lnGamma(t + 1) - lnGamma(n - t + 1);
    sum += Math.exp(lnBinomial + t * Math.log(w) + (n - t) * Math.log1p(-w) + ln(t, n - t));
  }
  return sum;
}

describe("evidence of harm", () => {
  it("is 1 on average at no difference, and less where the treated do better, at any number", () => {
    for (const n of [0, 1, 2, 7, 40, 200]) {
      expect(meanOf((t, c) => lnHarm(t, c), n, 0.5)).toBeCloseTo(1, 6);
      expect(meanOf((t, c) => lnHarm(t, c), n, 0.4)).toBeLessThanOrEqual(1 + 1e-9);
      expect(meanOf((t, c) => lnHarm(t, c, 0.5), n, 0.6)).toBeCloseTo(1, 6);
    }
  });
  it("stands still on average after each user, whatever came before: looking is free", () => {
    for (const [t, c] of [
      [0, 0],
      [3, 1],
      [0, 9],
      [40, 12],
    ] as const)
      expect(0.5 * Math.exp(lnHarm(t + 1, c)) + 0.5 * Math.exp(lnHarm(t, c + 1))).toBeCloseTo(
        Math.exp(lnHarm(t, c)),
        6,
      );
  });
  it("grows with the treated that are hurt, and is beyond doubt after ten of ten", () => {
    for (let k = 0; k < 20; k++) expect(lnHarm(k + 1, 20 - k)).toBeGreaterThan(lnHarm(k, 20 - k));
    expect(lnHarm(10, 0)).toBeGreaterThan(Math.log(100));
    expect(lnHarm(5, 0)).toBeLessThan(Math.log(100));
    expect(Number.isFinite(lnHarm(1e6, 1e6))).toBe(true);
  });
  it("kills a harmless flag at most once in a hundred, and five times the errors within 3,500 users of each arm", () => {
    const random = seeded(7);
    const play = (treated: number, control: number, runs: number, users: number, alpha = 0.01) =>
      Array.from({ length: runs }, () =>
        playRollout(random, { treated, control, users, lnNeeded: Math.log(1 / alpha) }),
      );
    const harmless = play(0.01, 0.01, 600, 20_000).filter((one) => one !== null).length;
    expect(harmless / 600).toBeLessThanOrEqual(0.02);
    expect(medianKilled(play(0.005, 0.001, 301, 50_000))).toBeLessThanOrEqual(3_500);
    expect(medianKilled(play(0.005, 0.001, 301, 50_000, 0.05))).toBeLessThanOrEqual(2_500);
  });
});

describe("a sample ratio mismatch", () => {
  it("is 1 on average where both arms are filled alike", () => {
    for (const n of [1, 10, 300]) expect(meanOf(lnMismatch, n, 0.5)).toBeCloseTo(1, 6);
  });
  it("is seen soon where one arm reports nothing, and where one of twenty is lost", () => {
    expect(lnMismatch(0, 15)).toBeGreaterThan(Math.log(1_000));
    expect(lnMismatch(10_000, 9_500)).toBeGreaterThan(Math.log(10));
    expect(lnMismatch(20_000, 19_000)).toBeGreaterThan(Math.log(1_000));
    expect(lnMismatch(10_050, 9_950)).toBeLessThan(0);
  });
});

describe("intervals", () => {
  it("of a ratio hold what was seen, get narrower, and are open where nothing is known", () => {
    expect(ratioInterval(0, 0, 0.05)).toEqual({ from: 0, to: Number.POSITIVE_INFINITY });
    let width = Number.POSITIVE_INFINITY;
    for (const n of [20, 200, 2_000, 20_000]) {
      const { from, to } = ratioInterval(1.2 * n, n, 0.05);
      expect(from).toBeLessThan(1.2);
      expect(to).toBeGreaterThan(1.2);
      expect(to - from).toBeLessThan(width);
      width = to - from;
    }
    const { from, to } = ratioInterval(300, 100, 0.05);
    const mirrored = ratioInterval(100, 300, 0.05);
    expect(1 / mirrored.to).toBeCloseTo(from, 6);
    expect(1 / mirrored.from).toBeCloseTo(to, 6);
  });
  it("of a ratio hold the truth at every look at once", () => {
    const random = seeded(11);
    let missed = 0;
    for (let run = 0; run < 200; run++) {
      let [t, c] = [0, 0];
      for (let k = 0; k < 1_500; k++) {
        // 1.5 times as many of the treated.
        if (random() < 0.6) t += 1;
        else c += 1;
        if (k % 50 !== 49) continue;
        const { from, to } = ratioInterval(t, c, 0.05);
        if (1.5 < from || 1.5 > to) {
          missed += 1;
          break;
        }
      }
    }
    expect(missed / 200).toBeLessThanOrEqual(0.05);
  });
  it("of a mean hold the truth at every look at once", () => {
    const random = seeded(3);
    let missed = 0;
    for (let run = 0; run < 200; run++) {
      let [n, sum, squares] = [0, 0, 0];
      for (let k = 1; k <= 1_200; k++) {
        const x = -Math.log(1 - random());
        const y = -Math.log(1 - random());
        n += 2;
        sum += x - y;
        squares += (x - y) ** 2;
        if (k < 60 || k % 40 !== 0) continue;
        // Both arms alike: variance of the difference of means times n.
        const variance = (n * (squares / k - (sum / k) ** 2)) / k;
        if (Math.abs(sum / k) > meanHalfWidth(n, variance, 0.05)) {
          missed += 1;
          break;
        }
      }
    }
    expect(missed / 200).toBeLessThanOrEqual(0.05);
  });
});
