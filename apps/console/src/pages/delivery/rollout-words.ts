import type { Arm, Decision, Report, Rollout } from "../../api/types.ts";
import { count, duration, percent, plural, spaced } from "../../ui/format.ts";

/** Sentences about a rollout, for heads, cards and stories. */
export const isOver = (r: Rollout): boolean => r.finishedAt !== null;
export const armOf = (r: Rollout, arm: Arm["arm"]): Arm | undefined => r.arms.find((a) => a.arm === arm);

/** What is going on, in one sentence. */
export function headline(r: Rollout): string {
  const release = `#${r.canary.number}`;
  const current = r.baseline ? `#${r.baseline.number}` : "nothing";
  const share = `${r.trafficPercent} %`;
  switch (r.state) {
    case "starting":
      return `Release ${release} is starting; it takes no traffic yet.`;
    case "progressing":
      return `Release ${release} takes ${share} of the traffic and is compared with ${current}.`;
    case "paused":
      return `Paused: release ${release} stays at ${share} until somebody resumes it.`;
    case "promoting":
      return `Release ${release} is promoted; the gateways are switching over.`;
    case "holdback":
      return `Release ${release} serves; ${r.holdbackPercent} % stay on ${current} for comparison a little longer.`;
    case "rolling_back":
      return `Release ${release} is being rolled back to ${current}.`;
    default:
      return ending(r);
  }
}

function ending(r: Rollout): string {
  const release = `#${r.canary.number}`;
  const current = r.baseline ? `#${r.baseline.number}` : "nothing";
  if (r.state === "completed") return `Release ${release} was promoted and serves ${r.environment}.`;
  if (r.state === "rolled_back") return `Release ${release} was rolled back; ${current} serves as before.`;
  if (r.state === "aborted") return `The rollout of ${release} was given up; ${current} serves as before.`;
  if (r.state === "superseded") return `A newer rollout took over from ${release}.`;
  return `Release ${release} could not be started; ${current} serves as before.`;
}

/** The decision that settled how it ended: the last one of its kind, as a promoted release can still be taken back. */
export const turningOf = (r: Rollout): Decision | undefined =>
  r.decisions.findLast((d) => ["roll_back_begun", "promoted", "start_failed"].includes(d.kind));

/** What it cost: how many requests and people met the release, how many requests failed, how long. */
export function storyOf(r: Rollout): string[] {
  const canary = armOf(r, "canary");
  const began = Date.parse(r.exposedAt ?? r.startedAt);
  const end = Date.parse(r.finishedAt ?? r.startedAt);
  const turning = turningOf(r);
  const lines: string[] = [];
  if (!r.exposedAt) lines.push("It never took traffic: nobody met it.");
  if (r.exposedAt && r.blastRadius && canary) {
    lines.push(r.blastRadius.words);
    if (r.servingTime)
      lines.push(
        `${r.servingTime.way === "back" ? "The old release" : "It"} served everybody ${(r.servingTime.ms / 1_000).toFixed(1)} s after the decision.`,
      );
    if (r.state !== "completed" && canary.requests > 0)
      lines.push(
        `${count(canary.errors)} of its ${plural(canary.requests, "request")} failed (${percent(canary.errors / canary.requests)}).`,
      );
    if (turning) {
      const decision = turning.kind === "promoted" ? "promote it" : "roll it back";
      const took = duration(end - Date.parse(r.startedAt));
      lines.push(
        `The decision to ${decision} fell ${duration(Date.parse(turning.at) - began)} after its first traffic; all was over after ${took}.`,
      );
    }
  }
  return lines;
}

/** Does somebody have to do something? Why, in one sentence, or null. */
export function askOf(r: Rollout): string | null {
  if (isOver(r)) return null;
  if (r.state === "paused") return "It is paused: resume it, promote it or roll it back.";
  if (r.decisions.at(-1)?.kind === "person_asked") return "Its time ran out without proof: promote it or roll it back.";
  const held = r.report?.guards.find((g) => g.state === "hold");
  return held ? `It holds: ${held.words}` : null;
}

/** Progress as a share of the steps, 0 to 1. */
export function progressOfSteps(r: Rollout): number {
  if (r.state === "starting") return 0;
  if (["holdback", "promoting", "completed"].includes(r.state)) return 1;
  return (r.stepIndex + 0.5) / (r.steps.length + 0.5);
}

/** When so many canary requests will have come, at the rate since its first traffic. */
export function arrivalWords(r: Rollout, requests: number): string {
  const report = r.report;
  const exposed = r.exposedAt ? Date.parse(r.exposedAt) - Date.parse(r.startedAt) : 0;
  const tookMs = report ? report.atMs - exposed : 0;
  if (!report || report.canaryRequests === 0 || tookMs <= 0) return "no requests yet to tell when";
  return `at this rate in about ${duration((requests * tookMs) / report.canaryRequests)}`;
}

export function verdictWords(report: Report | null): string {
  if (!report) return "No look has been taken yet.";
  return report.reasons[0] ?? spaced(report.verdict.toLowerCase());
}
