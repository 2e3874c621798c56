import { judge, startJudge } from "../analysis/judge.ts";
import type { AnalysisPolicy, JudgeReport, Look } from "../analysis/types.ts";
import type { Decision, Rollout, RolloutEvent } from "./rollout.ts";
import { transition } from "./transitions.ts";

/** What was recorded of one step of a rollout: the event, or the look from which the event follows. */
export type Recorded =
  | { readonly kind: "event"; readonly event: RolloutEvent }
  | { readonly kind: "look"; readonly atMs: number; readonly look: Look };

/** A recorded step with the report of then: needed only of looks that another version of the judge took. */
export interface Remembered {
  readonly recorded: Recorded;
  readonly told: JudgeReport | null;
}

export interface Replay {
  readonly rollout: Rollout;
  readonly report: JudgeReport | null;
  readonly decisions: readonly Decision[];
  /** Looks that were judged again, and those of earlier versions of the judge, whose reports are taken as they were. */
  readonly looks: number;
  readonly taken: number;
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

/**
 * Folds the recorded history through the judge and the state machine from the start. Only the judge's own version can
 * repeat its looks: those before the last `judge_changed` come to the reports that were recorded.
 */
export function replay(start: Rollout, policy: AnalysisPolicy, history: readonly Remembered[]): Replay {
  const own = history.findLastIndex(({ recorded: r }) => r.kind === "event" && r.event.kind === "judge_changed") + 1;
  let rollout = start;
  let state = startJudge(policy);
  let report: JudgeReport | null = null;
  let [looks, taken] = [0, 0];
  const decisions: Decision[] = [];
  for (const [i, { recorded, told }] of history.entries()) {
    let event: RolloutEvent;
    if (recorded.kind === "event") {
      event = recorded.event;
      if (event.kind === "judge_changed") state = startJudge(policy, event.atMs - start.createdAtMs);
    } else if (i >= own) {
      const judged = judge(state, recorded.look, policy);
      state = judged.state;
      report = judged.report;
      looks += 1;
      event = lookedEvent(report, recorded.atMs);
    } else if (told) {
      taken += 1;
      event = lookedEvent(told, recorded.atMs);
    } else continue;
    const outcome = transition(rollout, event);
    if (!outcome.ok) continue;
    rollout = outcome.value.next;
    decisions.push(...outcome.value.decisions);
  }
  return { rollout, report, decisions, looks, taken };
}
