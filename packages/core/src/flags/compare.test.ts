import { describe, expect, it } from "vitest";
import { compareEnvironments } from "./compare.ts";
import type { Flag, FlagRules } from "./model.ts";

const rules = (percent: number, isEnabled = true): FlagRules => ({
  ...{ isEnabled, off: "off", prerequisites: [], rules: [] },
  otherwise: { kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent },
});
const flag = (key: string, environments: Flag["environments"]): Flag => ({
  ...{ key, type: "boolean", description: "", purpose: "release", owner: "", tags: [], isArchived: false },
  ...{ isPublic: false, variants: { on: true, off: false }, salt: key, hashVersion: "flagd-2", environments },
});

describe("two environments", () => {
  it("differ in switches, rules and where rollouts stand, and in flags that only one has", () => {
    const flags = [
      flag("same", { staging: rules(5), production: rules(5) }),
      flag("switched", { staging: rules(5), production: rules(5, false) }),
      flag("new", { staging: rules(5) }),
      flag("moved", { staging: rules(5), production: rules(5) }),
      flag("old", { production: rules(5) }),
      flag("elsewhere", { preview: rules(5) }),
    ];
    const state = { flag: "moved", environment: "staging", rule: "otherwise", percent: 50, state: "running" as const };
    const found = compareEnvironments(flags, [state], "staging", "production");
    expect(found.map(({ flag: key, isInFrom, isInTo }) => [key, isInFrom, isInTo])).toEqual([
      ["moved", true, true],
      ["new", true, false],
      ["old", false, true],
      ["switched", true, true],
    ]);
    expect(found[0]?.changes).toEqual([{ path: "otherwise.percent", before: 5, after: 50 }]);
    expect(found[3]?.changes).toEqual([{ path: "isEnabled", before: false, after: true }]);
    expect(compareEnvironments(flags, [], "staging", "staging")).toEqual([]);
  });
});
