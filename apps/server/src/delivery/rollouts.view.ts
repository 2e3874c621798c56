import { createHash } from "node:crypto";
import { targetOf } from "@latchkey/api/targets";
import { effectWords } from "@latchkey/core/analysis/effect-words";
import { DECIDER_VERSION } from "@latchkey/core/analysis/judge";
import type { JudgeReport } from "@latchkey/core/analysis/types";
import { blastWords } from "@latchkey/core/delivery/blast-radius";
import { estimateDistinct, mergeUsers } from "@latchkey/core/delivery/hyperloglog";
import { whatIsNext } from "@latchkey/core/delivery/next";
import type { Target } from "@latchkey/core/delivery/ports";
import { replay } from "@latchkey/core/delivery/replay";
import { armsOf } from "@latchkey/core/delivery/routing";
import { servingTimeOf } from "@latchkey/core/delivery/serving-time";
import { allowedActions } from "@latchkey/core/delivery/transitions";
import { mergeHistograms, quantileMs } from "@latchkey/core/shared/histogram";
import { findService, publicEnvironmentOf } from "../catalog/index.ts";
import { sequencesOf } from "../ledger/index.ts";
import type { Executor } from "../platform/database.ts";
import { carriedWords, viewCarried } from "./batches.view.ts";
import { radiusOf } from "./blast-radius.ts";
import { type Counter, countersSince } from "./gateways.store.ts";
import { findHosted } from "./hosted-releases.store.ts";
import { presentRelease } from "./presentation.ts";
import type { Explanation, RolloutView } from "./presented.ts";
import { findReleases, type ReleaseRow } from "./releases.store.ts";
import {
  decisionsOf,
  findRollout,
  findWholeRollout,
  firstGeneration,
  generationOf,
  type ListedRollout,
  recordedSteps,
  thinnedLooks,
} from "./rollouts.store.ts";
import { previewAddress } from "./routing.view.ts";

type Arm = RolloutView["arms"][number];
const finite = (value: number): number =>
  Number.isFinite(value) ? value : value > 0 ? Number.MAX_VALUE : -Number.MAX_VALUE;

/** A report as the API shows it; JSON has no infinities. */
export function presentReport(report: JudgeReport): NonNullable<RolloutView["report"]> {
  return {
    ...report,
    lnHarm: finite(report.lnHarm),
    lnSafe: finite(report.lnSafe),
    reasons: [...report.reasons],
    metrics: report.metrics.map((m) => ({
      ...m,
      lnHarm: finite(m.lnHarm),
      lnSafe: m.lnSafe === null ? null : finite(m.lnSafe),
      // Reports of earlier versions of the judge have none.
      effect: m.effect ? { ...m.effect, words: effectWords(m).join(" ") } : null,
    })),
    guards: report.guards.map((g) => ({ ...g })),
  };
}

function armView(
  share: { arm: Arm["arm"]; releaseId: string; weightPercent: number },
  release: ReleaseRow | undefined,
  counters: readonly Counter[],
  process: { restarts: number; residentBytes: number | null },
): Arm {
  const own = counters.filter((c) => c.releaseId === share.releaseId);
  const judged = own.filter((c) => c.routeClass !== "asset");
  const sum = (rows: readonly Counter[], pick: (c: Counter) => number) => rows.reduce((n, c) => n + pick(c), 0);
  const latency = judged.reduce((h, c) => mergeHistograms(h, c.latency), {});
  return {
    arm: share.arm,
    releaseId: share.releaseId,
    releaseNumber: release?.number ?? 0,
    trafficPercent: share.weightPercent,
    requests: sum(judged, (c) => c.requests),
    errors: sum(judged, (c) => c.errors),
    p50Ms: quantileMs(latency, 0.5),
    p95Ms: quantileMs(latency, 0.95),
    pageViews: sum(own, (c) => c.pageViews),
    pageErrors: sum(own, (c) => c.pageErrors),
    users: Math.round(estimateDistinct(mergeUsers(own.map((c) => c.users)))),
    restarts: process.restarts,
    residentBytes: process.residentBytes,
  };
}

/** The last generation of a rollout that has ended goes on without it: what it counts is not this rollout's. */
const countersOf = (db: Executor, row: ListedRollout): Promise<Counter[]> =>
  countersSince(
    db,
    row.service,
    row.environment,
    firstGeneration(row),
    row.finished_at === null ? null : generationOf(row),
  );

async function armsView(
  counters: readonly Counter[],
  row: ListedRollout,
  releases: ReadonlyMap<string, ReleaseRow>,
  target: Pick<Target, "figures">,
): Promise<Arm[]> {
  const shares = [...armsOf(row.machine, row.canary_release_id, row.baseline_release_id)];
  // An arm at 0 % is still shown: people want to see what it did.
  if (!shares.some((s) => s.releaseId === row.canary_release_id))
    shares.push({ arm: "canary", releaseId: row.canary_release_id, weightPercent: 0 });
  if (row.baseline_release_id && !shares.some((s) => s.releaseId === row.baseline_release_id)) {
    shares.push({ arm: "baseline", releaseId: row.baseline_release_id, weightPercent: 0 });
  }
  return Promise.all(
    shares.map(async (share) => {
      const arm = share.releaseId === row.canary_release_id ? "canary" : share.arm;
      return armView(
        { ...share, arm },
        releases.get(share.releaseId),
        counters,
        await target.figures({ releaseId: share.releaseId, environment: row.environment }),
      );
    }),
  );
}

async function decisionsView(
  db: Executor,
  decisions: Awaited<ReturnType<typeof decisionsOf>>,
): Promise<RolloutView["decisions"]> {
  const sequences = await sequencesOf(
    db,
    decisions.map((d) => d.event_id),
  );
  return decisions.map(({ at, decision, event_id }) => ({
    sequence: sequences.get(event_id) ?? null,
    at: at.toISOString(),
    kind: decision.kind,
    words: decision.words,
    actor: decision.actor.name,
    fromState: decision.fromState,
    toState: decision.toState,
    trafficPercent: decision.trafficPercent,
  }));
}

export interface RolloutViewOptions {
  readonly target: Pick<Target, "figures">;
  readonly gatewayUrl: string;
}

/** An ended rollout never changes, so its view is kept; the others' for as long as nobody could tell. */
const KEPT_ENDED_MAX = 200;
const KEPT_MS = 200;

/** Rollouts as the API shows them. A view costs some ten queries, and many may look at the same one. */
export class RolloutViews {
  readonly #db: Executor;
  readonly #o: RolloutViewOptions;
  readonly #ended = new Map<string, RolloutView>();
  readonly #fresh = new Map<string, { readonly until: number; readonly view: Promise<RolloutView | null> }>();

  constructor(db: Executor, options: RolloutViewOptions) {
    this.#db = db;
    this.#o = options;
  }

  /** The rollout changed: whoever asks from now on sees it. */
  changed(id: string): void {
    this.#fresh.delete(id);
  }

  async of(id: string): Promise<RolloutView | null> {
    const ended = this.#ended.get(id);
    if (ended) return ended;
    const now = performance.now();
    for (const [key, kept] of this.#fresh) if (kept.until < now) this.#fresh.delete(key);
    const known = this.#fresh.get(id);
    if (known) return known.view;
    const made = viewRollout(this.#db, id, this.#o);
    this.#fresh.set(id, { until: now + KEPT_MS, view: made });
    const view = await made;
    // Until its last decision is numbered, it will still say more than now; and so it does while a batch is searched.
    if (view?.finishedAt && view.split === null && view.decisions.every((d) => d.sequence !== null)) {
      this.#ended.set(id, view);
      for (const oldest of this.#ended.keys()) if (this.#ended.size > KEPT_ENDED_MAX) this.#ended.delete(oldest);
    }
    return view;
  }
}

async function viewRollout(db: Executor, id: string, o: RolloutViewOptions): Promise<RolloutView | null> {
  const row = await findRollout(db, id);
  if (!row) return null;
  const releases = await findReleases(db, [row.canary_release_id, row.baseline_release_id]);
  const canary = releases.get(row.canary_release_id);
  if (!canary) return null;
  const baseline = row.baseline_release_id ? releases.get(row.baseline_release_id) : undefined;
  const { machine } = row;
  const counters = await countersOf(db, row);
  const radius = radiusOf(row, counters, row.time_at_ms);
  const decisions = await decisionsOf(db, id);
  const next = whatIsNext(machine);
  // Pages show the wall clock: rollout time is behind it by what was not watched.
  const wall = (ms: number | null) =>
    ms === null ? null : new Date(ms + row.time_seen_ms - row.time_at_ms).toISOString();
  return {
    id: row.id,
    deploymentId: row.deployment_id,
    service: row.service,
    environment: row.environment,
    state: machine.state,
    strategy: machine.strategy.kind,
    steps: machine.strategy.steps.map((s) => ({ ...s })),
    maximumMs: machine.strategy.maximumMs,
    onInconclusive: machine.strategy.onInconclusive,
    holdbackPercent: machine.strategy.holdbackPercent,
    holdbackMs: machine.strategy.holdbackMs,
    exposedAt: wall(machine.exposedAtMs),
    stepIndex: machine.stepIndex,
    trafficPercent: machine.trafficPercent,
    generation: { epoch: row.generation_epoch, n: row.generation_n },
    acknowledged: machine.acknowledged,
    startedAt: row.started_at.toISOString(),
    stepStartedAt: wall(machine.stepStartedAtMs) ?? row.started_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    next: { at: wall(next.atMs), words: next.words },
    progress: await progressOf(db, row),
    allowedActions: allowedActions(machine),
    canary: presentRelease(canary),
    baseline: baseline ? presentRelease(baseline) : null,
    arms: await armsView(counters, row, releases, o.target),
    blastRadius: radius ? { ...radius, words: blastWords(radius) } : null,
    report: row.report ? presentReport(row.report) : null,
    servingTime: servingTimeOf(decisions.map((d) => ({ ...d.decision, atMs: d.at.getTime() }))),
    decisions: await decisionsView(db, decisions),
    previewUrl: await previewUrlOf(db, row, o.gatewayUrl),
    ...(await viewCarried(db, row)),
  };
}

/** What the host of a release that comes up says; nothing of a process beside the server, which is up in a moment. */
async function progressOf(db: Executor, row: ListedRollout): Promise<RolloutView["progress"]> {
  if (row.machine.state !== "starting") return [];
  const service = await findService(db, row.project, row.service);
  if (!service || targetOf(service.config, row.environment).kind === "local") return [];
  const hosted = await findHosted(db, { releaseId: row.canary_release_id, environment: row.environment });
  return (hosted?.said ?? []).map(({ at, words }) => ({ at: new Date(at).toISOString(), words }));
}

/** Where the new release alone can be looked at, from the moment that gateways know of it until the end. */
async function previewUrlOf(db: Executor, row: ListedRollout, gatewayUrl: string): Promise<string | null> {
  if (row.finished_at !== null || ["starting", "rolling_back"].includes(row.machine.state)) return null;
  const service = await findService(db, row.project, row.service);
  const isPublic = service !== null && publicEnvironmentOf(service.config) === row.environment;
  return previewAddress(gatewayUrl, row.service, row.environment, isPublic);
}

const LOOKS_MAX = 600;

export async function viewLooks(db: Executor, row: ListedRollout, afterMs: number) {
  const steps = await thinnedLooks(db, row.id, afterMs, LOOKS_MAX);
  return steps.flatMap((step) => {
    if (!step.summary) return [];
    const report = presentReport(step.summary);
    return [
      {
        atMs: report.atMs,
        at: step.at.toISOString(),
        trafficPercent: step.traffic_percent,
        verdict: report.verdict,
        lnHarm: report.lnHarm,
        lnSafe: report.lnSafe,
        baselineRequests: report.baselineRequests,
        canaryRequests: report.canaryRequests,
        metrics: report.metrics,
      },
    ];
  });
}

/** Replays the recorded evidence through the pure functions and compares every decision with the recorded one. */
/** As often as a look may come between what is read of a rollout that is under way. */
const TRIES = 10;

/** A rollout with all that was recorded of it, as it stood at one moment: what a look adds in between is read again. */
async function recorded(db: Executor, id: string) {
  for (let tries = 1; ; tries++) {
    const row = await findWholeRollout(db, id);
    if (!row) return null;
    const steps = await recordedSteps(db, id);
    const decisions = await decisionsOf(db, id);
    if (tries === TRIES || (await findRollout(db, id))?.step_count === row.step_count) return { row, steps, decisions };
  }
}

export async function explain(db: Executor, id: string): Promise<Explanation | null> {
  const whole = await recorded(db, id);
  if (!whole) return null;
  const { row, steps } = whole;
  let hash = "";
  for (const { text } of steps) hash = createHash("sha256").update(hash).update("\n").update(text).digest("hex");
  const decisions = await decisionsView(db, whole.decisions);
  const stored = whole.decisions.map((d) => d.decision);
  const sameVersion = row.decider_version === DECIDER_VERSION;
  const again = sameVersion ? replay(row.first_machine, row.policy, steps) : null;
  const agrees = again !== null && JSON.stringify(sorted(again.decisions)) === JSON.stringify(sorted(stored));
  const intact = hash === row.evidence_sha256;
  const carried = await carriedWords(db, row);
  const last = decisions.at(-1);
  const turning = [...decisions]
    .reverse()
    .find((d) => ["roll_back_begun", "promoted", "start_failed", "person_asked"].includes(d.kind));
  return {
    rolloutId: id,
    words: [
      ...(turning ? [turning.words] : []),
      ...carried,
      ...(row.report?.guards ?? []).filter((g) => g.guard === "clustered" && g.state === "note").map((g) => g.words),
      ...(await progressOf(db, row)).slice(-1).map(({ words }) => `Its host says: ${words}`),
      last ? `It is ${row.machine.state.replace("_", " ")} since ${last.at}.` : "Nothing has been decided yet.",
      again === null
        ? `It was decided by version ${row.decider_version} of the decider; this server has ${DECIDER_VERSION} and can't replay it.`
        : agrees
          ? `Replayed over ${again.looks} recorded looks, the decider reaches the same ${stored.length} decisions.`
          : "Replayed over the recorded looks, the decider does NOT reach the recorded decisions.",
      ...(again !== null && again.taken > 0
        ? [
            `The server was upgraded under way: ${again.taken} looks were judged by an earlier version, and their reports are taken as they were recorded. From then on the evidence began anew.`,
          ]
        : []),
      intact
        ? "The evidence is as it was when the last decision was recorded."
        : "The evidence does NOT match the hash in the record: it was changed.",
    ],
    looks: steps.filter((s) => s.recorded.kind === "look").length,
    agrees,
    evidenceSha256: row.evidence_sha256,
    evidenceIntact: intact,
    deciderVersion: row.decider_version,
    report: row.report ? presentReport(row.report) : null,
    decisions,
  };
}

/** PostgreSQL's jsonb keeps no order of keys; comparisons need one. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  );
}
