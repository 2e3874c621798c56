import { describe, expect, it } from "vitest";
import type { Change } from "../shared/difference.ts";
import { environmentsChanged, flagsOfSegment, namesSegment, onlyStops } from "./approval.ts";
import type { Flag, Segment } from "./model.ts";

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

describe("what a change of a segment changes", () => {
  const named = (segment: string) => ({ kind: "segment" as const, segment });
  const segments: Segment[] = [
    { key: "inner", description: "", when: { kind: "not", of: named("loop") } },
    { key: "outer", description: "", when: { kind: "any", of: [named("inner")] } },
    // What is refused when it is written must not hang what reads it.
    { key: "loop", description: "", when: named("inner") },
  ];
  const serve = { kind: "variant" as const, variant: "on" };
  const of = (key: string, environments: Record<string, object>) =>
    ({
      key,
      environments: Object.fromEntries(
        Object.entries(environments).map(([name, more]) => [name, { ...rules(false), ...more }]),
      ),
    }) as Pick<Flag, "key" | "environments">;
  const naming = (segment: string) => ({ rules: [{ id: "r", when: named(segment), serve }] });
  const flags = [
    of("needs-it", {
      production: { prerequisites: [{ flag: "direct", variants: ["on"] }] },
      staging: { prerequisites: [{ flag: "direct", variants: ["on"] }] },
    }),
    of("direct", { production: naming("inner"), staging: {} }),
    of("over-another", { staging: naming("outer"), production: naming("outer") }),
    of("other", { production: {} }),
  ];

  it("is what names it, over others too, and what needs that", () => {
    expect(flagsOfSegment("inner", flags, segments)).toEqual([
      { flag: "needs-it", environments: ["production"] },
      { flag: "direct", environments: ["production"] },
      { flag: "over-another", environments: ["production", "staging"] },
    ]);
    expect(flagsOfSegment("outer", flags, segments)).toEqual([
      { flag: "over-another", environments: ["production", "staging"] },
    ]);
    expect(flagsOfSegment("nobody", flags, segments)).toEqual([]);
  });

  it("is asked of conditions that name nothing, or one another", () => {
    expect(namesSegment({ kind: "all", of: [] }, "inner", segments)).toBe(false);
    expect(namesSegment(named("loop"), "outer", segments)).toBe(false);
    expect(namesSegment(named("gone"), "gone", segments)).toBe(true);
  });
});
