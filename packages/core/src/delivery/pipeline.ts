import { whatIsNext } from "./next.ts";
import type { Rollout } from "./rollout.ts";

/** Where a change is on its way to production, how long each stage took, and what is in its way. Times in ms since 1970. */
export const STAGES = ["open", "checks", "merged", "building", "gating", "queued", "canary", "production"] as const;
export type StageName = (typeof STAGES)[number];
export type StageState = "waiting" | "running" | "done" | "failed" | "skipped";
export interface Stage {
  readonly name: StageName;
  readonly state: StageState;
  readonly startedAtMs: number | null;
  readonly durationMs: number | null;
  readonly words: string;
}

export interface CheckFacts {
  readonly name: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly startedAtMs: number | null;
  readonly completedAtMs: number | null;
}
export interface GateFacts {
  readonly name: string;
  readonly status: string;
  readonly required: boolean;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
}
export interface DeploymentFacts {
  readonly status: string;
  readonly words: string;
  readonly createdAtMs: number;
  readonly finishedAtMs: number | null;
  readonly gates: readonly GateFacts[];
}
export interface PipelineFacts {
  readonly change: {
    readonly state: "open" | "merged" | "closed";
    readonly hasPullRequest: boolean;
    readonly openedAtMs: number | null;
    readonly mergedAtMs: number | null;
    readonly deployedAtMs: number | null;
  };
  readonly checks: readonly CheckFacts[];
  /** Reviews that ask for changes and were not dismissed. */
  readonly changesRequested: number;
  readonly deployment: DeploymentFacts | null;
  readonly rollout: Pick<Rollout, "state" | "trafficPercent"> | null;
  /** The whole machine, for what happens next. */
  readonly machine: Rollout | null;
  readonly rolloutStartedAtMs: number | null;
  readonly promotedAtMs: number | null;
  /** Why what was merged is not deployed, where something is known: the branch can't be fetched, or nothing asks for it. */
  readonly obstacle: string | null;
  readonly nowMs: number;
}
export interface Progress {
  readonly stage: StageName;
  readonly stages: readonly Stage[];
  readonly trafficPercent: number | null;
  readonly blockedBy: string | null;
  readonly over: boolean;
}

const FAILED_CHECKS = ["failure", "timed_out", "cancelled", "action_required", "startup_failure", "stale"];
const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join(", ");
const least = (times: readonly (number | null)[]) => {
  const known = times.filter((t) => t !== null);
  return known.length > 0 ? Math.min(...known) : null;
};
const most = (times: readonly (number | null)[]) => {
  const known = times.filter((t) => t !== null);
  return known.length > 0 ? Math.max(...known) : null;
};

/** A stage with its time: until its end, or so far. */
function stage(
  name: StageName,
  state: StageState,
  words: string,
  f: PipelineFacts,
  from: number | null,
  to: number | null,
): Stage {
  const until = state === "running" ? f.nowMs : to;
  const durationMs =
    from !== null && until !== null && state !== "waiting" && state !== "skipped" ? Math.max(0, until - from) : null;
  return { name, state, startedAtMs: state === "waiting" || state === "skipped" ? null : from, durationMs, words };
}

function openStage(f: PipelineFacts): Stage {
  const { change } = f;
  if (!change.hasPullRequest) return stage("open", "skipped", "It came without a pull request.", f, null, null);
  if (change.state === "open") return stage("open", "running", "The pull request is open.", f, change.openedAtMs, null);
  if (change.state === "closed")
    return stage("open", "failed", "The pull request was closed without a merge.", f, change.openedAtMs, null);
  return stage("open", "done", "The pull request was merged.", f, change.openedAtMs, change.mergedAtMs);
}

function checksStage(f: PipelineFacts): Stage {
  const { checks } = f;
  if (checks.length === 0) return stage("checks", "skipped", "No checks are known.", f, null, null);
  const from = least(checks.map((c) => c.startedAtMs));
  const failed = checks.filter((c) => c.status === "completed" && FAILED_CHECKS.includes(c.conclusion ?? ""));
  const running = checks.filter((c) => c.status !== "completed");
  const to = most(checks.map((c) => c.completedAtMs));
  if (failed.length > 0) return stage("checks", "failed", `Failed: ${names(failed)}.`, f, from, to);
  if (running.length > 0) return stage("checks", "running", `Running: ${names(running)}.`, f, from, null);
  return stage("checks", "done", `${checks.length} passed.`, f, from, to);
}

function mergedStage(f: PipelineFacts): Stage {
  const { change, deployment } = f;
  if (change.state !== "merged") return stage("merged", "waiting", "Not merged yet.", f, null, null);
  if (deployment)
    return stage("merged", "done", "A deployment was asked for.", f, change.mergedAtMs, deployment.createdAtMs);
  if (change.deployedAtMs !== null)
    return stage("merged", "done", "It went out with a later one.", f, change.mergedAtMs, change.deployedAtMs);
  return stage("merged", "running", f.obstacle ?? "Waits to be deployed.", f, change.mergedAtMs, null);
}

/** Of the phases of a deployment: which of them it is in, and where it ended when it failed there. */
const PHASE: Readonly<Record<string, StageName>> = {
  building: "building",
  failed_build: "building",
  gating: "gating",
  failed_gate: "gating",
  queued: "queued",
};

function phaseStages(f: PipelineFacts): Stage[] {
  const { deployment: d } = f;
  const wait = (name: StageName) => stage(name, "waiting", "Not yet.", f, null, null);
  if (!d) return [wait("building"), wait("gating"), wait("queued")];
  const gatesFrom = least(d.gates.map((g) => g.startedAtMs));
  const gatesTo = most(d.gates.map((g) => g.finishedAtMs));
  const at = PHASE[d.status] ?? null;
  // What ended before its rollout, in no phase of its own (superseded, aborted), ended where its traces end.
  const endedIn =
    at === null && f.rolloutStartedAtMs === null && d.finishedAtMs !== null
      ? gatesTo !== null
        ? "queued"
        : gatesFrom !== null
          ? "gating"
          : "building"
      : null;
  const here = at ?? endedIn;
  const order: readonly StageName[] = ["building", "gating", "queued"];
  const times: Readonly<Record<string, readonly [number | null, number | null]>> = {
    building: [d.createdAtMs, gatesFrom ?? f.rolloutStartedAtMs ?? d.finishedAtMs],
    gating: [gatesFrom, gatesTo ?? d.finishedAtMs],
    queued: [gatesTo ?? gatesFrom ?? d.createdAtMs, f.rolloutStartedAtMs ?? d.finishedAtMs],
  };
  const isGood = d.status === "unchanged" || d.status === "succeeded";
  return order.map((name) => {
    const [from, to] = times[name] ?? [null, null];
    const place = here === null ? order.length : order.indexOf(here);
    if (order.indexOf(name) > place) return isGood ? stage(name, "skipped", d.words, f, null, null) : wait(name);
    if (order.indexOf(name) < place) return stage(name, "done", doneWords(name, d), f, from, to);
    if (d.finishedAtMs === null) return stage(name, "running", d.words, f, from, null);
    return stage(name, isGood ? "done" : "failed", d.words, f, from, to);
  });
}
const doneWords = (name: StageName, d: DeploymentFacts): string =>
  name === "building"
    ? "Built."
    : name === "queued"
      ? "Had its turn."
      : `${d.gates.filter((g) => g.status === "passed").length} of ${d.gates.length} passed.`;

function canaryStage(f: PipelineFacts): Stage {
  const { deployment: d, rollout, rolloutStartedAtMs: from } = f;
  if (!d || !rollout || from === null)
    return stage("canary", d?.status === "unchanged" ? "skipped" : "waiting", "Not yet.", f, null, null);
  if (f.promotedAtMs !== null && d.status !== "rolled_back")
    return stage("canary", "done", "Proved safe.", f, from, f.promotedAtMs);
  if (d.finishedAtMs !== null) return stage("canary", "failed", d.words, f, from, d.finishedAtMs);
  return stage("canary", "running", `${rollout.trafficPercent} % of the visitors. ${d.words}`, f, from, null);
}

function productionStage(f: PipelineFacts): Stage {
  const at = f.promotedAtMs ?? f.change.deployedAtMs;
  if (f.deployment?.status === "rolled_back")
    return stage("production", "waiting", "It was taken back.", f, null, null);
  if (at === null)
    return stage("production", f.deployment?.status === "unchanged" ? "done" : "waiting", "Not yet.", f, null, null);
  return stage("production", "done", "Every visitor is served from it.", f, at, at);
}

/** The whole way. */
export function progressOf(f: PipelineFacts): Progress {
  const stages = [openStage(f), checksStage(f), mergedStage(f), ...phaseStages(f), canaryStage(f), productionStage(f)];
  const production = stages.at(-1);
  const isThere = production?.state === "done";
  const current =
    (isThere ? production : undefined) ??
    stages.findLast((s) => s.state === "failed" && !(s.name === "checks" && f.change.state === "merged")) ??
    stages.findLast((s) => s.state === "running") ??
    stages.findLast((s) => s.state === "done") ??
    stages[0];
  return {
    stage: current?.name ?? "open",
    stages,
    trafficPercent: f.rollout && f.deployment?.finishedAtMs === null ? f.rollout.trafficPercent : null,
    blockedBy: isThere ? null : blockOf(f, stages),
    over: isThere || f.change.state === "closed" || (f.deployment !== null && f.deployment.finishedAtMs !== null),
  };
}

function blockOf(f: PipelineFacts, stages: readonly Stage[]): string | null {
  const failed = stages.find((s) => s.state === "failed");
  if (f.change.state === "closed") return null;
  if (f.change.state === "open") {
    if (failed?.name === "checks") return failed.words;
    if (f.changesRequested > 0) return "A reviewer asks for changes.";
    return null;
  }
  if (!f.deployment) return f.obstacle;
  if (failed && failed.name !== "checks") return failed.words;
  if (f.deployment.status === "queued") return f.deployment.words;
  const { machine } = f;
  if (machine && (machine.state === "paused" || machine.waitsForPerson || machine.holding))
    return whatIsNext(machine).words;
  return null;
}
