import type { Era, SeenRollout } from "./oracle.ts";

/** Those of the worlds that are made for one guard: `guard-plans.ts`. Enforced: core/analysis/guards.ts, user-guards.ts, moves.ts. */
type Invariant = (era: Era) => Iterable<string>;
/** A look, and the way of a decision to the gateways, after a fault is over. */
const AFTER_MS = 3_000;

function* faulted(era: Era) {
  const { guards, plan } = era.world;
  const { fault, window } = guards;
  if (fault === null || window === null || !plan.isCalm) return;
  const rollout = era.rollouts.find((r) => r.row.id === window.rolloutId);
  if (rollout) yield { rollout, fault, window };
}
const ofSystem = ({ decisions }: SeenRollout) => decisions.filter(({ decision }) => decision.actor.kind !== "person");

/** While a guard holds, the rollout neither goes forward nor is taken back by the judge. */
export const guardsHold: Invariant = function* (era) {
  for (const { rollout, fault, window } of faulted(era)) {
    if (fault.does !== "holds") continue;
    let percent = 0;
    for (const { decision, at } of ofSystem(rollout)) {
      const atMs = at.getTime();
      const isForward = decision.trafficPercent > percent;
      percent = decision.trafficPercent;
      if (decision.toState === "rolling_back") yield `The judge took a rollout back although ${fault.words}.`;
      else if (isForward && atMs > window.fromMs + fault.seenMs && atMs < window.untilMs)
        yield `A rollout went on to ${percent} % although ${fault.words}.`;
    }
  }
};

/** What a guard calls harm ends at 0 %; what held and is mended goes on to its end. */
export const guardsEnd: Invariant = function* (era) {
  if (!era.isLast) return;
  for (const { rollout, fault } of faulted(era)) {
    const { state } = rollout.row.machine;
    const expected = fault.does === "rolls_back" ? "rolled_back" : "completed";
    if (state !== expected) yield `A rollout ended ${state} instead of ${expected}: ${fault.words}.`;
    const asked = rollout.decisions.some(({ decision }) => decision.actor.kind === "person");
    if (asked) yield `A rollout needed a person after its guard was quiet: ${fault.words}.`;
  }
};

/** Each guard says what happened, and is quiet once it is mended. */
export const guardsTell: Invariant = function* (era) {
  for (const { rollout, fault, window } of faulted(era)) {
    const states = rollout.reports.map(({ report, atMs }) => ({
      atMs: rollout.row.started_at.getTime() + atMs,
      state: report.guards.find((g) => g.guard === fault.guard)?.state,
    }));
    const wanted = { holds: "hold", rolls_back: "harm", tells: "note" }[fault.does];
    if (!states.some(({ state }) => state === wanted))
      yield `The guard ${fault.guard} did not see that ${fault.words}.`;
    const last = states.at(-1);
    if (fault.does === "holds" && last?.state !== "quiet" && (last?.atMs ?? 0) > window.untilMs + AFTER_MS)
      yield `The guard ${fault.guard} is not quiet at the end, though it was mended: ${fault.words}.`;
  }
};
