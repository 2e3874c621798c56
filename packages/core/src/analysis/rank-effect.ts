import { type Bounds, EFFECT_ALPHA } from "./effect.ts";
import { lnMean } from "./log-space.ts";

/**
 * How often a value of the canary is the larger one of a pair, as a confidence sequence: the chances that the rank tests of
 * user-metrics.ts have not excluded, on a grid. Only the mean of a batch's y in [0, 1] is known under "it is at most mu", so
 * that a bet is 1 + lambda (y / mu - 1) (Waudby-Smith & Ramdas, JRSS B 2023). It falls in mu: what excludes a chance excludes
 * all below it, and the grid errs with alpha / 2 on each side as one test does.
 */

/** Chances beyond a half, finer where most effects are: a slowdown by 15 % makes 0.08. */
const BEYOND = [0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45] as const;
/** By how much more than half of the time a value is the larger one, ascending. */
const GRID: readonly number[] = [...BEYOND.map((d) => -d).reverse(), 0, ...BEYOND];

/** ln e per chance of the grid and bet: that it is more than that for the canary, and for the baseline. */
export interface RankEffect {
  readonly more: readonly (readonly number[])[];
  readonly less: readonly (readonly number[])[];
}

/** To four digits, as slowdown.ts: nothing is decided on them, and the state is written at every look. */
const short = (ln: number): number => Math.round(ln * 1e4) / 1e4;

export function startRankEffect(bets: readonly number[]): RankEffect {
  const none = GRID.map(() => bets.map(() => 0));
  return { more: none, less: none };
}

/** Takes a batch in whose values lean by `lean` (-0.5 to 0.5) to the canary. `bets` are in shares of the largest. */
export function stepRankEffect(s: RankEffect, lean: number, bets: readonly number[]): RankEffect {
  const step = (lns: RankEffect["more"], sign: 1 | -1) =>
    lns.map((row, i) =>
      row.map((ln, j) => {
        const mu = 0.5 + (GRID[i] ?? 0);
        return short(ln + Math.log1p((bets[j] ?? 0) * ((0.5 + sign * lean) / mu - 1)));
      }),
    );
  return { more: step(s.more, 1), less: step(s.less, -1) };
}

const excluded = (row: readonly number[]): boolean => lnMean(row) >= Math.log(2 / EFFECT_ALPHA);

/** Bounds of the chance less 1/2: 0.1 is "in 60 of 100 pairs". Null where nothing is excluded; an open side is a half. */
export function rankBounds(s: RankEffect): Bounds | null {
  const more = s.more.findLastIndex(excluded);
  const less = s.less.findLastIndex(excluded);
  if (more === -1 && less === -1) return null;
  return { low: more === -1 ? -0.5 : (GRID[more] ?? -0.5), high: less === -1 ? 0.5 : -(GRID[less] ?? -0.5) };
}
