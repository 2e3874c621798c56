import { lookedEvent } from "../../delivery/replay.ts";
import { isTerminal, newRollout, type Rollout, type RolloutEvent, type Strategy } from "../../delivery/rollout.ts";
import { SYNTHETIC_SHARE } from "../../delivery/synthetic.ts";
import { transition } from "../../delivery/transitions.ts";
import type { Random } from "../../shared/random.ts";
import { type JudgeState, judge, startJudge, takeIn } from "../judge.ts";
import type { AnalysisPolicy, Look } from "../types.ts";
import { type MetricHarm, type PlannedMetric, withOwnMetrics } from "./own-metrics.ts";
import type { Traffic } from "./traffic.ts";

/**
 * One rollout played through: the judge and the state machine that drive real ones, before traffic that is drawn. Gateways
 * acknowledge at once. It ends when the canary is rolled back, when the holdback is over, or where a person would be asked.
 */
export interface PlayedRollout {
  /** From the first exposure to the FAIL; null when there was none. */
  readonly foundMs: number | null;
  /** From the first exposure to the promotion; null when there was none. */
  readonly promotedMs: number | null;
  /** Promoted by a PASS, not by the policy for rollouts that come to no verdict. */
  readonly proved: boolean;
  /** Requests that the canary had answered by the promotion, and by the end. */
  readonly requestsAtPromotion: number;
  readonly canaryRequests: number;
  /** Of those, visitors': without synthetic ones. */
  readonly visitorRequests: number;
}

export interface Stage {
  readonly traffic: Traffic;
  /** Requests of our own while the canary is in its steps; null where none are sent. */
  readonly synthetic: Traffic | null;
  readonly strategy: Strategy;
  readonly policy: AnalysisPolicy;
  readonly lookMs: LookTimes;
  /** Metrics that the service brings and that are played, and the canary's harm in one of them. */
  readonly own?: { readonly metrics: readonly PlannedMetric[]; readonly harm: MetricHarm | null };
  /** Where in the traffic's hours the rollout begins. */
  readonly fromMs: number;
}

/** Live, a rollout is looked at this often (`LOOK_EVERY_MS` of the server): latency's unit of evidence is the look. */
const LIVE_LOOK_MS = 2_000;
/**
 * Steps of more than 30 minutes are looked at 900 times, and a holdback of more than 10 minutes 300 times: later than live by
 * at most so small a part of their time.
 */
const STEP_LOOKS_MAX = 900;
const HOLDBACK_LOOKS_MAX = 300;
/** Without news the verdict is read every fifth look: latency is found up to 8 s later than live, errors at once. */
const READ_EVERY = 5;
/** Silence is judged once a minute, which is when its guard holds. */
const SILENCE_MS = 60_000;

/** Time between two looks, ms, while the canary is in its steps and in the holdback. */
export interface LookTimes {
  readonly steps: number;
  readonly holdback: number;
}

export const lookTimesOf = (s: Strategy): LookTimes => ({
  steps: Math.max(LIVE_LOOK_MS, Math.ceil(s.maximumMs / STEP_LOOKS_MAX)),
  holdback: Math.max(LIVE_LOOK_MS, Math.ceil(s.holdbackMs / HOLDBACK_LOOKS_MAX)),
});

const isNews = (look: Look | null): boolean => look !== null && look.canary.errors > 0;
const isEmpty = (look: Look | null): boolean => look === null || look.baseline.requests + look.canary.requests === 0;

/** Plays one rollout. Yields after each look, so that long plays can be put aside. */
export function* playRollout(stage: Stage, random: Random): Generator<undefined, PlayedRollout> {
  const { traffic, synthetic, strategy, policy, lookMs, fromMs } = stage;
  let rollout = settled(newRollout("plan", strategy, true, 0), { kind: "release_ready", atMs: 0 });
  let state: JudgeState = startJudge(policy);
  let promotion: { atMs: number; proved: boolean; requests: number } | null = null;
  let [unread, judgedMs, visitorRequests] = [0, 0, 0];
  const ending = (foundMs: number | null): PlayedRollout => ({
    foundMs,
    promotedMs: promotion?.atMs ?? null,
    proved: promotion?.proved ?? false,
    requestsAtPromotion: promotion?.requests ?? 0,
    canaryRequests: state.canary.requests,
    visitorRequests,
  });
  // A guard may hold a promotion that the policy wants: as long again as it waited for a verdict, and no longer.
  const endMs = 2 * strategy.maximumMs + strategy.holdbackMs + lookMs.steps + lookMs.holdback;
  for (let beforeMs = 0, atMs = 0; atMs < endMs && !isOver(rollout); beforeMs = atMs) {
    atMs += rollout.state === "holdback" ? lookMs.holdback : lookMs.steps;
    const share = rollout.trafficPercent / 100;
    if (share <= 0 || share >= 1) {
      // All of the traffic on one release: nothing to compare, only time passes.
      rollout = settled(rollout, { kind: "time_passed", atMs });
      continue;
    }
    const [from, to] = [fromMs + beforeMs, fromMs + atMs];
    const seen: Look = { ...traffic.look(from, to, share, random), atMs };
    const look = stage.own ? withOwnMetrics(seen, stage.own.metrics, stage.own.harm, random) : seen;
    const own = rollout.state === "progressing" ? (synthetic?.look(from, to, SYNTHETIC_SHARE, random) ?? null) : null;
    visitorRequests += look.canary.requests;
    // As live: our own first, and the verdict after both, with the guards on visitors' traffic.
    if (own && !isEmpty(own)) state = takeIn(state, { ...own, atMs, synthetic: true }, policy).next;
    if (isEmpty(look) && isEmpty(own) && atMs - judgedMs < SILENCE_MS) {
      rollout = settled(rollout, { kind: "time_passed", atMs });
    } else if (
      unread < READ_EVERY - 1 &&
      !rollout.holding &&
      !isNews(look) &&
      !isNews(own) &&
      atMs - judgedMs < SILENCE_MS
    ) {
      state = takeIn(state, look, policy).next;
      unread += 1;
      rollout = settled(rollout, { kind: "time_passed", atMs });
    } else {
      const judged = judge(state, look, policy);
      state = judged.state;
      [unread, judgedMs] = [0, atMs];
      rollout = settled(rollout, lookedEvent(judged.report, atMs));
      if (rollout.lastVerdict === "FAIL") return ending(atMs);
    }
    if (promotion === null && isPromoted(rollout))
      promotion = { atMs, proved: rollout.lastVerdict === "PASS", requests: state.canary.requests };
    yield undefined;
  }
  return ending(null);
}

const isPromoted = (r: Rollout): boolean => ["promoting", "holdback", "completed"].includes(r.state);
/** A person who is asked under the policy to promote may be spared: it is promoted once no guard holds. */
const isOver = (r: Rollout): boolean =>
  isTerminal(r.state) || r.state === "rolling_back" || (r.waitsForPerson && r.strategy.onInconclusive === "hold");

/** The rollout after an event, and after every gateway has acknowledged what came of it. */
function settled(rollout: Rollout, event: RolloutEvent): Rollout {
  const outcome = transition(rollout, event);
  if (!outcome.ok) return rollout;
  const { next } = outcome.value;
  if (next.acknowledged || isTerminal(next.state)) return next;
  const acknowledged = transition(next, { kind: "acknowledged", atMs: event.atMs });
  return acknowledged.ok ? acknowledged.value.next : next;
}
