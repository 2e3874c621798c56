import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UTC, WEEKDAYS } from "../../shared/zone.ts";
import { type Entry, OUTCOMES, outcomeOf, threadOf } from "./entry.ts";
import { matches, plan, type Rule, typeMatches } from "./matching.ts";

const entry = (over: Partial<Entry> = {}): Entry => ({
  ...{ sequence: 1, id: "evt_1", type: "delivery.rollout.promoted", subject: "rollout/r", project: "main" },
  ...{ actor: { id: "system", kind: "system", name: "Latchkey" }, occurredAt: "2026-07-17T20:00:00.000Z" },
  data: { service: "leads", environment: "production" },
  ...over,
});
const rule = (over: Partial<Rule> = {}): Rule => ({
  ...{ id: "ntr_1", project: "main", enabled: true, types: [], services: [], environments: [], outcomes: [] },
  ...{ channelIds: ["a"], severity: "auto", quietHours: null },
  ...over,
});
const always = { timeZone: "UTC", days: WEEKDAYS, from: "00:00", to: "00:00" };
const utc = () => UTC;

describe("a pattern of types", () => {
  it("covers what a regular expression with .* for each star does", () => {
    const word = fc.array(fc.constantFrom("a", "b", ".", "*"), { maxLength: 8 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(
        word,
        word.map((text) => text.replaceAll("*", "a")),
        (pattern, type) => {
          const source = pattern
            .split("*")
            .map((part) => part.replaceAll(".", "\\."))
            .join(".*");
          expect(typeMatches(pattern, type)).toBe(new RegExp(`^${source}$`).test(type));
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("a rule", () => {
  it("matches only what all of its filters allow", () => {
    expect(matches(rule(), entry())).toBe(true);
    expect(matches(rule({ enabled: false }), entry())).toBe(false);
    expect(matches(rule({ project: "other" }), entry())).toBe(false);
    expect(matches(rule({ types: ["delivery.*"], services: ["leads"], outcomes: ["promoted"] }), entry())).toBe(true);
    expect(matches(rule({ services: ["shop"] }), entry())).toBe(false);
    expect(matches(rule({ environments: ["staging"] }), entry())).toBe(false);
    expect(matches(rule({ outcomes: ["failed"] }), entry())).toBe(false);
    // What has no service is not of the one that is asked for.
    expect(matches(rule({ services: ["leads"] }), entry({ data: {} }))).toBe(false);
  });
  it("narrows: a filter more never matches more", () => {
    const some = (values: readonly string[]) => fc.subarray([...values]);
    fc.assert(
      fc.property(
        fc.constantFrom("delivery.rollout.rolled_back", "delivery.deployment.ended", "catalog.service.changed"),
        some(["leads", "shop"]),
        some([...OUTCOMES]),
        (type, services, outcomes) => {
          const of = entry({ type, data: { service: "leads", outcome: "failed_gate" } });
          const narrow = rule({ services, outcomes: outcomes as Rule["outcomes"] });
          if (matches(narrow, of)) expect(matches({ ...narrow, services: [], outcomes: [] }, of)).toBe(true);
        },
      ),
    );
  });
});

describe("the plan for an entry", () => {
  it("tells each channel once, as the worst of its rules, and holds it only when all of them are quiet", () => {
    const quiet = rule({ id: "q", channelIds: ["a", "b"], severity: "info", quietHours: always });
    const loud = rule({ id: "l", channelIds: ["b", "c"], severity: "warning" });
    const planned = plan(entry(), [quiet, loud], utc, 0);
    expect(planned.map(({ channelId, severity, heldUntilMs }) => [channelId, severity, heldUntilMs !== null])).toEqual([
      ["a", "info", true],
      ["b", "warning", false],
      ["c", "warning", false],
    ]);
  });
  it("holds nothing that is critical, and nothing by a time zone that nobody knows", () => {
    const quiet = rule({ quietHours: always });
    expect(plan(entry({ type: "delivery.rollout.rolled_back" }), [quiet], utc, 0)[0]?.heldUntilMs).toBeNull();
    expect(plan(entry(), [quiet], () => null, 0)[0]?.heldUntilMs).toBeNull();
    expect(plan(entry(), [quiet], utc, 0)[0]?.heldUntilMs).not.toBeNull();
  });
});

describe("an entry", () => {
  it.each([
    ["delivery.rollout.roll_back_begun", {}, "rolled_back"],
    ["delivery.rollout.person_asked", {}, "waiting"],
    ["delivery.rollout.advanced", {}, "progressing"],
    ["delivery.deployment.ended", { outcome: "failed_build" }, "failed"],
    ["delivery.deployment.ended", { outcome: "a new one" }, "other"],
    ["catalog.approval.requested", {}, "waiting"],
    ["catalog.approval.given", { state: "waiting" }, "progressing"],
    ["catalog.approval.given", { state: "approved" }, "succeeded"],
    ["catalog.approval.refused", { state: "rejected" }, "failed"],
    ["security.token.created", {}, "other"],
  ] as const)("%s %j comes to %s", (type, data, outcome) => {
    expect(outcomeOf({ type, data })).toBe(outcome);
  });
  it("belongs to its rollout, the end of a deployment too", () => {
    expect(threadOf(entry())).toBe("rollout/r");
    const ended = entry({ type: "delivery.deployment.ended", subject: "deployment/d", data: { rolloutId: "r" } });
    expect(threadOf(ended)).toBe("rollout/r");
    expect(threadOf(entry({ subject: "service/leads" }))).toBeNull();
  });
});
