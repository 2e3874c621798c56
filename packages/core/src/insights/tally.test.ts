import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DeploymentRecord, IncidentRecord, LeadRecord } from "./records.ts";
import { addDeployment, addIncident, addLead, emptyTally, mergeTallies, tallyFromJson, tallyToJson } from "./tally.ts";
import {
  anyDeployment,
  anyIncident,
  anyLead,
  deploymentRecord,
  incidentRecord,
  leadRecord,
} from "./testing/records.ts";

type History = [DeploymentRecord[], LeadRecord[], IncidentRecord[]];
const anyHistory: fc.Arbitrary<History> = fc.tuple(
  ...([fc.array(anyDeployment), fc.array(anyLead), fc.array(anyIncident)] as const),
);
function tallyOf([deployments, leads, incidents]: History, exactUpTo?: number) {
  const tally = emptyTally(exactUpTo);
  for (const record of deployments) addDeployment(tally, record);
  for (const record of leads) addLead(tally, record);
  for (const record of incidents) addIncident(tally, record);
  return tally;
}
const total = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, n) => sum + n, 0);

describe("a tally", () => {
  it("of two merged is that of all their records, exact or not", () => {
    fc.assert(
      fc.property(anyHistory, anyHistory, fc.constantFrom(0, 5, 1000), (a, b, upTo) => {
        const union: History = [
          [...a[0], ...b[0]],
          [...a[1], ...b[1]],
          [...a[2], ...b[2]],
        ];
        const merged = mergeTallies(tallyOf(a, upTo), tallyOf(b, upTo));
        expect(tallyToJson(merged)).toEqual(tallyToJson(tallyOf(union, upTo)));
        expect(tallyToJson(mergeTallies(tallyOf(b, upTo), tallyOf(a, upTo)))).toEqual(tallyToJson(merged));
      }),
    );
  });
  it("does not hang on the order of its records, and comes back from JSON", () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const json = tallyToJson(tallyOf(history));
        const turned = history.map((records) => records.toReversed()) as History;
        expect(tallyToJson(tallyOf(turned))).toEqual(json);
        expect(tallyToJson(tallyFromJson(JSON.parse(JSON.stringify(json))))).toEqual(json);
      }),
    );
    expect(() => tallyFromJson({ ...tallyToJson(emptyTally()), version: 2 as 1 })).toThrow(/version 2/);
  });
  it("loses no failure, change or incident: each is measured, open or said to be unknown", () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const { counts, durations, byKind } = tallyOf(history);
        const counted = history[0].filter((d) => d.isProduction && !d.isExcluded);
        expect(total(byKind)).toBe(counted.length);
        expect(durations.recovery.count + counts.openFailures + counts.unmeasuredFailures).toBe(
          counted.filter((d) => d.failure !== null).length,
        );
        expect(durations.lead.count + counts.changesOfUnknownAge).toBe(history[1].filter((l) => l.isProduction).length);
        expect(durations.incidentFromStart.count + counts.openIncidents + counts.unmeasuredIncidents).toBe(
          history[2].length,
        );
      }),
    );
  });
  it("counts a failure once, from its first visitors to recovery", () => {
    const failed = deploymentRecord({
      ...{
        outcome: "rolled_back",
        failure: "rolled_back",
        failedAtMs: 100,
        recoveredAtMs: 400,
        incidents: ["i1", "i2"],
      },
    });
    const tally = tallyOf([[failed, deploymentRecord({ kind: "hotfix", isRework: true })], [], []]);
    expect(tally.failedByKind).toEqual({ planned: 1, hotfix: 0, rollback: 0, redeploy: 0 });
    expect(tally.settledByKind).toEqual({ planned: 1, hotfix: 1, rollback: 0, redeploy: 0 });
    expect(tally.counts).toMatchObject({ rework: 1, takenBack: 1, openFailures: 0 });
    expect(tally.durations.recovery.quantile(0.5)).toBe(300);
  });
  it("leaves out what production's visitors never met, and what somebody excluded", () => {
    const none: Partial<DeploymentRecord>[] = [
      { isProduction: false },
      { reachedVisitors: false },
      { isExcluded: true },
    ];
    expect(total(tallyOf([none.map(deploymentRecord), [], []]).byKind)).toBe(0);
  });
  it("says of how many changes the age is not known, and of how many incidents the end", () => {
    const leads = [leadRecord({ leadMs: 50, openedLeadMs: 20 }), leadRecord()];
    const incidents = [incidentRecord(), incidentRecord({ atMs: 100, detectedAtMs: 150, resolvedAtMs: 350 })];
    const { counts, durations } = tallyOf([[], leads, [...incidents, incidentRecord({ atMs: 9, resolvedAtMs: 3 })]]);
    expect(counts).toMatchObject({ changes: 2, changesOfUnknownAge: 1, incidents: 3, openIncidents: 1 });
    expect(counts.unmeasuredIncidents).toBe(1);
    expect(durations.incidentFromStart.quantile(0.5)).toBe(250);
    expect(durations.incidentFromDetection.quantile(0.5)).toBe(200);
  });
});
