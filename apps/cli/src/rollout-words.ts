import type { Answer } from "@latchkey/api/client";
import { metricLines } from "./metric-words.ts";
import { bytes, clip, duration, milliseconds, moment, plain, type Style, state, table } from "./text.ts";

export type Deployment = Answer<"getDeployment">;
export type Rollout = Answer<"getRollout">;

const PROMOTED = ["succeeded", "holdback", "unchanged"];
const UNDER_WAY = ["building", "gating", "queued", "starting", "rolling_out"];
export const isUnderWay = (status: string): boolean => UNDER_WAY.includes(status);
export const isPromoted = (status: string): boolean => PROMOTED.includes(status);

const OVER = ["completed", "rolled_back", "aborted", "failed", "superseded"];
export const isOver = (rolloutState: string): boolean => OVER.includes(rolloutState);

const share = (value: number, whole: number): string =>
  `${whole > 0 ? Math.max(0, Math.min(100, Math.round((value / whole) * 100))) : 0} %`;

/** How far the evidence has come, for harm and for safety. */
export function evidenceWords(report: Rollout["report"]): string {
  if (!report) return "no evidence yet";
  const { lnHarm, lnHarmThreshold, lnSafe, lnSafeThreshold } = report;
  return `proof of harm ${share(lnHarm, lnHarmThreshold)}, of safety ${share(lnSafe, lnSafeThreshold)}`;
}

/** One line: how a rollout stands and what it waits for. */
export function standingWords(rollout: Rollout, nowMs: number): string {
  const canary = rollout.arms.find((arm) => arm.arm === "canary");
  const at = rollout.next.at === null ? null : new Date(rollout.next.at).getTime() - nowMs;
  const soon = at !== null && at > 0 ? ` (in ${duration(at)})` : "";
  const judged = rollout.state === "progressing" ? `; ${evidenceWords(rollout.report)}` : "";
  return `${rollout.trafficPercent} % to release ${rollout.canary.number}, ${canary?.requests ?? 0} requests, ${canary?.errors ?? 0} errors${judged}. Next: ${rollout.next.words}${soon}`;
}

/** What a turn of events is made of: when it stays the same, only figures have changed. */
export const turnOf = (rollout: Rollout): string =>
  `${rollout.state}/${rollout.stepIndex}/${rollout.trafficPercent}/${rollout.report?.verdict}/${rollout.report?.hold}`;

/** A decision, for the log of a rollout. */
export function decisionLine(decision: Rollout["decisions"][number], style: Style): string {
  return `${style.dim(moment(decision.at).slice(11))}  ${state(decision.kind, style)}: ${decision.words}`;
}

/** The changes that go out together, oldest first, and what is known of them once they were rolled back; nothing for one. */
export function carriedLines({ carries, split }: Pick<Rollout, "carries" | "split">, style: Style): string[] {
  if (carries.length < 2 && !split) return [];
  const rows = carries.map((c) => [
    `  ${c.releaseNumber}`,
    c.commit?.slice(0, 8) ?? "-",
    clip(c.message.split("\n")[0] ?? "", 50),
    c.author || c.createdBy,
    c.deploymentId,
    c.standing ? state(c.standing, style) : "",
  ]);
  return [
    `Carries  ${carries.length} ${carries.length === 1 ? "change" : "changes, oldest first; each release contains those before"}`,
    table(["  release", "commit", "what", "author", "deployment", ""], rows, style),
    ...(split ? [split.words] : []),
    ...(split?.canSplit ? [`Find out which: latchkey split ${split.batchId}`] : []),
  ];
}

/** The whole picture of a rollout. */
export function rolloutWords(r: Rollout, style: Style, nowMs: number): string {
  const arms = table(
    ["arm", "release", "traffic", "requests", "errors", "p50", "p95", "visitors"],
    r.arms.map((a) => [
      a.arm,
      String(a.releaseNumber),
      `${a.trafficPercent} %`,
      String(a.requests),
      String(a.errors),
      milliseconds(a.p50Ms),
      milliseconds(a.p95Ms),
      String(a.users),
    ]),
    style,
  );
  const at = r.next.at === null ? null : new Date(r.next.at).getTime() - nowMs;
  const guards = (r.report?.guards ?? []).filter((g) => g.state !== "quiet").map((g) => `  ${g.guard}: ${g.words}`);
  const actions = r.allowedActions.map((action) => action.replace("roll_back", "rollback"));
  return [
    `${style.bold(r.service)} to ${r.environment}: ${state(r.state, style)} (${r.id})`,
    "",
    arms,
    "",
    ...carriedLines(r, style),
    ...(r.report
      ? [
          `Verdict  ${state(r.report.verdict, style)}; ${evidenceWords(r.report)}`,
          ...r.report.reasons.map((w) => `  ${w}`),
          ...(r.state === "progressing" && r.report.canaryRequestsToPass
            ? [`  Proof of safety needs about ${r.report.canaryRequestsToPass} more canary requests${arrivalWords(r)}.`]
            : []),
          ...metricLines(r.report, style),
        ]
      : []),
    ...guards,
    ...(r.blastRadius ? [`Reached  ${r.blastRadius.words}`] : []),
    ...(r.servingTime ? [`Serving  ${servedWords(r.servingTime)}`] : []),
    ...hostLines(r, style),
    `Next     ${r.next.words}${at !== null && at > 0 ? ` (in ${duration(at)})` : ""}`,
    `You may  ${actions.length > 0 ? `${actions.join(", ")}: latchkey ${actions[0]} ${r.service} --reason "..."` : "nothing, it is over"}`,
  ].join("\n");
}

/** What a provider or a script says while it brings a release up. */
export const hostLines = ({ progress }: Pick<Rollout, "progress">, style: Style): string[] =>
  progress.map(({ at, words }) => `Host     ${style.dim(moment(at).slice(11))}  ${words}`);

/** From the newest decision until everybody was served as it says. */
const servedWords = ({ way, ms }: NonNullable<Rollout["servingTime"]>): string =>
  `${way === "back" ? "the old release served everybody" : "it served everybody"} ${(ms / 1_000).toFixed(1)} s after the decision.`;

/** When the requests that are missing will have come, at the rate since the first traffic. */
function arrivalWords({ report, exposedAt, startedAt }: Rollout): string {
  const tookMs = report && exposedAt ? report.atMs - (Date.parse(exposedAt) - Date.parse(startedAt)) : 0;
  if (!report || report.canaryRequests === 0 || tookMs <= 0) return "";
  return `, which at this rate come in about ${duration(((report.canaryRequestsToPass ?? 0) * tookMs) / report.canaryRequests)}`;
}

/** A deployment: gates, changes, what became of it. */
export function deploymentWords(d: Deployment, style: Style): string {
  const gates = d.gates.flatMap((g) => gateLines(g, style));
  const failedGates = d.gates.filter((g) => BAD.includes(g.status) && g.output);
  const changes = d.changes.map((c) => `  ${c.commit.slice(0, 8)} ${c.message.split("\n")[0]} (${c.author})`);
  return [
    `${style.bold(d.service)} to ${d.environment}: ${state(d.status, style)} (${d.id})`,
    `  ${d.words}`,
    `  begun ${moment(d.createdAt)} by ${d.createdBy}${d.reason ? `: ${d.reason}` : ""}${d.fault ? ` (rehearses ${d.fault})` : ""}`,
    ...(d.finishedAt ? [`  ended ${moment(d.finishedAt)}`] : []),
    ...(d.release ? [`  release ${d.release.number} (${d.release.id})`] : []),
    ...(d.carrierId ? [`  went out with deployment ${d.carrierId}, whose release contains this one`] : []),
    ...(d.splitsId ? [`  tries a part of the batch ${d.splitsId}, which was rolled back`] : []),
    ...carriedLines(d, style),
    ...(gates.length > 0 ? ["Gates", ...gates] : []),
    ...failedGates.flatMap((g) => [`Last lines of ${g.name}`, indent(g.output)]),
    ...(changes.length > 0 ? ["Changes", ...changes] : []),
    ...(d.status === "failed_build" && d.buildOutput ? ["Last lines of the build", indent(d.buildOutput)] : []),
    ...(d.rolloutId ? [`Rollout ${d.rolloutId}: latchkey rollout ${d.rolloutId}`] : []),
  ].join("\n");
}

type Gate = Deployment["gates"][number];

function gateLines(g: Gate, style: Style): string[] {
  const about = [
    ...(g.required ? [] : ["not required"]),
    ...(g.kind === "command" ? [] : [plain(g.kind)]),
    ...(g.owner ? [`of ${g.owner}`] : []),
  ];
  const isBad = BAD.includes(g.status);
  const figures = g.figures.map(
    ({ name, value, unit, limit, holds }) =>
      `${name} ${measured(value, unit)}${limit === null ? "" : `, limit ${measured(limit, unit)}${holds ? "" : ": does not hold"}`}`,
  );
  const { waiver } = g;
  return [
    `  ${g.name}: ${state(g.status, style)}${about.length > 0 ? ` (${about.join(", ")})` : ""}`,
    ...(g.kind !== "command" || isBad ? [g.words].filter(Boolean) : []).map((words) => `    ${words}`),
    ...(figures.length > 0 ? [`    ${figures.join("; ")}`] : []),
    ...(waiver
      ? [
          `    waived by ${waiver.by} ${waiver.until ? `until ${moment(waiver.until)}` : "for this deployment"}: ${waiver.reason}`,
        ]
      : []),
    ...(isBad || waiver ? g.details : []).map((line) => `      ${line}`),
  ];
}
const BAD: readonly string[] = ["failed", "timed_out", "could_not_run"];
const measured = (value: number, unit: Gate["figures"][number]["unit"]): string =>
  unit === "bytes" ? bytes(value) : unit === "percent" ? `${Number(value.toFixed(2))} %` : String(value);

export const indent = (text: string): string =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");

/** "waiting for its gates: tests (running)". */
export function deploymentLine(d: Deployment): string {
  const running = d.gates.filter((g) => g.status === "running").map((g) => g.name);
  const gates = running.length > 0 ? ` (${running.join(", ")})` : "";
  return `${capital(plain(d.status))}: ${d.words}${gates}`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
