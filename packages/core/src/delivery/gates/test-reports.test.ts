import { describe, expect, it } from "vitest";
import { readJUnit, readNodeTest, readVitestJson } from "./test-reports.ts";
import { judgeTests, type TestPolicy } from "./tests.ts";
import type { XmlElement } from "./xml-element.ts";

const element = (name: string, attributes: Record<string, string> = {}, ...children: XmlElement[]): XmlElement => ({
  name,
  attributes,
  children,
  text: children.map((child) => child.text).join(""),
});
const policy: TestPolicy = { minimumTests: 1, maximumSkipped: null };
const value = <T>(result: { ok: true; value: T } | { ok: false; error: string }): T => {
  if (!result.ok) throw new Error(result.error);
  return result.value;
};

describe("JUnit XML", () => {
  it("counts cases, whatever the attributes of their suites say", () => {
    const report = element(
      "testsuites",
      { tests: "99", failures: "0" },
      element(
        "testsuite",
        { name: "outer", tests: "1" },
        element("testcase", { classname: "leads", name: "scores" }),
        element(
          "testsuite",
          { name: "inner" },
          element("testcase", { name: "fails" }, element("failure", { message: "expected 1\nto be 2" })),
          element("testcase", { name: "dies" }, { ...element("error"), text: "\n  TypeError: x\n at y" }),
          element("testcase", { name: "rests" }, element("skipped")),
          element("testcase", { name: "wavers" }, element("flakyFailure", { message: "once" })),
        ),
      ),
    );
    expect(value(readJUnit(report))).toEqual({
      passed: 2,
      failed: [
        { name: "fails", message: "expected 1" },
        { name: "dies", message: "TypeError: x" },
      ],
      skipped: 1,
      broken: [],
      flaky: ["wavers"],
    });
  });

  it("knows a suite that died before its first test", () => {
    const suites = element(
      "testsuites",
      {},
      element("testsuite", { name: "a.test.ts", errors: "1", tests: "0" }),
      element("testsuite", { name: "b.test.ts" }, element("testcase", { name: "fine" })),
    );
    const judged = judgeTests(value(readJUnit(suites)), policy);
    expect(judged).toMatchObject({ status: "failed", words: "1 suite could not be loaded." });
    expect(judged.details).toEqual(["a.test.ts: 1 errors without a test"]);
  });

  it("refuses another document by the name of its root", () => {
    expect(readJUnit(element("coverage"))).toEqual({ ok: false, error: expect.stringContaining("<coverage>") });
  });
});

describe("Vitest's and Jest's JSON", () => {
  const file = (over: object) => ({ name: "/a.test.ts", status: "passed", message: "", assertionResults: [], ...over });

  it("counts assertions, and a file that could not be imported as broken", () => {
    const report = {
      success: false,
      testResults: [
        file({
          status: "failed",
          assertionResults: [
            { fullName: "adds", status: "passed" },
            { fullName: "takes away", status: "failed", failureMessages: ["AssertionError: 2\n at z"] },
            { fullName: "later", status: "todo" },
            { fullName: "not now", status: "pending" },
          ],
        }),
        file({ name: "/b.test.ts", status: "failed", message: "Cannot find module './gone'" }),
      ],
    };
    expect(value(readVitestJson(report))).toEqual({
      passed: 1,
      failed: [{ name: "takes away", message: "AssertionError: 2" }],
      skipped: 2,
      broken: [{ name: "/b.test.ts", message: "Cannot find module './gone'" }],
      flaky: [],
    });
  });

  it("does not pass when all tests did and the run did not", () => {
    const report = { success: false, testResults: [file({ assertionResults: [{ fullName: "a", status: "passed" }] })] };
    expect(judgeTests(value(readVitestJson(report)), policy).status).toBe("failed");
  });
});

describe("events of node:test", () => {
  const lines = (...events: object[]) => events.map((event) => JSON.stringify(event)).join("\n");

  it("counts tests and not their suites", () => {
    const report = lines(
      { type: "test:start", data: { name: "adds" } },
      { type: "test:pass", data: { name: "adds", details: { duration_ms: 1 } } },
      {
        type: "test:fail",
        data: { name: "fails", details: { error: { failureType: "testCodeFailure", message: "boom" } } },
      },
      { type: "test:pass", data: { name: "skipped", skip: true, details: {} } },
      { type: "test:fail", data: { name: "to do", todo: "some day", details: { error: { message: "not yet" } } } },
      {
        type: "test:fail",
        data: { name: "suite", details: { type: "suite", error: { failureType: "subtestsFailed" } } },
      },
      {
        type: "test:fail",
        data: { name: "hook", details: { type: "suite", error: { failureType: "hookFailed", message: "no" } } },
      },
    );
    expect(value(readNodeTest(report))).toEqual({
      passed: 1,
      failed: [{ name: "fails", message: "boom" }],
      skipped: 2,
      broken: [{ name: "hook", message: "no" }],
      flaky: [],
    });
  });

  it("names the line that is no JSON", () => {
    expect(readNodeTest('{"type":"test:pass","data":{}}\nok 1 - adds')).toEqual({
      ok: false,
      error: expect.stringContaining("line 2"),
    });
  });
});

describe("the gate on tests", () => {
  const evidence = { passed: 0, failed: [], skipped: 0, broken: [], flaky: [] };

  it("could not run when nothing ran", () => {
    expect(judgeTests(evidence, policy).status).toBe("could_not_run");
    expect(judgeTests({ ...evidence, skipped: 4 }, policy).words).toContain("All 4 tests were skipped");
  });

  it("misses tests that were left out, and tests that were skipped", () => {
    const few = judgeTests({ ...evidence, passed: 3, skipped: 2 }, { minimumTests: 94, maximumSkipped: 1 });
    expect(few).toMatchObject({
      status: "failed",
      words: "Only 3 tests ran; 94 are asked for. 2 tests were skipped; 1 may be.",
    });
  });

  it("says how many passed, and what is only nearly good", () => {
    const judged = judgeTests({ ...evidence, passed: 94, skipped: 1, flaky: ["wavers"] }, policy);
    expect(judged).toMatchObject({ status: "passed", words: "94 tests passed, 1 skipped, 1 only when tried again." });
  });

  it("lists at most fifty lines, and how many there are besides", () => {
    const failed = Array.from({ length: 80 }, (_, i) => ({ name: `t${i}`, message: "" }));
    const { details } = judgeTests({ ...evidence, failed }, policy);
    expect([details.length, details.at(-1)]).toEqual([50, "and 31 more"]);
  });
});
