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

/**
 * Cumulative counts under one routing share. The tests are products over requests, so that nothing else is needed;
 * tempered evidence (units.ts) is that of so many fewer. */
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
/** Halvings of an octave: to 0.006 % of the bound. */
const HALVINGS = 14;
/** Least and greatest octave that is searched: from a millionth to a million events per unit. */
const OCTAVES = [-20, 20] as const;

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

/** The same counts with the arms called by each other's names. */
export const swapped = (t: ShareTally): ShareTally => ({
  share: 1 - t.share,
  canary: t.baseline,
  canaryBad: t.baselineBad,
  baseline: t.canary,
  baselineBad: t.canaryBad,
});

/** A bet as a line: its ln e against an excess of d is `a + b d`. */
export interface Line {
  readonly a: number;
  readonly b: number;
}
/** The evidence against each excess of the canary's ratio or rate, and of the baseline's: what the bounds are read off. */
export interface ExcessLines {
  readonly more: readonly Line[];
  readonly notMore: readonly Line[];
  readonly less: readonly Line[];
  readonly notLess: readonly Line[];
}

const flat = (bets: readonly unknown[]): readonly Line[] => bets.map(() => ({ a: 0, b: 0 }));
export const startExcess: ExcessLines = { more: flat(PSI), notMore: flat(R), less: flat(PSI), notLess: flat(R) };

/** What a side's counts are to a test of it: `canary` is the side that must not have more. */
type Side = Omit<ShareTally, "baseline">;

/** The harm test of errors.ts against "the excess is at most d": what it is at 0, and what each unit of d adds. */
const harmLine = (psi: number, t: Side): Line => ({
  a: lnErrorsHarm(psi, t.share, t.canary, t.canaryBad, t.baselineBad, 0),
  b: lnErrorsHarm(psi, t.share, t.canary, 0, 0, 1),
});

/** The safe test of errors.ts against "the excess is at least d". */
const safeLine = (r: number, t: Side): Line => ({
  a: lnErrorsSafe(r, t.share, t.canary, t.canaryBad, t.baselineBad, 0),
  b: lnErrorsSafe(r, t.share, t.canary, 0, 0, 1),
});

/** Takes counts in whose events are independent given the share. */
export function stepExcess(lines: ExcessLines, tally: ShareTally): ExcessLines {
  const add = (list: readonly Line[], bets: readonly number[], of: (bet: number, t: Side) => Line, t: Side) =>
    list.map((line, i) => {
      const { a, b } = of(bets[i] ?? 1, t);
      return { a: line.a + a, b: line.b + b };
    });
  const other = swapped(tally);
  return {
    more: add(lines.more, PSI, harmLine, tally),
    notMore: add(lines.notMore, R, safeLine, tally),
    less: add(lines.less, PSI, harmLine, other),
    notLess: add(lines.notLess, R, safeLine, other),
  };
}

const excludes = (list: readonly Line[], d: number): boolean =>
  logSumExp(list.map(({ a, b }) => a + b * d)) - Math.log(list.length) >= Math.log(2 / EFFECT_ALPHA);

/**
 * Where a test turns that excludes on one side of it, on the safe side: below what the harm test no longer excludes (`falling`),
 * above what the safe test does not exclude yet, which is infinite where it excludes nothing.
 */
function turn(list: readonly Line[], falling: boolean): number {
  const isBelow = (d: number) => excludes(list, d) === falling;
  let octave = 0;
  while (octave < OCTAVES[1] && isBelow(2 ** octave)) octave += 1;
  if (isBelow(2 ** octave)) return falling ? 2 ** octave : Number.POSITIVE_INFINITY;
  while (octave > OCTAVES[0] && !isBelow(2 ** (octave - 1))) octave -= 1;
  let [low, high] = [octave === OCTAVES[0] ? 0 : 2 ** (octave - 1), 2 ** octave];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (isBelow(middle)) low = middle;
    else high = middle;
  }
  return falling ? low : high;
}

/** Bounds of what the canary has more than the baseline (less where negative), per unit; infinite where a side is open. */
export function boundsOf(lines: ExcessLines): Bounds {
  const worse = excludes(lines.more, 0) ? turn(lines.more, true) : null;
  const better = excludes(lines.less, 0) ? turn(lines.less, true) : null;
  return {
    low: worse ?? -turn(lines.notLess, false),
    high: better === null ? turn(lines.notMore, false) : -better,
  };
}

/** Bounds of p_c - p_b in shares (-1 to 1); null before both arms had a request. */
export function excessBounds(tallies: readonly ShareTally[]): Bounds | null {
  const used = tallies.filter((t) => t.share > 0 && t.share < 1);
  if (!used.some((t) => t.canary > 0) || !used.some((t) => t.baseline > 0)) return null;
  const { low, high } = boundsOf(used.reduce(stepExcess, startExcess));
  return { low: Math.max(-1, low), high: Math.min(1, high) };
}
