import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Commit, commitOf, type Deployment, deploymentOf, type PullRequest, pullRequestOf } from "./history.ts";
import { type ChangeLookup, leadsOf } from "./leads.ts";
import { LEAD_STAGES } from "./records.ts";

const HOUR = 3_600_000;
const commit = (key: string, rest: Partial<Commit> = {}): Commit => ({ ...commitOf(key, {}), ...rest });
const pull = (key: string, rest: Partial<PullRequest> = {}): PullRequest => ({ ...pullRequestOf(key, {}), ...rest });
const deployment = (rest: Partial<Deployment> = {}): Deployment => {
  const made = deploymentOf("d1", { service: { value: "leads", atMs: 0, rank: 0 } });
  if (!made) throw new Error("A deployment of a service is one.");
  return {
    ...made,
    ...{ outcome: "succeeded", gatesStartedAtMs: 10 * HOUR, startedAtMs: 11 * HOUR, exposedAtMs: 11 * HOUR },
    ...{ tenPercentAtMs: 12 * HOUR, servedAllAtMs: 14 * HOUR, commits: ["s1"] },
    ...rest,
  };
};
const knowing = (commits: readonly Commit[], pulls: readonly PullRequest[] = []): ChangeLookup => ({
  commit: (sha) => commits.find((c) => c.key === sha) ?? null,
  pullOf: (sha) => pulls.find((p) => p.mergeCommit === sha || p.commits.includes(sha)) ?? null,
});

const SQUASHED = pull("shop#1", { openedAtMs: 5 * HOUR, mergedAtMs: 8 * HOUR, mergeCommit: "s1", commits: ["a", "b"] });
const OWN = [commit("a", { authoredAtMs: 2 * HOUR }), commit("b", { authoredAtMs: 6 * HOUR })];

describe("lead times", () => {
  it("run from the first commit of the pull request, and split into stages that add up", () => {
    const { leads, conflicts } = leadsOf(deployment(), knowing(OWN, [SQUASHED]));
    expect(conflicts).toEqual([]);
    expect(leads).toEqual([
      expect.objectContaining({
        ...{ change: "shop#1", leadMs: 12 * HOUR, openedLeadMs: 9 * HOUR },
        stages: { coding: 3 * HOUR, review: 3 * HOUR, queue: 2 * HOUR, gates: HOUR, canary: 3 * HOUR },
        ...{ toTenPercentMs: HOUR, toAllMs: 3 * HOUR },
      }),
    ]);
  });
  it("are the same whether a pull request was squashed, rebased or merged", () => {
    const merged = [...OWN, commit("s1", { isMerge: true, authoredAtMs: 8 * HOUR })];
    const squash = leadsOf(deployment(), knowing(OWN, [SQUASHED])).leads;
    const merge = leadsOf(deployment({ commits: ["a", "b", "s1"] }), knowing(merged, [SQUASHED])).leads;
    const rebase = leadsOf(
      deployment({ commits: ["a2", "s1"] }),
      knowing([...OWN, commit("a2"), commit("s1")], [{ ...SQUASHED, commits: ["a", "b", "a2"] }]),
    ).leads;
    expect(merge).toEqual(squash);
    expect(rebase).toEqual(squash);
  });
  it("of a commit without a pull request run from when it was written, and wait from when it was committed", () => {
    const alone = commit("s1", { authoredAtMs: 7 * HOUR, committedAtMs: 9 * HOUR });
    const [lead] = leadsOf(deployment(), knowing([alone])).leads;
    expect(lead).toMatchObject({ change: "s1", leadMs: 7 * HOUR, openedLeadMs: null });
    expect(lead?.stages).toMatchObject({ coding: null, review: null, queue: HOUR, gates: HOUR });
  });
  it("without gates wait for the rollout", () => {
    const [lead] = leadsOf(deployment({ gatesStartedAtMs: null }), knowing(OWN, [SQUASHED])).leads;
    expect(lead?.stages).toMatchObject({ queue: 3 * HOUR, gates: null, canary: 3 * HOUR });
  });
  it("are not known where squashing took the commits away and nobody has told of them", () => {
    const bare = { ...SQUASHED, commits: [] };
    const { leads } = leadsOf(deployment(), knowing([commit("s1", { authoredAtMs: 8 * HOUR })], [bare]));
    expect(leads[0]).toMatchObject({ leadMs: null, openedLeadMs: 9 * HOUR });
    const early = leadsOf(deployment(), knowing([commit("s1", { authoredAtMs: 4 * HOUR })], [bare]));
    expect(early.leads[0]).toMatchObject({ leadMs: 10 * HOUR });
  });
  it.each<[string, Partial<Deployment>]>([
    ["that served a part only", { servedAllAtMs: null, outcome: "canary_aborted" }],
    ["of a test environment", { isProduction: false }],
    ["that a gate rejected", { outcome: "gate_rejected" }],
    ["that goes back", { kind: "rollback" }],
    ["that is the first of all", { commits: null }],
  ])("are none of a deployment %s", (_, rest) =>
    expect(leadsOf(deployment(rest), knowing(OWN, [SQUASHED]))).toEqual({ leads: [], conflicts: [] }),
  );
  it("leave merge commits out, which bring no change of their own", () => {
    const known = [commit("s1", { authoredAtMs: HOUR }), commit("m", { isMerge: true, authoredAtMs: HOUR })];
    expect(leadsOf(deployment({ commits: ["s1", "m"] }), knowing(known)).leads.map((l) => l.change)).toEqual(["s1"]);
  });
});

describe("what contradicts itself", () => {
  it("a commit written after its merge has no lead time, and is told", () => {
    const { leads, conflicts } = leadsOf(
      deployment(),
      knowing([commit("a", { authoredAtMs: 9 * HOUR })], [{ ...SQUASHED, commits: ["a"] }]),
    );
    expect(leads[0]).toMatchObject({ leadMs: null, openedLeadMs: 9 * HOUR });
    expect(leads[0]?.stages).toMatchObject({ coding: null, review: 3 * HOUR });
    expect(conflicts.map((c) => c.kind)).toEqual(["authored_after_merged"]);
  });
  it("a merge after the deployment has no queue, and is told", () => {
    const { leads, conflicts } = leadsOf(deployment(), knowing(OWN, [{ ...SQUASHED, mergedAtMs: 13 * HOUR }]));
    expect(leads[0]?.stages.queue).toBeNull();
    expect(conflicts.map((c) => c.kind)).toEqual(["merged_after_deployed"]);
  });
  it("commits of which nobody has told are named", () => {
    expect(leadsOf(deployment(), knowing([]))).toMatchObject({
      leads: [],
      conflicts: [{ kind: "unknown_commit", subject: "s1", other: "d1" }],
    });
    const half = leadsOf(deployment(), knowing(OWN.slice(0, 1), [SQUASHED]));
    expect(half.leads[0]).toMatchObject({ leadMs: null, openedLeadMs: 9 * HOUR });
    expect(half.conflicts).toMatchObject([{ kind: "unknown_commit", subject: "b", other: "shop#1" }]);
  });
  it("never makes a negative duration, and stages add up where all are known", () => {
    const time = fc.option(fc.integer({ min: 0, max: 1000 }), { nil: null });
    fc.assert(
      fc.property(fc.tuple(time, time, time, time, time, time, time, time), (times) => {
        const [authoredAtMs, openedAtMs, mergedAtMs, gatesStartedAtMs, startedAtMs, exposedAtMs, ten, all] = times;
        const { leads } = leadsOf(
          deployment({ gatesStartedAtMs, startedAtMs, exposedAtMs, tenPercentAtMs: ten, servedAllAtMs: all }),
          knowing([commit("a", { authoredAtMs })], [{ ...SQUASHED, openedAtMs, mergedAtMs, commits: ["a"] }]),
        );
        for (const lead of leads) {
          const parts = LEAD_STAGES.map((stage) => lead.stages[stage]);
          const durations = [...parts, lead.leadMs, lead.openedLeadMs, lead.toTenPercentMs, lead.toAllMs];
          for (const duration of durations) expect(duration ?? 0).toBeGreaterThanOrEqual(0);
          if (parts.every((part) => part !== null))
            expect(parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)).toBe(lead.leadMs);
        }
      }),
    );
  });
});
