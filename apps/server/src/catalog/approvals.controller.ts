import { type Ask, stateOf, whyNot } from "@latchkey/core/catalog/approval";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { record } from "../ledger/index.ts";
import type { Transaction } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { announce } from "../platform/notifications.ts";
import { ProblemError } from "../platform/problems.ts";
import {
  type ApprovalRow,
  endApproval,
  expireOf,
  findApprovalOf,
  insertApproval,
  lockApproval,
  removeReviewVoice,
  saveVoice,
  type VoiceRow,
  voicesOf,
  withdrawOf,
} from "./approvals.store.ts";
import { findPeople, knownBy, lockPerson } from "./people.store.ts";

export interface ApprovalAsked extends Ask {
  readonly project: string;
  /** What is approved, such as deployment/dep_…, and the gate that asks. */
  readonly subject: string;
  readonly gate: string;
  readonly service: string;
  readonly environment: string;
  readonly words: string;
  readonly askedBy: Actor;
}

/** Asks people, once: who asks again gets the question that there is. */
export async function requestApproval(tx: Transaction, asked: ApprovalAsked): Promise<ApprovalRow> {
  const { project, subject, gate, service, environment, words, needed, roles, excluded } = asked;
  const id = newId("apr");
  const row = {
    id,
    project,
    subject,
    gate,
    service,
    environment,
    words,
    needed,
    roles,
    excluded,
    asked_by: asked.askedBy,
  };
  if (await insertApproval(tx, row)) {
    await record(tx, {
      type: "catalog.approval.requested",
      subject: `approval/${id}`,
      project,
      actor: asked.askedBy,
      correlation: subject.split("/")[1] ?? id,
      data: { of: subject, gate, service, environment, words, needed, roles, excluded: excluded.length },
    });
  }
  const made = await findApprovalOf(tx, subject, gate);
  if (!made) throw new Error("the approval just asked for is not there");
  return made;
}

/** What a person says. Throws a problem where that person may not, or it is over. */
export async function decideApproval(
  tx: Transaction,
  said: Omit<VoiceRow, "approval_id" | "at"> & { readonly id: string; readonly project: string; readonly actor: Actor },
): Promise<void> {
  const { id, project, actor, ...voice } = said;
  const approval = await lockApproval(tx, project, id);
  if (!approval)
    throw new ProblemError("LK_NOT_FOUND", {
      detail: `There is no approval "${id}".`,
      remedy: "`latchkey approvals` lists them.",
    });
  if (approval.state !== "waiting")
    throw new ProblemError("LK_APPROVAL_OVER", { detail: `It is over: ${approval.state}.` });
  const person = await lockPerson(tx, project, voice.person_id);
  const refusal = person
    ? whyNot(approval, { ...person, knownBy: knownBy(person) })
    : "Only a person may approve, and this credential is of nobody known.";
  if (refusal !== null) throw new ProblemError("LK_FORBIDDEN", { detail: refusal });
  await saveVoice(tx, { ...voice, approval_id: id });
  const voices = (await voicesOf(tx, [id])).map((row) => ({ personId: row.person_id, choice: row.choice }));
  const state = stateOf(approval, voices);
  if (state !== "waiting") await endApproval(tx, id, state);
  await record(tx, {
    type: `catalog.approval.${voice.choice === "approve" ? "given" : "refused"}`,
    subject: `approval/${id}`,
    project,
    actor,
    correlation: approval.subject.split("/")[1] ?? id,
    data: {
      ...{ of: approval.subject, gate: approval.gate, service: approval.service, environment: approval.environment },
      ...{ personId: voice.person_id, via: voice.via, words: voice.reason, state, needed: approval.needed },
      approvals: voices.filter(({ choice }) => choice === "approve").length,
    },
  });
  await announce("approvals").execute(tx);
}

export interface ReviewVoice {
  readonly personId: string;
  readonly reason: string;
  readonly actor: Actor;
}
/**
 * Makes the voices that come from reviews on GitHub as they stand now, while the approval waits: new ones are taken, and those
 * that were dismissed go. What a person has said here is left as it is. Doing it twice is doing it once.
 */
export async function takeReviews(
  tx: Transaction,
  asked: { readonly id: string; readonly project: string; readonly voices: readonly ReviewVoice[] },
): Promise<void> {
  const { id, project } = asked;
  const approval = await lockApproval(tx, project, id);
  if (approval?.state !== "waiting") return;
  const there = await voicesOf(tx, [id]);
  for (const voice of there) {
    if (voice.via !== "github" || asked.voices.some(({ personId }) => personId === voice.person_id)) continue;
    const [person] = await findPeople(tx, [voice.person_id]);
    if (!(await removeReviewVoice(tx, id, voice.person_id)) || !person) continue;
    await record(tx, {
      type: "catalog.approval.taken_back",
      subject: `approval/${id}`,
      project,
      actor: { id: person.id, kind: "person", name: person.name },
      correlation: approval.subject.split("/")[1] ?? id,
      data: { of: approval.subject, gate: approval.gate, personId: person.id, via: "github" },
    });
  }
  for (const { personId, reason, actor } of asked.voices) {
    if (there.some((voice) => voice.person_id === personId)) continue;
    // The voice before this one may have been enough.
    if ((await lockApproval(tx, project, id))?.state !== "waiting") return;
    await decideApproval(tx, { id, project, person_id: personId, choice: "approve", via: "github", reason, actor });
  }
}

/** Nobody decided within the gate's time limit: it is over, and a late answer changes nothing. */
export async function expireApproval(
  tx: Transaction,
  of: { readonly project: string; readonly subject: string; readonly gate: string; readonly actor: Actor },
): Promise<void> {
  const ended = await expireOf(tx, of.subject, of.gate);
  if (ended === null) return;
  const { id, service, environment, words } = ended;
  await record(tx, {
    type: "catalog.approval.expired",
    subject: `approval/${id}`,
    project: of.project,
    actor: of.actor,
    correlation: of.subject.split("/")[1] ?? id,
    data: { of: of.subject, gate: of.gate, service, environment, words: `Nobody decided in time: ${words}` },
  });
  await announce("approvals").execute(tx);
}

/** What was asked for is over: nobody need answer any more. */
export async function withdrawApprovals(
  tx: Transaction,
  of: { readonly project: string; readonly subject: string; readonly actor: Actor },
): Promise<void> {
  for (const id of await withdrawOf(tx, of.subject))
    await record(tx, {
      type: "catalog.approval.withdrawn",
      subject: `approval/${id}`,
      project: of.project,
      actor: of.actor,
      correlation: of.subject.split("/")[1] ?? id,
      data: { of: of.subject },
    });
}
