import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTerminal, newRollout, ROLLOUT_STATES, type Rollout, type RolloutEvent, type Strategy } from "./rollout.ts";
import { armsOf } from "./routing.ts";
import { allowedActions, TRANSITIONS, transition } from "./transitions.ts";

const strategy: Strategy = {
  kind: "canary",
  steps: [
    { trafficPercent: 10, bakeMs: 30_000, minimumRequests: 50 },
    { trafficPercent: 50, bakeMs: 30_000, minimumRequests: 50 },
  ],
  maximumMs: 600_000,
  onInconclusive: "hold",
  holdbackPercent: 5,
  holdbackMs: 60_000,
};
const ada = { id: "ada", kind: "person", name: "Ada" };

function play(rollout: Rollout, events: readonly RolloutEvent[]): { rollout: Rollout; kinds: string[] } {
  const kinds: string[] = [];
  let now = rollout;
  for (const event of events) {
    const outcome = transition(now, event);
    if (!outcome.ok) {
      kinds.push(outcome.error.code);
      continue;
    }
    kinds.push(...outcome.value.decisions.map((d) => d.kind));
    now = outcome.value.next;
  }
  return { rollout: now, kinds };
}
const looked = (
  atMs: number,
  verdict: "FAIL" | "PASS" | "INCONCLUSIVE",
  canaryRequests: number,
  hold = false,
): RolloutEvent => ({
  kind: "looked",
  atMs,
  verdict,
  hold,
  canaryRequests,
  words: `${verdict} after ${canaryRequests} requests`,
});

describe("a healthy canary", () => {
  it("walks its steps, is promoted on a PASS, is held back and completes", () => {
    const { rollout, kinds } = play(newRollout("rol_1", strategy, true, 0), [
      { kind: "release_ready", atMs: 0 },
      { kind: "acknowledged", atMs: 10 },
      looked(20_000, "INCONCLUSIVE", 80),
      looked(31_000, "INCONCLUSIVE", 120),
      { kind: "acknowledged", atMs: 31_010 },
      looked(62_000, "PASS", 400),
      { kind: "acknowledged", atMs: 62_100 },
      looked(100_000, "PASS", 900),
      { kind: "time_passed", atMs: 122_200 },
    ]);
    expect(kinds).toEqual(["exposed", "advanced", "promoted", "held_back", "holdback_ended"]);
    expect(rollout.state).toBe("completed");
    expect(rollout.trafficPercent).toBe(100);
  });
  it("waits for bake time, for requests and for the gateways", () => {
    const ready = play(newRollout("rol_1", strategy, true, 0), [{ kind: "release_ready", atMs: 0 }]).rollout;
    expect(play(ready, [looked(90_000, "INCONCLUSIVE", 500)]).kinds).toEqual([]);
    const served = play(ready, [{ kind: "acknowledged", atMs: 5 }]).rollout;
    expect(play(served, [looked(90_000, "INCONCLUSIVE", 49)]).kinds).toEqual([]);
    expect(play(served, [looked(29_000, "INCONCLUSIVE", 500)]).kinds).toEqual([]);
    expect(play(served, [looked(90_000, "INCONCLUSIVE", 500, true)]).kinds).toEqual([]);
  });
});

describe("an upgrade to another judge", () => {
  it("forgets the PASS of the one before, keeps the requests counted, and decides nothing", () => {
    const served = play(newRollout("rol_1", { ...strategy, steps: strategy.steps.slice(1) }, true, 0), [
      { kind: "release_ready", atMs: 0 },
      { kind: "acknowledged", atMs: 10 },
      looked(20_000, "PASS", 400),
    ]).rollout;
    const other: RolloutEvent = { kind: "judge_changed", atMs: 21_000, from: "judge-1", to: "judge-2" };
    const waits = play(served, [other, { kind: "time_passed", atMs: 60_000 }]);
    expect(waits.kinds).toEqual([]);
    const goesOn = play(waits.rollout, [looked(61_000, "INCONCLUSIVE", 5)]);
    expect(goesOn.rollout).toMatchObject({ canaryRequests: 405, state: "progressing" });
    expect(play(goesOn.rollout, [looked(62_000, "PASS", 300)]).kinds).toEqual(["promoted"]);
    expect(play(goesOn.rollout, [looked(62_000, "FAIL", 300)]).kinds).toEqual(["roll_back_begun"]);
  });
});

describe("a harmful canary", () => {
  it.each(["progressing", "paused", "promoting", "holdback"] as const)(
    "is rolled back from %s by one FAIL",
    (state) => {
      const at = { ...newRollout("rol_1", strategy, true, 0), state, trafficPercent: 50, exposedAtMs: 0 };
      const { rollout, kinds } = play(at, [looked(1, "FAIL", 6), { kind: "acknowledged", atMs: 2 }]);
      expect(kinds).toEqual(["roll_back_begun", "rolled_back"]);
      expect(rollout).toMatchObject({ state: "rolled_back", trafficPercent: 0 });
    },
  );
});

describe("when the time is up without a proof", () => {
  const atEnd = {
    ...newRollout("rol_1", strategy, true, 0),
    state: "progressing" as const,
    exposedAtMs: 0,
    acknowledged: true,
    trafficPercent: 10,
  };
  it("asks a person once, and holds", () => {
    const { rollout, kinds } = play(atEnd, [looked(600_000, "INCONCLUSIVE", 3), looked(605_000, "INCONCLUSIVE", 3)]);
    expect(kinds).toEqual(["person_asked"]);
    expect(rollout.state).toBe("progressing");
  });
  it("promotes by policy, yet never without data", () => {
    const policy = { ...atEnd, strategy: { ...strategy, onInconclusive: "promote" as const } };
    // While a guard holds it asks a person instead, once; when the guard is quiet again the policy counts.
    const held = [looked(600_000, "INCONCLUSIVE", 9, true), looked(602_000, "INCONCLUSIVE", 9, true)];
    expect(play(policy, held).kinds).toEqual(["person_asked"]);
    expect(play(policy, [...held, looked(604_000, "INCONCLUSIVE", 9)]).kinds).toEqual(["person_asked", "promoted"]);
    expect(play(policy, [looked(600_000, "INCONCLUSIVE", 9)]).kinds).toEqual(["promoted"]);
  });
});

describe("the first release", () => {
  it("goes live at once and has nothing to go back to", () => {
    const first = play(newRollout("rol_1", strategy, false, 0), [
      { kind: "release_ready", atMs: 0 },
      { kind: "roll_back", atMs: 1, actor: ada, reason: "no" },
      { kind: "acknowledged", atMs: 2 },
    ]);
    expect(first.kinds).toEqual(["promoted", "LK_ROLLOUT_NO_BASELINE", "completed"]);
  });
});

describe("blue-green", () => {
  it("switches wholly, keeps the old release warm, and switches back on request", () => {
    const { rollout, kinds } = play(newRollout("rol_1", { ...strategy, kind: "blue_green" }, true, 0), [
      { kind: "release_ready", atMs: 0 },
      { kind: "acknowledged", atMs: 1 },
      { kind: "roll_back", atMs: 2, actor: ada, reason: "wrong colours" },
      { kind: "acknowledged", atMs: 3 },
    ]);
    expect(kinds).toEqual(["promoted", "held_back", "roll_back_begun", "rolled_back"]);
    expect(armsOf(rollout, "new", "old")).toEqual([{ arm: "baseline", releaseId: "old", weightPercent: 100 }]);
  });
});

const person = { actor: ada, reason: "because" };
const anyEvent = fc.oneof(
  fc.constantFrom("release_ready", "acknowledged", "time_passed").map((kind) => ({ kind })),
  fc.record({ kind: fc.constant("release_failed"), words: fc.string() }),
  fc.record({ kind: fc.constant("judge_changed"), from: fc.constant("judge-1"), to: fc.constant("judge-2") }),
  fc.record({
    kind: fc.constant("looked"),
    verdict: fc.constantFrom("FAIL", "PASS", "INCONCLUSIVE"),
    hold: fc.boolean(),
    canaryRequests: fc.nat(2_000),
    words: fc.string(),
  }),
  fc.constantFrom("pause", "resume", "promote", "roll_back", "abort", "supersede").map((kind) => ({ kind, ...person })),
);
const anyHistory = fc.array(fc.tuple(fc.nat(120_000), anyEvent), { maxLength: 60 }).map((list) => {
  let atMs = 0;
  return list.map(([dt, event]) => {
    atMs += dt;
    return { ...event, atMs } as RolloutEvent;
  });
});
const anyStrategy = fc.record({
  kind: fc.constantFrom("canary", "blue_green", "all_at_once"),
  steps: fc.constant(strategy.steps),
  maximumMs: fc.constant(600_000),
  onInconclusive: fc.constantFrom("hold", "promote", "roll_back"),
  holdbackPercent: fc.constantFrom(0, 5, 50),
  holdbackMs: fc.constantFrom(0, 60_000),
}) as fc.Arbitrary<Strategy>;

describe("invariants over any history", () => {
  it("the table has a cell for every state and event", () => {
    const kinds = Object.keys(TRANSITIONS.starting);
    for (const state of ROLLOUT_STATES) expect(Object.keys(TRANSITIONS[state]).sort()).toEqual([...kinds].sort());
    expect(kinds).toHaveLength(12);
  });
  it("holds I1-I6 of SPEC.md at every step", () => {
    fc.assert(
      fc.property(anyStrategy, fc.boolean(), anyHistory, (s, hasBaseline, history) => {
        let now = newRollout("rol_1", s, hasBaseline, 0);
        for (const event of history) {
          const outcome = transition(now, event);
          if (!outcome.ok) continue;
          const { next, decisions } = outcome.value;
          const arms = armsOf(next, "new", hasBaseline ? "old" : null);
          // I1: shares add up to 100 and none is negative.
          if (arms.length > 0) expect(arms.reduce((sum, a) => sum + a.weightPercent, 0)).toBe(100);
          expect(arms.every((a) => a.weightPercent >= 0)).toBe(true);
          // I2: what is being or was rolled back gets nothing.
          if (["rolling_back", "rolled_back", "aborted", "failed", "superseded"].includes(next.state)) {
            expect(arms.some((a) => a.releaseId === "new")).toBe(false);
          }
          // I3: promotion only by PASS, a person or the stated policy (a lone or switched release by its strategy).
          if (decisions.some((d) => d.kind === "promoted") && s.kind === "canary" && hasBaseline) {
            const byPerson = event.kind === "promote";
            const byProof = event.kind !== "promote" && next.lastVerdict === "PASS";
            expect(byPerson || byProof || s.onInconclusive === "promote").toBe(true);
          }
          // I4: the end is the end.
          if (isTerminal(now.state)) expect(next).toEqual(now);
          // I5: no change of state or share without a decision.
          if (next.state !== now.state || next.trafficPercent !== now.trafficPercent)
            expect(decisions.length).toBeGreaterThan(0);
          // I6: FAIL while exposed beside a baseline always ends at 0 %.
          if (
            event.kind === "looked" &&
            event.verdict === "FAIL" &&
            hasBaseline &&
            now.exposedAtMs !== null &&
            !isTerminal(now.state)
          ) {
            expect(next.state).toBe("rolling_back");
          }
          // What is offered is what is granted.
          for (const action of allowedActions(next)) {
            expect(transition(next, { kind: action, atMs: event.atMs, ...person }).ok).toBe(true);
          }
          now = next;
        }
      }),
      { numRuns: 500 },
    );
  });
});
