import { clockSkew } from "./clock-skew.ts";
import { clusteringNote } from "./dispersion.ts";
import { bounded, lnMean } from "./log-space.ts";
import type { UserMetric } from "./metrics.ts";
import type { AnalysisPolicy, GuardReport, Look, ProcessCounts } from "./types.ts";
import { variationWords } from "./variation.ts";

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
  /** When the canary's process was first seen, or last restarted. */
  readonly processSinceMs: number | null;
  readonly canaryBytesFirst: number | null;
  readonly baselineBytesFirst: number | null;
  /** Since when the canary's memory is over its limit; null while it is not. */
  readonly overMemorySinceMs: number | null;
  /** Memory of the last 20 s, oldest first: [time, canary's bytes, baseline's or 0]. */
  readonly memory: readonly (readonly [number, number, number])[];
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
/** A collection may be due just then: memory that stays over the limit for this long is not given back. */
const MEMORY_OVER_MS = 5_000;
/**
 * While memory still grows, nobody can tell a leak from caches that fill. Growth by a quarter of what is harm within 20 s
 * would be harm within 80 s: until it is less, the canary goes no further. A healthy one levels off and is promoted then.
 */
const MEMORY_WINDOW_MS = 20_000;
const MEMORY_GROWING = 0.25;
/** Looks may come every 250 ms: points that close would only fill the state. */
const MEMORY_POINTS_MS = 2_000;

export const startGuards: GuardState = {
  baselineSinceCanary: 0,
  silentMs: 0,
  canaryRequests: 0,
  total: 0,
  expected: 0,
  share: SHARE_ODDS.map(() => 0),
  recent: [0, 0, 0, 0],
  processSinceMs: null,
  canaryBytesFirst: null,
  baselineBytesFirst: null,
  overMemorySinceMs: null,
  memory: [],
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
  const reports = Object.values(GUARDS).flatMap((guard) => guard(state, look, policy) ?? []);
  return { state, reports };
}

/** What a guard says after a look; null where it has nothing to say. */
type Guard = (state: GuardState, look: Look, policy: AnalysisPolicy) => GuardReport | null;

/** Each by its name, in the order in which they are told. */
export const GUARDS: Readonly<Record<TrafficGuard, Guard>> = {
  source_down: (_, look) =>
    look.sourceUp
      ? quiet("source_down", "The gateways report their counts.")
      : {
          guard: "source_down",
          state: "hold",
          words: "No gateway reports counts: nothing is known of this time, so nothing moves.",
        },
  clock_skew: (_, look, policy) => clockSkew(look.clocksOff, (policy.metrics ?? []).some(isCriticalOfSource)),
  no_traffic: silence,
  share_mismatch: share,
  baseline_sick: sickBaseline,
  shared_incident: sharedIncident,
  memory,
  restarts,
  clustered: (_s, _look, policy) => measuredBefore(policy),
};
type TrafficGuard = Exclude<GuardReport["guard"], "metric_source" | "metric_data" | "metric_limit">;

const isCriticalOfSource = (metric: UserMetric): boolean =>
  metric.severity === "critical" && metric.source === "prometheus";

/** What was measured on the current release before the canary began; null: nothing. */
export function measuredBefore({ clustering, variation }: AnalysisPolicy): GuardReport | null {
  const slow = variation ? variationWords(variation) : null;
  const note = clustering ? clusteringNote(clustering) : null;
  if (slow === null) return note;
  return { guard: "clustered", state: "note", words: note?.state === "note" ? `${note.words} ${slow}` : slow };
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
  // A fresh process starts small and fills its caches first: the comparison begins, or begins anew, once it has settled.
  const since = restarted ? look.atMs : (s.processSinceMs ?? look.atMs);
  if (look.atMs - since < policy.settleMs || s.canaryBytesFirst === null || restarted)
    return {
      ...next,
      processSinceMs: since,
      canaryBytesFirst: canary,
      baselineBytesFirst: baseline,
      overMemorySinceMs: null,
      memory: [],
    };
  const own = canary / s.canaryBytesFirst - 1;
  const over = own > policy.memoryGrowthRatio && own > 2 * growth(s.baselineBytesFirst ?? 0, baseline ?? 0);
  return {
    ...next,
    processSinceMs: since,
    overMemorySinceMs: over ? (s.overMemorySinceMs ?? look.atMs) : null,
    memory: remember(s.memory, look.atMs, canary, baseline ?? 0),
  };
}

const growth = (from: number, to: number): number => (from > 0 && to > 0 ? Math.max(0, to / from - 1) : 0);

/** Points at least 2 s apart that span the window. */
function remember(before: GuardState["memory"], atMs: number, canary: number, baseline: number): GuardState["memory"] {
  const last = before.at(-1);
  if (last && atMs - last[0] < MEMORY_POINTS_MS) return before;
  // The oldest point kept is the newest one that is at least a window old.
  const kept = before.filter((_, i) => (before[i + 1]?.[0] ?? atMs) > atMs - MEMORY_WINDOW_MS);
  return [...kept, [atMs, canary, baseline]];
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
  const lnE = lnMean(s.share);
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

/** Error ratios of about the last ten looks; 0 where there were too few requests to speak of one. */
function failing({ recent: [rb, eb, rc, ec] }: GuardState): { readonly baseline: number; readonly canary: number } {
  return { baseline: rb >= 20 ? eb / rb : 0, canary: rc >= 5 ? ec / rc : 0 };
}

function sickBaseline(s: GuardState): GuardReport {
  const { baseline } = failing(s);
  if (baseline < SICK_RATIO) return quiet("baseline_sick", "The current release is well.");
  return {
    guard: "baseline_sick",
    state: "hold",
    words: `The current release itself fails ${percent(baseline)} of its requests: it is no measure of health.`,
  };
}

function sharedIncident(s: GuardState): GuardReport {
  const { baseline, canary } = failing(s);
  if (baseline < INCIDENT_RATIO || canary < INCIDENT_RATIO)
    return quiet("shared_incident", "No incident on both releases.");
  return {
    guard: "shared_incident",
    state: "hold",
    words: `Both releases fail (${percent(baseline)} and ${percent(canary)}): something they share is broken, so the canary is not blamed for it.`,
  };
}

function memory(s: GuardState, look: Look, policy: AnalysisPolicy): GuardReport {
  const now = perProcess(look.canaryProcess);
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  if (s.overMemorySinceMs !== null && look.atMs - s.overMemorySinceMs >= MEMORY_OVER_MS) {
    const to = now === null ? "" : ` to ${mb(now)}`;
    return {
      guard: "memory",
      state: "harm",
      words: `Its memory grew from ${mb(s.canaryBytesFirst ?? 0)}${to}, by more than ${percent(policy.memoryGrowthRatio)}, while the current release's did not: it leaks.`,
    };
  }
  const [first, last] = [s.memory[0], s.memory.at(-1)];
  if (first && last) {
    const own = growth(first[1], last[1]);
    if (own > MEMORY_GROWING * policy.memoryGrowthRatio && own > 2 * growth(first[2], last[2]))
      return {
        guard: "memory",
        state: "hold",
        words: `Its memory still grows (from ${mb(first[1])} to ${mb(last[1])} within ${Math.round((last[0] - first[0]) / 1000)} s): it waits to see where that ends.`,
      };
  }
  return quiet("memory", "Memory is steady.");
}

function restarts(s: GuardState, _look: Look, policy: AnalysisPolicy): GuardReport {
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
