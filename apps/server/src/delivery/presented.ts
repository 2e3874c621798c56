import type { Answer } from "@latchkey/api/client";

/** The API's shapes that this room answers with. */
export type DeploymentSummary = Answer<"ship">;
export type ReleaseSummary = NonNullable<DeploymentSummary["release"]>;
export type RolloutView = Answer<"getRollout">;
export type Explanation = Answer<"explainRollout">;
export type ServiceSummary = Answer<"listServices">["items"][number];
