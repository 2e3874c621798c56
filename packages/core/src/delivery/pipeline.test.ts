import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PipelineFacts, progressOf, STAGES } from "./pipeline.ts";

const NOW = 1_000_000;
const merged: PipelineFacts = {
  change: { state: "merged", hasPullRequest: true, openedAtMs: 100_000, mergedAtMs: 400_000, deployedAtMs: null },
  checks: [{ name: "tests", status: "completed", conclusion: "success", startedAtMs: 110_000, completedAtMs: 200_000 }],
  changesRequested: 0,
  deployment: null,
  rollout: null,
  machine: null,
  rolloutStartedAtMs: null,
  promotedAtMs: null,
  obstacle: null,
  nowMs: NOW,
};
const gate = { name: "unit tests", status: "passed", required: true, startedAtMs: 450_000, finishedAtMs: 500_000 };
const deployment = {
  status: "rolling_out",
  words: "10 % see it.",
  createdAtMs: 410_000,
  finishedAtMs: null,
  gates: [gate],
};
const statesOf = (facts: PipelineFacts) => progressOf(facts).stages.map((s) => `${s.name} ${s.state}`);
const timeOf = (facts: PipelineFacts, name: string) =>
  progressOf(facts).stages.find((s) => s.name === name)?.durationMs;

describe("where a change is", () => {
  it("open, with a failing check, is blocked by that check's name", () => {
    const checks = [{ name: "lint", status: "completed", conclusion: "failure", startedAtMs: 1, completedAtMs: 2 }];
    const seen = progressOf({ ...merged, change: { ...merged.change, state: "open", mergedAtMs: null }, checks });
    expect([seen.blockedBy, seen.over, seen.stage]).toEqual(["Failed: lint.", false, "checks"]);
  });

  it("merged, and nobody can fetch it: says why", () => {
    const seen = progressOf({ ...merged, obstacle: "main of acme/shop could not be fetched: no route" });
    expect([seen.stage, seen.blockedBy]).toEqual(["merged", "main of acme/shop could not be fetched: no route"]);
  });

  it("in its canary, with the time that each stage took", () => {
    const facts = {
      ...merged,
      deployment,
      rollout: { state: "progressing" as const, trafficPercent: 10 },
      rolloutStartedAtMs: 600_000,
    };
    expect(statesOf(facts)).toEqual([
      "open done",
      "checks done",
      "merged done",
      "building done",
      "gating done",
      "queued done",
      "canary running",
      "production waiting",
    ]);
    expect(["open", "checks", "merged", "building", "gating", "queued", "canary"].map((s) => timeOf(facts, s))).toEqual(
      [300_000, 90_000, 10_000, 40_000, 50_000, 100_000, 400_000],
    );
    expect(progressOf(facts)).toMatchObject({ stage: "canary", trafficPercent: 10, blockedBy: null, over: false });
  });

  it("failed at a gate: over, blocked by it, and nothing after it has begun", () => {
    const failed = {
      ...deployment,
      status: "failed_gate",
      words: 'The gate "unit tests" failed.',
      finishedAtMs: 500_000,
    };
    const seen = progressOf({ ...merged, deployment: failed });
    expect([seen.stage, seen.blockedBy, seen.over]).toEqual(["gating", 'The gate "unit tests" failed.', true]);
    expect(statesOf({ ...merged, deployment: failed }).slice(-3)).toEqual([
      "queued waiting",
      "canary waiting",
      "production waiting",
    ]);
  });

  it("in production once it was promoted, and no more once it was taken back", () => {
    const facts = {
      ...merged,
      deployment: { ...deployment, status: "holdback" },
      rollout: { state: "holdback" as const, trafficPercent: 95 },
      rolloutStartedAtMs: 600_000,
      promotedAtMs: 800_000,
    };
    expect(progressOf(facts)).toMatchObject({ stage: "production", over: true, blockedBy: null });
    const back = {
      ...facts,
      deployment: { ...deployment, status: "rolled_back", words: "Harm.", finishedAtMs: 900_000 },
    };
    expect(progressOf(back)).toMatchObject({ stage: "canary", blockedBy: "Harm.", over: true });
  });
});

describe("any facts", () => {
  const time = fc.option(fc.integer({ min: 0, max: NOW }));
  const facts: fc.Arbitrary<PipelineFacts> = fc.record({
    change: fc.record({
      state: fc.constantFrom("open", "merged", "closed"),
      hasPullRequest: fc.boolean(),
      openedAtMs: time,
      mergedAtMs: time,
      deployedAtMs: time,
    }),
    checks: fc.array(
      fc.record({
        name: fc.string(),
        status: fc.constantFrom("queued", "in_progress", "completed"),
        conclusion: fc.option(fc.constantFrom("success", "failure", "neutral")),
        startedAtMs: time,
        completedAtMs: time,
      }),
      { maxLength: 3 },
    ),
    changesRequested: fc.integer({ min: 0, max: 2 }),
    deployment: fc.option(
      fc.record({
        status: fc.constantFrom(
          "building",
          "gating",
          "queued",
          "starting",
          "rolling_out",
          "holdback",
          "succeeded",
          "rolled_back",
          "failed_build",
          "failed_gate",
          "failed_start",
          "aborted",
          "superseded",
          "unchanged",
        ),
        words: fc.string(),
        createdAtMs: fc.integer({ min: 0, max: NOW }),
        finishedAtMs: time,
        gates: fc.array(
          fc.record({
            name: fc.string(),
            status: fc.constant("passed"),
            required: fc.boolean(),
            startedAtMs: time,
            finishedAtMs: time,
          }),
          { maxLength: 2 },
        ),
      }),
    ),
    rollout: fc.option(
      fc.record({
        state: fc.constantFrom("starting", "progressing", "holdback"),
        trafficPercent: fc.integer({ min: 0, max: 100 }),
      }),
    ),
    machine: fc.constant(null),
    rolloutStartedAtMs: time,
    promotedAtMs: time,
    obstacle: fc.option(fc.string()),
    nowMs: fc.constant(NOW),
  });

  it("have one stage of each kind, in order, and no negative time", () => {
    fc.assert(
      fc.property(facts, (given) => {
        const seen = progressOf(given);
        expect(seen.stages.map((s) => s.name)).toEqual(STAGES);
        expect(STAGES).toContain(seen.stage);
        for (const s of seen.stages) expect(s.durationMs ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("that are in production are blocked by nothing", () => {
    fc.assert(
      fc.property(facts, (given) => {
        const seen = progressOf(given);
        if (seen.stages.at(-1)?.state === "done") expect(seen.blockedBy).toBeNull();
      }),
    );
  });
});
