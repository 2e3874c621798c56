/**
 * How much goes to production by itself, how often it fails there, and how often the pipeline itself is what failed. Each is
 * a share with its numerator and denominator: a share of few says little.
 */
export interface DeploymentFacts {
  readonly id: string;
  readonly service: string;
  readonly endedAtMs: number;
  readonly status: string;
  /** Visitors of production were sent to its release. */
  readonly tookVisitors: boolean;
  /** A merge or a pipeline asked for it, or evidence of harm did. */
  readonly byMachine: boolean;
  /** People who approved it. */
  readonly approvals: number;
  /** Gates that a person let stand. */
  readonly waivers: number;
  /** It went out in spite of a freeze or a window. */
  readonly overridden: boolean;
  /** A person paused, promoted or took back its rollout. */
  readonly actedOn: boolean;
  /** Its release was left again by a later rollback. */
  readonly leftLater: boolean;
  readonly gates: readonly {
    readonly name: string;
    readonly kind: string;
    readonly status: string;
    readonly required: boolean;
  }[];
}

export interface Share {
  readonly count: number;
  readonly of: number;
  readonly ratio: number | null;
  readonly goal: number;
  readonly holds: boolean | null;
}
export interface AutomationException {
  readonly deploymentId: string;
  readonly service: string;
  readonly endedAtMs: number;
  readonly kind: "attended" | "failed" | "pipeline";
  readonly words: string;
}
export interface AutomationDay {
  /** Days since 1970-01-01, UTC. */
  readonly day: number;
  readonly deployments: number;
  readonly automatic: number;
  readonly failed: number;
  readonly ended: number;
  readonly broken: number;
}
export interface AutomationReport {
  readonly coverage: Share;
  readonly failed: Share;
  readonly reliability: Share;
  readonly days: readonly AutomationDay[];
  readonly exceptions: readonly AutomationException[];
}

/** The guide: over 90 % of deployments automatic, under 1 % failed. Of reliability it sets none: one run in a hundred is what teams bear. */
export const AUTOMATION_GOALS = { coverage: 0.9, failed: 0.01, reliability: 0.99 } as const;
const DAY_MS = 86_400_000;
/** It never ran as what was asked: neither the pipeline's merit nor its fault. */
const NOT_RUN = ["unchanged", "superseded"];
/** What waits for people or for a time: that it ran out of time is no fault of the pipeline. */
const WAITS_FOR_PEOPLE = ["approval", "zero_touch", "window"];

/** Why a deployment was not automatic: sentences; none when it was. */
export function whoActed(d: DeploymentFacts): readonly string[] {
  return [
    ...(d.byMachine ? [] : ["A person asked for it."]),
    ...(d.approvals > 0 ? ["A person approved it."] : []),
    ...(d.waivers > 0 ? ["A person let a gate stand that had not passed."] : []),
    ...(d.overridden ? ["A person sent it out in spite of a freeze or a window."] : []),
    ...(d.actedOn ? ["A person acted on its rollout."] : []),
  ];
}

/** What failed in production: taken back by evidence or by a person, then or later. */
const hasFailed = (d: DeploymentFacts): boolean => d.tookVisitors && (d.status === "rolled_back" || d.leftLater);

/** The gates that checked nothing although they should have: the pipeline's own failure. */
function brokenGates(d: DeploymentFacts): readonly string[] {
  if (d.status !== "failed_gate") return [];
  return d.gates
    .filter(
      (g) => g.required && ["could_not_run", "timed_out"].includes(g.status) && !WAITS_FOR_PEOPLE.includes(g.kind),
    )
    .map((g) => g.name);
}

const share = (count: number, of: number, goal: number, isEnough: (ratio: number) => boolean): Share => {
  const ratio = of === 0 ? null : count / of;
  return { count, of, ratio, goal, holds: ratio === null ? null : isEnough(ratio) };
};

/** `deployments`: those to production that have ended, in any order. `exceptionsMax`: of the newest. */
export function automationOf(
  deployments: readonly DeploymentFacts[],
  fromMs: number,
  toMs: number,
  exceptionsMax: number,
): AutomationReport {
  const ended = deployments.filter((d) => !NOT_RUN.includes(d.status));
  const served = ended.filter((d) => d.tookVisitors);
  const automatic = served.filter((d) => whoActed(d).length === 0);
  const failed = served.filter(hasFailed);
  const broken = ended.filter((d) => brokenGates(d).length > 0);
  const { coverage, failed: failedGoal, reliability } = AUTOMATION_GOALS;
  const exception = (d: DeploymentFacts, kind: AutomationException["kind"], words: string): AutomationException => ({
    ...{ deploymentId: d.id, service: d.service, endedAtMs: d.endedAtMs, kind, words },
  });
  const exceptions = [
    ...served.filter((d) => whoActed(d).length > 0).map((d) => exception(d, "attended", whoActed(d).join(" "))),
    ...failed.map((d) =>
      exception(d, "failed", d.status === "rolled_back" ? "It was rolled back." : "Its release was left again later."),
    ),
    ...broken.map((d) => exception(d, "pipeline", `Could not run: ${brokenGates(d).join(", ")}.`)),
  ].sort((a, b) => b.endedAtMs - a.endedAtMs || (a.deploymentId < b.deploymentId ? 1 : -1));
  const on = (of: readonly DeploymentFacts[], day: number) =>
    of.filter((d) => Math.floor(d.endedAtMs / DAY_MS) === day).length;
  const days: AutomationDay[] = [];
  for (let day = Math.floor(fromMs / DAY_MS); day <= Math.floor(toMs / DAY_MS); day++)
    days.push({
      ...{ day, deployments: on(served, day), automatic: on(automatic, day), failed: on(failed, day) },
      ...{ ended: on(ended, day), broken: on(broken, day) },
    });
  return {
    coverage: share(automatic.length, served.length, coverage, (ratio) => ratio >= coverage),
    failed: share(failed.length, served.length, failedGoal, (ratio) => ratio <= failedGoal),
    reliability: share(ended.length - broken.length, ended.length, reliability, (ratio) => ratio >= reliability),
    days,
    exceptions: exceptions.slice(0, exceptionsMax),
  };
}
