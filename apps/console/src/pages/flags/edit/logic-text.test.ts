import { describe, expect, it } from "vitest";
import { readLogic } from "./logic-text.ts";

describe("flagd logic that is typed", () => {
  it("is read", () => {
    const logic = { if: [{ ends_with: [{ var: "email" }, "@example.com"] }, "on", "off"] };
    expect(readLogic(JSON.stringify(logic, null, 2))).toEqual({ logic });
    expect(readLogic("{}")).toEqual({ logic: {} });
  });
  it.each([
    ['{"if": [', /no JSON/],
    ["[]", /must be an object/],
    ["null", /must be an object/],
    ['{"if": [{"==": [1, 2]}, "on"], "var": "x"}', /^logic: has if and var/],
    ['{"if": [{"no_such": [1]}, "on"]}', /^logic\.if\.0/],
    ['{"if": [{"$ref": "gone"}, "on"]}', /^logic\.if\.0\.\$ref: there is no evaluator "gone"/],
  ])("names the place of the mistake: %s", (text, mistake) => {
    expect(readLogic(text)).toEqual({ mistake: expect.stringMatching(mistake) });
  });
});
