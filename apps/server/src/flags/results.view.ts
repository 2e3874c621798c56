import type { ExperimentResult } from "@latchkey/api/experiments";
import { type Arms, type Evidence, evidenceOf } from "@latchkey/core/flags/experiment";
import type { Interval } from "@latchkey/core/flags/experiment-evidence";
import { type GoalEffect, goalEffect } from "@latchkey/core/flags/experiment-goals";
import { type LiveRollout, liveRollouts } from "@latchkey/core/flags/experiment-rules";
import type { Executor } from "../platform/database.ts";
import {
  armsOf,
  currentRuns,
  exposedPerDay,
  NO_ARMS,
  type PointRow,
  pointsOf,
  type RunRow,
} from "./experiments.store.ts";
import { findFlag, type RolloutRow, rolloutsOf, switchesOf } from "./flags.store.ts";
import { decide } from "./ramps.controller.ts";
import { flagOf, rolloutOf } from "./stored.ts";

/** JSON has no infinity: null stands for "no bound". */
const shown = ({ from, to }: Interval) => ({ from, to: Number.isFinite(to) ? to : null });

/** The rollouts of a flag as experiments; null when there is no such flag. */
export async function viewResults(
  db: Executor,
  project: string,
  key: string,
  nowMs: number,
): Promise<ExperimentResult[] | null> {
  const row = await findFlag(db, project, key);
  if (!row) return null;
  const flag = flagOf(row, await switchesOf(db, project, [key]));
  const states = await rolloutsOf(db, project, [key]);
  const runs = (await currentRuns(db, project)).filter((run) => run.flag === key);
  const live = Object.keys(flag.environments)
    .sort()
    .flatMap((environment) => liveRollouts(flag, environment, states.map(rolloutOf)));
  const found: ExperimentResult[] = [];
  for (const one of live) {
    const run = runs.find(
      (of) => of.environment === one.environment && of.rule === one.rule && of.fingerprint === one.fingerprint,
    );
    const state = states.find((of) => of.environment === one.environment && of.rule === one.rule);
    const arms = run ? ((await armsOf(db, [run.id])).get(run.id) ?? NO_ARMS) : NO_ARMS;
    const perDay = run ? await exposedPerDay(db, run.id) : 0;
    const points = run ? await pointsOf(db, run.id) : [];
    found.push(resultOf(one, { run, state, arms, perDay, points, nowMs }));
  }
  return found;
}

function resultOf(
  one: LiveRollout,
  k: {
    readonly run: RunRow | undefined;
    readonly state: RolloutRow | undefined;
    readonly arms: Arms;
    readonly perDay: number;
    readonly points: readonly PointRow[];
    readonly nowMs: number;
  },
): ExperimentResult {
  const { plan, serve } = one;
  const { decision, evidence } = decide(one, k.state, k.run, k.arms, k.nowMs);
  const goals = plan.goals.map((goal) => goalEffect(goal, k.arms, k.perDay));
  return {
    ...{ environment: one.environment, rule: one.rule, variant: serve.variant, against: serve.against },
    ...{ isEnabled: one.isEnabled, percent: one.percentAt(k.nowMs), state: one.state },
    words: k.state?.words ?? "As it is defined.",
    next: one.isEnabled ? decision.words : "The flag is off here: nothing moves.",
    advice: adviceOf(one, goals, evidence),
    startedAt: k.run?.started_at.toISOString() ?? null,
    exposed: { treated: k.arms.treated.exposed, control: k.arms.control.exposed },
    isMismatched: evidence.mismatch.isMismatched,
    mismatchEvidence: shareOf(evidence.mismatch.lnEvidence, evidence.mismatch.lnNeeded),
    ...{ exposedPerDay: k.perDay, alpha: plan.alpha, minExposures: plan.minExposures },
    guardrails: evidence.guardrails.map(({ metric, treated, control, lnEvidence, lnNeeded, ratio, state }) => ({
      ...{ metric, treated, control, state, evidence: shareOf(lnEvidence, lnNeeded), ratio: shown(ratio) },
    })),
    goals: goals.map((goal) => ({ ...goal, interval: goal.interval && shown(goal.interval) })),
    points: k.points.map((point) => pointOf(one, point)),
  };
}

const shareOf = (ln: number, needed: number): number => Math.min(1, Math.max(0, ln / needed));

/** What somebody who owns the flag would do now: the first goal decides, and nothing is shipped that is stopped. */
function adviceOf(one: LiveRollout, goals: readonly GoalEffect[], evidence: Evidence): ExperimentResult["advice"] {
  if (one.state === "killed" || one.state === "held") return one.state;
  if (goals.some((goal) => goal.advice === "stop")) return "stop";
  if (evidence.guardrails.some((guardrail) => guardrail.state === "near")) return "keep_going";
  return goals[0]?.advice ?? "keep_going";
}

function pointOf(one: LiveRollout, { at, percent, arms }: PointRow): ExperimentResult["points"][number] {
  const [first] = one.plan.goals;
  const effect = first && goalEffect(first, arms, 0);
  const { guardrails } = evidenceOf(one.plan, arms);
  return {
    ...{ at: at.toISOString(), percent, treated: arms.treated.exposed, control: arms.control.exposed },
    evidence: Math.max(0, ...guardrails.map(({ lnEvidence, lnNeeded }) => shareOf(lnEvidence, lnNeeded))),
    goal: effect?.interval && effect.percent !== null ? { percent: effect.percent, ...shown(effect.interval) } : null,
  };
}
