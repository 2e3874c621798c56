import { defaultPolicy } from "@latchkey/core/analysis/policy";
import type { AnalysisPolicy } from "@latchkey/core/analysis/types";
import type { Strategy } from "@latchkey/core/delivery/rollout";
import { Chance } from "./chance.ts";
import type { GuardFaultName } from "./guard-faults.ts";

/** What a seed decides about its world before it begins. */
export interface Plan {
  readonly seed: number;
  readonly servers: number;
  readonly gateways: number;
  readonly requestsPerSecond: number;
  readonly strategy: Strategy;
  readonly policy: AnalysisPolicy;
  readonly batch: { readonly when: "auto" | "always"; readonly maximumChanges: number };
  /** People ship two at a time and have them go out together. What harms there is mostly what nobody asked for. */
  readonly shipsBatches: boolean;
  readonly smoke: boolean;
  /** Faults and wishes happen until then; afterwards everything may come to rest. */
  readonly busyMs: number;
  readonly crashPerStep: number;
  readonly cutPerStep: number;
  readonly lossPerMessage: number;
  /** When a backup is taken, and when the database is set back to it. */
  readonly backupAtMs: number | null;
  readonly restoreAtMs: readonly number[];
  /** When an operator begins a new epoch, with no restore before it. */
  readonly newEpochAtMs: number | null;
  readonly clocksWander: boolean;
  /** When the loop of the server that holds the lease hangs, on a disk or a network that answers nothing, and for how long. */
  readonly hungLoop: { readonly atMs: number; readonly forMs: number } | null;
  /** When all servers are away, and for how long. */
  readonly nobody: { readonly atMs: number; readonly forMs: number } | null;
  /** What happens to the first canary that a guard is for; null for nothing. */
  readonly guardFault: GuardFaultName | null;
  /** Two healthy releases are shipped, nobody does anything else, and no process is killed but servers in a step. */
  readonly isCalm: boolean;
}

/** An hour of a real rollout in a minute: harm and safety are plain, steps short. */
const POLICY: AnalysisPolicy = {
  ...defaultPolicy,
  // Ten thousand seeds see about ten thousand healthy canaries: none of them may be blamed by chance.
  alpha: 1e-7,
  beta: 0.5,
  safeErrorRatio: 0.3,
  safeLatency: 5,
  latencyFloorMs: 1_000,
  settleMs: 0,
  minimumBakeMs: 5_000,
  minimumCanaryRequests: 20,
  restartLimit: 10,
};

/** What guards are for, among all other faults: those that need no more than a canary. */
const AMONG_OTHERS = [
  ...(["wrong_share", "no_traffic", "canary_silent", "source_down", "baseline_sick", "shared_incident"] as const),
  ...(["gateway_clock", "memory_grows", "memory_leak", "restarts"] as const),
];

export function planOf(seed: number): Plan {
  const chance = new Chance(seed, 1);
  const others = new Chance(seed, 7);
  const watch = new Chance(seed, 8);
  const kind = chance.pick(["canary", "canary", "canary", "canary", "blue_green", "all_at_once"] as const);
  const steps = chance.pick([[10], [20, 50], [10, 25, 50]]);
  const hasRestore = chance.isTrue(0.2);
  const restoresTwice = hasRestore && chance.isTrue(0.3);
  // Their queues take long to empty: so that all worlds together cost what they did, they are shorter, with one gateway.
  const shipsBatches = seed % 7 === 0;
  const busyMs = (chance.between(30_000, 80_000) + (restoresTwice ? 60_000 : 0)) * (shipsBatches ? 0.5 : 1);
  const backupAtMs = hasRestore ? chance.between(10_000, busyMs / 3) : null;
  const restoreAtMs: number[] = [];
  if (backupAtMs !== null) {
    restoreAtMs.push(chance.between(backupAtMs + 1_000, restoresTwice ? busyMs - 70_000 : busyMs));
    // Now and then the same backup twice: more than a minute apart, as restores are.
    if (restoresTwice) restoreAtMs.push(busyMs - 5_000);
  }
  return {
    seed,
    servers: chance.whole(1, 3),
    gateways: shipsBatches ? 1 : chance.whole(1, 2),
    requestsPerSecond: chance.between(8, 25),
    strategy: {
      kind,
      steps: steps.map((trafficPercent) => ({
        trafficPercent,
        bakeMs: chance.whole(1, 5) * 1_000,
        minimumRequests: chance.whole(5, 20),
      })),
      maximumMs: chance.whole(30, shipsBatches ? 30 : 80) * 1_000,
      onInconclusive: chance.pick(["hold", "promote", "roll_back"]),
      holdbackPercent: 10,
      holdbackMs: chance.pick([0, 5_000, 15_000]),
      autoPromote: chance.isTrue(0.7),
    },
    policy: POLICY,
    smoke: chance.isTrue(0.3),
    // Of the seed alone: what it decided before batches were there stays as it was.
    batch: { when: seed % 2 === 0 ? "auto" : "always", maximumChanges: 2 + (seed % 5) },
    shipsBatches,
    busyMs,
    crashPerStep: chance.pick([0, 0.000_3, 0.001, 0.003]),
    cutPerStep: chance.pick([0, 0.000_5, 0.003]),
    lossPerMessage: chance.pick([0, 0.02, 0.1]),
    backupAtMs,
    restoreAtMs,
    newEpochAtMs: null,
    clocksWander: chance.isTrue(0.5),
    hungLoop:
      seed % 9 === 4 ? { atMs: watch.between(5_000, busyMs), forMs: watch.pick([40_000, 90_000, 150_000]) } : null,
    // A backup has an older lease, which looks as if nobody had held it since.
    nobody:
      seed % 5 === 2 && backupAtMs === null
        ? { atMs: watch.between(10_000, busyMs), forMs: watch.pick([200_000, 330_000, 400_000]) }
        : null,
    guardFault: others.isTrue(0.2) ? others.pick(AMONG_OTHERS) : null,
    isCalm: false,
  };
}
