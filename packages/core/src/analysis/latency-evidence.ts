import { HARM_PRIOR } from "./errors.ts";
import type { JudgeState } from "./judge.ts";
import { lnOnset, type Onset } from "./late-onset.ts";
import { LAMBDAS, TAIL_LAMBDAS } from "./latency.ts";
import { lnAverage } from "./log-space.ts";
import { lnWithQuick } from "./quick.ts";
import type { Compared } from "./variation.ts";

const even = (n: number): number[] => Array.from({ length: n }, () => 1 / n);
/** ln of the average of bets that each may begin late. */
export const harmOf = (onsets: readonly Onset[], prior: readonly number[]): number =>
  lnAverage(onsets.map(lnOnset), prior);

/** ln e of slowness where the look is the witness: valid however answers are slow together within one. */
export function lnCautious(s: JudgeState, of: Compared): number {
  const tails = even(TAIL_LAMBDAS.length);
  if (of === "ranks") return harmOf(s.latencyHarm, even(LAMBDAS.length));
  if (of === "p95") return harmOf(s.tail95Harm, tails);
  return lnAverage([harmOf(s.tail99Harm, tails), harmOf(s.slowHarm, HARM_PRIOR)], [0.5, 0.5]);
}

/** ln e of slowness: of the cautious test, and where the stable release's looks are known of that by requests. */
export const lnSlowness = (s: JudgeState, of: Compared): number => lnWithQuick(lnCautious(s, of), s.quick?.[of]);
