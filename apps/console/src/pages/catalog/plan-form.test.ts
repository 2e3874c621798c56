import { PlanQuery } from "@latchkey/api/planning";
import { describe, expect, it } from "vitest";
import { emptyForm, filledWith, questionOf } from "./plan-form.ts";
import { barsOf } from "./plan-picture.ts";

describe("the form of a plan", () => {
  it("asks for what is configured where nothing is typed", () => {
    expect(questionOf(emptyForm("production"))).toEqual({ question: { environment: "production" } });
  });
  it("asks for what is typed, in the API's units and within its bounds", () => {
    const form = {
      ...emptyForm("production"),
      share: "50",
      minutes: "20",
      holdback: "0",
      perHour: " 72 ",
      synthetic: "0",
    };
    const asked = questionOf({ ...form, holdbackMinutes: "1440", onInconclusive: "promote" });
    expect(asked).toEqual({
      question: {
        ...{ environment: "production", share: 50, durationMs: 1_200_000, holdbackPercent: 0 },
        ...{ holdbackMs: 86_400_000, onInconclusive: "promote", requestsPerHour: 72, syntheticPerSecond: 0 },
      },
    });
    expect(PlanQuery.safeParse("question" in asked ? asked.question : null).success).toBe(true);
  });
  it.each([
    ["share", "91"],
    ["share", "half"],
    ["minutes", "0"],
    ["holdback", "51"],
    ["holdbackMinutes", "1441"],
    ["perHour", "0"],
  ] as const)("names the field that does not fit: %s %s", (field, typed) => {
    const asked = questionOf({ ...emptyForm("production"), [field]: typed });
    expect(Object.keys("mistakes" in asked ? asked.mistakes : {})).toEqual([field]);
  });
  it("takes a suggestion over", () => {
    const steps = [{ trafficPercent: 50 }];
    const strategy = { steps, maximumMs: 1_200_000, holdbackPercent: 20, holdbackMs: 86_400_000 };
    const filled = filledWith(emptyForm("production"), { ...strategy, onInconclusive: "promote" });
    expect(questionOf(filled)).toMatchObject({ question: { share: 50, durationMs: 1_200_000, holdbackPercent: 20 } });
  });
});

describe("the picture of a plan", () => {
  const finding = (size: number, chance: number) => ({
    ...{
      size,
      chance,
      chanceLow: Math.max(0, chance - 0.1),
      chanceHigh: Math.min(1, chance + 0.1),
      runs: 40,
      found: 0,
    },
    ...{ medianMs: null, p90Ms: null, canaryRequests: null, visitorRequests: null, users: null },
  });
  it("has a bar per size, as high as its chance, within the frame", () => {
    const bars = barsOf([finding(0.1, 0), finding(0.5, 0.5), finding(1, 1)], { width: 300, height: 100 });
    expect(bars.map((b) => b.height)).toEqual([0, 50, 100]);
    for (const bar of bars) {
      expect(bar.x).toBeGreaterThanOrEqual(0);
      expect(bar.x + bar.width).toBeLessThanOrEqual(300);
      expect(bar.y + bar.height).toBe(100);
      expect(bar.highY).toBeLessThanOrEqual(bar.y);
      expect(bar.lowY).toBeGreaterThanOrEqual(bar.y);
    }
    expect(bars.map((b) => b.isFound)).toEqual([false, false, true]);
  });
});
