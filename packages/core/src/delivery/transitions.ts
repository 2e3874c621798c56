import { err, ok, type Result } from "../shared/result.ts";
import {
  afterPromotion,
  change,
  changeJudge,
  endHoldback,
  expose,
  isPreview,
  onProgress,
  promote,
  rollBack,
  stay,
  takeLook,
} from "./moves.ts";
import type { Refusal, Rollout, RolloutEvent, RolloutEventKind, RolloutState, Transition } from "./rollout.ts";

/**
 * The total transition table: every state times every event. A missing cell does not compile.
 * `transition` is the only way a rollout changes.
 */
type Outcome = Result<Transition, Refusal>;
type Cell<K extends RolloutEventKind> = (rollout: Rollout, event: RolloutEvent & { readonly kind: K }) => Outcome;
type Row = { readonly [K in RolloutEventKind]: Cell<K> };
type Ask = Extract<RolloutEvent, { actor: unknown }>;

const ignore = (rollout: Rollout): Outcome => ok(stay(rollout));
const refuse =
  (words: string) =>
  (rollout: Rollout): Outcome =>
    err({ code: "LK_ROLLOUT_STATE", words: `${words} (it is ${rollout.state.replace("_", " ")}).` });

/** A person's way back. Without a baseline there is nothing to go back to, so only an abort before exposure is open. */
const back =
  (ending: "rolled_back" | "aborted" | "superseded", verb: string) =>
  (rollout: Rollout, event: Ask): Outcome => {
    if (!rollout.hasBaseline && rollout.exposedAtMs !== null) {
      return err({
        code: "LK_ROLLOUT_NO_BASELINE",
        words: "This is the first release here: there is no earlier one to go back to.",
      });
    }
    return ok(rollBack(rollout, ending, `${event.actor.name} ${verb}: ${event.reason}`, event.actor));
  };

const asks = {
  roll_back: back("rolled_back", "rolled it back"),
  abort: back("aborted", "aborted it"),
  supersede: back("superseded", "superseded it"),
  promote: (rollout: Rollout, event: Ask): Outcome =>
    ok(promote(rollout, event.atMs, `${event.actor.name} promoted it: ${event.reason}`, event.actor)),
};

const look: Cell<"looked"> = (rollout, event) => {
  const taken = takeLook(rollout, event);
  return ok(taken.decisions.length > 0 ? taken : onProgress(taken.next, event.atMs));
};

const otherJudge: Cell<"judge_changed"> = (rollout, event) => ok(changeJudge(rollout, event.to));

/** The remark goes into the words of the first decision, where people read them. */
const withRemark = (t: Transition, remark: string | undefined): Transition =>
  remark === undefined
    ? t
    : { ...t, decisions: t.decisions.map((d, i) => (i === 0 ? { ...d, words: `${d.words} ${remark}` } : d)) };

const starting: Row = {
  release_ready: (r, e) => ok(withRemark(expose(r, e.atMs), e.remark)),
  release_failed: (r, e) => ok(change(r, { kind: "start_failed", words: e.words, state: "failed" })),
  judge_changed: ignore,
  looked: ignore,
  acknowledged: ignore,
  time_passed: ignore,
  pause: refuse("It takes no traffic yet, so there is nothing to pause"),
  resume: refuse("It is not paused"),
  promote: refuse("It is not ready to take traffic yet"),
  roll_back: asks.roll_back,
  abort: asks.abort,
  supersede: asks.supersede,
};

const progressing: Row = {
  release_ready: ignore,
  release_failed: (r, e) => ok(rollBack(r, "rolled_back", e.words)),
  judge_changed: otherJudge,
  looked: look,
  // The bake time of a step begins when every gateway serves it.
  acknowledged: (r, e) => ok(stay(r.acknowledged ? r : { ...r, acknowledged: true, stepStartedAtMs: e.atMs })),
  time_passed: (r, e) => ok(onProgress(r, e.atMs)),
  pause: (r, e) =>
    ok(change(r, { kind: "paused", words: `${e.actor.name} paused it: ${e.reason}`, actor: e.actor, state: "paused" })),
  resume: refuse("It is not paused"),
  promote: asks.promote,
  roll_back: asks.roll_back,
  abort: asks.abort,
  supersede: asks.supersede,
};

const paused: Row = {
  ...progressing,
  // Paused stops the steps, not the judge: harm still rolls back.
  looked: (r, e) => ok(takeLook(r, e)),
  time_passed: ignore,
  pause: refuse("It is paused already"),
  // A preview has no steps to go on with: to resume it is to switch.
  resume: (r, e) =>
    isPreview(r)
      ? asks.promote(r, e)
      : ok(
          change(r, {
            kind: "resumed",
            words: `${e.actor.name} resumed it: ${e.reason}`,
            actor: e.actor,
            state: "progressing",
            patch: { waitsForPerson: false },
          }),
        ),
};

const promoting: Row = {
  release_ready: ignore,
  release_failed: (r, e) => (r.hasBaseline ? ok(rollBack(r, "rolled_back", e.words)) : ok(stay(r))),
  judge_changed: otherJudge,
  looked: (r, e) => (r.hasBaseline ? ok(takeLook(r, e)) : ok(stay(r))),
  acknowledged: (r, e) => ok(afterPromotion(r, e.atMs)),
  time_passed: ignore,
  pause: refuse("It is past its last step"),
  resume: refuse("It is not paused"),
  promote: refuse("It is being promoted"),
  roll_back: asks.roll_back,
  abort: asks.abort,
  // The next rollout waits for this one to settle: a half-promoted release is no baseline.
  supersede: asks.supersede,
};

const holdback: Row = {
  release_ready: ignore,
  release_failed: (r, e) => ok(rollBack(r, "rolled_back", e.words)),
  judge_changed: otherJudge,
  looked: (r, e) => {
    const taken = takeLook(r, e);
    if (taken.decisions.length > 0) return ok(taken);
    return ok(holdbackIsOver(taken.next, e.atMs) ?? taken);
  },
  acknowledged: (r) => ok(stay({ ...r, acknowledged: true })),
  time_passed: (r, e) => ok(holdbackIsOver(r, e.atMs) ?? stay(r)),
  pause: refuse("It is promoted; only the holdback is left"),
  resume: refuse("It is not paused"),
  promote: (r, e) => ok(endHoldback(r, `${e.actor.name} ended the holdback: ${e.reason}`, e.actor)),
  roll_back: asks.roll_back,
  abort: asks.abort,
  // A proved release stays: the next rollout only cuts its holdback short, and takes it as its baseline.
  supersede: (r, e) => ok(endHoldback(r, `The next rollout ended the holdback early: ${e.reason}`, e.actor)),
};

function holdbackIsOver(r: Rollout, atMs: number): Transition | null {
  if (atMs - r.stepStartedAtMs < r.strategy.holdbackMs) return null;
  return endHoldback(r, "The holdback ended without harm.");
}

const endRollBack = (r: Rollout): Transition => {
  const ending = r.ending ?? "rolled_back";
  return change(
    { ...r, acknowledged: true },
    { kind: ending, words: "Every gateway has acknowledged 0 % for this release.", state: ending },
  );
};
const rollingBack: Row = {
  release_ready: ignore,
  release_failed: ignore,
  judge_changed: ignore,
  looked: ignore,
  acknowledged: (r) => ok(endRollBack(r)),
  // Never exposed: no gateway has anything to acknowledge.
  time_passed: (r) => ok(r.exposedAtMs === null ? endRollBack(r) : stay(r)),
  pause: refuse("It is being rolled back"),
  resume: refuse("It is being rolled back"),
  promote: refuse("It is being rolled back"),
  roll_back: ignore,
  abort: ignore,
  supersede: ignore,
};

const over = (rollout: Rollout): Outcome =>
  err({ code: "LK_ROLLOUT_OVER", words: `The rollout is over (${rollout.state.replace("_", " ")}).` });
const ended: Row = {
  release_ready: ignore,
  release_failed: ignore,
  judge_changed: ignore,
  looked: ignore,
  acknowledged: ignore,
  time_passed: ignore,
  pause: over,
  resume: over,
  promote: over,
  roll_back: over,
  abort: over,
  supersede: over,
};

export const TRANSITIONS: Readonly<Record<RolloutState, Row>> = {
  starting,
  progressing,
  paused,
  promoting,
  holdback,
  rolling_back: rollingBack,
  completed: ended,
  rolled_back: ended,
  aborted: ended,
  failed: ended,
  superseded: ended,
};

/** The next state and the decisions taken, or a refusal that names why. Pure; the rollout given is not changed. */
export function transition(rollout: Rollout, event: RolloutEvent): Outcome {
  const cell = TRANSITIONS[rollout.state][event.kind] as Cell<RolloutEventKind>;
  return cell(rollout, event);
}

const ASKS = ["pause", "resume", "promote", "roll_back", "abort"] as const;

/** What a person may ask for now: tried on the table itself, so the buttons can't disagree with it. */
export function allowedActions(rollout: Rollout): (typeof ASKS)[number][] {
  const actor = { id: "", kind: "person", name: "" };
  return ASKS.filter((kind) => {
    const outcome = transition(rollout, { kind, atMs: rollout.stepStartedAtMs, actor, reason: "" });
    return outcome.ok && outcome.value.decisions.length > 0;
  });
}
