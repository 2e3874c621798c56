import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Finding, GUIDE_FINDING_POLICY, judgeFindings, SEVERITIES } from "./findings.ts";
import { readSarif } from "./sarif.ts";

const value = <T>(result: { ok: true; value: T } | { ok: false; error: string }): T => {
  if (!result.ok) throw new Error(result.error);
  return result.value;
};
const log = (run: object) => ({ version: "2.1.0", runs: [{ tool: { driver: { name: "Scan", rules: [] } }, ...run }] });
const result = (over: object = {}) => ({
  ruleId: "js/injection",
  message: { text: "Query built from input" },
  locations: [{ physicalLocation: { artifactLocation: { uri: "src/db.ts" }, region: { startLine: 7 } } }],
  ...over,
});

describe("a SARIF log", () => {
  it("takes severity from the rule's score, then from the level of result, rule, and standard", () => {
    const rules = [
      { id: "a", properties: { "security-severity": "9.0" } },
      { id: "b", properties: { "security-severity": "6.9" } },
      { id: "c", defaultConfiguration: { level: "error" } },
      { id: "d" },
    ];
    const results = [
      result({ ruleId: "a" }),
      result({ ruleId: "b/part" }),
      result({ ruleId: undefined, ruleIndex: 2 }),
      result({ ruleId: "d" }),
      result({ ruleId: "d", level: "note" }),
    ];
    const read = value(readSarif(log({ tool: { driver: { name: "Scan", rules } }, results })));
    expect(read.map((one) => one.severity)).toEqual(["critical", "medium", "high", "medium", "low"]);
    expect(read[0]).toMatchObject({ tool: "Scan", rule: "a", place: "src/db.ts:7" });
  });

  it("leaves out what the log itself calls no problem, and keeps what is only under review", () => {
    const results = [
      result({ kind: "pass" }),
      result({ baselineState: "absent" }),
      result({ suppressions: [{ kind: "inSource" }] }),
      result({ suppressions: [{ kind: "external", status: "underReview" }] }),
    ];
    expect(value(readSarif(log({ results })))).toHaveLength(1);
  });

  it("knows a finding again by its fingerprint when its line has moved", () => {
    const at = (startLine: number) =>
      value(
        readSarif(
          log({
            results: [
              result({
                partialFingerprints: { primaryLocationLineHash: "39fa2ee980eb94b0:1" },
                locations: [{ physicalLocation: { artifactLocation: { uri: "src/db.ts" }, region: { startLine } } }],
              }),
            ],
          }),
        ),
      )[0]?.key;
    expect(at(7)).toBe(at(70));
  });

  it.each([
    [{ version: "2.1.0" }, "no list `runs`"],
    [{ version: "1.0.0", runs: [] }, "SARIF 1.0.0"],
    [{ version: "2.1.0", runs: [] }, "no tool has looked"],
    [log({ invocations: [{ executionSuccessful: false, exitCodeDescription: "out of memory" }] }), "out of memory"],
  ])("is unreadable when nothing was looked at: %j", (report, words) => {
    expect(readSarif(report)).toEqual({ ok: false, error: expect.stringContaining(words) });
  });
});

describe("the gate on findings", () => {
  const NOW = 1_000 * 3_600_000;
  const finding = (over: Partial<Finding> = {}): Finding => ({
    key: "k",
    tool: "Scan",
    rule: "r",
    severity: "high",
    message: "m",
    place: "a.ts:1",
    ...over,
  });
  const seen = (hours: number) => new Map([["k", NOW - hours * 3_600_000]]);

  it("stops what is critical at once, and what is high when it is a day old", () => {
    const judge = (over: Partial<Finding>, hours: number) =>
      judgeFindings([finding(over)], GUIDE_FINDING_POLICY, seen(hours), NOW).status;
    expect(judge({ severity: "critical" }, 0)).toBe("failed");
    expect(judge({}, 23.9)).toBe("passed");
    expect(judge({}, 24)).toBe("failed");
    expect(judge({ severity: "medium" }, 9_000)).toBe("passed");
    expect(judgeFindings([finding({ key: "new" })], GUIDE_FINDING_POLICY, new Map(), NOW).status).toBe("passed");
  });

  it("never gets better by another finding, or by time", () => {
    const some = fc.record({
      key: fc.constantFrom("a", "b", "c"),
      severity: fc.constantFrom(...SEVERITIES),
      age: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 6 }), some, fc.nat(50), (have, more, later) => {
        const all = [...have, more].map((one, i) => ({ ...one, key: `${one.key}${i}` }));
        const ages = new Map(all.map((one) => [one.key, NOW - one.age * 3_600_000]));
        const of = (list: typeof all, nowMs: number) =>
          judgeFindings(
            list.map(({ key, severity }) => finding({ key, severity })),
            GUIDE_FINDING_POLICY,
            ages,
            nowMs,
          ).status;
        if (of(all.slice(0, -1), NOW) === "failed") expect(of(all, NOW)).toBe("failed");
        if (of(all, NOW) === "failed") expect(of(all, NOW + later * 3_600_000)).toBe("failed");
      }),
    );
  });

  it("says what stops it first, and where", () => {
    const judged = judgeFindings(
      [finding({ severity: "low" }), finding({ severity: "critical" })],
      GUIDE_FINDING_POLICY,
      new Map(),
      NOW,
    );
    expect(judged.words).toBe("1 critical finding; none may be.");
    expect(judged.details).toEqual(["critical: Scan r at a.ts:1: m", "low: Scan r at a.ts:1: m"]);
  });
});
