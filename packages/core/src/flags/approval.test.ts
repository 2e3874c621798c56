import { describe, expect, it } from "vitest";
import type { Change } from "../shared/difference.ts";
import { environmentsChanged, onlyStops } from "./approval.ts";

const change = (path: string, before: unknown = null, after: unknown = null): Change => ({ path, before, after });
const rules = (isEnabled: boolean) => ({
  ...{ isEnabled, off: "off", prerequisites: [], rules: [] },
  otherwise: { kind: "variant" as const, variant: "on" },
});
const flag = { environments: { production: rules(true), staging: rules(false) } };

describe("where a second person has to agree", () => {
  it("is every environment that a change makes a difference in", () => {
    const places = (path: string) => environmentsChanged([change(path)], flag, flag);
    expect(places("environments.staging.rules.0.when.values.1")).toEqual(["staging"]);
    expect(places("variants.on")).toEqual(["production", "staging"]);
    expect(places("salt")).toEqual(["production", "staging"]);
    expect(places("isArchived")).toEqual(["production", "staging"]);
    for (const path of ["description", "owner", "tags.0", "expires", "purpose"]) expect(places(path)).toEqual([]);
    const without = { environments: { staging: rules(false) } };
    expect(environmentsChanged([change("environments.production.off", "off")], flag, without)).toEqual(["production"]);
  });

  it("is where a new flag is on at once", () => {
    expect(environmentsChanged([change("variants.on")], null, flag)).toEqual(["production"]);
  });

  it("is nowhere for what only stops something", () => {
    const off = change("environments.production.isEnabled", true, false);
    const killed = change("environments.production.rollouts.otherwise.state", "running", "killed");
    expect(onlyStops([off])).toBe(true);
    expect(onlyStops([killed, off])).toBe(true);
    expect(onlyStops([change("environments.production.isEnabled", false, true)])).toBe(false);
    expect(onlyStops([killed, change("environments.production.rollouts.otherwise.percent", 10, 50)])).toBe(false);
    expect(onlyStops([change("environments.production.rollouts.otherwise.state", "held", "running")])).toBe(false);
    expect(onlyStops([change("environments.production.rollouts.otherwise.state", "killed", "held")])).toBe(false);
    expect(onlyStops([])).toBe(false);
  });
});
