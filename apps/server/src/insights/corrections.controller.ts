import type { Actor } from "@latchkey/core/delivery/rollout";
import { correctionOf, type Fact } from "@latchkey/core/insights/history";
import { record } from "../ledger/index.ts";
import type { Transaction } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import { takeIn } from "./facts.controller.ts";
import { findThings } from "./facts.store.ts";
import { OWN_SOURCE } from "./own-facts.ts";

export interface Said {
  readonly project: string;
  readonly claim: string;
  readonly deployment: string;
  readonly incident: string | undefined;
  /** Sealed. */
  readonly reason: string;
  readonly actor: Actor;
  readonly atMs: number;
}

const invalid = (field: string, message: string): ProblemError =>
  new ProblemError("LK_INVALID", { detail: message, fields: [{ field, message }] });

/** Keeps what a person says against the record, with an entry. Answers its key. Refuses what names nothing that is known. */
export async function correct(tx: Transaction, said: Said): Promise<string> {
  const { project, claim, deployment, incident, reason, actor, atMs } = said;
  const isOfIncident = claim === "caused_by" || claim === "not_caused_by";
  if (isOfIncident && incident === undefined)
    throw invalid("incident", `Name the incident: ${claim} is said of an incident and a deployment.`);
  if (!isOfIncident && incident !== undefined)
    throw invalid("incident", `Leave it out: ${claim} is said of the deployment alone.`);
  if (!(await findThings(tx, project, "deployment", [deployment])).has(deployment))
    throw new ProblemError("LK_NOT_FOUND", { detail: `There is no deployment "${deployment}" in insights.` });
  if (incident !== undefined && !(await findThings(tx, project, "incident", [incident])).has(incident))
    throw new ProblemError("LK_NOT_FOUND", { detail: `There is no incident "${incident}" in insights.` });
  const key = newId("cor");
  const fields = { claim, deployment, reason, madeAtMs: atMs, isWithdrawn: false, incident: incident ?? null };
  await takeIn(tx, project, [factOf(key, "made", atMs, fields)]);
  await record(tx, {
    ...{ type: "insights.correction.made", subject: `correction/${key}`, project, actor, correlation: deployment },
    data: { claim, deployment, incident: incident ?? null, reason },
  });
  return key;
}

/** Takes a correction back. The first word and this one both stay. */
export async function withdraw(
  tx: Transaction,
  o: Pick<Said, "project" | "reason" | "actor" | "atMs"> & { readonly key: string },
): Promise<string> {
  const { project, key, reason, actor, atMs } = o;
  const thing = (await findThings(tx, project, "correction", [key])).get(key);
  const correction = thing ? correctionOf(key, thing) : null;
  if (!correction) throw new ProblemError("LK_NOT_FOUND", { detail: `There is no correction "${key}".` });
  if (correction.isWithdrawn) return key;
  await takeIn(tx, project, [
    factOf(key, "withdrawn", Math.max(atMs, correction.madeAtMs + 1), { isWithdrawn: true, withdrawnBecause: reason }),
  ]);
  await record(tx, {
    ...{ type: "insights.correction.withdrawn", subject: `correction/${key}`, project, actor },
    correlation: correction.deployment,
    data: { claim: correction.claim, deployment: correction.deployment, incident: correction.incident, reason },
  });
  return key;
}

const factOf = (key: string, word: string, atMs: number, fields: Fact["fields"]): Fact => ({
  ...{ source: OWN_SOURCE, id: `${key}/${word}`, kind: "correction", key, atMs, rank: 0, fields },
});
