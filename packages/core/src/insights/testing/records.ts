import fc from "fast-check";
import { DEPLOYMENT_KINDS, LINK_EVIDENCE, type Outcome } from "../history.ts";
import { type DeploymentRecord, FAILURES, type IncidentRecord, type LeadRecord } from "../records.ts";

/** A deployment that went well: for tests, which say what is different about theirs. */
export const deploymentRecord = (rest: Partial<DeploymentRecord> = {}): DeploymentRecord => ({
  ...{ key: "d1", service: "leads", environment: "production", isProduction: true, atMs: 0, outcome: "succeeded" },
  ...{ kind: "planned", reachedVisitors: true, isSettled: true, failure: null, failedAtMs: null, detectedAtMs: null },
  ...{ recoveredAtMs: null, isRework: false, incidents: [], isExcluded: false },
  ...rest,
});

/** A change of which nothing but its way to all visitors is known. */
export const leadRecord = (rest: Partial<LeadRecord> = {}): LeadRecord => ({
  ...{ deployment: "d1", change: "c1", service: "leads", environment: "production", isProduction: true, atMs: 0 },
  ...{ leadMs: null, openedLeadMs: null, toTenPercentMs: null, toAllMs: null },
  stages: { coding: null, review: null, queue: null, gates: null, canary: null },
  ...rest,
});

/** An open incident that nothing but the clock speaks for having been caused by a deployment. */
export const incidentRecord = (rest: Partial<IncidentRecord> = {}): IncidentRecord => ({
  ...{ key: "i1", service: "leads", environment: "production", atMs: 0, detectedAtMs: null, resolvedAtMs: null },
  ...{ deployment: null, by: null, confidence: 0 },
  ...rest,
});

const time = fc.nat(1_000_000);
const timeOrNone = fc.option(time, { nil: null });

/** Any record, also such as never come to be: sums must not fall over one. */
export const anyDeployment: fc.Arbitrary<DeploymentRecord> = fc
  .record({
    ...{ isProduction: fc.boolean(), isSettled: fc.boolean(), isExcluded: fc.boolean(), isRework: fc.boolean() },
    outcome: fc.constantFrom<Outcome>("running", "canary_aborted", "soaking", "succeeded", "rolled_back", "failed"),
    kind: fc.constantFrom(...DEPLOYMENT_KINDS),
    failure: fc.option(fc.constantFrom(...FAILURES), { nil: null }),
    ...{ atMs: time, failedAtMs: timeOrNone, recoveredAtMs: timeOrNone },
  })
  .map(deploymentRecord);
export const anyLead: fc.Arbitrary<LeadRecord> = fc
  .record({ leadMs: timeOrNone, openedLeadMs: timeOrNone, toAllMs: timeOrNone, isProduction: fc.boolean() })
  .map(leadRecord);
export const anyIncident: fc.Arbitrary<IncidentRecord> = fc
  .record({
    ...{ atMs: time, detectedAtMs: timeOrNone, resolvedAtMs: timeOrNone },
    deployment: fc.constantFrom("d1", null),
    by: fc.constantFrom(...LINK_EVIDENCE, null),
  })
  .map(incidentRecord);
