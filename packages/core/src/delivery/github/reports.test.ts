import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ReportFacts, reportsOf } from "./reports.ts";

const facts: ReportFacts = {
  deploymentId: "dep_1",
  service: "shop",
  environment: "production",
  isProduction: true,
  commit: "a".repeat(40),
  status: "rolling_out",
  words: "10 % see it.",
  gates: [
    { name: "tests", status: "passed", required: true },
    { name: "lint", status: "failed", required: false },
  ],
  trafficPercent: 10,
  promoted: false,
  pullRequest: 12,
  url: "http://127.0.0.1:7400/deployments/dep_1",
};

describe("what GitHub is told of a deployment", () => {
  it("is its gates, its state and one comment", () => {
    const { check, deployment, status, comment } = reportsOf(facts);
    expect(check).toMatchObject({ status: "completed", conclusion: "success", title: "1 of 2 gates passed" });
    expect(deployment).toMatchObject({ ref: facts.commit, environment: "production", production: true });
    expect(status.state).toBe("in_progress");
    expect(comment?.body).toContain(
      "**shop** is on its way to **production** (aaaaaaaa). It takes 10 % of the traffic.",
    );
  });

  it.each([
    ["building", null, "in_progress"],
    ["gating", null, "in_progress"],
    ["failed_build", "failure", "failure"],
    ["rolled_back", "success", "failure"],
    ["superseded", "success", "inactive"],
    ["succeeded", "success", "success"],
  ])("%s: the check says %s, the deployment %s", (status, conclusion, state) => {
    const seen = reportsOf({ ...facts, status });
    expect([seen.check?.conclusion, seen.status.state]).toEqual([conclusion, state]);
  });

  it("never takes a required gate that did not pass for a success", () => {
    const status = fc.constantFrom(
      "building",
      "gating",
      "queued",
      "rolling_out",
      "succeeded",
      "superseded",
      "failed_gate",
      "aborted",
    );
    const gate = fc.record({
      name: fc.string(),
      status: fc.constantFrom("waiting", "running", "passed", "failed", "timed_out", "could_not_run"),
      required: fc.boolean(),
    });
    fc.assert(
      fc.property(status, fc.array(gate, { maxLength: 4 }), (of, gates) => {
        const { check } = reportsOf({ ...facts, status: of, gates });
        if (check?.conclusion === "success")
          expect(gates.every((g) => !g.required || g.status === "passed")).toBe(true);
      }),
    );
  });

  it("holds no text of others that could be more than text", () => {
    const gates = [{ name: "x | y\n<!-- --> @acme [a](b)", status: "passed", required: true }];
    const { comment } = reportsOf({ ...facts, gates });
    expect(comment?.body).toContain("x \\| y \\<!-- --\\> \\@acme \\[a\\](b)");
  });
});
