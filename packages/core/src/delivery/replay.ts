import { judge, startJudge } from "../analysis/judge.ts";
import type { AnalysisPolicy, JudgeReport, Look } from "../analysis/types.ts";
import type { Decision, Rollout, RolloutEvent } from "./rollout.ts";
import { transition } from "./transitions.ts";

/** What was recorded of one step of a rollout: the event, or the look from which the event follows. */
export type Recorded =
  | { readonly kind: "event"; readonly event: RolloutEvent }
  | { readonly kind: "look"; readonly atMs: number; readonly look: Look };

export interface Replay {
  readonly rollout: Rollout;
  readonly report: JudgeReport | null;
  readonly decisions: readonly Decision[];
  readonly looks: number;
}

/** The event that a report becomes. The same function serves the live controller and the replay. */
export function lookedEvent(report: JudgeReport, atMs: number): RolloutEvent {
  return {
    kind: "looked",
    atMs,
    verdict: report.verdict,
    hold: report.hold,
    canaryRequests: report.canaryRequests,
    words: report.reasons.join(" "),
  };
}

/** Folds the recorded history through the judge and the state machine from the start. */
export function replay(start: Rollout, policy: AnalysisPolicy, history: Iterable<Recorded>): Replay {
  let rollout = start;
  let state = startJudge(policy);
  let report: JudgeReport | null = null;
  let looks = 0;
  const decisions: Decision[] = [];
  for (const item of history) {
    let event: RolloutEvent;
    if (item.kind === "look") {
      const judged = judge(state, item.look, policy);
      state = judged.state;
      report = judged.report;
      looks += 1;
      event = lookedEvent(report, item.atMs);
    } else event = item.event;
    const outcome = transition(rollout, event);
    if (!outcome.ok) continue;
    rollout = outcome.value.next;
    decisions.push(...outcome.value.decisions);
  }
  return { rollout, report, decisions, looks };
}
