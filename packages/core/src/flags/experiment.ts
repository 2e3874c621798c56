import { type Interval, lnHarm, lnMismatch, ratioInterval, type Sums } from "./experiment-evidence.ts";
import type { ExperimentPlan, Guardrail, Ramp } from "./model.ts";

/** A rollout as an experiment: what is known of its two arms, and what follows from that. Pure, so that it can be told again. */

/** What a rollout watches when its definition says nothing: errors of the server and of the page. */
export const DEFAULT_PLAN: ExperimentPlan = {
  alpha: 0.01,
  minExposures: 100,
  guardrails: [{ metric: "errors" }, { metric: "browser-errors" }],
  goals: [],
};

/** Chance that arms which are filled rightly are ever called wrong. */
export const MISMATCH_ALPHA = 0.001;
/** Intervals hold at all looks at once with this much left out. */
export const INTERVAL_ALPHA = 0.05;

export interface ArmCounts {
  /** Users that met the flag. */
  readonly exposed: number;
  readonly metrics: Readonly<Record<string, MetricCounts>>;
}
export interface MetricCounts extends Sums {
  /** Users to whom it happened: with a bad event, or that converted. */
  readonly hit: number;
  /** Events that were told, good and bad. */
  readonly events: number;
}
export interface Arms {
  readonly treated: ArmCounts;
  readonly control: ArmCounts;
}
const NOTHING: MetricCounts = { users: 0, total: 0, squares: 0, hit: 0, events: 0 };
export const countsOf = (arm: ArmCounts, metric: string): MetricCounts =>
  Object.hasOwn(arm.metrics, metric) ? (arm.metrics[metric] ?? NOTHING) : NOTHING;

export type GuardrailState = "well" | "near" | "harm" | "unheard";
export interface GuardrailEvidence {
  readonly metric: string;
  readonly treated: number;
  readonly control: number;
  /** ln of the evidence for harm, and what it must reach. */
  readonly lnEvidence: number;
  readonly lnNeeded: number;
  /** How many times as many of the treated are hurt, with what is not excluded. */
  readonly ratio: Interval;
  readonly state: GuardrailState;
}
export interface MismatchEvidence {
  readonly treated: number;
  readonly control: number;
  readonly lnEvidence: number;
  readonly lnNeeded: number;
  readonly isMismatched: boolean;
}
export interface Evidence {
  readonly mismatch: MismatchEvidence;
  readonly guardrails: readonly GuardrailEvidence[];
}

/** What the counts of both arms say. The guardrails share alpha: whichever there are, a harmless flag is killed that rarely. */
export function evidenceOf(plan: ExperimentPlan, arms: Arms): Evidence {
  const { treated, control } = arms;
  const lnMix = lnMismatch(treated.exposed, control.exposed);
  const lnMixNeeded = Math.log(1 / MISMATCH_ALPHA);
  return {
    mismatch: {
      ...{ treated: treated.exposed, control: control.exposed, lnEvidence: lnMix, lnNeeded: lnMixNeeded },
      isMismatched: lnMix >= lnMixNeeded,
    },
    guardrails: plan.guardrails.map((one) => guardrailEvidence(one, plan, arms)),
  };
}

function guardrailEvidence(one: Guardrail, plan: ExperimentPlan, arms: Arms): GuardrailEvidence {
  const [treated, control] = [countsOf(arms.treated, one.metric), countsOf(arms.control, one.metric)];
  const lnEvidence = lnHarm(treated.hit, control.hit, (one.tolerancePercent ?? 0) / 100);
  const lnNeeded = Math.log(plan.guardrails.length / plan.alpha);
  const isHeard = treated.events + control.events > 0;
  return {
    ...{ metric: one.metric, treated: treated.hit, control: control.hit, lnEvidence, lnNeeded },
    ratio: ratioInterval(treated.hit, control.hit, INTERVAL_ALPHA),
    state: !isHeard ? "unheard" : lnEvidence >= lnNeeded ? "harm" : lnEvidence >= lnNeeded / 2 ? "near" : "well",
  };
}

export type RampDecision =
  | { readonly kind: "keep"; readonly words: string }
  | { readonly kind: "step"; readonly percent: number; readonly isLast: boolean; readonly words: string }
  | { readonly kind: "hold"; readonly words: string }
  | { readonly kind: "kill"; readonly metric: string; readonly words: string };

export interface RampStanding {
  readonly percent: number;
  readonly state: "running" | "held" | "killed" | "done";
  /** How long it stands there, milliseconds. */
  readonly sinceMs: number;
  readonly ramp: Ramp | undefined;
  /** Users of each arm that came since it stands there. */
  readonly newlyExposed: { readonly treated: number; readonly control: number };
}

/**
 * What follows. A mismatch goes first: arms that are not filled alike prove nothing, so it is held for a person. Harm ends
 * it, also where a person holds it, or it has come to the end of its steps: as long as there is a control it is watched.
 */
export function decideRamp(plan: ExperimentPlan, evidence: Evidence, at: RampStanding): RampDecision {
  if (at.state === "killed") return { kind: "keep", words: "Killed." };
  const { mismatch } = evidence;
  if (mismatch.isMismatched) {
    const words = `${mismatch.treated} users came to the treated and ${mismatch.control} to the control, where both should get alike: the figures can't be believed.`;
    return at.state === "held" ? { kind: "keep", words } : { kind: "hold", words };
  }
  const harm = evidence.guardrails.find((one) => one.state === "harm");
  if (harm) return { kind: "kill", metric: harm.metric, words: harmWords(harm, evidence) };
  if (at.state === "held") return { kind: "keep", words: "Held." };
  if (at.state === "done" || at.ramp?.kind !== "steps") return { kind: "keep", words: "Watched." };
  return nextStep(plan, evidence, at, at.ramp.steps);
}

function nextStep(
  plan: ExperimentPlan,
  evidence: Evidence,
  at: RampStanding,
  steps: readonly { readonly percent: number; readonly holdMs: number }[],
): RampDecision {
  const next = steps.find((step) => step.percent > at.percent);
  if (!next) return { kind: "keep", words: "At its last step." };
  const to = (words: string): RampDecision => ({
    ...{ kind: "step", percent: next.percent, isLast: next === steps.at(-1), words },
  });
  // Where it begins is no step of its own unless the ramp says so; a person may have put it between two.
  const here = steps.findLast((step) => step.percent <= at.percent);
  if (!here) return to("The first step.");
  const leftMs = here.holdMs - at.sinceMs;
  if (leftMs > 0) return { kind: "keep", words: `Stays at this step for ${durationWords(leftMs)} more.` };
  const fewest = Math.min(at.newlyExposed.treated, at.newlyExposed.control);
  if (fewest < plan.minExposures)
    return { kind: "keep", words: `Waits for users: ${fewest} of ${plan.minExposures} in each arm at this step.` };
  const near = evidence.guardrails.find((one) => one.state === "near");
  if (near) return { kind: "keep", words: `Waits: ${near.metric} may be doing harm.` };
  return to(`${fewest} users and more in each arm at this step, and no guardrail speaks of harm.`);
}

export function durationWords(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  if (minutes < 90) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`;
}

function harmWords({ metric, treated, control, ratio }: GuardrailEvidence, { mismatch }: Evidence): string {
  const most = Number.isFinite(ratio.to) ? ` to ${timesWords(ratio.to)}` : "";
  const range = ratio.from > 1 ? ` (${timesWords(ratio.from)}${most || " or more"} times as many)` : "";
  return `${metric}: ${treated} of ${mismatch.treated} treated users were hurt and ${control} of ${mismatch.control} of the control${range}.`;
}
export const timesWords = (ratio: number): string => (ratio < 10 ? ratio.toFixed(1) : String(Math.round(ratio)));
