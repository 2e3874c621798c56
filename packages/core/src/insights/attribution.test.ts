import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attributeIncident, CONFIDENCE, COUNTS_FROM, judgeDeployment } from "./attribution.ts";
import {
  type Correction,
  type Deployment,
  deploymentOf,
  type Incident,
  incidentOf,
  LINK_EVIDENCE,
  type Link,
  type LinkEvidence,
  OUTCOMES,
} from "./history.ts";
import type { IncidentRecord } from "./records.ts";

const deployment = (key: string, rest: Partial<Deployment> = {}): Deployment => {
  const made = deploymentOf(key, { service: { value: "leads", atMs: 0, rank: 0 } });
  if (!made) throw new Error("A deployment of a service is one.");
  return { ...made, outcome: "succeeded", exposedAtMs: 100, servedAllAtMs: 200, finishedAtMs: 300, ...rest };
};
const incident = (rest: Partial<Incident> = {}): Incident => ({
  ...incidentOf("i1", {}),
  ...{ startedAtMs: 250, detectedAtMs: 260, resolvedAtMs: 400 },
  ...rest,
});
const link = (key: string, by: LinkEvidence): Link => ({ deployment: key, by, words: "" });
const correction = (key: string, rest: Partial<Correction>): Correction => ({
  ...{ key, claim: "caused_by", deployment: "d1", incident: "i1", reason: "seen", madeAtMs: 1, isWithdrawn: false },
  ...rest,
});
const both = (key: string) => (key === "d1" || key === "d2" ? deployment(key) : null);
const causeOf = (links: readonly Link[], corrections: readonly Correction[] = []) =>
  attributeIncident(incident({ links }), both, corrections).record?.deployment;

describe("what caused an incident", () => {
  it("is what the best evidence names", () => {
    expect(causeOf([link("d1", "revert"), link("d2", "verdict")])).toBe("d2");
    expect(attributeIncident(incident({ links: [link("d1", "verdict")] }), both, []).record).toMatchObject({
      ...{ deployment: "d1", by: "verdict", confidence: CONFIDENCE.verdict, atMs: 250 },
    });
  });
  it("is nothing where only the clock, an alert or what was served speaks for it", () => {
    expect(causeOf([])).toBeNull();
    expect(causeOf([link("d1", "alert")])).toBeNull();
    expect(causeOf([link("d1", "artifact"), link("d1", "alert")])).toBeNull();
    const counting = LINK_EVIDENCE.filter((by) => CONFIDENCE[by] >= COUNTS_FROM);
    expect(counting).toEqual(["person", "verdict", "stated", "burn", "revert"]);
  });
  it("is what a person said last", () => {
    const links = [link("d1", "verdict"), link("d2", "stated")];
    const not = correction("c1", { claim: "not_caused_by" });
    expect(causeOf(links, [not])).toBe("d2");
    expect(causeOf(links, [{ ...not, isWithdrawn: true }])).toBe("d1");
    expect(causeOf(links, [not, correction("c2", { madeAtMs: 2 })])).toBe("d1");
    expect(causeOf(links, [correction("c2", { madeAtMs: 2 }), { ...not, madeAtMs: 3 }])).toBe("d2");
    expect(causeOf([], [correction("c3", { deployment: "d2" }), correction("c4", { incident: "i2" })])).toBe("d2");
  });
  it("is no deployment that isn't known, that nobody met, or that came after it all", () => {
    const named = attributeIncident(incident({ links: [link("gone", "stated"), link("d1", "revert")] }), both, []);
    expect(named.record?.deployment).toBe("d1");
    expect(named.conflicts).toMatchObject([{ kind: "unknown_deployment", subject: "i1", other: "gone" }]);
    const of = (rest: Partial<Deployment>) =>
      attributeIncident(incident({ links: [link("d1", "stated")] }), (key) => deployment(key, rest), []);
    expect(of({ outcome: "gate_rejected" }).record?.deployment).toBeNull();
    expect(of({ exposedAtMs: 401 })).toMatchObject({
      record: { deployment: null },
      conflicts: [{ kind: "ended_before_begun" }],
    });
  });
  it("does not hang on the order in which links and corrections are told", () => {
    const links = fc.array(fc.tuple(fc.constantFrom("d1", "d2", "d3"), fc.constantFrom(...LINK_EVIDENCE)));
    const said = fc.array(
      fc.tuple(
        fc.constantFrom("d1", "d2"),
        fc.constantFrom<Correction["claim"]>("caused_by", "not_caused_by"),
        fc.nat(3),
      ),
    );
    fc.assert(
      fc.property(links, said, (given, claims) => {
        const all = given.map(([key, by]) => link(key, by));
        const corrections = claims.map(([key, claim, madeAtMs], i) =>
          correction(`c${i}`, { deployment: key, claim, madeAtMs }),
        );
        expect(causeOf(all.toReversed(), corrections.toReversed())).toBe(causeOf(all, corrections));
        expect(causeOf([...all, ...all], [...corrections, ...corrections])).toBe(causeOf(all, corrections));
      }),
    );
  });
  it("has no record without any time, and tells when it ended before it was seen", () => {
    const never = { startedAtMs: null, detectedAtMs: null, resolvedAtMs: null };
    expect(attributeIncident(incident(never), both, []).record).toBeNull();
    expect(attributeIncident(incident({ resolvedAtMs: 255 }), both, []).conflicts).toMatchObject([
      { kind: "resolved_before_detected", subject: "i1" },
    ]);
  });
});

const caused = (key: string, resolvedAtMs: number | null): IncidentRecord => ({
  ...{ key, service: "leads", environment: "production", atMs: 250, detectedAtMs: 260, resolvedAtMs },
  ...{ deployment: "d1", by: "verdict", confidence: 0.95 },
});
const judge = (rest: Partial<Deployment> = {}, around: Partial<Parameters<typeof judgeDeployment>[1]> = {}) =>
  judgeDeployment(deployment("d1", rest), { incidents: [], remediedBy: [], corrections: [], ...around });
const hotfix = (rest: Partial<Deployment> = {}) =>
  deployment("d2", { kind: "hotfix", remedies: "d1", exposedAtMs: 480, servedAllAtMs: 500, ...rest });

describe("a deployment", () => {
  it("counts when visitors met it, and only then", () => {
    const counted = OUTCOMES.filter((outcome) => judge({ outcome, exposedAtMs: null }).record !== null);
    expect(counted).toEqual(["canary_aborted", "soaking", "succeeded", "rolled_back", "failed"]);
    expect(judge({ outcome: "running" }).record).toMatchObject({ isSettled: false, failure: null });
    expect(judge({ outcome: "soaking" }).record).toMatchObject({ isSettled: false });
    expect(judge({ exposedAtMs: null, servedAllAtMs: null, finishedAtMs: null }).record).toBeNull();
  });
  it("that is well did not fail and has nothing to recover from", () =>
    expect(judge().record).toMatchObject({
      ...{ atMs: 200, isSettled: true, failure: null, failedAtMs: null, detectedAtMs: null, recoveredAtMs: null },
      ...{ isRework: false, isExcluded: false },
    }));
  it("that the canary aborted failed from its first visitors on", () =>
    expect(
      judge({ outcome: "canary_aborted", servedAllAtMs: null, detectedAtMs: 120, recoveredAtMs: 130 }).record,
    ).toMatchObject({ failure: "canary_aborted", failedAtMs: 100, detectedAtMs: 120, recoveredAtMs: 130, atMs: 300 }));
  it("failed once, however many incidents it caused, and is well when the last of them is over", () => {
    const two = judge({}, { incidents: [caused("i2", 700), caused("i1", 400)], remediedBy: [hotfix()] }).record;
    expect(two).toMatchObject({ failure: "incident", incidents: ["i1", "i2"], detectedAtMs: 260, recoveredAtMs: 700 });
    expect(judge({}, { incidents: [caused("i1", 400)] }).record?.recoveredAtMs).toBe(400);
    expect(judge({}, { incidents: [caused("i1", 400), caused("i2", null)] }).record?.recoveredAtMs).toBeNull();
    expect(judge({ recoveredAtMs: 600 }, { incidents: [caused("i1", 400)] }).record?.recoveredAtMs).toBe(600);
  });
  it("that a hotfix mends failed, and recovers when the hotfix serves everybody", () => {
    expect(judge({}, { remediedBy: [hotfix()] }).record).toMatchObject({ failure: "hotfixed", recoveredAtMs: 500 });
    expect(judge({}, { remediedBy: [hotfix({ kind: "rollback" })] }).record?.failure).toBe("rolled_back");
    const running = hotfix({ outcome: "running", exposedAtMs: null, servedAllAtMs: null });
    expect(judge({}, { remediedBy: [running] }).record).toMatchObject({ failure: "hotfixed", recoveredAtMs: null });
    expect(judge({}, { remediedBy: [hotfix({ outcome: "gate_rejected" })] }).record?.failure).toBeNull();
    expect(judge({}, { remediedBy: [hotfix({ outcome: "rolled_back" })] }).record?.recoveredAtMs).toBeNull();
    expect(judge({}, { remediedBy: [hotfix({ kind: "planned" })] }).record?.failure).toBeNull();
  });
  it("is rework when it mends what failed, or a person says so", () => {
    const isRework = (rest: Partial<Deployment>, claim?: Correction["claim"]) =>
      judge(rest, { corrections: claim ? [correction("c1", { claim, incident: null })] : [] }).record?.isRework;
    expect(isRework({ kind: "hotfix", remedies: "d0" })).toBe(true);
    expect(isRework({ kind: "rollback", remedies: "d0" })).toBe(true);
    expect(isRework({ kind: "hotfix" })).toBe(false);
    expect(isRework({ kind: "redeploy", remedies: "d0" })).toBe(false);
    expect(isRework({}, "rework")).toBe(true);
    expect(isRework({ kind: "hotfix", remedies: "d0" }, "planned")).toBe(false);
  });
  it("is what a person says of it", () => {
    const said = (claim: Correction["claim"], rest: Partial<Deployment> = {}) =>
      judge(rest, { corrections: [correction("c1", { claim, incident: null })] }).record;
    expect(said("failure")).toMatchObject({ failure: "said", failedAtMs: 100 });
    expect(said("failure", { outcome: "rolled_back" })?.failure).toBe("rolled_back");
    expect(said("no_failure", { outcome: "rolled_back" })).toMatchObject({ failure: null, failedAtMs: null });
    expect(said("excluded")?.isExcluded).toBe(true);
    const ofAnother = [correction("c1", { claim: "failure", deployment: "d9" })];
    expect(judge({}, { corrections: ofAnother }).record?.failure).toBeNull();
  });
  it("that is said to have recovered before it met visitors has no recovery, and it is told", () =>
    expect(judge({ outcome: "rolled_back", recoveredAtMs: 50 })).toMatchObject({
      record: { failure: "rolled_back", recoveredAtMs: null },
      conflicts: [{ kind: "ended_before_begun", subject: "d1" }],
    }));
});
