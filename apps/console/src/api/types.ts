import type { Answer } from "@latchkey/api/client";

/** Names for what the API answers. Types only: the contract's zod stays out of the bundle. */
export type Me = Answer<"me">;
export type ServiceSummary = Answer<"listServices">["items"][number];
export type Environment = ServiceSummary["environments"][number];
export type TrafficSample = Environment["recent"][number];
export type Service = Answer<"getService">;
export type ServiceConfig = Service["config"];
export type DeploymentSummary = Answer<"listDeployments">["items"][number];
export type Pause = Answer<"listDeploymentPauses">["items"][number];
export type Deployment = Answer<"getDeployment">;
export type DeploymentStatus = DeploymentSummary["status"];
export type Gate = Deployment["gates"][number];
export type ReleaseSummary = Answer<"listReleases">["items"][number];
export type Release = Answer<"getRelease">;
export type Rollout = Answer<"getRollout">;
export type RolloutState = Rollout["state"];
export type RolloutAction = Rollout["allowedActions"][number];
export type Arm = Rollout["arms"][number];
export type Step = Rollout["steps"][number];
export type Report = NonNullable<Rollout["report"]>;
export type Verdict = Report["verdict"];
export type Metric = Report["metrics"][number];
export type Guard = Report["guards"][number];
export type Decision = Rollout["decisions"][number];
export type Look = Answer<"listLooks">["items"][number];
export type Explanation = Answer<"explainRollout">;
/** What a plan is asked for; what is left out is as configured. */
export interface PlanQuestion {
  readonly environment: string;
  readonly share?: number;
  readonly durationMs?: number;
  readonly holdbackPercent?: number;
  readonly holdbackMs?: number;
  readonly onInconclusive?: "hold" | "promote" | "roll_back";
  readonly requestsPerHour?: number;
  readonly syntheticPerSecond?: number;
}
export type Planning = Answer<"planCanary">;
export type CanaryPlan = NonNullable<Planning["plan"]>;
export type HarmFinding = CanaryPlan["errors"]["findings"][number];
export type LedgerEntry = Answer<"getLedgerEntry">;
export type LedgerProof = Answer<"getLedgerProof">;
export type Token = Answer<"listTokens">["items"][number];
export type Approval = Answer<"getApproval">;
export type Person = Answer<"addPerson">;
export type Freeze = Answer<"addFreeze">;
export type Backup = Answer<"getBackup">;
export type SystemView = Answer<"getSystem">;
export type NotificationChannel = Answer<"listNotificationChannels">["items"][number];
export type NotificationRule = Answer<"listNotificationRules">["items"][number];
export type NotificationDelivery = Answer<"listNotificationDeliveries">["items"][number];
export type DeliveryState = NotificationDelivery["state"];
export type PipelineView = Answer<"getPipeline">;
export type PipelineItem = PipelineView["items"][number];
export type PipelineStage = PipelineItem["stages"][number];
export type HealthView = Answer<"getHealth">;
export type Page<T> = { items: T[]; next: string | null };
