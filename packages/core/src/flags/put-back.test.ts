import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Flag, FlagRules, RolloutState, Serve } from "./model.ts";
import { putBack, type Standing } from "./put-back.ts";

const variant = (name: string): Serve => ({ kind: "variant", variant: name });
const rollout = (percent: number): Serve => ({
  ...{ kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent },
});
const rules = (isEnabled: boolean, otherwise: Serve = variant("on")): FlagRules => ({
  ...{ isEnabled, off: "off", prerequisites: [], rules: [], otherwise },
});
const flag = (environments: Flag["environments"], more: Partial<Flag> = {}): Flag => ({
  ...{ key: "form", type: "boolean", description: "", purpose: "release", owner: "", tags: [] },
  ...{ isArchived: false, isPublic: false, variants: { on: true, off: false }, salt: "form", hashVersion: "flagd-2" },
  environments,
  ...more,
});
const stands = (one: Flag, rollouts: Standing["rollouts"] = []): Standing => ({ flag: one, rollouts });
const state = (percent: number, at: RolloutState["state"] = "running"): RolloutState => ({
  ...{ flag: "form", environment: "production", rule: "otherwise", percent, state: at },
});
const back = (now: Standing, then: Standing | null, keepsOff = false) => putBack("production", now, then, { keepsOff });

const serves = fc.oneof(
  fc.constantFrom(variant("on"), variant("off")),
  fc.integer({ min: 0, max: 100 }).map((percent) => rollout(percent)),
);
const standings = fc
  .tuple(
    fc.dictionary(fc.constantFrom("production", "staging"), fc.tuple(fc.boolean(), serves)),
    fc.option(fc.tuple(fc.integer({ min: 0, max: 100 }), fc.constantFrom("running", "held", "killed", "done"))),
  )
  .map(([environments, at]) =>
    stands(
      flag(
        Object.fromEntries(
          Object.entries(environments).map(([name, [isEnabled, serve]]) => [name, rules(isEnabled, serve)]),
        ),
      ),
      at ? [state(at[0], at[1])] : [],
    ),
  );

describe("putting a flag back in an environment", () => {
  it("touches no other environment, ends where it was, and is nothing the second time", () => {
    fc.assert(
      fc.property(standings, standings, (now, then) => {
        const done = back(now, then);
        if (done.kind !== "back") return;
        expect(done.flag.environments.staging).toEqual(now.flag.environments.staging);
        expect(done.flag.environments.production).toEqual(then.flag.environments.production);
        expect(back({ flag: done.flag, rollouts: done.rollouts }, then)).toEqual({ kind: "same" });
      }),
    );
  });
  it("never turns on what was switched off or killed since, where that is to stay off", () => {
    fc.assert(
      fc.property(standings, standings, (now, then) => {
        const done = back(now, then, true);
        if (done.kind !== "back") return;
        if (now.flag.environments.production?.isEnabled === false)
          expect(done.flag.environments.production?.isEnabled).toBe(false);
        if (now.rollouts?.[0]?.state !== "killed" || now.flag.environments.production?.otherwise.kind !== "rollout")
          return;
        for (const one of done.rollouts ?? []) expect(one.state).toBe("killed");
        // Nor is it served to all by a rule that had no rollout then.
        const production = done.flag.environments.production;
        if (production?.isEnabled) expect(production.otherwise.kind).toBe("rollout");
      }),
    );
  });
  it("tells what it does by field", () => {
    const now = stands(flag({ production: rules(true, rollout(1)) }), [state(50)]);
    const then = stands(flag({ production: rules(false, rollout(1)) }), [state(5)]);
    expect(back(now, then)).toMatchObject({
      kind: "back",
      words: "",
      changes: [
        { path: "environments.production.isEnabled", before: true, after: false },
        { path: "environments.production.rollouts.otherwise.percent", before: 50, after: 5 },
      ],
    });
  });
  it("leaves a flag that is newer, is archived, or had no rules here, and says so", () => {
    const [on, off] = [flag({ production: rules(true) }), flag({ production: rules(false) })];
    expect(back(stands(on), null)).toMatchObject({ words: expect.stringContaining("created since") });
    expect(back(stands({ ...on, isArchived: true }), stands(off))).toMatchObject({ words: "it is archived" });
    expect(back(stands(on), stands(flag({})))).toMatchObject({ words: "it had no rules for production then" });
    expect(back(stands({ ...on, isArchived: true }), stands(on))).toEqual({ kind: "same" });
  });
  it("leaves what all environments share, and says so; descriptions are nobody's answer", () => {
    const then = stands(flag({ production: rules(true) }));
    expect(back(stands({ ...then.flag, variants: { on: false, off: false } }), then)).toEqual({
      kind: "left",
      words: "what all environments share stays as it is (variants)",
    });
    expect(back(stands({ ...then.flag, description: "new", owner: "us" }), then)).toEqual({ kind: "same" });
  });
  it("leaves rollouts where they stand when nobody knows where they stood", () => {
    const now = stands(flag({ production: rules(true, rollout(1)) }), [state(50)]);
    const then = stands(flag({ production: rules(false, rollout(1)) }), null);
    expect(back(now, then)).toMatchObject({ rollouts: null, words: expect.stringContaining("not known") });
  });
});
