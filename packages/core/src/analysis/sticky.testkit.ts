import { type Random, seeded } from "../shared/random.ts";
import { clusteringOf, type HalvedMinute } from "./dispersion.ts";
import { judge, startJudge } from "./judge.ts";
import { defaultPolicy } from "./policy.ts";
import type { AnalysisPolicy, ArmCounts, Clustering, JudgeReport, Look } from "./types.ts";

/**
 * Visitors who stay with a release and try again when something fails: errors come in clusters of one visitor, of geometric
 * size with the mean `cluster` (canary.md, section 3), each further one in the same look or a later one by a fair coin.
 */
export interface StickyWorld {
  readonly perSecond: number;
  /** Of all requests, on the baseline and on the canary. */
  readonly errors: readonly [number, number];
  readonly cluster: number;
  readonly share: number;
  /**
   * What the judge is told: each visitor's first error, or all errors; or errors whose requests are each routed by
   * themselves.
   */
  readonly counts: "units" | "all" | "by_request";
  readonly policy?: AnalysisPolicy;
}
const LOOK_MS = 5_000;

/** Poisson by its definition up to 30, above by the normal distribution. */
function poisson(random: Random, mean: number): number {
  if (mean > 30) {
    const z = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * z));
  }
  let n = 0;
  for (let p = random(); p > Math.exp(-mean); p *= random()) n += 1;
  return n;
}

const sizeOf = (random: Random, mean: number): number => {
  let size = 1;
  while (random() > 1 / mean) size += 1;
  return size;
};

/** Errors per look and side: of visitors whose errors began in earlier looks as well. */
class Errors {
  readonly #later: [number, number][] = [];
  /** Adds a cluster of one visitor to the side that they are on; answers how many of it fall into this look. */
  add(random: Random, size: number, side: 0 | 1): number {
    let now = 0;
    for (let left = size, look = 0; left > 0; left--) {
      if (look === 0) now += 1;
      else {
        const later = this.#later[look - 1] ?? [0, 0];
        later[side] += 1;
        this.#later[look - 1] = later;
      }
      if (random() < 0.5) look += 1;
    }
    return now;
  }
  next(): readonly [number, number] {
    return this.#later.shift() ?? [0, 0];
  }
}

const armOf = (requests: number, errors: number, units: number | null): ArmCounts => {
  const counts = {
    requests,
    errors: Math.min(errors, requests),
    latency: { 60: requests },
    pageViews: 0,
    pageErrors: 0,
  };
  if (units === null) return counts;
  const first = Math.min(units, counts.errors);
  return { ...counts, unitErrors: first, unitPageErrors: 0, visitorRequests: requests, visitorErrors: counts.errors };
};

export function* looks(world: StickyWorld, seed: number, untilMs: number): Generator<Look> {
  const random = seeded(seed);
  const { share, errors, cluster, counts, perSecond } = world;
  const earlier = new Errors();
  for (let atMs = LOOK_MS; atMs <= untilMs; atMs += LOOK_MS) {
    const all = (perSecond * LOOK_MS) / 1_000;
    const requests = [poisson(random, all * (1 - share)), poisson(random, all * share)] as const;
    const failed: [number, number] = [...earlier.next()];
    const first: [number, number] = [0, 0];
    for (const side of [0, 1] as const) {
      // Visitors who begin to fail on this side: sticky routing decides for all that they do.
      const visitors = poisson(
        random,
        (all * (side === 1 ? share : 1 - share) * errors[counts === "by_request" ? 0 : side]) / cluster,
      );
      first[side] += visitors;
      for (let v = 0; v < visitors; v++) {
        const size = sizeOf(random, cluster);
        if (counts !== "by_request") failed[side] += earlier.add(random, size, side);
        // Each try is routed by itself: where it goes, this release's odds to fail decide.
        else for (let i = 0; i < size; i++) failed[random() < share ? 1 : 0] += 1;
      }
    }
    // What is only the canary's comes on top, one by one.
    if (counts === "by_request") failed[1] += poisson(random, all * share * Math.max(0, errors[1] - errors[0]));
    const units = (side: 0 | 1) => (counts === "units" ? first[side] : null);
    yield {
      atMs,
      canaryShare: share,
      baseline: armOf(requests[0], failed[0], units(0)),
      canary: armOf(requests[1], failed[1], units(1)),
      baselineProcess: null,
      canaryProcess: null,
      sourceUp: true,
    };
  }
}

/** The stable release's minutes before the canary begins, split into two halves of visitors. */
export function clusteringBefore(world: StickyWorld, seed: number, minutes: number): Clustering | null {
  const both = { ...world, share: 0.5, errors: [world.errors[0], world.errors[0]] as const };
  const split: HalvedMinute[] = [];
  for (const look of looks(both, seed, minutes * 60_000)) {
    const at = Math.floor((look.atMs - LOOK_MS) / 60_000);
    const { baseline: a, canary: b } = look;
    const sum = split[at] ?? { errors: 0, unitErrors: 0, halfErrors: 0, halfUnitErrors: 0 };
    split[at] = {
      errors: sum.errors + a.errors + b.errors,
      unitErrors: sum.unitErrors + (a.unitErrors ?? a.errors) + (b.unitErrors ?? b.errors),
      halfErrors: sum.halfErrors + a.errors,
      halfUnitErrors: sum.halfUnitErrors + (a.unitErrors ?? a.errors),
    };
  }
  return clusteringOf(split);
}

/** Thirty minutes of looks, until the first FAIL, or PASS where that ends it. */
export function play(world: StickyWorld, seed: number, stopAtPass = false, untilMs = 1_800_000): JudgeReport {
  const policy = world.policy ?? defaultPolicy;
  let state = startJudge(policy);
  let last: JudgeReport | undefined;
  for (const look of looks(world, seed, untilMs)) {
    const judged = judge(state, look, policy);
    state = judged.state;
    last = judged.report;
    if (last.verdict === "FAIL" || (stopAtPass && last.verdict === "PASS")) break;
  }
  if (last === undefined) throw new Error("no looks");
  return last;
}
