import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instantOf, localOf, moved, newRuleId, readValues, serveOfKind, valuesText } from "./draft.ts";

describe("a definition that is being written", () => {
  it("shows values so that they are read back as they were", () => {
    const word = fc.stringMatching(/^[A-Za-z0-9@.-]{1,12}$/);
    const value = fc.oneof(word, fc.integer(), fc.boolean());
    const operator = fc.constantFrom("equals" as const, "in" as const);
    fc.assert(
      fc.property(operator, fc.array(value, { maxLength: 6 }), (by, values) => {
        expect(readValues(by, valuesText(by, values))).toEqual(values);
      }),
    );
    expect(readValues("less", "18")).toEqual([18]);
    expect(readValues("starts_with", "18, 19")).toEqual(["18", "19"]);
    expect(readValues("in", 'DE,, AT , "true"')).toEqual(["DE", "AT", "true"]);
  });

  it("keeps what another kind of serving can have", () => {
    const variants = ["on", "off"];
    const rollout = serveOfKind("rollout", { kind: "variant", variant: "on" }, variants);
    expect(rollout).toEqual({ kind: "rollout", by: "targetingKey", variant: "on", against: "off", percent: 10 });
    expect(serveOfKind("split", { ...rollout, by: "account" } as typeof rollout, variants)).toMatchObject({
      by: "account",
      shares: [
        { variant: "on", percent: 50 },
        { variant: "off", percent: 50 },
      ],
    });
    expect(serveOfKind("split", { kind: "variant", variant: "on" }, ["on"])).toMatchObject({
      shares: [{ variant: "on", percent: 100 }],
    });
  });

  it("gives a rule an id of its own, and moves it inside of the list only", () => {
    const rule = (id: string) => ({
      ...{ id, when: { kind: "all" as const, of: [] } },
      serve: { kind: "variant" as const, variant: "on" },
    });
    expect(newRuleId([rule("rule-2")])).toBe("rule-3");
    expect(moved(["a", "b", "c"], 1, -1)).toEqual(["b", "a", "c"]);
    expect(moved(["a", "b", "c"], 2, 1)).toEqual(["a", "b", "c"]);
  });

  it("shows instants in the browser's time, and keeps them", () => {
    expect(instantOf(localOf("2026-12-01T08:30:00.000Z"))).toBe("2026-12-01T08:30:00.000Z");
    expect([localOf(undefined), instantOf("")]).toEqual(["", undefined]);
  });
});
