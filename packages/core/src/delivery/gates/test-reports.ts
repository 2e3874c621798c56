import { err, ok, type Result } from "../../shared/result.ts";
import { firstLine, type TestEvidence, type TestFailure } from "./tests.ts";
import { isObject, type JsonObject, listOf, numberOf, objectOf, textOf } from "./unknown-json.ts";
import { childrenOf, descendantsOf, type XmlElement } from "./xml-element.ts";

interface Growing {
  passed: number;
  failed: TestFailure[];
  skipped: number;
  broken: TestFailure[];
  flaky: string[];
}
const nothing = (): Growing => ({ passed: 0, failed: [], skipped: 0, broken: [], flaky: [] });

/**
 * JUnit's XML, as Maven Surefire's schema 3.0 and its many followers write it: suites hold suites, and cases hold
 * `failure`, `error` or `skipped`; `flakyFailure` and `flakyError` mark what passed when it was tried again. The counts in
 * attributes are not believed, as tools fill them differently, but for errors and failures of a suite without cases.
 */
export function readJUnit(root: XmlElement): Result<TestEvidence, string> {
  if (root.name !== "testsuites" && root.name !== "testsuite")
    return err(`is no JUnit report: its root is <${root.name}>, not <testsuites> or <testsuite>.`);
  const found = nothing();
  for (const testcase of descendantsOf(root, "testcase")) readCase(testcase, found);
  for (const suite of [...(root.name === "testsuite" ? [root] : []), ...descendantsOf(root, "testsuite")])
    readBrokenSuite(suite, found);
  return ok(found);
}

function readCase(testcase: XmlElement, found: Growing): void {
  const name = [testcase.attributes.classname, testcase.attributes.name].filter(Boolean).join(" › ") || "unnamed";
  const [bad] = [...childrenOf(testcase, "error"), ...childrenOf(testcase, "failure")];
  if (bad) found.failed.push({ name, message: firstLine(bad.attributes.message || bad.text) });
  else if (childrenOf(testcase, "skipped").length > 0 || testcase.attributes.status === "notrun") found.skipped += 1;
  else {
    found.passed += 1;
    if (testcase.children.some(({ name: kind }) => kind === "flakyFailure" || kind === "flakyError"))
      found.flaky.push(name);
  }
}

/** A suite that names errors and has no case to show for them did not load. */
function readBrokenSuite(suite: XmlElement, found: Growing): void {
  const errors = (numberOf(suite.attributes.errors) ?? 0) + (numberOf(suite.attributes.failures) ?? 0);
  const name = suite.attributes.name || "unnamed suite";
  const own = childrenOf(suite, "error").concat(childrenOf(suite, "failure"));
  const [first] = own;
  if (first) found.broken.push({ name, message: firstLine(first.attributes.message || first.text) });
  else if (errors > 0 && descendantsOf(suite, "testcase").next().done)
    found.broken.push({ name, message: `${errors} errors without a test` });
}

/** The JSON of Vitest and Jest (`--reporter=json`, `--json`), which is one format. */
export function readVitestJson(report: unknown): Result<TestEvidence, string> {
  if (!isObject(report) || !Array.isArray(report.testResults))
    return err("is no Vitest or Jest report: it has no list `testResults`.");
  const found = nothing();
  for (const file of listOf(report.testResults).map(objectOf)) {
    const cases = listOf(file.assertionResults).map(objectOf);
    for (const one of cases) readAssertion(one, found);
    // A file that fails without a failed test has died outside of one: its import, or a hook.
    if (file.status === "failed" && !cases.some((one) => one.status === "failed"))
      found.broken.push({ name: textOf(file.name) || "unnamed file", message: firstLine(textOf(file.message)) });
  }
  // Errors that belong to no file, such as an unhandled rejection.
  if (report.success === false && found.failed.length === 0 && found.broken.length === 0)
    found.broken.push({ name: "the run", message: "it says that it did not succeed" });
  return ok(found);
}

function readAssertion(one: JsonObject, found: Growing): void {
  const name = textOf(one.fullName) || textOf(one.title) || "unnamed";
  if (one.status === "failed") found.failed.push({ name, message: firstLine(textOf(listOf(one.failureMessages)[0])) });
  else if (one.status === "passed") {
    found.passed += 1;
    if ((numberOf(one.invocations) ?? 1) > 1) found.flaky.push(name);
  } else found.skipped += 1;
}

/**
 * Events of `node:test`, one JSON object a line, as a custom reporter of two lines writes them (guide: gates). Suites are
 * no tests: only one that failed without a failed test of its own counts, as broken.
 * Source: Node.js documentation, class TestsStream.
 */
export function readNodeTest(text: string): Result<TestEvidence, string> {
  const found = nothing();
  let events = 0;
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    let event: unknown;
    try {
      event = JSON.parse(line);
    } catch {
      return err(`is no report of node:test: line ${at + 1} is no JSON.`);
    }
    const { type, data } = objectOf(event);
    if (type !== "test:pass" && type !== "test:fail") continue;
    events += 1;
    readNodeEvent(type, objectOf(data), found);
  }
  return events > 0 ? ok(found) : err("is no report of node:test: no line has the type test:pass or test:fail.");
}

function readNodeEvent(type: "test:pass" | "test:fail", data: JsonObject, found: Growing): void {
  const name = textOf(data.name) || "unnamed";
  const details = objectOf(data.details);
  const cause = objectOf(details.error);
  if (details.type === "suite") {
    // A suite that fails because its tests did says so itself.
    if (type === "test:fail" && textOf(cause.failureType) !== "subtestsFailed")
      found.broken.push({ name, message: firstLine(textOf(cause.message)) });
    return;
  }
  const isSkipped = data.skip !== undefined && data.skip !== false;
  const isTodo = data.todo !== undefined && data.todo !== false;
  if (isSkipped || isTodo) found.skipped += 1;
  else if (type === "test:pass") found.passed += 1;
  else if (textOf(cause.failureType) !== "subtestsFailed")
    found.failed.push({ name, message: firstLine(textOf(cause.message)) });
}
