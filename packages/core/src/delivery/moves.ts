import type { Actor, Decision, DecisionKind, Rollout, RolloutEvent, RolloutState, Transition } from "./rollout.ts";
import { SYSTEM_ACTOR } from "./rollout.ts";

/** The moves that the transition table is made of. Each takes a rollout and gives the next, with its decisions. */

export const stay = (rollout: Rollout): Transition => ({ next: rollout, decisions: [] });

interface Change {
  readonly kind: DecisionKind;
  readonly words: string;
  readonly actor?: Actor;
  readonly state: RolloutState;
  readonly trafficPercent?: number;
  readonly patch?: Partial<Rollout>;
}

/** One decision: the state and perhaps the traffic change, and a changed share waits for acknowledgement anew. */
export function change(rollout: Rollout, to: Change): Transition {
  const trafficPercent = to.trafficPercent ?? rollout.trafficPercent;
  const reroutes = trafficPercent !== rollout.trafficPercent;
  const decision: Decision = {
    kind: to.kind,
    words: to.words,
    actor: to.actor ?? SYSTEM_ACTOR,
    fromState: rollout.state,
    toState: to.state,
    trafficPercent,
    reroutes,
  };
  return {
    next: {
      ...rollout,
      ...to.patch,
      state: to.state,
      trafficPercent,
      acknowledged: reroutes ? false : rollout.acknowledged,
    },
    decisions: [decision],
  };
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

/** Puts the canary before its first users: at its first step, or wholly where the strategy or a first release says so. */
export function expose(rollout: Rollout, atMs: number): Transition {
  const first = rollout.strategy.steps[0];
  const patch = { exposedAtMs: atMs, stepStartedAtMs: atMs, stepIndex: 0 };
  if (rollout.strategy.kind === "canary" && rollout.hasBaseline && first) {
    return change(rollout, {
      kind: "exposed",
      words: `The release is ready and takes its first ${first.trafficPercent} % of the traffic.`,
      state: "progressing",
      trafficPercent: first.trafficPercent,
      patch,
    });
  }
  if (rollout.strategy.kind === "blue_green" && rollout.hasBaseline && rollout.strategy.autoPromote === false) {
    return change(rollout, {
      kind: "previewed",
      words: "Its preview passed the smoke journeys. It takes no traffic until a person promotes it.",
      state: "paused",
      patch: { stepStartedAtMs: atMs, waitsForPerson: true },
    });
  }
  const why = !rollout.hasBaseline
    ? "It is the first release here, so there is nothing to compare it with."
    : rollout.strategy.kind === "blue_green"
      ? "Its preview passed the smoke journeys; all traffic is switched to it and the old release is kept warm."
      : "The strategy sends all traffic at once.";
  return change(rollout, {
    kind: "promoted",
    words: `The release is ready. ${why}`,
    state: "promoting",
    trafficPercent: 100,
    patch,
  });
}

/** Share after promotion: a canary leaves the holdback on the old release, the other strategies switch wholly. */
export const promotedPercent = (r: Rollout): number =>
  r.strategy.kind === "canary" && r.hasBaseline && r.strategy.holdbackMs > 0 ? 100 - r.strategy.holdbackPercent : 100;

/** Blue-green, ready, and nobody has switched yet. */
export const isPreview = (r: Rollout): boolean =>
  r.state === "paused" && r.strategy.kind === "blue_green" && r.exposedAtMs === null;

export function promote(rollout: Rollout, atMs: number, words: string, actor?: Actor): Transition {
  return change(rollout, {
    kind: "promoted",
    words,
    ...(actor ? { actor } : {}),
    state: "promoting",
    trafficPercent: promotedPercent(rollout),
    patch: { stepStartedAtMs: atMs, exposedAtMs: rollout.exposedAtMs ?? atMs, waitsForPerson: false },
  });
}

export function rollBack(
  rollout: Rollout,
  ending: NonNullable<Rollout["ending"]>,
  words: string,
  actor?: Actor,
): Transition {
  return change(rollout, {
    kind: "roll_back_begun",
    words,
    ...(actor ? { actor } : {}),
    state: "rolling_back",
    trafficPercent: 0,
    // At 0 % already: nothing to wait for, the next acknowledgement or tick ends it.
    patch: { ending, waitsForPerson: false },
  });
}

/** After every gateway serves the promoted share: watch the holdback, keep the old release warm, or be done. */
export function afterPromotion(rollout: Rollout, atMs: number): Transition {
  const { holdbackMs, kind } = rollout.strategy;
  if (!rollout.hasBaseline || holdbackMs === 0 || kind === "all_at_once") {
    return change(
      { ...rollout, acknowledged: true },
      { kind: "completed", words: "Every gateway serves the new release.", state: "completed" },
    );
  }
  const words =
    kind === "blue_green"
      ? `Switched. The old release is kept warm for ${seconds(holdbackMs)}, for an instant switch back.`
      : `Promoted. ${rollout.strategy.holdbackPercent} % of the traffic stays on the old release for ${seconds(holdbackMs)}, so that a late regression is still seen.`;
  return change(
    { ...rollout, acknowledged: true },
    { kind: "held_back", words, state: "holdback", patch: { stepStartedAtMs: atMs } },
  );
}

export function endHoldback(rollout: Rollout, words: string, actor?: Actor): Transition {
  return change(rollout, {
    kind: "holdback_ended",
    words,
    ...(actor ? { actor } : {}),
    state: "completed",
    trafficPercent: 100,
  });
}

/** A step ends after its bake time and its minimum of canary requests, while no guard holds. */
export function stepIsDone(rollout: Rollout, atMs: number): boolean {
  const step = rollout.strategy.steps[rollout.stepIndex];
  return (
    step !== undefined &&
    rollout.acknowledged &&
    !rollout.holding &&
    atMs - rollout.stepStartedAtMs >= step.bakeMs &&
    rollout.canaryRequests - rollout.requestsAtStepStart >= step.minimumRequests
  );
}

export function advance(rollout: Rollout, atMs: number): Transition {
  const step = rollout.strategy.steps[rollout.stepIndex + 1];
  if (!step) return stay(rollout);
  return change(rollout, {
    kind: "advanced",
    words: `No harm shown at ${rollout.trafficPercent} %: on to ${step.trafficPercent} %.`,
    state: "progressing",
    trafficPercent: step.trafficPercent,
    patch: { stepIndex: rollout.stepIndex + 1, stepStartedAtMs: atMs, requestsAtStepStart: rollout.canaryRequests },
  });
}

const ranOut = (r: Rollout, atMs: number): boolean =>
  r.exposedAtMs !== null && atMs - r.exposedAtMs >= r.strategy.maximumMs;

/** What follows when the time is up without a proof: the stated policy. */
function timeIsUp(rollout: Rollout, atMs: number): Transition {
  const after = `After ${seconds(rollout.strategy.maximumMs)} neither harm nor safety is proved`;
  switch (rollout.strategy.onInconclusive) {
    case "promote":
      // Without data, hold: a policy to promote an unproved release is no leave to promote an unseen one.
      if (rollout.holding) return askPerson(rollout, `${after}; the policy is to promote, but not while a guard holds`);
      return promote(rollout, atMs, `${after}; the policy is to promote.`);
    case "roll_back":
      return rollBack(rollout, "rolled_back", `${after}; the policy is to roll back.`);
    case "hold":
      return askPerson(rollout, after);
  }
}

/** Once: a person is asked for, and it stays as it is. */
function askPerson(rollout: Rollout, why: string): Transition {
  if (rollout.waitsForPerson) return stay(rollout);
  return change(rollout, {
    kind: "person_asked",
    words: `${why}; it holds at ${rollout.trafficPercent} % until a person promotes it or rolls it back.`,
    state: rollout.state,
    patch: { waitsForPerson: true },
  });
}

/** The heart of `progressing`: time or evidence moved; does the rollout? */
export function onProgress(rollout: Rollout, atMs: number): Transition {
  if (!rollout.acknowledged) return stay(rollout);
  const last = rollout.stepIndex >= rollout.strategy.steps.length - 1;
  if (last && rollout.lastVerdict === "PASS" && stepIsDone(rollout, atMs)) {
    return promote(
      rollout,
      atMs,
      "Errors and latency are shown to be no worse than the current release, within the margins.",
    );
  }
  if (ranOut(rollout, atMs) && rollout.lastVerdict !== "PASS") return timeIsUp(rollout, atMs);
  if (!last && stepIsDone(rollout, atMs)) return advance(rollout, atMs);
  return stay(rollout);
}

/** Another judge begins with no evidence: a PASS of the one before is none of its own. Requests stay counted. */
export const changeJudge = (rollout: Rollout, version: string): Transition =>
  stay({ ...rollout, lastVerdict: null, judge: { version, requestsBefore: rollout.canaryRequests } });

/** Takes a look in: counts and verdict are remembered, a FAIL rolls back at once from wherever traffic is. */
export function takeLook(rollout: Rollout, event: Extract<RolloutEvent, { kind: "looked" }>): Transition {
  const seen: Rollout = {
    ...rollout,
    canaryRequests: Math.max(rollout.canaryRequests, (rollout.judge?.requestsBefore ?? 0) + event.canaryRequests),
    lastVerdict: event.verdict,
    holding: event.hold,
  };
  return event.verdict === "FAIL" ? rollBack(seen, "rolled_back", event.words) : stay(seen);
}
