import type { Clustering, GuardReport } from "./types.ts";

/**
 * Do errors come one by one? A split A/A on the stable release before the new version starts: each visitor (each request,
 * where requests are routed one by one) belongs to one of two random halves, and both are the same release. Errors that come
 * one by one fall into the halves by fair coins of their own: of k0 + k1 in a minute, (k0 - k1)^2 has the mean k0 + k1
 * whatever their rate does. A cluster of m errors of one visitor falls into one half as a whole and adds m^2 instead of m:
 * sum (k0 - k1)^2 / sum (k0 + k1) estimates E m^2 / E m, the size of the cluster that an error is in.
 */
export interface HalvedMinute {
  readonly errors: number;
  readonly unitErrors: number;
  /** Of both, those in the first half. */
  readonly halfErrors: number;
  readonly halfUnitErrors: number;
  /** The same of broken pages; null where a gateway of before counted. */
  readonly pages?: Omit<HalvedMinute, "pages"> | null;
}

/** Minutes before the canary that are looked at: with fewer the estimate is as uncertain as sqrt(2 / minutes). */
export const SPLIT_MINUTES = 60;
/** With fewer errors nothing is claimed: 20 errors in clusters of 3 are seven, and fewer tell hardly more than chance. */
const ERRORS_MIN = 20;
/** Each minute is one look at the difference: the estimate of fewer than five is off by more than half of itself. */
const MINUTES_MIN = 5;

const dispersionOf = (minutes: readonly (readonly [all: number, half: number])[]): number | null => {
  let squares = 0;
  let counted = 0;
  for (const [all, half] of minutes) {
    squares += (2 * half - all) ** 2;
    counted += all;
  }
  return counted < ERRORS_MIN ? null : squares / counted;
};

/**
 * Null where there is too little to measure anything. The estimate's standard error is about sqrt(2 / minutes) of it.
 * - All errors: visitors do try again, so the estimate is taken one error higher.
 * - First errors of visitors come one by one unless something is amiss (several gateways that each count a visitor's first,
 *   ids that are shared): only an estimate three errors above 1 is believed, which chance alone gives to one service in a
 *   hundred (chi-square with as many degrees of freedom as minutes). Otherwise it would take a third of everybody's evidence.
 */
export function clusteringOf(minutes: readonly HalvedMinute[]): Clustering | null {
  const requests = sizesOf(minutes);
  const pages = sizesOf(minutes.flatMap((m) => m.pages ?? []));
  if (requests.all === null && pages.all === null) return null;
  return {
    minutes: minutes.length,
    errors: requests.all,
    unitErrors: requests.first,
    ...(pages.all === null ? {} : { pageErrors: pages.all, unitPageErrors: pages.first }),
  };
}

function sizesOf(minutes: readonly Omit<HalvedMinute, "pages">[]): { all: number | null; first: number | null } {
  const all = dispersionOf(minutes.map((m) => [m.errors, m.halfErrors]));
  const first = dispersionOf(minutes.map((m) => [m.unitErrors, m.halfUnitErrors]));
  if (all === null || minutes.length < MINUTES_MIN) return { all: null, first: null };
  const error = Math.sqrt(2 / minutes.length);
  return {
    all: Math.max(1, all * (1 + error)),
    first: first === null ? null : first > 1 + 3 * error ? first * (1 + error) : 1,
  };
}

/** Clusters below this are not worth a word: of sixty minutes without any, one estimate in a hundred is above. */
const WORTH_A_WORD = 1.5;

/** What the measurement says to people; it only tells. Null where nothing was measured. */
export function clusteringNote({ minutes, errors, unitErrors, unitPageErrors }: Clustering): GuardReport {
  const over = `over the ${minutes} minutes before`;
  const about = (size: number) => (size < 10 ? size.toFixed(1) : String(Math.round(size)));
  if (unitErrors !== null && unitErrors >= WORTH_A_WORD)
    return {
      guard: "clustered",
      state: "note",
      words: `On the current release visitors fail in clusters of about ${about(unitErrors)} (${over}): evidence from failures counts at 1/${about(unitErrors)}.`,
    };
  if (errors !== null && errors >= WORTH_A_WORD)
    return {
      guard: "clustered",
      state: "note",
      words: `On the current release failures come in clusters of about ${about(errors)} (${over}), as when visitors try again: each visitor counts once.`,
    };
  if (unitPageErrors !== undefined && unitPageErrors !== null && unitPageErrors >= WORTH_A_WORD)
    return {
      guard: "clustered",
      state: "note",
      words: `On the current release pages break in clusters of about ${about(unitPageErrors)} (${over}): evidence from pages counts at 1/${about(unitPageErrors)}.`,
    };
  return { guard: "clustered", state: "quiet", words: `Failures come one by one (${over}).` };
}
