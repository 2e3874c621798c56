import { err, ok, type Result } from "../../shared/result.ts";
import type { Finding, Severity } from "./findings.ts";
import { firstLine } from "./tests.ts";
import { type JsonObject, listOf, numberOf, objectOf, textOf } from "./unknown-json.ts";

/**
 * Findings of a SARIF 2.1.0 log. Left out is what the log itself calls no problem: a result whose kind is not `fail` or
 * `review`, one that is suppressed, one that is absent now. A run that says its tool did not succeed makes the report
 * unreadable: what was not looked at is not clean.
 * Source: OASIS SARIF 2.1.0, sections 3.14 (run), 3.20.14 (executionSuccessful), 3.27 (result), 3.35 (suppression);
 * severity by GitHub's `security-severity` (a CVSS score) where a rule has one.
 */
export function readSarif(report: unknown): Result<readonly Finding[], string> {
  const { version, runs } = objectOf(report);
  if (!Array.isArray(runs)) return err("is no SARIF log: it has no list `runs`.");
  if (version !== "2.1.0") return err(`is SARIF ${textOf(version) || "of no version"}; 2.1.0 can be read.`);
  if (runs.length === 0) return err("has no run: no tool has looked at anything.");
  const findings: Finding[] = [];
  for (const run of runs.map(objectOf)) {
    const driver = objectOf(objectOf(run.tool).driver);
    const tool = textOf(driver.name) || "unnamed tool";
    const failed = listOf(run.invocations)
      .map(objectOf)
      .find((one) => one.executionSuccessful === false);
    if (failed) return err(`says that ${tool} did not run to its end: ${whyNot(failed)}`);
    const rules = rulesOf(run, driver);
    for (const result of listOf(run.results).map(objectOf))
      if (isProblem(result)) findings.push(findingOf(tool, result, rules));
  }
  return ok(findings);
}

const whyNot = (invocation: JsonObject): string =>
  textOf(invocation.exitCodeDescription) ||
  textOf(objectOf(objectOf(listOf(invocation.toolExecutionNotifications)[0]).message).text) ||
  "it does not say why.";

/** Rules of the tool and of its extensions; a result names its rule by id, or by place in the driver's list. */
function rulesOf(run: JsonObject, driver: JsonObject): { byId: Map<string, JsonObject>; inOrder: JsonObject[] } {
  const inOrder = listOf(driver.rules).map(objectOf);
  const others = listOf(objectOf(run.tool).extensions).flatMap((one) => listOf(objectOf(one).rules).map(objectOf));
  return { inOrder, byId: new Map([...others, ...inOrder].map((rule) => [textOf(rule.id), rule])) };
}

function isProblem(result: JsonObject): boolean {
  const kind = textOf(result.kind) || "fail";
  if (kind !== "fail" && kind !== "review") return false;
  if (result.baselineState === "absent") return false;
  // Accepted, or without a status, which means the same (3.35.3); under review or rejected, it still stands.
  return !listOf(result.suppressions).some((one) => ["", "accepted"].includes(textOf(objectOf(one).status)));
}

function findingOf(tool: string, result: JsonObject, rules: ReturnType<typeof rulesOf>): Finding {
  const named = textOf(result.ruleId) || textOf(objectOf(result.rule).id);
  const index = numberOf(result.ruleIndex) ?? numberOf(objectOf(result.rule).index) ?? -1;
  // A result may name a part of a rule: "CA1000/1" (3.27.5).
  const rule = rules.byId.get(named) ?? rules.byId.get(named.split("/")[0] ?? "") ?? rules.inOrder[index] ?? {};
  const id = named || textOf(rule.id) || "unnamed rule";
  const location = objectOf(objectOf(listOf(result.locations)[0]).physicalLocation);
  const path = textOf(objectOf(location.artifactLocation).uri);
  const line = numberOf(objectOf(location.region).startLine);
  const place = path ? `${path}${line === null ? "" : `:${line}`}` : "";
  const message =
    firstLine(textOf(objectOf(result.message).text)) || firstLine(textOf(objectOf(rule.shortDescription).text));
  // A fingerprint outlives moves of lines; without one the place and the message must do.
  const prints = Object.entries({ ...objectOf(result.partialFingerprints), ...objectOf(result.fingerprints) });
  const print = prints
    .map(([name, value]) => `${name}=${textOf(value)}`)
    .sort()
    .join(",");
  return {
    key: [tool, id, path, print || `${line ?? ""} ${message}`].join("|"),
    tool,
    rule: id,
    severity: severityOf(result, rule),
    message,
    place,
  };
}

/** CVSS v3.1's qualitative scale (section 5): 9.0 critical, 7.0 high, 4.0 medium. Without a score by level. */
function severityOf(result: JsonObject, rule: JsonObject): Severity {
  const score =
    numberOf(objectOf(result.properties)["security-severity"]) ??
    numberOf(objectOf(rule.properties)["security-severity"]);
  if (score !== null) return score >= 9 ? "critical" : score >= 7 ? "high" : score >= 4 ? "medium" : "low";
  const level = textOf(result.level) || textOf(objectOf(rule.defaultConfiguration).level) || "warning";
  return level === "error" ? "high" : level === "warning" ? "medium" : "low";
}
