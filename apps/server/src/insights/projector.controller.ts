import { attributeIncident, judgeDeployment } from "@latchkey/core/insights/attribution";
import {
  commitOf,
  correctionOf,
  type Deployment,
  deploymentOf,
  incidentOf,
  pullRequestOf,
} from "@latchkey/core/insights/history";
import { type ChangeLookup, leadsOf, pullsByCommit } from "@latchkey/core/insights/leads";
import type { Logger } from "pino";
import type { Clock } from "../platform/clock.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { Loop } from "../platform/loop.ts";
import { type Cell, makeCell } from "./cells.store.ts";
import {
  correctionsOf,
  correctionsOfIncident,
  findThings,
  isAnyDirty,
  markDirty,
  pullsOfCommits,
  remediesOf,
  type ThingRow,
  takeDirty,
} from "./facts.store.ts";
import {
  incidentRecordsOf,
  saveConflicts,
  saveDeploymentRecord,
  saveIncidentRecord,
  saveLeads,
} from "./records.store.ts";

/** Things of one transaction: a few milliseconds each, so that nothing waits long behind them. */
const AT_ONCE = 100;
/** Whoever takes facts in makes their records at once: a look only finds what a server left that died before it had. */
const LOOK_MS = 5_000;

export interface ProjectorOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * Makes the records of what facts have changed. Any server may: what one takes is locked to it, and a record is made from
 * the facts alone, so that it is the same whoever makes it and however often.
 */
export class Projector {
  readonly #o: ProjectorOptions;
  readonly #loop: Loop;
  #stopped = false;

  constructor(o: ProjectorOptions) {
    this.#o = o;
    this.#loop = new Loop({ ...o, of: "the records of insights", everyMs: LOOK_MS });
  }

  start(): void {
    this.#loop.run(async () => {
      if (await isAnyDirty(this.#o.database.db)) while (!this.#stopped && (await this.round()) > 0);
    });
  }

  /** There is something to do. */
  wake(): void {
    this.#loop.wake();
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#loop.stop();
  }

  /** One round; answers how many records it looked at. */
  round(): Promise<number> {
    return this.#o.database.transaction(async (tx) => {
      const taken = await takeDirty(tx, AT_ONCE);
      const touched = new Map<string, { readonly project: string; readonly cell: Cell }>();
      for (const { project, kind, key } of taken) {
        const cells = await (kind === "incident"
          ? projectIncident(tx, project, key)
          : projectDeployment(tx, project, key));
        for (const cell of cells)
          touched.set(JSON.stringify([project, cell.service, cell.environment, cell.day]), { project, cell });
      }
      // In order, so that two rounds never wait for each other.
      for (const [, { project, cell }] of [...touched].sort(([a], [b]) => (a < b ? -1 : 1)))
        await makeCell(tx, project, cell);
      return taken.length;
    });
  }
}

const corrections = (rows: readonly ThingRow[]) =>
  rows.map(({ key, registers }) => correctionOf(key, registers)).filter((correction) => correction !== null);
const deployments = (rows: readonly Pick<ThingRow, "key" | "registers">[]): Deployment[] =>
  rows.map(({ key, registers }) => deploymentOf(key, registers)).filter((deployment) => deployment !== null);

async function projectIncident(tx: Transaction, project: string, key: string): Promise<readonly Cell[]> {
  const thing = (await findThings(tx, project, "incident", [key])).get(key);
  if (!thing) return [];
  const incident = incidentOf(key, thing);
  const said = corrections(await correctionsOfIncident(tx, project, key));
  const named = [...incident.links.map((link) => link.deployment), ...said.map((correction) => correction.deployment)];
  const found = await findThings(tx, project, "deployment", named);
  const known = new Map(
    deployments([...found].map(([name, registers]) => ({ key: name, registers }))).map((d) => [d.key, d]),
  );
  const { record, conflicts } = attributeIncident(incident, (name) => known.get(name) ?? null, said);
  await saveConflicts(tx, project, { kind: "incident", key }, conflicts);
  if (record === null) return [];
  const touched = await saveIncidentRecord(tx, project, record);
  if (touched.deployments.length > 0)
    await markDirty(tx, project, { deployments: touched.deployments, incidents: [], commits: [] });
  return touched.cells;
}

/** The commits that a deployment brings, and the pull requests that they are of. */
async function changesOf(tx: Transaction, project: string, commits: readonly string[]): Promise<ChangeLookup> {
  const pulls = (await pullsOfCommits(tx, project, commits)).map((row) => pullRequestOf(row.key, row.registers));
  const own = pulls.flatMap((pull) => pull.commits);
  const things = await findThings(tx, project, "commit", [...new Set([...commits, ...own])]);
  const byCommit = pullsByCommit(pulls);
  return {
    commit: (sha) => {
      const thing = things.get(sha);
      return thing ? commitOf(sha, thing) : null;
    },
    pullOf: (sha) => byCommit.get(sha) ?? null,
  };
}

async function projectDeployment(tx: Transaction, project: string, key: string): Promise<readonly Cell[]> {
  const thing = (await findThings(tx, project, "deployment", [key])).get(key);
  const deployment = thing ? deploymentOf(key, thing) : null;
  if (!deployment) return [];
  const incidents = await incidentRecordsOf(tx, project, key);
  const remediedBy = deployments(await remediesOf(tx, project, key));
  const said = corrections(await correctionsOf(tx, project, [key]));
  const lookup = await changesOf(tx, project, deployment.commits ?? []);
  const judged = judgeDeployment(deployment, { incidents, remediedBy, corrections: said });
  const brought = leadsOf(deployment, lookup);
  const cells = await saveDeploymentRecord(tx, project, key, judged.record);
  cells.push(...(await saveLeads(tx, project, key, judged.record?.isExcluded ? [] : brought.leads)));
  await saveConflicts(tx, project, { kind: "deployment", key }, [...judged.conflicts, ...brought.conflicts]);
  return cells;
}
