import type { RoutingTable } from "@latchkey/api/gateway";
import { judge, startJudge } from "@latchkey/core/analysis/judge";
import type { JudgeReport } from "@latchkey/core/analysis/types";
import type { EnvironmentRow } from "../apps/server/src/catalog/services.store.ts";
import { findEnvironment } from "../apps/server/src/catalog/services.store.ts";
import {
  activeDeployments,
  type DeploymentRow,
  findDeployment,
} from "../apps/server/src/delivery/deployments.store.ts";
import { findRelease } from "../apps/server/src/delivery/releases.store.ts";
import {
  type DecisionRow,
  decisionsOf,
  findWholeRollout,
  type RolloutRow,
  recordedSteps,
} from "../apps/server/src/delivery/rollouts.store.ts";
import { explain } from "../apps/server/src/delivery/rollouts.view.ts";
import { allEntriesAfter, type EntryRow, readTree } from "../apps/server/src/ledger/ledger.store.ts";
import { drainOnce } from "../apps/server/src/ledger/sequencer.ts";
import { INVARIANTS } from "./invariants.ts";
import type { Wish } from "./parts/people.ts";
import type { World } from "./world.ts";

/** An entry of the ledger, as far as invariants read it. */
export interface Entry {
  readonly sequence: number;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly actor: { readonly id: string; readonly kind: string };
  readonly data: Readonly<Record<string, unknown>>;
}
export interface Applied {
  readonly atMs: number;
  readonly gateway: string;
  readonly table: RoutingTable;
}
export interface SeenRollout {
  readonly row: RolloutRow;
  readonly decisions: readonly Omit<DecisionRow, "sequence">[];
  readonly isHarmful: boolean;
  readonly agrees: boolean;
  readonly evidenceIntact: boolean;
  /** What the judge said at each look, in a world for a guard; none in others. */
  readonly reports: readonly { readonly atMs: number; readonly report: JudgeReport }[];
}

/** Everything that can be known of a stretch between two restores, at its end. */
export interface Era {
  readonly isLast: boolean;
  readonly entries: readonly Entry[];
  readonly rows: readonly EntryRow[];
  readonly tree: { readonly size: number; readonly peaks: readonly Uint8Array[] };
  readonly deployments: ReadonlyMap<string, DeploymentRow>;
  readonly rollouts: readonly SeenRollout[];
  /** What releases really are, by their ids: of those that went out together. */
  readonly digests: ReadonlyMap<string, string>;
  readonly environment: EnvironmentRow | null;
  readonly applied: readonly Applied[];
  readonly wishes: readonly Wish[];
  readonly unfinished: readonly DeploymentRow[];
  readonly world: World;
}

/** A gateway whose poll was answered within this time counts as live for certain. */
const LIVE_MS = 10_000;

/** Sees the whole world, and holds it to its invariants. */
export class Oracle {
  readonly #world: World;
  readonly violations: string[] = [];
  era = 0;
  rollouts = 0;
  deployments = 0;
  /** Deployments that went out with another one. */
  joined = 0;
  #applied: Applied[] = [];
  readonly #heardMs = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  violate(words: string): void {
    if (!this.violations.includes(words)) this.violations.push(words);
  }

  onApplied(gateway: string, table: RoutingTable, isOlder: boolean): void {
    this.#world.guards.onApplied(table);
    this.#applied.push({ atMs: this.#world.timeline.nowMs, gateway, table });
    if (isOlder) this.violate(`An older generation wins: ${gateway} goes back to ${JSON.stringify(table.generation)}.`);
    for (const { arms } of table.services) {
      const sum = arms.reduce((n, arm) => n + arm.weightPercent, 0);
      if (Math.abs(sum - 100) > 1e-6 || arms.some((arm) => arm.weightPercent < 0))
        this.violate(`Shares do not add up to 100: ${arms.map((a) => a.weightPercent).join(" + ")}.`);
    }
  }

  /** A poll was answered that was asked at a time: the gateway was live then. */
  onHeard(gateway: string, askedMs: number): void {
    this.#heardMs.set(gateway, Math.max(askedMs, this.#heardMs.get(gateway) ?? 0));
  }

  /** A process is ended on purpose: no gateway that is live may still send visitors there. */
  onEnd(port: number): void {
    const { nowMs } = this.#world.timeline;
    for (const gateway of this.#world.gateways) {
      if (nowMs - (this.#heardMs.get(gateway.name) ?? 0) > LIVE_MS) continue;
      for (const service of gateway.table?.services ?? []) {
        if (service.environment.endsWith("/preview")) continue;
        const arm = service.arms.find((a) => a.weightPercent > 0 && a.upstreams.some((u) => u.endsWith(`:${port}`)));
        if (arm)
          this.violate(
            `${arm.release} is ended while ${gateway.name} sends it ${arm.weightPercent} % of the visitors.`,
          );
      }
    }
  }

  async isHarmful(releaseId: string): Promise<boolean> {
    const release = await findRelease(this.#world.directly, releaseId);
    return release !== null && this.#world.truth.of(release.digest).isHarmful;
  }

  /** The newest batch that was taken back, by its deployment. */
  async batchTakenBack(): Promise<string | null> {
    for (const { answer, era } of [...this.#world.people.wishes].reverse()) {
      if (answer?.kind !== "done" || era !== this.era) continue;
      const deployment = await findDeployment(this.#world.directly, answer.reference);
      if (deployment?.status === "rolled_back" && deployment.carries.length > 1) return deployment.id;
    }
    return null;
  }

  beginEra(): void {
    this.era += 1;
    this.#applied = [];
  }

  /** Reads what is there and holds it to every invariant. */
  async closeEra(isLast = true): Promise<void> {
    const era = await this.#read(isLast);
    this.rollouts += era.rollouts.length;
    this.deployments += era.deployments.size;
    this.joined += [...era.deployments.values()].filter((d) => d.carrier_id !== null).length;
    for (const invariant of INVARIANTS) for (const words of invariant(era)) this.violate(words);
  }

  async #reportsOf({ id, policy }: RolloutRow): Promise<SeenRollout["reports"]> {
    let state = startJudge(policy);
    const reports: SeenRollout["reports"][number][] = [];
    for (const { recorded } of await recordedSteps(this.#world.directly, id)) {
      if (recorded.kind !== "look") continue;
      const judged = judge(state, recorded.look, policy);
      state = judged.state;
      reports.push({ atMs: recorded.look.atMs, report: judged.report });
    }
    return reports;
  }

  async #read(isLast: boolean): Promise<Era> {
    const world = this.#world;
    const db = world.directly;
    const database = { db, transaction: world.inOne.bind(world) };
    while ((await drainOnce(database)) > 0);
    const rows: EntryRow[] = [];
    for (;;) {
      const page = await allEntriesAfter(db, rows.length - 1, 1_000);
      rows.push(...page);
      if (page.length === 0) break;
    }
    const entries = rows.map((row) => JSON.parse(row.canonical) as Entry);
    const subjects = (type: string) => entries.filter((e) => e.type === type).map((e) => e.subject.split("/")[1] ?? "");
    const deployments = new Map<string, DeploymentRow>();
    for (const id of subjects("delivery.deployment.requested")) {
      const row = await findDeployment(db, id);
      if (row) deployments.set(id, row);
      else this.violate(`The ledger tells of deployment ${id}, which is not there.`);
    }
    const digests = new Map<string, string>();
    for (const d of [...deployments.values()].filter(({ carrier_id }) => carrier_id !== null)) {
      for (const id of [d.release_id, deployments.get(d.carrier_id ?? "")?.release_id ?? null]) {
        const release = id === null ? null : await findRelease(db, id);
        if (release) digests.set(release.id, release.digest);
      }
    }
    const rollouts: SeenRollout[] = [];
    for (const id of subjects("delivery.rollout.created")) {
      const row = await findWholeRollout(db, id);
      const explanation = await explain(db, id);
      if (!row || !explanation) this.violate(`The ledger tells of rollout ${id}, which is not there.`);
      else
        rollouts.push({
          row,
          decisions: await decisionsOf(db, id),
          isHarmful: await this.isHarmful(row.canary_release_id),
          agrees: explanation.agrees,
          evidenceIntact: explanation.evidenceIntact,
          reports: world.plan.isCalm ? await this.#reportsOf(row) : [],
        });
    }
    return {
      isLast,
      entries,
      rows,
      tree: await readTree(db),
      deployments,
      rollouts,
      digests,
      environment: await findEnvironment(db, "main", "leads", "production"),
      applied: this.#applied,
      wishes: world.people.wishes.filter((w) => w.era === this.era),
      unfinished: isLast ? await activeDeployments(db) : [],
      world,
    };
  }
}
