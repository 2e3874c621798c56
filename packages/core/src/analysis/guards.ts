import { bounded, lnAverage } from "./log-space.ts";
import type { AnalysisPolicy, GuardReport, Look, ProcessCounts } from "./types.ts";

/** Guards see what errors and latency can't: silence, a wrong share, a sick baseline, a leak. */
export interface GuardState {
  /** Baseline requests since the canary last had one, and since when there was no request at all. */
  readonly baselineSinceCanary: number;
  readonly silentMs: number;
  readonly canaryRequests: number;
  readonly total: number;
  readonly expected: number;
  /** ln of the share test's e-processes, one per alternative. */
  readonly share: readonly number[];
  /** Counts of about the last ten looks, decayed: [requests, errors] of baseline and canary. */
  readonly recent: readonly [number, number, number, number];
  readonly samples: number;
  readonly canaryBytesFirst: number | null;
  readonly baselineBytesFirst: number | null;
  /** Looks in a row in which the canary's memory was over its limit. */
  readonly overMemory: number;
  readonly canaryRestarts: number;
  readonly baselineRestarts: number;
}

/** Odds of the real share against the configured one that are betted on. */
const SHARE_ODDS = [0, 0.1, 0.5, 2, 10] as const;
const SHARE_ALPHA = 1e-4;
/** Chance that a healthy canary gets none of n requests: below this it is no chance any more. */
const SILENCE_CHANCE = 1e-3;
const SILENT_MS = 60_000;
/** One look in ten is forgotten. */
const DECAY = 0.9;
/** A baseline that fails one request in five is no measure of health. */
const SICK_RATIO = 0.2;
const INCIDENT_RATIO = 0.05;
/** Samples before memory is compared (a process fills its caches first), and looks in a row over the limit. */
const MEMORY_WARM_SAMPLES = 3;
const MEMORY_OVER_LOOKS = 3;

export const startGuards: GuardState = {
  baselineSinceCanary: 0,
  silentMs: 0,
  canaryRequests: 0,
  total: 0,
  expected: 0,
  share: SHARE_ODDS.map(() => 0),
  recent: [0, 0, 0, 0],
  samples: 0,
  canaryBytesFirst: null,
  baselineBytesFirst: null,
  overMemory: 0,
  canaryRestarts: 0,
  baselineRestarts: 0,
};

const quiet = (guard: GuardReport["guard"], words: string): GuardReport => ({ guard, state: "quiet", words });
const percent = (x: number): string => `${(x * 100).toFixed(x < 0.1 ? 1 : 0)} %`;

export function stepGuards(
  before: GuardState,
  look: Look,
  policy: AnalysisPolicy,
  sinceMs: number,
): { state: GuardState; reports: GuardReport[] } {
  const state = stepProcess(look.sourceUp ? stepTraffic(before, look, sinceMs) : before, look, policy);
  const source: GuardReport = look.sourceUp
    ? quiet("source_down", "The gateways report their counts.")
    : {
        guard: "source_down",
        state: "hold",
        words: "No gateway reports counts: nothing is known of this time, so nothing moves.",
      };
  return {
    state,
    reports: [
      source,
      silence(state, look),
      share(state),
      ...sickness(state),
      memory(state, policy, look),
      restarts(state, policy),
    ],
  };
}

function stepTraffic(s: GuardState, look: Look, sinceMs: number): GuardState {
  const nb = look.baseline.requests;
  const nc = look.canary.requests;
  const w = look.canaryShare;
  const [rb, eb, rc, ec] = s.recent;
  return {
    ...s,
    baselineSinceCanary: nc > 0 ? 0 : s.baselineSinceCanary + nb,
    silentMs: nb + nc > 0 ? 0 : s.silentMs + sinceMs,
    canaryRequests: s.canaryRequests + nc,
    total: s.total + nb + nc,
    expected: s.expected + (nb + nc) * w,
    share: s.share.map((ln, i) => {
      const odds = SHARE_ODDS[i] ?? 1;
      const q = (odds * w) / (odds * w + 1 - w);
      return bounded(ln + (nc > 0 ? nc * Math.log(q / w) : 0) + nb * Math.log((1 - q) / (1 - w)));
    }),
    recent: [rb * DECAY + nb, eb * DECAY + look.baseline.errors, rc * DECAY + nc, ec * DECAY + look.canary.errors],
  };
}

const perProcess = (p: ProcessCounts | null): number | null =>
  p && p.residentBytes !== null && p.processes > 0 ? p.residentBytes / p.processes : null;

function stepProcess(s: GuardState, look: Look, policy: AnalysisPolicy): GuardState {
  const canary = perProcess(look.canaryProcess);
  const baseline = perProcess(look.baselineProcess);
  const restarted = (look.canaryProcess?.restarts ?? 0) > 0;
  const next = {
    ...s,
    canaryRestarts: s.canaryRestarts + (look.canaryProcess?.restarts ?? 0),
    baselineRestarts: s.baselineRestarts + (look.baselineProcess?.restarts ?? 0),
  };
  if (canary === null) return next;
  // A fresh process starts small: the comparison starts anew with it.
  const samples = restarted ? 1 : s.samples + 1;
  if (samples <= MEMORY_WARM_SAMPLES)
    return { ...next, samples, canaryBytesFirst: canary, baselineBytesFirst: baseline, overMemory: 0 };
  const first = s.canaryBytesFirst ?? canary;
  const own = canary / first - 1;
  const others =
    baseline !== null && s.baselineBytesFirst !== null && s.baselineBytesFirst > 0
      ? Math.max(0, baseline / s.baselineBytesFirst - 1)
      : 0;
  const over = own > policy.memoryGrowthRatio && own > 2 * others;
  return { ...next, samples, canaryBytesFirst: first, overMemory: over ? s.overMemory + 1 : 0 };
}

function silence(s: GuardState, look: Look): GuardReport {
  if (s.silentMs >= SILENT_MS || s.total === 0)
    return { guard: "no_traffic", state: "hold", words: "There is no traffic: without data nothing moves." };
  const chance = (1 - look.canaryShare) ** s.baselineSinceCanary;
  if (chance < SILENCE_CHANCE) {
    return {
      guard: "no_traffic",
      state: "hold",
      words: `The canary had none of the last ${s.baselineSinceCanary} requests, though ${percent(look.canaryShare)} should be its own.`,
    };
  }
  return quiet("no_traffic", "Both releases get traffic.");
}

function share(s: GuardState): GuardReport {
  const lnE = lnAverage(
    s.share,
    SHARE_ODDS.map(() => 1 / SHARE_ODDS.length),
  );
  const ratio = s.expected > 0 ? s.canaryRequests / s.expected : 1;
  // Visitors stay with a release, which clusters counts: only a share that is off by half as well is believed.
  if (lnE > Math.log(1 / SHARE_ALPHA) && s.total >= 200 && (ratio < 0.5 || ratio > 1.5)) {
    return {
      guard: "share_mismatch",
      state: "hold",
      words: `The canary had ${s.canaryRequests} requests where its share asks for about ${Math.round(s.expected)}: routing or counting is wrong.`,
    };
  }
  return quiet("share_mismatch", "The canary gets the share that was set.");
}

function sickness(s: GuardState): GuardReport[] {
  const [rb, eb, rc, ec] = s.recent;
  const b = rb >= 20 ? eb / rb : 0;
  const c = rc >= 5 ? ec / rc : 0;
  const sick: GuardReport =
    b >= SICK_RATIO
      ? {
          guard: "baseline_sick",
          state: "hold",
          words: `The current release itself fails ${percent(b)} of its requests: it is no measure of health.`,
        }
      : quiet("baseline_sick", "The current release is well.");
  const incident: GuardReport =
    b >= INCIDENT_RATIO && c >= INCIDENT_RATIO
      ? {
          guard: "shared_incident",
          state: "hold",
          words: `Both releases fail (${percent(b)} and ${percent(c)}): something they share is broken, so the canary is not blamed for it.`,
        }
      : quiet("shared_incident", "No incident on both releases.");
  return [sick, incident];
}

function memory(s: GuardState, policy: AnalysisPolicy, look: Look): GuardReport {
  const now = perProcess(look.canaryProcess);
  if (s.overMemory >= MEMORY_OVER_LOOKS) {
    const from = Math.round((s.canaryBytesFirst ?? 0) / 1e6);
    const to = now === null ? "" : ` to ${Math.round(now / 1e6)} MB`;
    return {
      guard: "memory",
      state: "harm",
      words: `Its memory grew from ${from} MB${to}, by more than ${percent(policy.memoryGrowthRatio)}, while the current release's did not: it leaks.`,
    };
  }
  return quiet("memory", "Memory is steady.");
}

function restarts(s: GuardState, policy: AnalysisPolicy): GuardReport {
  if (s.canaryRestarts >= policy.restartLimit && s.canaryRestarts > s.baselineRestarts) {
    return {
      guard: "restarts",
      state: "harm",
      words: `Its process died and was restarted ${s.canaryRestarts} times; the current release's ${s.baselineRestarts} times.`,
    };
  }
  return s.canaryRestarts > 0
    ? { guard: "restarts", state: "note", words: `Its process was restarted ${s.canaryRestarts} times.` }
    : quiet("restarts", "No process died.");
}
