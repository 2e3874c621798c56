import { wilson } from "../bands.ts";
import type { PlayedRollout } from "./play.ts";

/** How a harm of one size fared: 0.05 is 5 points more failures, or 5 % slower. */
export interface Finding {
  readonly size: number;
  readonly runs: number;
  readonly found: number;
  /** Share of the runs in which it was found, with its 95 % band (Wilson). */
  readonly chance: number;
  readonly chanceLow: number;
  readonly chanceHigh: number;
  /** Time until half, and until nine tenths, of all runs had found it; null where they never did. */
  readonly medianMs: number | null;
  readonly p90Ms: number | null;
  /** Requests that the canary had answered until then, median; and of them visitors'. */
  readonly canaryRequests: number | null;
  readonly visitorRequests: number | null;
}

export interface HarmSearch {
  /** The smallest size of the grid that at least nine runs of ten find; null where none is. */
  readonly smallest: Finding | null;
  /** One per size, the smallest first. */
  readonly findings: readonly Finding[];
}

/** Found by so many of the runs: "found". */
const FOUND = 0.9;
/** Before this many runs nothing is given up. */
const RUNS_MIN = 20;
/** Sizes that the bisection passed by are played for the picture only: a quarter of the runs. */
const PICTURE_PART = 0.25;

export interface SearchOptions {
  /** Sizes of harm, ascending. */
  readonly grid: readonly number[];
  readonly runs: number;
  /** False: only what the bisection needs. */
  readonly picture: boolean;
  readonly play: (size: number, run: number) => Generator<undefined, PlayedRollout>;
  readonly onRuns: (done: number) => void;
}

const pictureRuns = (runs: number): number => Math.max(RUNS_MIN, Math.round(runs * PICTURE_PART));

/** The most runs that a search takes. */
export function runsOfSearch({ grid, runs, picture }: Pick<SearchOptions, "grid" | "runs" | "picture">): number {
  const halvings = Math.ceil(Math.log2(grid.length + 1));
  return halvings * runs + (picture ? (grid.length - halvings) * pictureRuns(runs) : 0);
}

/**
 * Finds the smallest harm by bisection: a greater one is found at least as often. A size that can't reach nine of ten any
 * more is given up early. The same seeds meet every size, so that sizes are compared on the same traffic.
 */
export function* searchHarm(o: SearchOptions): Generator<undefined, HarmSearch> {
  const of = runsOfSearch(o);
  let counted = 0;
  const count = (n: number) => {
    counted += n;
    o.onRuns(n);
  };
  const findings = new Map<number, Finding>();
  let [low, high] = [0, o.grid.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const finding = yield* playSize(o, o.grid[middle] ?? 0, o.runs);
    count(o.runs);
    findings.set(middle, finding);
    if (finding.chance >= FOUND) high = middle;
    else low = middle + 1;
  }
  const smallest = findings.get(high) ?? null;
  for (const [i, size] of o.grid.entries()) {
    if (!o.picture || findings.has(i)) continue;
    findings.set(i, yield* playSize(o, size, pictureRuns(o.runs)));
    count(pictureRuns(o.runs));
  }
  // Where the bisection came sooner to its end, what it had spare is done as well.
  o.onRuns(of - counted);
  return { smallest, findings: [...findings].sort(([a], [b]) => a - b).map(([, finding]) => finding) };
}

function* playSize(o: SearchOptions, size: number, runs: number): Generator<undefined, Finding> {
  const played: PlayedRollout[] = [];
  let missed = 0;
  for (let run = 0; run < runs; run++) {
    const rollout = yield* o.play(size, run);
    played.push(rollout);
    if (rollout.foundMs === null) missed += 1;
    if (played.length >= RUNS_MIN && missed > (1 - FOUND) * runs) break;
  }
  return findingOf(size, played);
}

/** What runs of one size come to. Runs that never found it count as later than any that did. */
export function findingOf(size: number, played: readonly PlayedRollout[]): Finding {
  const times = played.map((p) => p.foundMs ?? Number.POSITIVE_INFINITY);
  const until = (of: (p: PlayedRollout) => number) =>
    quantileOf(
      played.map((p) => (p.foundMs === null ? Number.POSITIVE_INFINITY : of(p))),
      0.5,
    );
  const found = times.filter(Number.isFinite).length;
  const band = wilson(found, played.length);
  return {
    size,
    runs: played.length,
    found,
    chance: band.value ?? 0,
    chanceLow: band.low ?? 0,
    chanceHigh: band.high ?? 1,
    medianMs: quantileOf(times, 0.5),
    p90Ms: quantileOf(times, 0.9),
    canaryRequests: until((p) => p.canaryRequests),
    visitorRequests: until((p) => p.visitorRequests),
  };
}

/** The q-quantile, the lowest value with at least that share at or below it; null where that is infinite. */
export function quantileOf(values: readonly number[], q: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)];
  return value === undefined || !Number.isFinite(value) ? null : value;
}
