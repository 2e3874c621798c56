import { bucketOf, LN_GROWTH } from "../../shared/histogram.ts";
import type { Random } from "../../shared/random.ts";

/** Tables to draw from: made once per rate and distribution, then one random number per draw, whatever the rate. */

/** A distribution over whole numbers: `sums[i]` is the chance of at most `first + i`. The last one is 1. */
export interface Table {
  readonly first: number;
  readonly sums: Float64Array;
}

/** Beyond this many standard deviations lies less than 2^-32, the least that `Random` tells apart; 12 more for small means. */
const REACH = 7;
const REACH_SMALL = 12;

/**
 * Poisson counts of a mean >= 0. Terms from the mode outwards by p(k + 1) / p(k) = mean / (k + 1), then divided by their sum:
 * no factorials, so that no mean is too large.
 */
export function poissonTable(mean: number): Table {
  const mode = Math.floor(mean);
  const reach = Math.ceil(REACH * Math.sqrt(mean)) + REACH_SMALL;
  const first = Math.max(0, mode - reach);
  const terms = new Float64Array(mode + reach - first + 1);
  terms[mode - first] = 1;
  for (let k = mode; k < mode + reach; k++) terms[k + 1 - first] = ((terms[k - first] ?? 0) * mean) / (k + 1);
  for (let k = mode; k > first; k--) terms[k - 1 - first] = ((terms[k - first] ?? 0) * k) / mean;
  return { first, sums: summed(terms) };
}

/** A normal's lognormal: `spread` is the standard deviation of ln latency. Several, weighted by `share`, mix. */
export interface Lognormal {
  readonly share: number;
  readonly medianMs: number;
  readonly spread: number;
}

/** Eight standard deviations: what lies beyond has a chance below 10^-15. */
const LOGNORMAL_REACH = 8;

/** Buckets of the histogram scheme (OpenTelemetry exponential, scale 4) for a mixture of lognormals. */
export function bucketTable(parts: readonly Lognormal[]): Table {
  const end = (p: Lognormal, side: number) => bucketOf(p.medianMs * Math.exp(side * LOGNORMAL_REACH * p.spread));
  const first = Math.min(...parts.map((p) => end(p, -1)));
  const last = Math.max(...parts.map((p) => end(p, 1)));
  const terms = new Float64Array(last - first + 1);
  for (const part of parts) {
    let below = 0;
    for (let bucket = first; bucket <= last; bucket++) {
      const upTo = bucket === last ? 1 : chanceBelow(part, bucket + 1);
      terms[bucket - first] = (terms[bucket - first] ?? 0) + part.share * Math.max(0, upTo - below);
      below = upTo;
    }
  }
  return { first, sums: summed(terms) };
}

/** Chance that an answer takes at most base^edge ms. */
function chanceBelow({ medianMs, spread }: Lognormal, edge: number): number {
  if (spread <= 0) return bucketOf(medianMs) < edge ? 1 : 0;
  return normalBelow((edge * LN_GROWTH - Math.log(medianMs)) / spread);
}

/**
 * The standard normal's distribution function, to 12 digits: Marsaglia's series ("Evaluating the Normal Distribution",
 * Journal of Statistical Software 11(4), 2004): 1/2 + phi(x) (x + x^3/3 + x^5/(3 5) + ...).
 */
export function normalBelow(x: number): number {
  if (x < -8) return 0;
  if (x > 8) return 1;
  let sum = x;
  let term = x;
  for (let i = 3; Math.abs(term) > 1e-17 * Math.abs(sum); i += 2) {
    term *= (x * x) / i;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

function summed(terms: Float64Array): Float64Array {
  let total = 0;
  for (const term of terms) total += term;
  const sums = new Float64Array(terms.length);
  let sum = 0;
  for (let i = 0; i < terms.length; i++) {
    sum += terms[i] ?? 0;
    sums[i] = sum / total;
  }
  sums[terms.length - 1] = 1;
  return sums;
}

/** The first entry whose sum is above a random number, by halving. */
export function draw(table: Table, random: Random): number {
  const u = random();
  let low = 0;
  let high = table.sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((table.sums[middle] ?? 1) > u) high = middle;
    else low = middle + 1;
  }
  return table.first + low;
}

/** How large a cluster is that grows by one with chance 1 - 1 / mean each time: at least 1. */
export function geometric(random: Random, mean: number): number {
  if (mean <= 1) return 1;
  return 1 + Math.floor(Math.log(1 - random()) / Math.log1p(-1 / mean));
}
