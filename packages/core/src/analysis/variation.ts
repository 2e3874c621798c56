import { countOf, type Histogram, mergeHistograms } from "../shared/histogram.ts";
import { quantileBucket } from "./bands.ts";
import { above, lean, raiseToFloor } from "./latency.ts";

/**
 * How much one look of the stable release differs from another, beyond what requests that come one by one explain: stalls of
 * its process (a collection, a neighbour on the processor), and visitors whose answers are slow together. Learned from pairs
 * of its own looks half a minute apart, where both are the same release; before a canary begins from opposite halves of its
 * visitors. What slows both arms at once looks like a difference here and is none in a comparison: it only costs speed.
 *
 * A comparison of canary and baseline differs by u (canary's process less baseline's) for no fault of the release. A bet of
 * sensitivity a (ln e grows by a per unit of difference) then has mean E e^(a u) instead of 1. That mean is what is kept, on a
 * grid of a: no shape of u is assumed but that it is as likely up as down, as the arms' processes could be swapped.
 */
export interface Variation {
  readonly pairs: number;
  /** Runs of `RUN` pairs one after the other: stalls that last make looks alike, and the product of their bets worse. */
  readonly runs: number;
  readonly ranks: Means;
  readonly p95: Means;
  readonly p99: Means;
  /** The newest pairs, fewer than `RUN`: difference and variance of each of the three. */
  readonly newest: readonly (readonly [Pair, Pair, Pair])[];
  /** Sums of (difference / chance's standard deviation)^2 of ranks and of the p99: 1 a pair if only chance plays. For people. */
  readonly spread: readonly [number, number];
}
/** Sums over pairs, and over runs, of the capped e^(a u), for each a of `RANK_GRID` or `SHARE_GRID`. */
interface Means {
  readonly pairs: readonly number[];
  readonly runs: readonly number[];
}
type Pair = readonly [difference: number, variance: number];
export type Compared = "ranks" | "p95" | "p99";

/** A bet of z standard deviations on ranks has a = z / s: s is 0.1 of ten answers and 0.005 of five thousand. */
export const RANK_GRID = Array.from({ length: 15 }, (_, j) => 2 * 1.5 ** j);
/** A bet on shares has a = n (r - 1): from 2 answers at 1.8 to 1,000 at 5. */
export const SHARE_GRID = Array.from({ length: 16 }, (_, j) => 2 * 1.7 ** j);

/**
 * No look multiplies the evidence by more, so that a stall that the release never had before cannot convict: a verdict needs
 * 1 / alpha = 100, and of the stakes 0.5 are on latency, half of them here, 0.8 of these from the start: 10^n 0.2 >= 100 takes
 * n = 2.7, three looks at full gain (and four where only one of the metrics sees it: 10^n 0.25 0.5 0.8 >= 100, n = 3).
 */
export const LOOK_WIN_MAX = 10;

/** Fewer pairs don't show a stall that comes in one look of twenty. */
export const PAIRS_KNOWN = 20;
/** As if, beside those that were seen, one more pair had been a stall that wins all: what n looks didn't show may come in the next. */
const UNSEEN = 1;
/** The pair's own noise is taken out of e^(a u) as e^(-(a s)^2 / 2), as far as it is small: beyond that the mean of few is too low. */
const NOISE_OUT_MAX = 1;

/** Three or four looks convict: what is asked of a look must hold for so many on end. */
const RUN = 4;

const zero = (grid: readonly number[]): Means => ({ pairs: grid.map(() => 0), runs: grid.map(() => 0) });
export const startVariation: Variation = {
  pairs: 0,
  runs: 0,
  ranks: zero(RANK_GRID),
  p95: zero(SHARE_GRID),
  p99: zero(SHARE_GRID),
  newest: [],
  spread: [0, 0],
};

/** The standard deviation of `lean` where every order of all answers is equally likely (Mann & Whitney 1947). */
export const rankError = (nb: number, nc: number): number => Math.sqrt((nb + nc + 1) / (12 * nb * nc));

/** To six digits: a state is written at every look. */
const short = (x: number): number => Number(x.toPrecision(6));

function addTo(sums: readonly number[], grid: readonly number[], list: readonly Pair[]): number[] {
  const g = list.reduce((sum, [difference]) => sum + difference, 0);
  const variance = list.reduce((sum, [, of]) => sum + of, 0);
  const most = LOOK_WIN_MAX ** list.length;
  return grid.map((a, i) => {
    const out = Math.exp(-Math.min(NOISE_OUT_MAX, (a * a * variance) / 2));
    const side = (x: number) => Math.min(most, Math.exp(x) * out);
    return short((sums[i] ?? 0) + (side(a * g) + side(-a * g)) / 2);
  });
}

/** The newest pair is the last of the run. */
const add = (m: Means, grid: readonly number[], run: readonly Pair[]): Means => ({
  pairs: addTo(m.pairs, grid, run.slice(-1)),
  runs: run.length === RUN ? addTo(m.runs, grid, run) : m.runs,
});

/** Takes a pair of looks of one release in; thresholds are buckets known before both. `seed` breaks ties. */
export function stepVariation(
  v: Variation,
  earlier: Histogram,
  later: Histogram,
  thresholds: { readonly p95: number; readonly p99: number },
  seed: number,
): Variation {
  const [n0, n1] = [countOf(earlier), countOf(later)];
  if (n0 < 2 || n1 < 2) return v;
  const share = (bucket: number): Pair => {
    const [k0, k1] = [above(earlier, bucket), above(later, bucket)];
    const p = (k0 + k1) / (n0 + n1);
    return [short(k1 / n1 - k0 / n0), short(p * (1 - p) * (1 / n0 + 1 / n1))];
  };
  const ranks: Pair = [short(lean(earlier, later, seed)), short(rankError(n0, n1) ** 2)];
  const [p95, p99] = [share(thresholds.p95), share(thresholds.p99)];
  const run = [...v.newest, [ranks, p95, p99] as const];
  const squared = ([g, variance]: Pair) => (variance > 0 ? g ** 2 / variance : 1);
  return {
    pairs: v.pairs + 1,
    runs: v.runs + (run.length === RUN ? 1 : 0),
    ranks: add(
      v.ranks,
      RANK_GRID,
      run.map(([pair]) => pair),
    ),
    p95: add(
      v.p95,
      SHARE_GRID,
      run.map(([, pair]) => pair),
    ),
    p99: add(
      v.p99,
      SHARE_GRID,
      run.map(([, , pair]) => pair),
    ),
    newest: run.slice(1 - RUN),
    spread: [short(v.spread[0] + squared(ranks)), short(v.spread[1] + squared(p99))],
  };
}

/** What two stretches of time have shown together. */
export function addVariation(a: Variation, b: Variation | undefined): Variation {
  if (!b) return a;
  const both = (x: readonly number[], y: readonly number[]) => x.map((n, i) => n + (y[i] ?? 0));
  const sum = (x: Means, y: Means): Means => ({ pairs: both(x.pairs, y.pairs), runs: both(x.runs, y.runs) });
  return {
    pairs: a.pairs + b.pairs,
    runs: a.runs + b.runs,
    newest: a.newest,
    ranks: sum(a.ranks, b.ranks),
    p95: sum(a.p95, b.p95),
    p99: sum(a.p99, b.p99),
    spread: [a.spread[0] + b.spread[0], a.spread[1] + b.spread[1]],
  };
}

/**
 * ln of the mean of a bet under "no harm", at least 0: what its evidence is divided by. `cap` is the most that it wins in a
 * look. ln E e^(a u) is convex in a: a chord between two points of the grid lies above it.
 */
export function lnInflation(v: Variation, of: Compared, a: number, cap: number): number {
  const grid = of === "ranks" ? RANK_GRID : SHARE_GRID;
  const { pairs, runs } = v[of];
  const at = grid.findIndex((g) => g >= a);
  if (at === -1) return Math.log(cap);
  const ln = (i: number): number => {
    if (i < 0) return lnUnseen(v.pairs, v.pairs, cap);
    const one = lnUnseen(Math.min(pairs[i] ?? 0, v.pairs * cap), v.pairs, cap);
    const many = v.runs < PAIRS_KNOWN ? 0 : Math.log(Math.max(1, (runs[i] ?? 0) / v.runs)) / RUN;
    return Math.min(Math.log(cap), Math.max(one, many));
  };
  const [low, high] = [at === 0 ? 0 : (grid[at - 1] ?? 0), grid[at] ?? a];
  const part = (a - low) / (high - low);
  return Math.max(0, (1 - part) * ln(at - 1) + part * ln(at));
}

const lnUnseen = (sum: number, pairs: number, cap: number): number =>
  Math.log((Math.max(sum, pairs) + UNSEEN * cap) / (pairs + UNSEEN));

/** A slice of the stable release's time, as long as a look: the answers to one random half of its visitors, and to the other. */
export interface HalvedSlice {
  readonly first: Histogram;
  readonly second: Histogram;
}
/** Slices that a pair lies apart: stalls that last half a minute at looks of 5 s show as well. */
const APART = 6;
/** Answers before quantiles serve as thresholds: 100 put one observation above the p99. */
export const THRESHOLD_MIN = 100;

/**
 * What the slices before a canary tell, in order of time and without gaps (empty ones are skipped). A half is compared with
 * the other half of an earlier slice: neither its visitors nor its moment are the same, as with canary and baseline.
 */
export function variationOf(slices: readonly HalvedSlice[], floorMs: number): Variation {
  let [all, v]: [Histogram, Variation] = [{}, startVariation];
  slices.forEach(({ first, second }, i) => {
    const floored = raiseToFloor(all, floorMs);
    const [p95, p99] = [quantileBucket(floored, 0.95), quantileBucket(floored, 0.99)];
    const earlier = slices[i - APART];
    if (earlier && p95 !== null && p99 !== null && countOf(floored) >= THRESHOLD_MIN)
      v = stepVariation(v, raiseToFloor(earlier.first, floorMs), raiseToFloor(second, floorMs), { p95, p99 }, i);
    all = mergeHistograms(all, mergeHistograms(first, second));
  });
  return v;
}

/** Of sixty pairs that only chance tells apart, one in a hundred is above: 1 + 2.33 sqrt(2 / 60). */
const WORTH_A_WORD = 1.5;

/** What the measurement says to people; null where it says nothing new. */
export function variationWords({ pairs, spread }: Variation): string | null {
  const size = Math.max(...spread) / pairs;
  if (pairs < PAIRS_KNOWN || size < WORTH_A_WORD) return null;
  const about = size < 10 ? size.toFixed(1) : String(Math.round(size));
  return `On the current release slow answers come together, as when its process stalls (${about} times as much as by chance, over ${pairs} pairs of looks before): evidence from slowness counts less.`;
}
