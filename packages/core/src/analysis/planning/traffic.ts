import { exponential, type Random } from "../../shared/random.ts";
import type { ArmCounts, Look } from "../types.ts";
import { addCounts } from "../units.ts";
import type { HalvedSlice } from "../variation.ts";
import { bucketTable, draw, geometric, type Lognormal, poissonTable, type Table } from "./draws.ts";

/**
 * A model of traffic: what the judge would be shown. Requests arrive as a Poisson process and a coin sends each to the canary
 * with its share w, so that counts per arm, outcome and bucket of latency are independent Poisson counts (splitting of a
 * Poisson process): no request is drawn by itself at high rates, and the result is exact. Latency is independent given the
 * arm and, where stalls are asked for, whether its process stalls in this look.
 *
 *   const traffic = trafficOf({ ...healthy(145), harm: { errorRatio: 0.05 } });
 *   for (const look of looksOf(traffic, { canaryShare: 0.1 }, seeded(1))) ...
 *
 * Where the share changes with the verdict, ask for looks one by one: `traffic.look(fromMs, toMs, share, random)`.
 */
export interface ArmTraffic {
  /** 0 to 1: requests that fail. */
  readonly errorRatio: number;
  readonly latencyMedianMs: number;
  /** Standard deviation of ln latency (lognormal); 0.5 is usual, above 1 is wide. */
  readonly latencySpread: number;
}

/** What the canary does differently, from `fromMs` on (0 where left out). */
export interface Harm {
  readonly fromMs?: number;
  /** The canary's error ratio, in place of its arm's. */
  readonly errorRatio?: number;
  /** 1.2: all answers take 20 % longer. */
  readonly latencyFactor?: number;
  /** This share of the answers takes `factor` times as long. */
  readonly tail?: { readonly share: number; readonly factor: number };
}

/** Something that hits both arms alike between two times. */
export interface Incident {
  readonly fromMs: number;
  readonly toMs: number;
  readonly errorRatio: number;
  readonly latencyFactor: number;
}

/**
 * Failures that come in clusters, as those of one visitor who tries again: sizes are geometric with this mean. `request`: each
 * try is routed by itself. `sticky`: all of a cluster go to one arm. `sticky_once`: so, but only a visitor's first
 * failure is counted (one error per user). `visitor`: all are counted, and the first of each beside them, as gateways do.
 */
export interface Clusters {
  readonly meanSize: number;
  readonly routing: "request" | "sticky" | "sticky_once" | "visitor";
}

/**
 * Stalls of one process (a collection, a neighbour on the processor). In each look every arm's process stalls with this chance
 * by itself, the stable one before the canary as well, and then `share` of its answers takes `factor` times as long. `onceMs`:
 * the canary's stalls in the look that holds this time, and none else ever does.
 */
export interface Stalls {
  readonly chance: number;
  readonly share: number;
  readonly factor: number;
  readonly onceMs?: number;
}

export interface TrafficModel {
  /** Of both arms together; or one rate per hour from the start on, beginning anew after the last. */
  readonly requestsPerSecond: number | readonly number[];
  readonly baseline: ArmTraffic;
  readonly canary: ArmTraffic;
  readonly harm?: Harm;
  readonly incident?: Incident;
  readonly clusters?: Clusters;
  readonly stalls?: Stalls;
}

export interface Traffic {
  /** The counts of [fromMs, toMs); the share is the canary's, 0 < w < 1. A change within is cut where it happens. */
  readonly look: (fromMs: number, toMs: number, canaryShare: number, random: Random) => Look;
}

export interface LookPlan {
  readonly canaryShare: number;
  /** A look every 5 s over 30 minutes where left out. */
  readonly lookMs?: number;
  readonly horizonMs?: number;
  /** Leaves looks without a request out: the evidence is the same, but guards and bake times see the next look only. */
  readonly skipEmpty?: boolean;
}

/** Two equal arms: the setting of the published simulations (docs/canary.md). */
export const healthy = (requestsPerSecond: number, errorRatio = 0.001): TrafficModel => {
  const arm: ArmTraffic = { errorRatio, latencyMedianMs: 100, latencySpread: 0.5 };
  return { requestsPerSecond, baseline: arm, canary: arm };
};

const HOUR_MS = 3_600_000;
const NOTHING: ArmCounts = { requests: 0, errors: 0, latency: {}, pageViews: 0, pageErrors: 0 };

/** The state of an arm between two changes. */
interface Phase {
  readonly errorRatio: number;
  readonly latency: Table;
}

/** Counts whose buckets are drawn one by one while few are expected, and else one Poisson count per bucket. */
interface Source {
  readonly total: Table;
  readonly buckets: readonly { readonly bucket: number; readonly count: Table }[] | null;
}

/** From this many expected requests on, a draw per bucket (about 100 of them) is quicker than one per request. */
const PER_BUCKET = 50;
/** Sources kept: rates, shares and phases that come again. More are only met when each look has a length of its own. */
const SOURCES_KEPT = 256;

/** Prepares a model: tables are made once and kept. */
export function trafficOf(model: TrafficModel): Traffic {
  const phases = new Map<string, Phase>();
  const sources = new Map<Table, Map<number, Source>>();
  const phaseAt = (arm: "baseline" | "canary", atMs: number, stalled: boolean): Phase => {
    const harmed = arm === "canary" && model.harm !== undefined && atMs >= (model.harm.fromMs ?? 0);
    const struck = model.incident !== undefined && atMs >= model.incident.fromMs && atMs < model.incident.toMs;
    const key = `${arm} ${harmed} ${struck} ${stalled}`;
    const known = phases.get(key);
    if (known) return known;
    const made = phaseOf(
      model[arm],
      harmed ? model.harm : undefined,
      struck ? model.incident : undefined,
      stalled ? model.stalls : undefined,
    );
    phases.set(key, made);
    return made;
  };
  const sourceOf = (latency: Table, mean: number): Source => {
    let kept = sources.get(latency);
    if (!kept || kept.size >= SOURCES_KEPT) {
      kept = new Map();
      sources.set(latency, kept);
    }
    const known = kept.get(mean);
    if (known) return known;
    const made = makeSource(latency, mean);
    kept.set(mean, made);
    return made;
  };
  const piece = (
    fromMs: number,
    toMs: number,
    w: number,
    random: Random,
    stalled: readonly [boolean, boolean],
  ): readonly [ArmCounts, ArmCounts] => {
    const mean = (rateAt(model, fromMs) * (toMs - fromMs)) / 1000;
    const [b, c] = [phaseAt("baseline", fromMs, stalled[0]), phaseAt("canary", fromMs, stalled[1])];
    const [meanB, meanC] = [mean * (1 - w), mean * w];
    const good = (p: Phase, of: number) => drawFrom(sourceOf(p.latency, of * (1 - p.errorRatio)), p.latency, random);
    if (model.clusters) {
      const [kb, kc, visitorsB, visitorsC] = clustered(
        model.clusters,
        meanB * b.errorRatio,
        meanC * c.errorRatio,
        random,
      );
      const arms = [
        withBad(good(b, meanB), some(kb, b.latency, random)),
        withBad(good(c, meanC), some(kc, c.latency, random)),
      ] as const;
      return model.clusters.routing === "visitor"
        ? [byVisitor(arms[0], visitorsB), byVisitor(arms[1], visitorsC)]
        : arms;
    }
    const bad = (p: Phase, of: number) => drawFrom(sourceOf(p.latency, of * p.errorRatio), p.latency, random);
    return [withBad(good(b, meanB), bad(b, meanB)), withBad(good(c, meanC), bad(c, meanC))];
  };
  return {
    look(fromMs, toMs, canaryShare, random) {
      let [baseline, canary] = [NOTHING, NOTHING];
      const stalled = stalledIn(model.stalls, fromMs, toMs, random);
      const cuts = [fromMs, ...changes(model, fromMs, toMs), toMs];
      for (let i = 1; i < cuts.length; i++) {
        const [b, c] = piece(cuts[i - 1] ?? 0, cuts[i] ?? 0, canaryShare, random, stalled);
        baseline = both(baseline, b);
        canary = both(canary, c);
      }
      return { atMs: toMs, canaryShare, baseline, canary, baselineProcess: null, canaryProcess: null, sourceUp: true };
    },
  };
}

/** Looks one after the other until the horizon, at a share that stays. */
export function* looksOf(traffic: Traffic, plan: LookPlan, random: Random): Generator<Look> {
  const { lookMs = 5_000, horizonMs = 1_800_000 } = plan;
  for (let atMs = lookMs; atMs <= horizonMs; atMs += lookMs) {
    const look = traffic.look(atMs - lookMs, atMs, plan.canaryShare, random);
    if (!plan.skipEmpty || look.baseline.requests + look.canary.requests > 0) yield look;
  }
}

/** Whether the baseline's process stalls in a look, and the canary's. */
function stalledIn(s: Stalls | undefined, fromMs: number, toMs: number, random: Random): readonly [boolean, boolean] {
  if (!s) return [false, false];
  if (s.onceMs !== undefined) return [false, fromMs <= s.onceMs && s.onceMs < toMs];
  return [random() < s.chance, random() < s.chance];
}

function phaseOf(
  arm: ArmTraffic,
  harm: Harm | undefined,
  incident: Incident | undefined,
  stalls: Stalls | undefined,
): Phase {
  const medianMs = arm.latencyMedianMs * (harm?.latencyFactor ?? 1) * (incident?.latencyFactor ?? 1);
  const slow = harm?.tail?.share ?? 0;
  const parts: Lognormal[] = [{ share: 1 - slow, medianMs, spread: arm.latencySpread }];
  if (harm?.tail) parts.push({ share: slow, medianMs: medianMs * harm.tail.factor, spread: arm.latencySpread });
  const latency = stalls
    ? parts.flatMap((p) => [
        { ...p, share: p.share * (1 - stalls.share) },
        { ...p, share: p.share * stalls.share, medianMs: p.medianMs * stalls.factor },
      ])
    : parts;
  const errorRatio = Math.max(harm?.errorRatio ?? arm.errorRatio, incident?.errorRatio ?? 0);
  return { errorRatio, latency: bucketTable(latency) };
}

function rateAt({ requestsPerSecond: rate }: TrafficModel, atMs: number): number {
  return typeof rate === "number" ? rate : (rate[Math.floor(atMs / HOUR_MS) % rate.length] ?? 0);
}

/** The times within a look at which something changes. */
function changes(model: TrafficModel, fromMs: number, toMs: number): number[] {
  const times = [model.harm?.fromMs ?? 0, model.incident?.fromMs ?? 0, model.incident?.toMs ?? 0];
  if (typeof model.requestsPerSecond !== "number")
    for (let hour = (Math.floor(fromMs / HOUR_MS) + 1) * HOUR_MS; hour < toMs; hour += HOUR_MS) times.push(hour);
  const within = times.filter((t) => t > fromMs && t < toMs);
  return within.length > 1 ? [...new Set(within)].sort((a, b) => a - b) : within;
}

function makeSource(latency: Table, mean: number): Source {
  const total = poissonTable(mean);
  if (mean < PER_BUCKET) return { total, buckets: null };
  const buckets: { bucket: number; count: Table }[] = [];
  latency.sums.forEach((sum, i) => {
    const chance = sum - (latency.sums[i - 1] ?? 0);
    if (chance > 0) buckets.push({ bucket: latency.first + i, count: poissonTable(mean * chance) });
  });
  return { total, buckets };
}

function drawFrom(source: Source, latency: Table, random: Random): ArmCounts {
  if (!source.buckets) return some(draw(source.total, random), latency, random);
  const histogram: Record<string, number> = {};
  let requests = 0;
  for (const { bucket, count } of source.buckets) {
    const n = draw(count, random);
    if (n === 0) continue;
    histogram[bucket] = n;
    requests += n;
  }
  return { ...NOTHING, requests, latency: histogram };
}

/** So many requests, each with a latency of its own. */
function some(requests: number, latency: Table, random: Random): ArmCounts {
  if (requests === 0) return NOTHING;
  const histogram: Record<string, number> = {};
  for (let i = 0; i < requests; i++) {
    const bucket = draw(latency, random);
    histogram[bucket] = (histogram[bucket] ?? 0) + 1;
  }
  return { ...NOTHING, requests, latency: histogram };
}

/** Failures of the baseline and of the canary, by their means, and the visitors who met them; clusters fall within one look. */
function clustered(
  c: Clusters,
  meanB: number,
  meanC: number,
  random: Random,
): readonly [number, number, number, number] {
  const mean = meanB + meanC;
  if (mean <= 0) return [0, 0, 0, 0];
  let [b, k, visitorsB, visitorsC] = [0, 0, 0, 0];
  for (let left = poissonDraw(random, mean / c.meanSize); left > 0; left--) {
    const size = geometric(random, c.meanSize);
    const whole = random() < meanC / mean;
    if (whole) visitorsC++;
    else visitorsB++;
    for (let i = 0; i < (c.routing === "sticky_once" ? 1 : size); i++) {
      const toCanary = c.routing === "request" ? random() < meanC / mean : whole;
      if (toCanary) k++;
      else b++;
    }
  }
  return [b, k, visitorsB, visitorsC];
}

/** Counts of an arm whose requests are all routed with their visitor. */
const byVisitor = (arm: ArmCounts, visitors: number): ArmCounts => ({
  ...arm,
  unitErrors: visitors,
  unitPageErrors: 0,
  visitorRequests: arm.requests,
  visitorErrors: arm.errors,
});

/** A Poisson count of a small mean, by the gaps between arrivals. */
function poissonDraw(random: Random, mean: number): number {
  let n = 0;
  for (let at = exponential(random, 1); at < mean; at += exponential(random, 1)) n++;
  return n;
}

const withBad = (good: ArmCounts, bad: ArmCounts): ArmCounts =>
  bad.requests === 0 ? good : { ...both(good, bad), errors: bad.requests };

function both(a: ArmCounts, b: ArmCounts): ArmCounts {
  if (a.requests === 0) return b;
  return b.requests === 0 ? a : addCounts(a, b);
}

/**
 * The stable release's time before a canary, in slices as long as looks, split into two halves of its visitors. Without harm
 * and incident; its process stalls as it will.
 */
export function slicesOf(model: TrafficModel, lookMs: number, slices: number, random: Random): HalvedSlice[] {
  const { harm: _, incident: __, clusters: ___, stalls, ...calm } = model;
  const of = (more: Partial<TrafficModel>) => trafficOf({ ...calm, canary: calm.baseline, ...more });
  const usual = of({});
  const stalling = stalls && stalls.onceMs === undefined ? of({ stalls: { ...stalls, chance: 1 } }) : usual;
  return Array.from({ length: slices }, (_, i) => {
    const traffic = stalls && random() < stalls.chance ? stalling : usual;
    const { baseline, canary } = traffic.look(i * lookMs, (i + 1) * lookMs, 0.5, random);
    return { first: baseline.latency, second: canary.latency };
  });
}
