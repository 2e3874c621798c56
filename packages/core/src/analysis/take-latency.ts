import { bucketOf, countOf, type Histogram, mergeHistograms } from "../shared/histogram.ts";
import { quantileBucket } from "./bands.ts";
import { HARM_PSI, lnErrorsSafe, lnShareSmall, SAFE_R } from "./errors.ts";
import type { JudgeState } from "./judge.ts";
import { stepOnset } from "./late-onset.ts";
import {
  above,
  clumpSize,
  lnLatencyHarm,
  lnLatencySafe,
  lnSlowHarm,
  lnTailHarm,
  raiseToFloor,
  speedUp,
  stepClumps,
} from "./latency.ts";
import { lnCautious } from "./latency-evidence.ts";
import { bounded } from "./log-space.ts";
import { lnQuickRanks, lnQuickShare, type Quick, SLOW_PSI, startQuick, stepQuick, Z_BETS } from "./quick.ts";
import { stepSlowdown } from "./slowdown.ts";
import type { AnalysisPolicy, Look } from "./types.ts";
import { addVariation, PAIRS_KNOWN, stepVariation, THRESHOLD_MIN, type Variation } from "./variation.ts";

/** What the judge learns of a look's latency. */

/**
 * Both arms need this many requests in a latency batch. The bets hold for any number; a single answer leans by up to a half
 * by chance alone and costs them most of the stake each time, and waiting for more than two only delays what few requests tell.
 */
const LATENCY_BATCH_MIN = 2;
/** Shares of which latency may wait at a time: the step's own and that of synthetic requests, and the steps' before. */
const PENDING_MAX = 4;
/**
 * A latency batch spans at least this long: the look is the witness (decision 10), and on news of errors there is one every
 * 250 ms, of which several would see the same stall. A little less than the 2 s of the usual look, which may come early.
 */
const LATENCY_BATCH_MS = 1_800;
/** The share above the baseline's p99 may rise by 1.5 points, from 1 to 2.5 %, and still be called safe. */
export const TAIL_SAFE_RATIO = 0.015;
/** "Nearly all" answers below the floor: 95 %. The slowest are looked at by the tail's own tests. */
const FAST_SHARE = 0.05;

/** Latency batches wait until both arms have enough; what comes under another share is a batch of its own. */
export function takeLatency(now: JudgeState, before: JudgeState, look: Look, policy: AnalysisPolicy): JudgeState {
  const share = look.canaryShare;
  const others = before.pending.filter((p) => p.share !== share);
  const waiting = before.pending.find((p) => p.share === share);
  const baseline = waiting ? mergeHistograms(waiting.baseline, look.baseline.latency) : look.baseline.latency;
  const canary = waiting ? mergeHistograms(waiting.canary, look.canary.latency) : look.canary.latency;
  const sinceMs = waiting?.sinceMs ?? Math.max(before.lastMs, before.latencySinceMs);
  const isShort = look.atMs - sinceMs < LATENCY_BATCH_MS;
  if (isShort || countOf(baseline) < LATENCY_BATCH_MIN || countOf(canary) < LATENCY_BATCH_MIN)
    return { ...now, pending: [...others, { share, baseline, canary, sinceMs }].slice(-PENDING_MAX) };
  const tookMs = Math.max(0, look.atMs - sinceMs);
  const seed = Math.round(look.atMs);
  const harm = lnLatencyHarm(baseline, canary, policy.harmLatency, policy.latencyFloorMs, seed);
  const safe = lnLatencySafe(baseline, canary, policy.safeLatency, policy.latencyFloorMs, seed);
  const done: JudgeState = {
    ...now,
    pending: others,
    slowdown: stepSlowdown(now.slowdown, baseline, canary, policy.latencyFloorMs),
    latencyHarm: now.latencyHarm.map((onset, i) => stepOnset(onset, harm[i] ?? 0, tookMs)),
    latencySafe: now.latencySafe.map((ln, i) => bounded(ln + (safe[i] ?? 0))),
    latencyFast: now.latencyFast.map((ln, i) =>
      bounded(
        ln +
          lnShareSmall(SAFE_R[i] ?? 0.5, countOf(canary), above(canary, bucketOf(policy.latencyFloorMs)), FAST_SHARE),
      ),
    ),
  };
  // Thresholds come from the baseline before this batch: known before it is seen.
  if (countOf(before.baseline.latency) < THRESHOLD_MIN) return done;
  const floored = raiseToFloor(before.baseline.latency, policy.latencyFloorMs);
  const p95 = quantileBucket(floored, 0.95);
  const p99 = quantileBucket(floored, 0.99);
  if (p95 === null || p99 === null) return done;
  const tail95 = lnTailHarm(look.canaryShare, baseline, canary, p95, policy.harmLatency, seed);
  const tail99 = lnTailHarm(look.canaryShare, baseline, canary, p99, policy.harmLatency, seed);
  const clump = clumpSize(before.clumps);
  const [kc, kb] = [above(canary, p99), above(baseline, p99)];
  const fast = above(speedUp(canary, policy.harmLatency, seed), p99);
  const slow = HARM_PSI.map((psi) => lnSlowHarm(psi, share, countOf(canary), fast, kb, clump));
  return {
    ...done,
    ...(look.synthetic ? {} : takeByRequests(before, { baseline, canary, p95, p99, seed, tookMs }, look, policy)),
    clumps: stepClumps(before.clumps, countOf(canary), kc, countOf(baseline), kb),
    tail95Harm: done.tail95Harm.map((onset, i) => stepOnset(onset, tail95[i] ?? 0, tookMs)),
    tail99Harm: done.tail99Harm.map((onset, i) => stepOnset(onset, tail99[i] ?? 0, tookMs)),
    slowHarm: done.slowHarm.map((onset, i) => stepOnset(onset, slow[i] ?? 0, tookMs)),
    tail99Safe: done.tail99Safe.map((ln, i) =>
      bounded(ln + lnErrorsSafe(SAFE_R[i] ?? 0.5, look.canaryShare, countOf(canary), kc, kb, TAIL_SAFE_RATIO) / clump),
    ),
  };
}

interface Batch {
  readonly baseline: Histogram;
  readonly canary: Histogram;
  /** Thresholds of earlier batches. */
  readonly p95: number;
  readonly p99: number;
  readonly seed: number;
  readonly tookMs: number;
}

/** The baseline's looks are compared with one that is kept for so many: stalls that last half a minute show as well. */
const REFERENCE_LOOKS = 6;

/** Evidence by requests, and what the baseline's batch adds to what is known of its looks: used from the next one on. */
function takeByRequests(
  before: JudgeState,
  b: Batch,
  look: Look,
  policy: AnalysisPolicy,
): Pick<JudgeState, "quick" | "variation" | "reference"> {
  const floored = raiseToFloor(b.baseline, policy.latencyFloorMs);
  const { reference } = before;
  const stays = reference !== null && reference.looks < REFERENCE_LOOKS;
  const known = addVariation(before.variation, policy.variation);
  return {
    variation: reference ? stepVariation(before.variation, reference.latency, floored, b, b.seed) : before.variation,
    reference: stays ? { ...reference, looks: reference.looks + 1 } : { latency: floored, looks: 1 },
    ...(known.pairs < PAIRS_KNOWN ? {} : { quick: stepAll(before, known, b, look, policy) }),
  };
}

function stepAll(
  before: JudgeState,
  known: Variation,
  b: Batch,
  look: Look,
  policy: AnalysisPolicy,
): NonNullable<JudgeState["quick"]> {
  const quick = before.quick ?? {
    ranks: startQuick(lnCautious(before, "ranks"), Z_BETS.length),
    p95: startQuick(lnCautious(before, "p95"), SLOW_PSI.length),
    p99: startQuick(lnCautious(before, "p99"), SLOW_PSI.length),
  };
  const cold = coldness(policy, look.atMs - (before.firstCanaryMs ?? look.atMs));
  const of = { margin: (1 + policy.harmLatency) * (1 + cold) - 1, seed: b.seed, ratio: ratioOf(look) };
  const step = (q: Quick, lns: readonly number[]) => stepQuick(q, lns, b.tookMs, cold <= WARM);
  const ranks = lnQuickRanks(known, b.baseline, b.canary, { ...of, floorMs: policy.latencyFloorMs });
  const share = (name: "p95" | "p99") =>
    lnQuickShare(known, name, look.canaryShare, b.baseline, b.canary, { ...of, bucket: b[name] });
  return {
    ranks: step(quick.ranks, ranks),
    p95: step(quick.p95, share("p95")),
    p99: step(quick.p99, share("p99")),
  };
}

/**
 * A process that warms up may take three times as long at first, and half of that more every 7.5 s (half of `settleMs`). The
 * cautious test hardly sees it: at looks of 2 s it blames one such canary in sixteen, and none at looks of 5 s though it takes
 * 10 s to halve. By requests nearly all of the latter were blamed, within 35 s. So more is allowed here: 50 % after 15 s of a
 * canary, 12 % after 30 s, 3 % after 45 s.
 */
const WARM_UP = 2;
const WARM_UP_HALVES = 1 / 2;
/** What is little slower is betted on when so little is allowed: from 33 s on. */
const WARM = 0.1;
const coldness = ({ settleMs }: AnalysisPolicy, ageMs: number): number =>
  settleMs > 0 ? WARM_UP * 0.5 ** (ageMs / (settleMs * WARM_UP_HALVES)) : 0;

/** Of several processes one that stalls is a part of the baseline only, and might be all of the canary. */
function ratioOf({ baselineProcess, canaryProcess }: Look): number {
  if (!baselineProcess?.processes || !canaryProcess?.processes) return 1;
  return Math.max(1, baselineProcess.processes / canaryProcess.processes);
}
