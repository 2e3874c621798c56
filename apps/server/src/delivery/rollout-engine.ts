import { createHash } from "node:crypto";
import { DECIDER_VERSION, judge, startJudge } from "@latchkey/core/analysis/judge";
import type { JudgeReport, Look } from "@latchkey/core/analysis/types";
import { blastWords } from "@latchkey/core/delivery/blast-radius";
import type { Taken } from "@latchkey/core/delivery/counters";
import { generationKey } from "@latchkey/core/delivery/generation";
import { lookedEvent, type Recorded } from "@latchkey/core/delivery/replay";
import {
  type Decision,
  isTerminal,
  type Refusal,
  type Rollout,
  type RolloutEvent,
  type RolloutState,
  SYSTEM_ACTOR,
} from "@latchkey/core/delivery/rollout";
import { moveOn } from "@latchkey/core/delivery/rollout-time";
import { servingTimeOf } from "@latchkey/core/delivery/serving-time";
import { transition } from "@latchkey/core/delivery/transitions";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { takeGeneration } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { radiusOf } from "./blast-radius.ts";
import { updateDeployment } from "./deployments.store.ts";
import { countersSince } from "./gateways.store.ts";
import { rollFlagsBackByPolicy } from "./rollback-flags.ts";
import {
  countDecisions,
  decisionsOf,
  firstGeneration,
  generationOf,
  insertDecision,
  insertStep,
  lockRollout,
  type MetricAnchors,
  type RolloutRow,
  updateRollout,
} from "./rollouts.store.ts";

/**
 * The one loop of a rollout: load under the row's lock, decide (core), record the decisions with the hash of their
 * evidence, and change the desired routing, all in one transaction. What acts on it is fenced by the generation.
 */
export interface Applied {
  readonly machine: Rollout;
  readonly decisions: readonly Decision[];
  readonly rerouted: boolean;
  /** True for looks that came too late: another event, or another server's look, was quicker. */
  readonly overtaken: boolean;
}

export type Input =
  /** With `onlyIn`, an event of somebody who began in that state counts in no other: it was overtaken. */
  | {
      readonly kind: "event";
      readonly event: RolloutEvent;
      readonly onlyIn?: RolloutState;
      /** From where restarts are counted. */
      readonly restartsSeen?: Readonly<Record<string, number>>;
    }
  | {
      readonly kind: "looks";
      readonly atMs: number;
      /** Steps of the rollout when the looks were made: they hold the news since then, and no other. */
      readonly stepCount: number;
      readonly looks: readonly Look[];
      readonly taken: Taken;
      readonly metricAnchors: MetricAnchors;
      readonly restartsSeen: Readonly<Record<string, number>>;
    };

const hashOn = (before: string, text: string): string =>
  createHash("sha256").update(before).update("\n").update(text).digest("hex");

/** One event of the machine, with what is recorded of it and when it was by the clock of whoever saw it. */
interface Happening {
  readonly recorded: Recorded;
  readonly event: RolloutEvent;
  readonly report: JudgeReport | null;
  readonly wallMs: number;
}

/** The row as it grows while inputs are folded in. */
interface Draft {
  machine: Rollout;
  judge: RolloutRow["judge"];
  report: JudgeReport | null;
  decider: string;
  evidence: string;
  steps: number;
  decisions: number;
  generationEpoch: number;
  generationN: number;
  shares: Record<string, number>;
  taken: Taken;
  metricAnchors: MetricAnchors;
  restartsSeen: Readonly<Record<string, number>>;
  rerouted: boolean;
  made: Decision[];
}

export async function applyToRollout(
  database: Transactions,
  rolloutId: string,
  input: Input,
  also: (tx: Transaction) => Promise<void> = async () => {},
): Promise<Result<Applied, Refusal>> {
  return database.transaction((tx) => applyWithin(tx, rolloutId, input, also));
}

/** The same in a transaction that does more. */
export async function applyWithin(
  tx: Transaction,
  rolloutId: string,
  input: Input,
  also: (tx: Transaction) => Promise<void> = async () => {},
): Promise<Result<Applied, Refusal>> {
  const row = await lockRollout(tx, rolloutId);
  if (!row) return err({ code: "LK_ROLLOUT_OVER", words: "There is no such rollout." });
  const draft: Draft = {
    machine: row.machine,
    judge: row.judge,
    report: row.report,
    decider: row.decider_version,
    evidence: row.evidence_sha256,
    steps: row.step_count,
    decisions: await countDecisions(tx, rolloutId),
    generationEpoch: row.generation_epoch,
    generationN: row.generation_n,
    shares: { ...row.shares },
    taken: row.taken,
    metricAnchors: row.metric_anchors,
    restartsSeen: row.restarts_seen,
    rerouted: false,
    made: [],
  };
  const wallMs = input.kind === "event" ? input.event.atMs : input.atMs;
  // Whoever asks says when by its own clock; the rollout goes by its own time.
  const time = moveOn({ atMs: row.time_at_ms, seenMs: row.time_seen_ms }, wallMs);
  if (input.kind === "event" && input.onlyIn !== undefined && input.onlyIn !== row.machine.state)
    return ok({ machine: row.machine, decisions: [], rerouted: false, overtaken: true });
  if (input.kind === "event") {
    const event = { ...input.event, atMs: time.atMs };
    const outcome = await step(tx, row, draft, { recorded: { kind: "event", event }, event, report: null, wallMs });
    if (!outcome.ok) return outcome;
    draft.restartsSeen = input.restartsSeen ?? draft.restartsSeen;
  } else if (input.stepCount !== row.step_count) {
    // Another event came in between, or another server looked: these counts may be in already. The next look has them.
    return ok({ machine: row.machine, decisions: [], rerouted: false, overtaken: true });
  } else {
    draft.taken = input.taken;
    if (draft.decider !== DECIDER_VERSION) await changeJudge(tx, row, draft, time.atMs, wallMs);
    draft.metricAnchors = input.metricAnchors;
    draft.restartsSeen = input.restartsSeen;
    for (const counts of input.looks) {
      const look = { ...counts, atMs: time.atMs - row.started_at.getTime() };
      const judged = judge(draft.judge, look, row.policy);
      draft.judge = judged.state;
      draft.report = judged.report;
      const recorded: Recorded = { kind: "look", atMs: time.atMs, look };
      const event = lookedEvent(judged.report, time.atMs);
      const outcome = await step(tx, row, draft, { recorded, event, report: judged.report, wallMs });
      if (!outcome.ok) return outcome;
    }
  }
  await updateRollout(tx, rolloutId, {
    machine: draft.machine,
    judge: draft.judge,
    report: draft.report,
    decider_version: draft.decider,
    generation_epoch: draft.generationEpoch,
    generation_n: draft.generationN,
    shares: draft.shares,
    taken: draft.taken,
    metric_anchors: draft.metricAnchors,
    restarts_seen: draft.restartsSeen,
    step_count: draft.steps,
    evidence_sha256: draft.evidence,
    finished_at: isTerminal(draft.machine.state) ? new Date(wallMs) : null,
    time_at_ms: time.atMs,
    time_seen_ms: time.seenMs,
  });
  await also(tx);
  return ok({ machine: draft.machine, decisions: draft.made, rerouted: draft.rerouted, overtaken: false });
}

/** The server was upgraded under way: the evidence of another judge means nothing to this one. */
async function changeJudge(tx: Transaction, row: RolloutRow, draft: Draft, atMs: number, wallMs: number) {
  const event: RolloutEvent = { kind: "judge_changed", atMs, from: draft.decider, to: DECIDER_VERSION };
  await step(tx, row, draft, { recorded: { kind: "event", event }, event, report: null, wallMs });
  draft.judge = startJudge(row.policy, atMs - row.started_at.getTime());
  draft.decider = DECIDER_VERSION;
}

async function step(
  tx: Transaction,
  row: RolloutRow,
  draft: Draft,
  { recorded, event, report, wallMs }: Happening,
): Promise<Result<null, Refusal>> {
  const outcome = transition(draft.machine, event);
  if (!outcome.ok) return outcome;
  const { next, decisions } = outcome.value;
  // A tick or an acknowledgement that changed nothing is no evidence of anything.
  if (report === null && decisions.length === 0 && JSON.stringify(next) === JSON.stringify(draft.machine))
    return ok(null);
  const text = JSON.stringify(recorded);
  draft.evidence = hashOn(draft.evidence, text);
  await insertStep(tx, row.id, {
    n: draft.steps,
    at: new Date(wallMs),
    recorded: text,
    summary: report,
    traffic_percent: next.trafficPercent,
  });
  draft.steps += 1;
  draft.machine = next;
  for (const decision of decisions) await carryOut(tx, row, draft, decision, { report, wallMs });
  return ok(null);
}

/** Records a decision and changes the desired state with it. */
async function carryOut(
  tx: Transaction,
  row: RolloutRow,
  draft: Draft,
  decision: Decision,
  { report, wallMs }: { readonly report: JudgeReport | null; readonly wallMs: number },
): Promise<void> {
  if (changesRouting(decision)) {
    const ended = decision.toState;
    const serving =
      ended === "completed" ? { releaseId: row.canary_release_id, deploymentId: row.deployment_id } : null;
    const generation = await takeGeneration(
      tx,
      { project: row.project, service: row.service, name: row.environment },
      serving,
    );
    draft.generationEpoch = generation.epoch;
    draft.generationN = generation.n;
    draft.shares[generationKey(generation)] = decision.trafficPercent / 100;
    draft.rerouted = true;
  }
  const radius = isTerminal(decision.toState) ? await radiusNow(tx, row, draft, wallMs) : null;
  const serving = WAITED.includes(decision.fromState) ? await servingTime(tx, row.id, decision, wallMs) : null;
  const eventId = await record(tx, {
    type: `delivery.rollout.${decision.kind}`,
    subject: `rollout/${row.id}`,
    project: row.project,
    actor: decision.actor,
    occurredAt: new Date(wallMs),
    correlation: row.deployment_id,
    data: {
      service: row.service,
      environment: row.environment,
      deploymentId: row.deployment_id,
      canaryReleaseId: row.canary_release_id,
      baselineReleaseId: row.baseline_release_id,
      words: decision.words,
      fromState: decision.fromState,
      toState: decision.toState,
      trafficPercent: decision.trafficPercent,
      generation: { epoch: draft.generationEpoch, n: draft.generationN },
      deciderVersion: draft.decider,
      evidence: { sha256: draft.evidence, steps: draft.steps },
      ...(report
        ? { verdict: report.verdict, harmPValue: report.harmPValue, canaryRequests: report.canaryRequests }
        : {}),
      ...(serving ? { servedAfterMs: serving.ms } : {}),
      ...(radius ? { blastRadius: { ...radius, words: blastWords(radius) } } : {}),
      ...(row.carries.length > 0 ? { carries: row.carries } : {}),
    },
  });
  await insertDecision(tx, row.id, { n: draft.decisions, at: new Date(wallMs), decision, event_id: eventId });
  draft.decisions += 1;
  draft.made.push(decision);
  await followInDeployment(tx, row, decision);
  if (decision.kind === "roll_back_begun" && decision.actor.kind === SYSTEM_ACTOR.kind)
    await rollFlagsBackByPolicy(tx, row, { actor: decision.actor, reason: decision.words });
}

/** States that end once everybody is served as decided. */
const WAITED: readonly Decision["fromState"][] = ["rolling_back", "promoting"];

/** How long that took, where it is what this decision has waited for. */
async function servingTime(tx: Transaction, rolloutId: string, decision: Decision, wallMs: number) {
  const before = (await decisionsOf(tx, rolloutId)).map((d) => ({ ...d.decision, atMs: d.at.getTime() }));
  const now = { ...decision, atMs: wallMs };
  const served = servingTimeOf([...before, now]);
  // A decision that ends something else leaves what was served before the newest.
  return served !== null && JSON.stringify(served) !== JSON.stringify(servingTimeOf(before)) ? served : null;
}

/** What the release did, as far as the gateways have told. The generation of the end itself is no longer the rollout's. */
async function radiusNow(tx: Transaction, row: RolloutRow, draft: Draft, wallMs: number) {
  const routed = {
    ...row,
    shares: draft.shares,
    generation_epoch: draft.generationEpoch,
    generation_n: draft.generationN,
  };
  const counters = await countersSince(tx, row.service, row.environment, firstGeneration(routed), generationOf(routed));
  const atMs = moveOn({ atMs: row.time_at_ms, seenMs: row.time_seen_ms }, wallMs).atMs;
  return radiusOf({ ...row, machine: draft.machine }, counters, atMs);
}

/** An ended rollout re-routes also at an unchanged share: its arms are called otherwise, and the old release leaves. */
const changesRouting = (decision: Decision): boolean =>
  decision.reroutes ||
  decision.kind === "previewed" ||
  (decision.fromState !== decision.toState && ["completed", "rolling_back"].includes(decision.toState));

const STATUS = {
  starting: "starting",
  progressing: "rolling_out",
  paused: "rolling_out",
  promoting: "rolling_out",
  rolling_back: "rolling_out",
  holdback: "holdback",
  completed: "succeeded",
  rolled_back: "rolled_back",
  aborted: "aborted",
  failed: "failed_start",
  superseded: "superseded",
} as const;

/** What the rollout carries goes where it goes. */
async function followInDeployment(tx: Transaction, row: RolloutRow, decision: Decision): Promise<void> {
  // The last decision says only that the gateways acknowledged; why it went back was said before.
  const says = decision.fromState !== "rolling_back";
  const own = { deploymentId: row.deployment_id, releaseId: row.canary_release_id, follows: false };
  for (const { deploymentId, releaseId, follows } of [...row.carries.filter((change) => change.follows), own]) {
    const words = follows ? `With deployment ${row.deployment_id}: ${decision.words}` : decision.words;
    await updateDeployment(tx, deploymentId, { status: STATUS[decision.toState], ...(says ? { words } : {}) });
    if (!isTerminal(decision.toState)) continue;
    await record(tx, {
      type: "delivery.deployment.ended",
      subject: `deployment/${deploymentId}`,
      project: row.project,
      actor: decision.actor,
      correlation: deploymentId,
      data: {
        service: row.service,
        environment: row.environment,
        outcome: STATUS[decision.toState],
        ...(says ? { words } : {}),
        rolloutId: row.id,
        releaseId,
        ...(follows ? { carrierId: row.deployment_id } : {}),
      },
    });
  }
}
