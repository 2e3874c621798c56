import { type GateConfig, gateKind, gateTimeoutMs } from "@latchkey/api/gates";
import { SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import { expireApproval, type ServiceRow } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Clock } from "../platform/clock.ts";
import { afterCommit, type Transaction, type Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { endDeployment, locksPhase } from "./deployments.entries.ts";
import { type DeploymentRow, type GateRow, updateDeployment } from "./deployments.store.ts";
import { type GateOutcome, type GateRunners, gatesFor, isSettled, lets, outOfTime, waitingRow } from "./gate-runner.ts";
import { findRelease, type ReleaseRow } from "./releases.store.ts";
import type { SourcesOf } from "./sources.ts";

const OUTPUT_MAX = 8_000;
/** Nothing is asked more often, and whatever is pending is asked at least this often. */
const ASK_AGAIN_MS = { least: 200, most: 3_600_000 };
const LAST = "It is asked when the other gates have passed.";

export interface GatingOptions {
  readonly database: Transactions;
  readonly clock: Clock;
  readonly lease: Pick<Lease, "guards">;
  readonly runners: GateRunners;
  readonly sourcesOf: SourcesOf;
  /** Who lets a gate of a service stand that did not pass; `couldNotRun`: also where nothing could be checked. */
  readonly waiverOf: (service: ServiceRow, gate: string, couldNotRun: boolean) => Promise<GateRow["waiver"]>;
  readonly onChanged: (deploymentId: string) => void;
}

/** One deployment's gates, while they are worked on. */
interface Work {
  readonly deployment: DeploymentRow;
  readonly service: ServiceRow;
  readonly release: ReleaseRow | null;
  readonly folder: string;
  readonly fence: number;
  readonly gates: readonly GateConfig[];
  readonly rows: GateRow[];
}

/**
 * Takes a deployment through its gates, in the configuration's order. What is pending holds up nobody behind it, and what
 * holds for the moment only is asked last, together. Each result is written before the next gate is asked: after a crash
 * the finished ones stand and the one that ran runs again.
 */
export class Gating {
  readonly #o: GatingOptions;
  /** When each deployment with pending gates is looked at again. After a restart: at once. */
  readonly #due = new Map<string, number>();

  constructor(options: GatingOptions) {
    this.#o = options;
  }

  isDue(id: string): boolean {
    return (this.#due.get(id) ?? 0) <= this.#o.clock.now();
  }
  /** Something has come that a gate may have waited for. */
  hurry(): void {
    this.#due.clear();
  }

  /** Asks every gate that can be asked now. True once all have let it pass. `isStopping`: what then comes of a command means nothing. */
  async go(deployment: DeploymentRow, service: ServiceRow, fence: number, isStopping: () => boolean): Promise<boolean> {
    this.#due.delete(deployment.id);
    const release = deployment.release_id ? await findRelease(this.#o.database.db, deployment.release_id) : null;
    const gates = gatesFor(service, deployment.environment);
    const rows = gates.map((gate) => deployment.gates.find(({ name }) => name === gate.name) ?? waitingRow(gate));
    const folder = await this.#o.sourcesOf(deployment, service);
    if (isStopping()) return false;
    const work: Work = { deployment, service, release, fence, gates, rows, folder: folder.ok ? folder.value : "" };
    if (!folder.ok) {
      await this.#end(work, `The gates could not run: ${folder.error} The release was not deployed.`);
      return false;
    }
    let askAgainMs = ASK_AGAIN_MS.most;
    for (const isLast of [false, true]) {
      const others = rows.filter((_, i) => !this.#isLast(gates[i]));
      // What holds for the moment only must hold when everything else does.
      if (isLast && !others.every(isSettled)) {
        await this.#postpone(work);
        break;
      }
      for (const [i, gate] of gates.entries()) {
        const row = rows[i];
        if (!row || this.#isLast(gate) !== isLast || (isSettled(row) && !(isLast && row.status === "passed"))) continue;
        const asked = await this.#ask(work, i, gate, isStopping);
        if (asked === null) return false;
        askAgainMs = Math.min(askAgainMs, asked.askAgainMs);
        const now = rows[i];
        if (now && isSettled(now) && !lets(now)) {
          await this.#fail(work, now);
          return false;
        }
      }
    }
    if (rows.every(isSettled)) return this.#pass(work);
    this.#due.set(deployment.id, this.#o.clock.now() + Math.max(ASK_AGAIN_MS.least, askAgainMs));
    return false;
  }

  #isLast(gate: GateConfig | undefined): boolean {
    return gate !== undefined && this.#o.runners[gateKind(gate)].isOfTheMoment === true;
  }

  /** Asks one gate and writes what it came to; null when this work is over. */
  async #ask(
    work: Work,
    i: number,
    gate: GateConfig,
    isStopping: () => boolean,
  ): Promise<{ askAgainMs: number } | null> {
    const { deployment, service, release, folder, rows } = work;
    const before = rows[i] ?? waitingRow(gate);
    const nowMs = this.#o.clock.now();
    // What is pending began when it was first asked; a command that a crash cut short begins anew.
    const wasPending = before.status === "pending";
    const hasBegun = before.status === "pending" || before.status === "passed";
    const beganAtMs = hasBegun && before.startedAt ? Date.parse(before.startedAt) : nowMs;
    const startedAt = new Date(beganAtMs).toISOString();
    if (before.status === "waiting" || before.status === "running") {
      rows[i] = { ...before, status: "running", startedAt };
      if (!(await this.#save(work, `Running the gate "${gate.name}".`))) return null;
    }
    const asked = await this.#o.runners[gateKind(gate)].run(gate, {
      deployment,
      service,
      release,
      folder,
      beganAtMs,
      nowMs,
      wasPending,
    });
    if (isStopping()) return null;
    const isLate = asked.status === "pending" && this.#o.clock.now() - beganAtMs >= gateTimeoutMs(gate);
    const outcome: GateOutcome = isLate ? { ...outOfTime(gate), details: [asked.words] } : asked;
    const after = await this.#waived(work, this.#rowAfter({ ...before, startedAt }, outcome));
    const isNews = JSON.stringify(after) !== JSON.stringify(before);
    rows[i] = after;
    if (isNews && !(await this.#save(work, this.#wordsOf(rows), isLate ? gate.name : undefined))) return null;
    const left = beganAtMs + gateTimeoutMs(gate) - this.#o.clock.now();
    return { askAgainMs: outcome.status === "pending" ? Math.min(outcome.askAgainMs, left) : ASK_AGAIN_MS.most };
  }

  /** A required gate that did not pass stands where a person says so; one that has checked nothing, where that was said. */
  async #waived(work: Work, row: GateRow): Promise<GateRow> {
    // Nobody can say that a schema has what it lacks.
    if (row.status === "passed" || !row.required || row.kind === "migrations") return row;
    const { window_override: override, id } = work.deployment;
    if (override && row.kind === "window")
      return {
        ...{ ...row, status: "waived", finishedAt: this.#nowText() },
        waiver: { id, by: override.by, reason: override.reason, until: null },
      };
    const waiver = await this.#o.waiverOf(work.service, row.name, row.status !== "failed");
    if (!waiver) return row;
    return { ...row, status: "waived", waiver, finishedAt: this.#nowText() };
  }

  #rowAfter(row: GateRow, outcome: GateOutcome): GateRow {
    const { status, words } = outcome;
    const details = [...(outcome.details ?? [])];
    if (outcome.status === "pending") return { ...row, status, words, details, finishedAt: null };
    const finishedAt = row.status === "passed" && status === "passed" ? row.finishedAt : this.#nowText();
    const output = (outcome.output ?? "").slice(-OUTPUT_MAX);
    return { ...row, status, words, details, output, figures: [...outcome.figures], finishedAt };
  }

  #nowText(): string {
    return new Date(this.#o.clock.now()).toISOString();
  }

  #wordsOf(rows: readonly GateRow[]): string | undefined {
    const pending = rows.filter(({ status }) => status === "pending");
    if (pending.length === 0) return undefined;
    const first = pending.find(({ words }) => words !== LAST) ?? pending[0];
    return `Waits for the gate "${first?.name}": ${first?.words}`;
  }

  /** The gates of the moment show what they wait for. */
  async #postpone(work: Work): Promise<void> {
    const { gates, rows } = work;
    let isNews = false;
    for (const [i, gate] of gates.entries()) {
      const row = rows[i];
      if (!row || !this.#isLast(gate) || row.status === "pending") continue;
      rows[i] = { ...row, status: "pending", words: LAST, startedAt: null, finishedAt: null };
      isNews = true;
    }
    if (isNews) await this.#save(work, this.#wordsOf(rows));
  }

  #locks(tx: Transaction, { deployment, fence }: Work): Promise<boolean> {
    return locksPhase(this.#o.lease, tx, fence, { id: deployment.id, status: "gating" });
  }

  /** False when the phase is over, or another server has it. `late`: the gate whose time is over, for whoever was asked. */
  async #save(work: Work, words?: string, late?: string): Promise<boolean> {
    const { id, project } = work.deployment;
    return this.#o.database.transaction(async (tx) => {
      if (!(await this.#locks(tx, work))) return false;
      await updateDeployment(tx, id, { gates: work.rows, ...(words ? { words } : {}) });
      if (late !== undefined)
        await expireApproval(tx, { project, subject: `deployment/${id}`, gate: late, actor: SYSTEM_ACTOR });
      afterCommit(tx, () => this.#o.onChanged(id));
      return true;
    });
  }

  async #fail(work: Work, row: GateRow): Promise<void> {
    const why =
      row.status === "timed_out"
        ? (row.words ?? "").replace(/^It /, "").replace(/\.$/, "")
        : row.status === "could_not_run"
          ? "could not run"
          : "failed";
    const because = row.status !== "timed_out" && row.words ? `: ${row.words}` : ".";
    await this.#end(work, `The gate "${row.name}" ${why}${because} The release was not deployed.`);
  }

  async #end(work: Work, words: string): Promise<void> {
    await this.#o.database.transaction(async (tx) => {
      if (!(await this.#locks(tx, work))) return;
      await updateDeployment(tx, work.deployment.id, { gates: work.rows });
      await endDeployment(tx, work.deployment, "failed_gate", words, { gates: evidenceOf(work.rows) });
    });
  }

  async #pass(work: Work): Promise<boolean> {
    const { deployment, rows } = work;
    return this.#o.database.transaction(async (tx) => {
      if (!(await this.#locks(tx, work))) return false;
      await updateDeployment(tx, deployment.id, {
        status: "queued",
        words: "Its gates passed; it waits for its turn.",
        gates: rows,
      });
      await record(tx, {
        type: "delivery.deployment.gates_passed",
        subject: `deployment/${deployment.id}`,
        project: deployment.project,
        actor: SYSTEM_ACTOR,
        correlation: deployment.id,
        data: { service: deployment.service, releaseId: deployment.release_id, gates: evidenceOf(rows) },
      });
      return true;
    });
  }
}

/** What the ledger keeps of each gate. */
const evidenceOf = (rows: readonly GateRow[]) =>
  rows.map(({ name, kind = "command", status, required, words = "", figures = [], waiver = null }) => ({
    ...{ name, kind, status, required, words, figures },
    ...(waiver ? { waiver } : {}),
  }));
