import type { Actor } from "@latchkey/core/delivery/rollout";
import { type Arms, decideRamp, type Evidence, evidenceOf, type RampDecision } from "@latchkey/core/flags/experiment";
import type { LiveRollout } from "@latchkey/core/flags/experiment-rules";
import { liveRollouts } from "@latchkey/core/flags/experiment-rules";
import { percentWords } from "@latchkey/core/flags/words";
import { differences } from "@latchkey/core/shared/difference";
import type { Logger } from "pino";
import type { Clock } from "../platform/clock.ts";
import { isPassing, type Transaction, type Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import {
  armsOf,
  currentRuns,
  endRun,
  lastPoints,
  NO_ARMS,
  pruneEarlyEvents,
  pruneExposures,
  pruneVariantDays,
  type RunRow,
  savePoint,
  takeRun,
} from "./experiments.store.ts";
import { same, writeVersion } from "./flags.controller.ts";
import {
  findFlag,
  flagGenerations,
  type RolloutRow,
  rolloutsOf,
  saveRollout,
  switchesOf,
  takeFlagGeneration,
} from "./flags.store.ts";
import { type FlagSets, rolloutKey } from "./sets.ts";
import { flagOf, rolloutOf, withSwitches } from "./stored.ts";

export interface RampsOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly lease: Pick<Lease, "fence" | "guards">;
  readonly sets: FlagSets;
}
const RAMP_ACTOR: Actor = { id: "ramp", kind: "system", name: "Ramp" };
const ROUND_MS = 1_000;
/** Pictures have a point for each five seconds at first, and later for each two-hundredth of the run's age. */
const POINT_MIN_MS = 5_000;
const POINTS_WITHIN_AGE = 200;
const PRUNE_MS = 60 * 60_000;
/** Of users no hash is kept for longer: a month after a run has ended, and half a year in one that never ends. */
export const KEPT = { endedDays: 30, days: 180, most: 20_000 } as const;

const VARIANT_DAYS = 35;
/** So long what came before its exposure waits for it. */
const EARLY_MS = 15 * 60_000;

/**
 * Moves rollouts: on to the next step, held where the arms are filled unalike, killed by harm. Every server does that at
 * once with what was reported to it; the one with the lease also looks once a second, for what time alone moves and for
 * what another server noted and then died. Each move is decided anew under the lock of the project's flags.
 */
export class Ramps {
  readonly #o: RampsOptions;
  readonly #looking = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  #callOff = () => {};
  #round: Promise<void> = Promise.resolve();
  #prunedAt = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(o: RampsOptions) {
    this.#o = o;
  }

  start(): void {
    this.#callOff = this.#o.clock.after(ROUND_MS, () => {
      this.#round = this.round().finally(() => {
        if (!this.#stopped) this.start();
      });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#callOff();
    await this.#round;
    await Promise.all(this.#looking.values());
  }

  /** New evidence of a project: decided on as soon as what is under way is done. */
  notice(project: string): void {
    if (this.#stopped) return;
    if (this.#looking.has(project)) {
      this.#again.add(project);
      return;
    }
    const work = this.#look(project, false)
      .catch((error: unknown) => this.#tell(error))
      .finally(() => {
        this.#looking.delete(project);
        if (this.#again.delete(project)) this.notice(project);
      });
    this.#looking.set(project, work);
  }

  /** What the server with the lease does once a second. */
  async round(): Promise<void> {
    if (this.#o.lease.fence() === null) return;
    try {
      for (const project of (await flagGenerations(this.#o.database.db)).keys()) await this.#look(project, true);
      await pruneEarlyEvents(this.#o.database.db, EARLY_MS);
      await this.#prune();
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    this.#o.log[isPassing(error) ? "debug" : "warn"]({ err: error }, "rollouts of flags could not be looked at");
  }

  async #look(project: string, isRound: boolean): Promise<void> {
    const { database, sets, clock } = this.#o;
    const live: LiveRollout[] = [];
    for (const environment of await sets.environments(project))
      live.push(...(await sets.rollouts(project, environment)).values());
    const running = live.filter((one) => one.isEnabled && one.state !== "killed");
    if (running.length === 0) return;
    const runs = await currentRuns(database.db, project);
    const runAt = new Map(runs.map((run) => [placeKey(run), run]));
    const arms = await armsOf(
      database.db,
      runs.map((run) => run.id),
    );
    const states = await rolloutsOf(database.db, project, [...new Set(running.map((one) => one.flag))]);
    const rowAt = new Map(states.map((row) => [placeKey(row), row]));
    for (const one of running) {
      const run = runAt.get(placeKey(one));
      if (isRound && run?.fingerprint !== one.fingerprint) await this.#begin(project, one);
      const known = run && run.fingerprint === one.fingerprint ? (arms.get(run.id) ?? NO_ARMS) : NO_ARMS;
      const { decision } = decide(one, rowAt.get(placeKey(one)), run, known, clock.now());
      if (decision.kind !== "keep" && (isRound || decision.kind !== "step")) await this.#move(project, one);
    }
    if (isRound) await this.#picture(running, runs, arms);
  }

  /** The run of what is compared now; and a row for a ramp that begins, so that its time counts. */
  async #begin(project: string, one: LiveRollout): Promise<void> {
    const { flag, environment, rule, fingerprint } = one;
    await this.#o.database.transaction(async (tx) => {
      await endRun(tx, { project, flag, environment, rule }, fingerprint);
      await takeRun(tx, { project, flag, environment, rule, fingerprint });
    });
  }

  async #move(project: string, of: LiveRollout): Promise<void> {
    const { database, lease, clock, sets } = this.#o;
    const fence = lease.fence();
    const moved = await database.transaction(async (tx) => {
      await takeFlagGeneration(tx, project);
      const before = await findFlag(tx, project, of.flag);
      if (!before || before.archived_at) return null;
      const [switches, rows] = [await switchesOf(tx, project, [of.flag]), await rolloutsOf(tx, project, [of.flag])];
      const flag = flagOf(before, switches);
      const one = liveRollouts(flag, of.environment, rows.map(rolloutOf)).find((live) => live.rule === of.rule);
      if (!one?.isEnabled) return null;
      const row = rows.find((at) => at.environment === one.environment && at.rule === one.rule);
      const run = await takeRun(tx, { project, ...refOf(one), fingerprint: one.fingerprint });
      if (run.fingerprint !== one.fingerprint) return null;
      const arms = (await armsOf(tx, [run.id])).get(run.id) ?? NO_ARMS;
      const nowMs = clock.now();
      const { decision, evidence } = decide(one, row, run, arms, nowMs);
      if (decision.kind === "keep") return null;
      // Harm is stopped by whoever sees it; a step is of the one that has the lease.
      if (decision.kind === "step" && (fence === null || !(await lease.guards(tx, fence)))) return null;
      const definition = withSwitches(of.flag, before.definition, switches);
      await this.#write(tx, project, { one, row, run, arms, evidence, decision, nowMs, before, definition });
      return decision;
    });
    if (!moved) return;
    this.#o.log.info({ project, flag: of.flag, rule: of.rule, ...moved }, "rollout moved");
    await sets.look();
  }

  async #write(
    tx: Transaction,
    project: string,
    m: {
      readonly one: LiveRollout;
      readonly row: RolloutRow | undefined;
      readonly run: RunRow;
      readonly arms: Arms;
      readonly evidence: Evidence;
      readonly decision: Exclude<RampDecision, { kind: "keep" }>;
      readonly nowMs: number;
      readonly before: Awaited<ReturnType<typeof findFlag>> & object;
      readonly definition: Parameters<typeof writeVersion>[2]["definition"];
    },
  ): Promise<void> {
    const { one, row, arms, decision } = m;
    const now = { percent: row?.percent ?? one.percentAt(m.nowMs), state: row?.state ?? ("running" as const) };
    const next = nextOf(decision, Math.round(one.percentAt(m.nowMs) * 1_000) / 1_000);
    await saveRollout(tx, project, {
      ...refOf(one),
      ...{ ...next, words: wordsOf(decision, next.percent), is_by_person: false },
      ...{ treated_before: arms.treated.exposed, control_before: arms.control.exposed },
    });
    await savePoint(tx, m.run.id, next.percent, arms);
    await writeVersion(
      tx,
      { project, key: one.flag, actor: RAMP_ACTOR, reason: decision.words },
      {
        ...same(m.before),
        ...{ verb: "rollout", before: m.before, definition: m.definition },
        changes: differences(now, next, `environments.${one.environment}.rollouts.${one.rule}`),
        type: `flags.rollout.${({ step: "stepped", hold: "held", kill: "killed" } as const)[decision.kind]}`,
        also: {
          ...{ environment: one.environment, rule: one.rule, run: m.run.id, decision: decision.kind },
          evidence: { plan: one.plan, arms, ...rounded(m.evidence) },
        },
      },
    );
  }

  /** The sums as they are now, for pictures of how they came to be. */
  async #picture(
    running: readonly LiveRollout[],
    runs: readonly RunRow[],
    arms: ReadonlyMap<number, Arms>,
  ): Promise<void> {
    const { database, clock } = this.#o;
    const last = await lastPoints(
      database.db,
      runs.map((run) => run.id),
    );
    const nowMs = clock.now();
    const liveAt = new Map(running.map((one) => [placeKey(one), one]));
    for (const run of runs) {
      const one = liveAt.get(placeKey(run));
      const counts = arms.get(run.id);
      if (!one || !counts || counts.treated.exposed + counts.control.exposed === 0) continue;
      const age = nowMs - run.started_at.getTime();
      const dueMs = Math.max(POINT_MIN_MS, age / POINTS_WITHIN_AGE);
      if (nowMs - (last.get(run.id)?.getTime() ?? 0) >= dueMs)
        await savePoint(database.db, run.id, Math.round(one.percentAt(nowMs) * 1_000) / 1_000, counts);
    }
  }

  async #prune(): Promise<void> {
    const now = this.#o.clock.monotonic();
    if (now - this.#prunedAt < PRUNE_MS) return;
    await pruneVariantDays(this.#o.database.db, VARIANT_DAYS);
    const gone = await pruneExposures(this.#o.database.db, KEPT);
    // There is more than one transaction should do: the next round goes on.
    if (gone < KEPT.most) this.#prunedAt = now;
  }
}

/** Of a rollout among those of its project: there are thousands, and all are looked at each second. */
const placeKey = (of: { readonly environment: string; readonly flag: string; readonly rule: string }): string =>
  `${of.environment} ${rolloutKey(of.flag, of.rule)}`;
const refOf = ({ flag, environment, rule }: LiveRollout) => ({ flag, environment, rule });

/** What is to be done with a rollout, by what is known of it. */
export function decide(
  one: LiveRollout,
  row: RolloutRow | undefined,
  run: RunRow | undefined,
  arms: Arms,
  nowMs: number,
): { readonly decision: RampDecision; readonly evidence: Evidence } {
  const evidence = evidenceOf(one.plan, arms);
  const begunMs = run?.started_at.getTime() ?? nowMs;
  // A run that is younger than the step counts from its own beginning.
  const step = row && row.since.getTime() >= begunMs ? row : undefined;
  const decision = decideRamp(one.plan, evidence, {
    percent: one.percentAt(nowMs),
    state: row?.state ?? "running",
    sinceMs: nowMs - (step?.since.getTime() ?? begunMs),
    ramp: one.serve.ramp,
    newlyExposed: {
      treated: arms.treated.exposed - (step?.treated_before ?? 0),
      control: arms.control.exposed - (step?.control_before ?? 0),
    },
  });
  return { decision, evidence };
}

function nextOf(decision: Exclude<RampDecision, { kind: "keep" }>, percent: number) {
  if (decision.kind === "step")
    return { percent: decision.percent, state: decision.isLast ? ("done" as const) : ("running" as const) };
  return { percent, state: decision.kind === "hold" ? ("held" as const) : ("killed" as const) };
}

/** As a person's moves are told: how it stands, and why. */
function wordsOf({ kind, words }: RampDecision, percent: number): string {
  const stands = kind === "kill" ? "Killed" : `${kind === "hold" ? "Held" : "Stepped"} at ${percentWords(percent)}`;
  return `${stands}: ${words.replace(/\.$/, "")}`;
}

/** JSON has no infinity, and nobody reads sixteen digits. */
function rounded(evidence: Evidence): object {
  return JSON.parse(
    JSON.stringify(evidence, (_, value: unknown) =>
      typeof value === "number" ? (Number.isFinite(value) ? Math.round(value * 1e6) / 1e6 : null) : value,
    ),
  ) as object;
}
