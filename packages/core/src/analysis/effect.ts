import { lnErrorsHarm, lnErrorsSafe } from "./errors.ts";
import { logSumExp } from "./log-space.ts";
import type { Look } from "./types.ts";

/**
 * How much more often the canary fails, as a confidence sequence: at every look, and at all of them together, the true
 * excess p_c - p_b is within the bounds with the stated confidence. It is the dual of the judge's own tests (Howard,
 * Ramdas, McAuliffe & Sekhon, Annals of Statistics 2021, section 1: the bounds are what no e-process has excluded yet):
 * an excess d is excluded from below by the harm test with floor d, from above by the safe test with margin d. Both have
 * their proof for d >= 0 (see errors.ts); a negative excess is the other arm's positive one, so that there the arms
 * change places. Only one of the two is asked about the true excess, so that each side errs with alpha / 2.
 */

/** Cumulative counts under one routing share. The tests are products over requests, so that nothing else is needed. */
export interface ShareTally {
  readonly share: number;
  readonly canary: number;
  readonly canaryBad: number;
  readonly baseline: number;
  readonly baselineBad: number;
}

export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** The bounds hold with 95 %, at all looks together. */
export const EFFECT_ALPHA = 0.05;
/** Odds and shares that are betted on: closer to 1 than the judge's, for a narrow interval when there is much data. */
const PSI = [1.1, 1.3, 2, 4, 10, Number.POSITIVE_INFINITY] as const;
const R = [0.1, 0.3, 0.5, 0.7, 0.85, 0.95] as const;
/** Halvings of [0, 1]: to 0.006 points of a share. */
const HALVINGS = 14;

/** Adds a look's counts to those of its share. */
export function stepTallies(
  tallies: readonly ShareTally[],
  look: Pick<Look, "canaryShare">,
  add: Omit<ShareTally, "share">,
): readonly ShareTally[] {
  if (add.canary + add.baseline + add.canaryBad + add.baselineBad === 0) return tallies;
  const share = look.canaryShare;
  const known = tallies.find((t) => t.share === share) ?? {
    share,
    canary: 0,
    canaryBad: 0,
    baseline: 0,
    baselineBad: 0,
  };
  const sum: ShareTally = {
    share,
    canary: known.canary + add.canary,
    canaryBad: known.canaryBad + add.canaryBad,
    baseline: known.baseline + add.baseline,
    baselineBad: known.baselineBad + add.baselineBad,
  };
  return [...tallies.filter((t) => t.share !== share), sum];
}

const swapped = (t: ShareTally): ShareTally => ({
  share: 1 - t.share,
  canary: t.baseline,
  canaryBad: t.baselineBad,
  baseline: t.canary,
  baselineBad: t.canaryBad,
});

/** A bet as a line: its ln e against an excess of d is `a + b d`. */
interface Line {
  readonly a: number;
  readonly b: number;
}
const lines = <T>(bets: readonly T[], tallies: readonly ShareTally[], of: (bet: T, t: ShareTally) => Line): Line[] =>
  bets.map((bet) =>
    tallies.reduce(
      (sum, t) => {
        const { a, b } = of(bet, t);
        return { a: sum.a + a, b: sum.b + b };
      },
      { a: 0, b: 0 },
    ),
  );

/** The harm test of errors.ts against "the excess is at most d": what it is at 0, and what each unit of d adds. */
const harmLine = (psi: number, t: ShareTally): Line => ({
  a: lnErrorsHarm(psi, t.share, t.canary, t.canaryBad, t.baselineBad, 0),
  b: lnErrorsHarm(psi, t.share, t.canary, 0, 0, 1),
});

/** The safe test of errors.ts against "the excess is at least d". */
const safeLine = (r: number, t: ShareTally): Line => ({
  a: lnErrorsSafe(r, t.share, t.canary, t.canaryBad, t.baselineBad, 0),
  b: lnErrorsSafe(r, t.share, t.canary, 0, 0, 1),
});

const excludes = (list: readonly Line[], d: number): boolean =>
  logSumExp(list.map(({ a, b }) => a + b * d)) - Math.log(list.length) >= Math.log(2 / EFFECT_ALPHA);

/** Where a test that excludes on one side of it turns: the end of [0, 1] that is on the safe side of it. */
function turn(list: readonly Line[], falling: boolean): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (excludes(list, middle) === falling) low = middle;
    else high = middle;
  }
  return falling ? low : high;
}

/** The greatest excess that is excluded from below; null when not even 0 is. */
function above(tallies: readonly ShareTally[]): number | null {
  const list = lines(PSI, tallies, harmLine);
  return excludes(list, 0) ? turn(list, true) : null;
}

/** The least excess that is excluded from above, 1 when none is. */
const below = (tallies: readonly ShareTally[]): number => turn(lines(R, tallies, safeLine), false);

/** Bounds of p_c - p_b in shares (-1 to 1); null before both arms had a request. */
export function excessBounds(tallies: readonly ShareTally[]): Bounds | null {
  const used = tallies.filter((t) => t.share > 0 && t.share < 1);
  if (!used.some((t) => t.canary > 0) || !used.some((t) => t.baseline > 0)) return null;
  const others = used.map(swapped);
  const worse = above(used);
  const better = above(others);
  return { low: worse ?? -below(others), high: better === null ? below(used) : -better };
}
