import type { Answer } from "@latchkey/api/client";
import {
  type Correction,
  type Deployment,
  deploymentOf,
  type Incident,
  incidentOf,
  type Thing,
} from "@latchkey/core/insights/history";
import type { DeploymentRecord, IncidentRecord, LeadRecord } from "@latchkey/core/insights/records";

type PresentedDeployment = Answer<"listInsightDeployments">["items"][number];
type PresentedIncident = Answer<"listInsightIncidents">["items"][number];
const at = (ms: number): string => new Date(ms).toISOString();
const atOrNull = (ms: number | null): string | null => (ms === null ? null : at(ms));

export interface DeploymentRow {
  readonly record: DeploymentRecord;
  readonly registers: Thing;
  readonly leads: readonly LeadRecord[];
}
export function presentDeployment(
  { record, registers, leads }: DeploymentRow,
  titleOf: (change: string) => string,
  corrections: readonly Correction[],
): PresentedDeployment {
  const told: Deployment | null = deploymentOf(record.key, registers);
  return {
    ...{ key: record.key, label: told?.label ?? record.key, source: told?.source ?? null },
    ...{ service: record.service, environment: record.environment, isProduction: record.isProduction },
    ...{ at: at(record.atMs), outcome: record.outcome, kind: record.kind, reachedVisitors: record.reachedVisitors },
    ...{ isSettled: record.isSettled, failure: record.failure, failedAt: atOrNull(record.failedAtMs) },
    ...{ recoveredAt: atOrNull(record.recoveredAtMs), isRework: record.isRework, isExcluded: record.isExcluded },
    ...{ commit: told?.commit ?? null, incidents: [...record.incidents] },
    changes: leads.map(({ change, leadMs, stages }) => ({
      change,
      title: titleOf(change),
      leadMs,
      stages: { ...stages },
    })),
    corrections: corrections.map(({ key, claim, incident, reason, madeAtMs, isWithdrawn }) => ({
      ...{ key, claim, incident, reason, at: at(madeAtMs), isWithdrawn },
    })),
  };
}

export function presentIncident(record: IncidentRecord, registers: Thing): PresentedIncident {
  const told: Incident = incidentOf(record.key, registers);
  return {
    ...{ key: record.key, title: told.title, source: told.source, service: record.service },
    ...{ environment: record.environment, at: at(record.atMs), detectedAt: atOrNull(record.detectedAtMs) },
    ...{ resolvedAt: atOrNull(record.resolvedAtMs), deployment: record.deployment },
    ...{ by: record.by, confidence: record.confidence },
  };
}
