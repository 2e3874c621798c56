import { describe, expect, it } from "vitest";
import { figure } from "../../bench/figure.ts";
import { judgedOf, judgedTable } from "./judge.ts";
import { FAULTS, readOptions } from "./options.ts";
import { type Outcome, progress } from "./rehearsal.ts";
import { tableOf, wrap } from "./table.ts";

describe("options of the demo", () => {
  it("ship everything unless told otherwise", () => {
    expect(readOptions([])).toMatchObject({ faults: FAULTS, json: false, keep: false, url: null });
    expect(readOptions(["--only", "errors=5%,leak", "--json", "--rate", "8"])).toMatchObject({
      faults: ["errors=5%", "leak"],
      json: true,
      sessionsPerSecond: 8,
    });
  });
  it.each([["--nonsense"], ["--only"], ["--rate", "fast"]])("refuses %s", (...args) => {
    expect(typeof readOptions(args)).toBe("string");
  });
});

const outcome: Outcome = {
  fault: "errors=5%",
  release: 3,
  deploymentId: "dep_1",
  rolloutId: "rol_1",
  outcome: "rolled_back",
  right: true,
  why: "Harm: failed requests: 12.8 % on the canary, 0.00 % on the current release. (5 of 39 canary requests failed.)",
  secondsToVerdict: 4.26,
  canaryRequests: 39,
  usersTouched: 5,
  usersOnCanary: 21,
};

describe("what the demo says", () => {
  it("is a table whose lines fit a terminal", () => {
    const text = tableOf([
      outcome,
      { ...outcome, fault: "none", outcome: "held", right: false, secondsToVerdict: null },
    ]);
    expect(text).toContain("rolled back");
    expect(text).toContain("held (WRONG)");
    expect(text).toContain("5 of 21");
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(130);
  });
  it("wraps words without losing any", () => {
    expect(wrap(outcome.why, 30).join(" ")).toBe(outcome.why);
  });
  it("is one line per change of state: figures alone are none", () => {
    const deployment = { status: "rolling_out" as const, words: "" };
    const next = { at: null, words: "Promotion once it is proved safe." };
    const rollout = { state: "progressing" as const, trafficPercent: 50, next, report: null, acknowledged: true };
    const more = {
      ...rollout,
      next: { at: null, words: "Promotion once it is proved safe and 20 more canary requests." },
    };
    expect(progress(deployment, rollout).key).toBe(progress(deployment, more).key);
    expect(progress(deployment, { ...rollout, trafficPercent: 10 }).key).not.toBe(progress(deployment, rollout).key);
  });
});

describe("the judge's demo", () => {
  it("ships each of its releases so often, round by round", () => {
    const options = readOptions(["--judge", "--runs", "2", "--only", "none,leak"]);
    expect(options).toMatchObject({ judge: true, faults: ["none", "leak", "none", "leak"] });
    expect(typeof readOptions(["--judge", "--runs", "1.5"])).toBe("string");
  });
  it("tells how many verdicts were right, and their median time", () => {
    const runs = [8, 4, 6].map((secondsToVerdict) => ({ ...outcome, secondsToVerdict }));
    const rows = judgedOf([
      ...runs,
      { ...outcome, fault: "none", outcome: "held", right: false, secondsToVerdict: null },
    ]);
    expect(rows[0]).toMatchObject({ fault: "errors=5%", runs: 3, right: 3, medianSeconds: 6, slowestSeconds: 8 });
    expect(rows[1]).toMatchObject({ fault: "none", right: 0, medianSeconds: null });
    expect(judgedTable(rows)).toContain("healthy: promoted");
  });
});

describe("a figure of the bench", () => {
  it("holds when each of its goals does", () => {
    expect(figure("a", 99, "ms", { below: 100 })).toMatchObject({ holds: true, goal: "< 100", ratio: null });
    expect(figure("a", 101, "ms", { below: 100 }).holds).toBe(false);
    const peer = { name: "HAProxy", value: 200 };
    expect(figure("a", 50, "requests/s", { peer, ratioAtLeast: 0.5 })).toMatchObject({ ratio: 0.25, holds: false });
    expect(figure("a", 50, "requests/s", { peer })).toMatchObject({ goal: null, holds: true });
  });
});
