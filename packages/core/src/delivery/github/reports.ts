import type { CheckReport, CommentReport, DeploymentReport, StatusReport } from "./ports.ts";

/** What GitHub should show of a deployment, made of the deployment as it stands. */
export interface ReportFacts {
  readonly deploymentId: string;
  readonly service: string;
  readonly environment: string;
  readonly isProduction: boolean;
  readonly commit: string;
  readonly status: string;
  readonly words: string;
  readonly gates: readonly { readonly name: string; readonly status: string; readonly required: boolean }[];
  readonly trafficPercent: number | null;
  readonly promoted: boolean;
  readonly pullRequest: number | null;
  /** Address of the deployment in the console. */
  readonly url: string;
}
export interface Reports {
  readonly check: CheckReport | null;
  readonly deployment: DeploymentReport;
  readonly status: StatusReport;
  readonly comment: CommentReport | null;
}

/** GitHub's limit for the description of a status. */
const DESCRIPTION_MAX = 140;
const ENDED: readonly string[] = [
  "succeeded",
  "rolled_back",
  "failed_build",
  "failed_gate",
  "failed_start",
  "aborted",
  "superseded",
  "unchanged",
];
const FAILED: readonly string[] = ["rolled_back", "failed_build", "failed_gate", "failed_start"];

/** Of text that stands in a table of Markdown, and is ours or a gate's name: no line ends it, no pipe divides it, no tag opens. */
const cell = (text: string) =>
  text
    .replace(/[\r\n]+/g, " ")
    .replace(/([|\\`*_<>[\]@#])/g, "\\$1")
    .slice(0, 300);

export function reportsOf(f: ReportFacts): Reports {
  return {
    check: checkOf(f),
    deployment: {
      ref: f.commit,
      environment: f.environment,
      description: `${f.service} by Latchkey`.slice(0, DESCRIPTION_MAX),
      mark: f.deploymentId,
      production: f.isProduction,
    },
    status: { state: stateOf(f), description: f.words.slice(0, DESCRIPTION_MAX), logUrl: f.url },
    comment: f.pullRequest === null ? null : commentOf(f, f.pullRequest),
  };
}

function stateOf(f: ReportFacts): StatusReport["state"] {
  if (FAILED.includes(f.status)) return "failure";
  if (f.status === "superseded" || f.status === "aborted") return "inactive";
  if (f.promoted || f.status === "succeeded" || f.status === "unchanged") return "success";
  return f.status === "queued" ? "queued" : "in_progress";
}

/** The gates' results. A gate that could not run has not passed. */
function checkOf(f: ReportFacts): CheckReport | null {
  const required = f.gates.filter((g) => g.required);
  const bad = required.filter((g) => ["failed", "timed_out", "could_not_run"].includes(g.status));
  const passed = f.gates.filter((g) => g.status === "passed");
  const areThrough = !["building", "gating"].includes(f.status);
  const isOver = ENDED.includes(f.status) || areThrough;
  const isCancelled = isOver && bad.length === 0 && f.gates.some((g) => g.required && g.status !== "passed");
  const conclusion = !isOver
    ? null
    : f.status === "failed_build" || bad.length > 0
      ? "failure"
      : isCancelled
        ? "cancelled"
        : "success";
  const title =
    f.status === "failed_build"
      ? "The build failed"
      : bad.length > 0
        ? `${bad.map((g) => g.name).join(", ")}: not passed`
        : `${passed.length} of ${f.gates.length} gates passed`;
  const rows = f.gates.map(
    (g) => `| ${cell(g.name)} | ${g.status.replaceAll("_", " ")} | ${g.required ? "required" : "advisory"} |`,
  );
  const table =
    rows.length > 0 ? ["| gate | result | |", "|---|---|---|", ...rows].join("\n") : "The service has no gates.";
  return {
    name: `Latchkey gates: ${f.service}`,
    headSha: f.commit,
    externalId: f.deploymentId,
    status: isOver ? "completed" : f.status === "gating" ? "in_progress" : "queued",
    conclusion,
    title: title.slice(0, 250),
    summary: `${cell(f.words)}\n\n${table}`,
    detailsUrl: f.url,
  };
}

/** One comment for each service and environment on a pull request, kept up to date. */
function commentOf(f: ReportFacts, pullRequest: number): CommentReport {
  const mark = `<!-- latchkey: ${f.service}/${f.environment} -->`;
  const state = stateOf(f);
  const place = {
    success: "is in",
    failure: "did not reach",
    inactive: "was not deployed to",
    queued: "waits for",
    in_progress: "is on its way to",
  }[state];
  const share = f.trafficPercent === null || f.promoted ? "" : ` It takes ${f.trafficPercent} % of the traffic.`;
  const gates = f.gates.map(
    (g) => `- ${g.status === "passed" ? "[x]" : "[ ]"} ${cell(g.name)}: ${g.status.replaceAll("_", " ")}`,
  );
  const body = [
    mark,
    `**${f.service}** ${place} **${f.environment}** (${f.commit.slice(0, 8)}).${share}`,
    "",
    cell(f.words),
    "",
    ...gates,
    "",
    `[Follow it](${f.url})`,
  ];
  return { pullRequest, mark, body: body.join("\n") };
}
