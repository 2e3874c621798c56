import type { Strategy } from "../../delivery/rollout.ts";
import { seeded, seedOf } from "../../shared/random.ts";
import { wilson } from "../bands.ts";
import type { UserMetric } from "../metrics.ts";
import type { AnalysisPolicy } from "../types.ts";
import { HOUR_MS } from "./hours.ts";
import { clustersOf, type MeasuredTraffic, meanPerHour } from "./measured.ts";
import { requestsForProof, supplyOf, timeOfRequests } from "./needs.ts";
import { type MetricHarm, metricGrid, type PlannedMetric } from "./own-metrics.ts";
import { lookTimesOf, type PlayedRollout, playRollout } from "./play.ts";
import { type Finding, type HarmSearch, quantileOf, runsOfSearch, searchHarm } from "./search.ts";
import { type Suggestion, suggest } from "./suggestion.ts";
import { type ArmTraffic, type Clusters, type Harm, type Traffic, trafficOf } from "./traffic.ts";

/**
 * What a strategy can be expected to do at a service's traffic: rollouts of healthy and of harmful releases are played with
 * the real judge and the real state machine, each from a random hour of the week on. All times are from the first exposure.
 */
export interface PlanInput {
  readonly traffic: MeasuredTraffic;
  readonly strategy: Strategy;
  readonly policy: AnalysisPolicy;
  /** Those of the policy's own metrics that are played: `plannedMetrics`. Others would hold every rollout for want of data. */
  readonly own?: readonly PlannedMetric[];
  /** Requests a second that synthetic journeys make up, visitors' counted in; 0 where there are none. */
  readonly syntheticPerSecond: number;
  /** Rollouts of a healthy release; each size of harm gets a fifth of them. */
  readonly runs: number;
  readonly seed: number;
}

export interface HealthyOutcome {
  readonly runs: number;
  readonly falseRollbacks: number;
  /** Upper end of the 95 % band (Wilson) of the simulated chance, and what the judge guarantees whatever the traffic: alpha. */
  readonly falseRollbackHigh: number;
  readonly falseRollbackBound: number;
  /** Promoted by a PASS; promoted because the policy says so without one. */
  readonly proved: number;
  readonly promotedUnproved: number;
  /** Time until half, and nine tenths, of all rollouts had their PASS; null where they never did. */
  readonly passMedianMs: number | null;
  readonly passP90Ms: number | null;
  readonly passCanaryRequests: number | null;
}

/** What a verdict takes, and when that will have come at the mean traffic; null: not within any time. */
export interface Need {
  readonly verdict: "FAIL" | "PASS";
  readonly harm: { readonly kind: HarmKind; readonly size: number } | null;
  readonly canaryRequests: number | null;
  readonly atMs: number | null;
}

export type HarmKind = "errors" | "slowdown";

export interface CanaryPlan {
  readonly healthy: HealthyOutcome;
  readonly errors: HarmSearch;
  readonly slowdown: HarmSearch;
  /** Of each metric that the service brings and that is played. */
  readonly metrics: readonly MetricPlan[];
  readonly needs: readonly Need[];
  readonly requestsForProof: number;
  /** Time between two looks while the canary is in its steps. */
  readonly lookMs: number;
  readonly suggestion: Suggestion & {
    /** What the suggested strategy finds, its holdback included. */
    readonly errors: HarmSearch;
    readonly slowdown: HarmSearch;
    readonly residual: Residual;
  };
}

/** What change of a metric for the worse is found. */
export interface MetricPlan extends HarmSearch {
  readonly metric: string;
  readonly direction: UserMetric["direction"];
}

/** The chance that harm of a stated size stays unseen until the end of the holdback. */
export interface Residual {
  readonly errorRatio: number;
  readonly chance: number;
  readonly chanceHigh: number;
  readonly runs: number;
}

/** Points more of failures, from a tenth of a point to an outage; and how much slower, from a tenth to ten times. */
export const ERROR_GRID: readonly number[] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
export const SLOWDOWN_GRID: readonly number[] = [0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 4, 9];
/** One request in ten fails: every visitor of a form with three requests has a chance of four to meet it. */
const RESIDUAL_SIZE = 0.1;
/** Harm is found soon, and its chance need not be known to a percent. */
const HARM_PART = 0.2;
const HARM_RUNS_MIN = 20;

const harmRuns = (runs: number): number => Math.max(HARM_RUNS_MIN, Math.round(runs * HARM_PART));

/** How many rollouts a plan plays at most: its progress counts up to this. */
export function runsOf(runs: number, own: readonly PlannedMetric[] = []): number {
  const each = harmRuns(runs);
  const of = (grid: readonly number[], picture: boolean) => runsOfSearch({ grid, runs: each, picture });
  return (
    runs +
    own.reduce((sum, metric) => sum + of(metricGrid(metric), false), 0) +
    of(ERROR_GRID, true) +
    of(SLOWDOWN_GRID, true) +
    of(ERROR_GRID, false) +
    of(SLOWDOWN_GRID, false) +
    each
  );
}

/** Plays a plan. Yields after each look; `onRuns` is told of rollouts that are done, up to `runsOf(runs)`. */
export function* planCanary(input: PlanInput, onRuns: (done: number) => void): Generator<undefined, CanaryPlan> {
  const { traffic, strategy, policy, runs } = input;
  const player = playerOf(input);
  const played: PlayedRollout[] = [];
  for (let run = 0; run < runs; run++) {
    played.push(yield* player(strategy, undefined, run));
    onRuns(1);
  }
  const each = harmRuns(runs);
  const search = (kind: HarmKind, of: Strategy, picture: boolean) =>
    searchHarm({
      grid: kind === "errors" ? ERROR_GRID : SLOWDOWN_GRID,
      runs: each,
      picture,
      onRuns,
      play: (size, run) => player(of, harmOf(kind, size, traffic.arm), run),
    });
  const errors = yield* search("errors", strategy, true);
  const slowdown = yield* search("slowdown", strategy, true);
  const metrics: MetricPlan[] = [];
  for (const one of input.own ?? []) {
    const { name, direction } = one.metric;
    const found = yield* searchHarm({
      grid: metricGrid(one),
      runs: each,
      picture: false,
      onRuns,
      play: (size, run) => player(strategy, undefined, run, { metric: name, size }),
    });
    metrics.push({ metric: name, direction, ...found });
  }
  const suggestion = suggest(supplyOf(meanPerHour(traffic), input.syntheticPerSecond), policy, strategy);
  const later = {
    errors: yield* search("errors", suggestion.strategy, false),
    slowdown: yield* search("slowdown", suggestion.strategy, false),
  };
  let missed = 0;
  for (let run = 0; run < each; run++) {
    const rollout = yield* player(suggestion.strategy, harmOf("errors", RESIDUAL_SIZE, traffic.arm), run);
    if (rollout.foundMs === null) missed += 1;
    onRuns(1);
  }
  const residual = wilson(missed, each);
  return {
    healthy: healthyOf(played, policy),
    errors,
    slowdown,
    metrics,
    needs: needsOf(input, errors, slowdown),
    requestsForProof: requestsForProof(policy),
    lookMs: lookTimesOf(strategy).steps,
    suggestion: {
      ...suggestion,
      ...later,
      residual: {
        errorRatio: RESIDUAL_SIZE,
        chance: residual.value ?? 1,
        chanceHigh: residual.high ?? 1,
        runs: each,
      },
    },
  };
}

/** The canary's harm. All failing is the most that errors can rise to. */
function harmOf(kind: HarmKind, size: number, arm: ArmTraffic): Harm {
  return kind === "errors" ? { errorRatio: Math.min(1, arm.errorRatio + size) } : { latencyFactor: 1 + size };
}

type Player = (
  strategy: Strategy,
  harm: Harm | undefined,
  run: number,
  metricHarm?: MetricHarm,
) => Generator<undefined, PlayedRollout>;

function playerOf({ traffic, policy: asked, own = [], seed, syntheticPerSecond }: PlanInput): Player {
  const policy = { ...asked, metrics: own.length > 0 ? own.map(({ metric }) => metric) : undefined };
  const clusters = clustersOf(policy.clustering);
  const hours = traffic.requestsPerHour;
  const rates = hours.map((n) => rounded(n / 3_600));
  const missing = rates.map((rate) => rounded(Math.max(0, syntheticPerSecond - rate)));
  const made = new Map<string, { visitors: Traffic; synthetic: Traffic | null }>();
  return (strategy, harm, run, metricHarm) => {
    const key = JSON.stringify(harm ?? null);
    const model = { baseline: traffic.arm, canary: traffic.arm, ...(harm ? { harm } : {}) };
    // Nobody tries a synthetic request again.
    const drawing = (requestsPerSecond: readonly number[], of: Clusters | null) =>
      trafficOf({ requestsPerSecond, ...model, ...(of ? { clusters: of } : {}) });
    const drawn = made.get(key) ?? {
      visitors: drawing(rates, clusters),
      synthetic: syntheticPerSecond > 0 ? drawing(missing, null) : null,
    };
    made.set(key, drawn);
    const random = seeded(seedOf(seed, run));
    const fromMs = Math.floor(random() * hours.length) * HOUR_MS;
    const { visitors, synthetic } = drawn;
    return playRollout(
      {
        ...{ traffic: visitors, synthetic, strategy, policy, lookMs: lookTimesOf(strategy), fromMs },
        ...(own.length > 0 ? { own: { metrics: own, harm: metricHarm ?? null } } : {}),
      },
      random,
    );
  };
}

/** Two digits are enough of a rate, and hours that are alike share their tables. */
const rounded = (rate: number): number => Number(rate.toPrecision(2));

function healthyOf(played: readonly PlayedRollout[], policy: AnalysisPolicy): HealthyOutcome {
  const falseRollbacks = played.filter((p) => p.foundMs !== null).length;
  const passes = played.map((p) => (p.proved ? (p.promotedMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY));
  const requests = played.map((p) => (p.proved ? p.requestsAtPromotion : Number.POSITIVE_INFINITY));
  return {
    runs: played.length,
    falseRollbacks,
    falseRollbackHigh: wilson(falseRollbacks, played.length).high ?? 1,
    falseRollbackBound: policy.alpha,
    proved: played.filter((p) => p.proved).length,
    promotedUnproved: played.filter((p) => p.promotedMs !== null && !p.proved).length,
    passMedianMs: quantileOf(passes, 0.5),
    passP90Ms: quantileOf(passes, 0.9),
    passCanaryRequests: quantileOf(requests, 0.5),
  };
}

/** An outage, the smallest harm of each kind that is found, and a proof of safety. */
function needsOf(
  { traffic, strategy, policy, syntheticPerSecond }: PlanInput,
  errors: HarmSearch,
  slowdown: HarmSearch,
): Need[] {
  const supply = supplyOf(meanPerHour(traffic), syntheticPerSecond);
  const need = (verdict: Need["verdict"], harm: Need["harm"], canaryRequests: number | null): Need => {
    const atMs = canaryRequests === null ? null : timeOfRequests(canaryRequests, supply, strategy);
    return { verdict, harm, canaryRequests, atMs: atMs !== null && Number.isFinite(atMs) ? atMs : null };
  };
  const outage = errors.findings.at(-1);
  const found: (readonly [HarmKind, Finding | null | undefined])[] = [
    ["errors", outage],
    ["errors", errors.smallest === outage ? null : errors.smallest],
    ["slowdown", slowdown.smallest],
  ];
  return [
    ...found.flatMap(([kind, f]) => (f ? [need("FAIL", { kind, size: f.size }, f.canaryRequests)] : [])),
    need("PASS", null, requestsForProof(policy)),
  ];
}
