import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { automationOf, type DeploymentFacts, whoActed } from "./automation.ts";

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 31, 12);
const FROM = Date.UTC(2026, 0, 2);
let n = 0;
const deployment = (change: Partial<DeploymentFacts> = {}): DeploymentFacts => ({
  ...{ id: `dep_${++n}`, service: "leads", endedAtMs: NOW - DAY_MS, status: "succeeded", tookVisitors: true },
  ...{ byMachine: true, approvals: 0, waivers: 0, overridden: false, actedOn: false, leftLater: false, gates: [] },
  ...change,
});
const gate = (kind: string, status: string, required = true) => ({ name: kind, kind, status, required });
const of = (...deployments: DeploymentFacts[]) => automationOf(deployments, FROM, NOW, 50);

describe("automation", () => {
  it("counts what a machine asked for and nobody acted on", () => {
    const acted: Partial<DeploymentFacts>[] = [
      { byMachine: false },
      { approvals: 1 },
      { waivers: 1 },
      { overridden: true },
      { actedOn: true },
    ];
    for (const change of acted) expect(whoActed(deployment(change))).toHaveLength(1);
    const { coverage, exceptions } = of(deployment(), ...acted.map(deployment));
    expect(coverage).toEqual({ count: 1, of: 6, ratio: 1 / 6, goal: 0.9, holds: false });
    expect(exceptions.map(({ kind }) => kind)).toEqual(["attended", "attended", "attended", "attended", "attended"]);
  });

  it("counts as failed what production was taken back from, then or later, and not what gates refused", () => {
    const { failed, reliability } = of(
      deployment(),
      deployment({ status: "rolled_back" }),
      deployment({ leftLater: true }),
      deployment({ status: "failed_gate", tookVisitors: false, gates: [gate("tests", "failed")] }),
      deployment({ status: "failed_start", tookVisitors: false }),
    );
    expect(failed).toMatchObject({ count: 2, of: 3, holds: false });
    expect(reliability).toMatchObject({ count: 5, of: 5, holds: true });
  });

  it("blames the pipeline for gates that checked nothing, and not for people who took their time", () => {
    const refused = (of: ReturnType<typeof gate>) =>
      deployment({ status: "failed_gate", tookVisitors: false, gates: [of] });
    const { reliability, exceptions } = of(
      refused(gate("tests", "could_not_run")),
      refused(gate("command", "timed_out")),
      refused(gate("approval", "timed_out")),
      refused(gate("coverage", "could_not_run", false)),
    );
    expect(reliability).toMatchObject({ count: 2, of: 4 });
    expect(exceptions.map(({ words }) => words).sort()).toEqual(["Could not run: command.", "Could not run: tests."]);
  });

  it("of nothing is no share, and holds nothing", () => {
    const report = of(deployment({ status: "unchanged" }), deployment({ status: "superseded" }));
    for (const share of [report.coverage, report.failed, report.reliability])
      expect(share).toMatchObject({ count: 0, of: 0, ratio: null, holds: null });
    expect(report.days).toHaveLength(30);
  });

  it("adds up: the days to the whole, and no share beyond it", () => {
    const any = fc.record({
      status: fc.constantFrom("succeeded", "rolled_back", "failed_gate", "aborted", "unchanged"),
      tookVisitors: fc.boolean(),
      byMachine: fc.boolean(),
      leftLater: fc.boolean(),
      actedOn: fc.boolean(),
      endedAtMs: fc.integer({ min: FROM, max: NOW }),
      gates: fc.subarray([gate("tests", "could_not_run"), gate("approval", "timed_out"), gate("command", "failed")]),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), (changes) => {
        const report = of(...changes.map(deployment));
        const sum = (name: "deployments" | "automatic" | "failed" | "ended" | "broken") =>
          report.days.reduce((total, day) => total + day[name], 0);
        expect([sum("automatic"), sum("deployments")]).toEqual([report.coverage.count, report.coverage.of]);
        expect([sum("failed"), sum("deployments")]).toEqual([report.failed.count, report.failed.of]);
        expect([sum("ended") - sum("broken"), sum("ended")]).toEqual([report.reliability.count, report.reliability.of]);
        for (const { count, of: all } of [report.coverage, report.failed, report.reliability])
          expect(count).toBeLessThanOrEqual(all);
      }),
    );
  });
});
