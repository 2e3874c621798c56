import type { Verdict } from "../analysis/types.ts";

/**
 * A rollout: how one deployment is exposed to traffic. This file has the words; `transitions.ts` has the total
 * table of state and event; `SPEC.md` names the invariants and where each is enforced. Plain JSON, no clock.
 */
export const ROLLOUT_STATES = [
  "starting",
  "progressing",
  "paused",
  "promoting",
  "holdback",
  "rolling_back",
  "completed",
  "rolled_back",
  "aborted",
  "failed",
  "superseded",
] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

export const TERMINAL_STATES: readonly RolloutState[] = ["completed", "rolled_back", "aborted", "failed", "superseded"];
export const isTerminal = (state: RolloutState): boolean => TERMINAL_STATES.includes(state);
/** Whether visitors meet a release that somebody must watch: a canary on its way up. */
export const isAtRisk = (r: Pick<Rollout, "state" | "strategy">): boolean =>
  r.strategy.kind === "canary" && ["progressing", "paused", "promoting"].includes(r.state);

export type StrategyKind = "canary" | "blue_green" | "all_at_once";
export interface Step {
  readonly trafficPercent: number;
  readonly bakeMs: number;
  readonly minimumRequests: number;
}
export interface Strategy {
  readonly kind: StrategyKind;
  readonly steps: readonly Step[];
  /** Without a PASS by then, `onInconclusive` decides. Counted from the first canary request share. */
  readonly maximumMs: number;
  readonly onInconclusive: "hold" | "promote" | "roll_back";
  readonly holdbackPercent: number;
  readonly holdbackMs: number;
  /** Blue-green: switch as soon as the smoke journeys pass (the default), or wait at the preview for a person. */
  readonly autoPromote?: boolean;
}

export interface Rollout {
  readonly id: string;
  readonly state: RolloutState;
  readonly strategy: Strategy;
  /** False for the first release of a service in an environment: there is nothing to compare with or go back to. */
  readonly hasBaseline: boolean;
  readonly stepIndex: number;
  /** Desired share of the canary. What the gateways serve follows; `acknowledged` says when all of them do. */
  readonly trafficPercent: number;
  readonly acknowledged: boolean;
  readonly createdAtMs: number;
  /** When traffic first went to the canary; null before. */
  readonly exposedAtMs: number | null;
  readonly stepStartedAtMs: number;
  /** Canary requests that the judge had counted when the step began. */
  readonly requestsAtStepStart: number;
  readonly canaryRequests: number;
  readonly lastVerdict: Verdict | null;
  readonly holding: boolean;
  /** How a `rolling_back` ends once every gateway has acknowledged 0 %. */
  readonly ending: "rolled_back" | "aborted" | "superseded" | null;
  /** True once `maximumMs` ran out under the policy `hold`: a person was asked for. */
  readonly waitsForPerson: boolean;
  /** Set once another version of the judge took over: which, and how many canary requests those before it had counted. */
  readonly judge?: { readonly version: string; readonly requestsBefore: number };
}

export interface Actor {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
}

export type RolloutEvent =
  /** `remark`: what people should know of it although it is ready, as a sentence. */
  | { readonly kind: "release_ready"; readonly atMs: number; readonly remark?: string }
  | { readonly kind: "release_failed"; readonly atMs: number; readonly words: string }
  | {
      readonly kind: "looked";
      readonly atMs: number;
      readonly verdict: Verdict;
      readonly hold: boolean;
      readonly canaryRequests: number;
      readonly words: string;
    }
  /** The server was upgraded to another version of the judge: evidence begins anew, what was decided stands. */
  | { readonly kind: "judge_changed"; readonly atMs: number; readonly from: string; readonly to: string }
  | { readonly kind: "acknowledged"; readonly atMs: number }
  | { readonly kind: "time_passed"; readonly atMs: number }
  | {
      readonly kind: "pause" | "resume" | "promote" | "roll_back" | "abort" | "supersede";
      readonly atMs: number;
      readonly actor: Actor;
      readonly reason: string;
    };
export type RolloutEventKind = RolloutEvent["kind"];

export type DecisionKind =
  | "previewed"
  | "exposed"
  | "advanced"
  | "paused"
  | "resumed"
  | "promoted"
  | "held_back"
  | "holdback_ended"
  | "completed"
  | "roll_back_begun"
  | "rolled_back"
  | "aborted"
  | "superseded"
  | "start_failed"
  | "person_asked";

/** Why something changed: recorded in the ledger with the evidence of the look behind it. */
export interface Decision {
  readonly kind: DecisionKind;
  readonly words: string;
  /** `system` when the evidence or the clock decided. */
  readonly actor: Actor;
  readonly fromState: RolloutState;
  readonly toState: RolloutState;
  readonly trafficPercent: number;
  /** True when the routing table changes: the caller takes a new generation in the same transaction. */
  readonly reroutes: boolean;
}

export interface Transition {
  readonly next: Rollout;
  readonly decisions: readonly Decision[];
}

export interface Refusal {
  readonly code: "LK_ROLLOUT_OVER" | "LK_ROLLOUT_STATE" | "LK_ROLLOUT_NO_BASELINE";
  readonly words: string;
}

export const SYSTEM_ACTOR: Actor = { id: "system", kind: "system", name: "Latchkey" };

export function newRollout(id: string, strategy: Strategy, hasBaseline: boolean, atMs: number): Rollout {
  return {
    id,
    state: "starting",
    strategy,
    hasBaseline,
    stepIndex: 0,
    trafficPercent: 0,
    acknowledged: false,
    createdAtMs: atMs,
    exposedAtMs: null,
    stepStartedAtMs: atMs,
    requestsAtStepStart: 0,
    canaryRequests: 0,
    lastVerdict: null,
    holding: false,
    ending: null,
    waitsForPerson: false,
  };
}
