import type { Answer } from "@latchkey/api/client";

/** The API's shapes that this room answers with. */
export type DeploymentSummary = Answer<"ship">;
export type DeploymentDetail = Answer<"getDeployment">;
export type ReleaseSummary = NonNullable<DeploymentSummary["release"]>;
export type RolloutView = Answer<"getRollout">;
export type Explanation = Answer<"explainRollout">;
export type ServiceSummary = Answer<"listServices">["items"][number];

/** What is shown to those who watch and written nowhere: only the newest counts. */
export type Ephemeral =
  | { readonly event: "rollout"; readonly data: RolloutView }
  | { readonly event: "service"; readonly data: ServiceSummary }
  | {
      readonly event: "deployment";
      readonly data: Pick<DeploymentSummary, "id" | "service" | "status" | "words">;
    };
