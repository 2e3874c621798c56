import type { Actor } from "@latchkey/core/delivery/rollout";
import type { FlagTouched } from "@latchkey/core/flags/approval";
import type { Change } from "@latchkey/core/shared/difference";
import { record } from "../ledger/index.ts";
import { actorOf, type Principal } from "../platform/auth.ts";
import type { Transaction } from "../platform/database.ts";
import { newId } from "../platform/ids.ts";
import { ProblemError } from "../platform/problems.ts";
import {
  type Asked,
  archiveFlag,
  type FlagsOptions,
  moveRollout,
  putFlag,
  Rehearsed,
  restoreFlag,
  switchFlag,
} from "./flags.controller.ts";
import {
  closeProposal,
  countWaiting,
  findProposal,
  insertProposal,
  lockProposal,
  type ProposalRow,
  type Proposed,
} from "./proposals.store.ts";
import { putSegment, removeSegment } from "./segments.controller.ts";

/** Waiting ones of a project: more nobody reads. */
const WAITING_MAX = 500;

/** Of a flag or a segment. */
const keyOf = (of: Proposed): string => of.segment ?? of.flag;
/** As its own entries are of. */
const subjectOf = (of: Proposed): string => (of.segment === null ? `flag/${of.flag}` : `flag_segment/${of.segment}`);
const toldOf = (of: Proposed) => (of.segment === null ? { flag: of.flag } : { segment: of.segment });

/** Any change of a flag or a segment, as its own route does it. */
async function change(o: FlagsOptions, asked: Asked, of: Proposed["change"]): Promise<void> {
  switch (of.kind) {
    case "put": {
      const { definition, manager } = of;
      await putFlag(o, { ...asked, definition, manager, ifVersion: undefined, dryRun: false, rebucket: of.rebucket });
      return;
    }
    case "switch":
      return switchFlag(o, { ...asked, environment: of.environment, isEnabled: of.isEnabled });
    case "rollout":
      return moveRollout(o, {
        ...{ ...asked, environment: of.environment, rule: of.rule, percent: of.percent, state: of.state },
      });
    case "archive":
      return archiveFlag(o, { ...asked, archived: of.archived });
    case "restore":
      return restoreFlag(o, { ...asked, version: of.version });
    case "set_segment":
      return putSegment(o, { ...asked, description: of.description, when: of.when });
    case "delete_segment":
      return removeSegment(o, asked);
  }
}

/** What a change would change; nothing is kept of it. An error when it can't be done, or changes nothing. */
async function rehearse(
  o: FlagsOptions,
  asked: Omit<Asked, "also" | "under">,
  of: Proposed["change"],
): Promise<{ readonly changes: readonly Change[]; readonly flags: readonly FlagTouched[] }> {
  try {
    await change(o, { ...asked, also: async () => {}, under: { kind: "rehearsal" } }, of);
  } catch (error) {
    if (error instanceof Rehearsed) return error;
    throw error;
  }
  throw new ProblemError("LK_INVALID", {
    detail: "change: nothing would be different.",
    fields: [{ field: "change", message: "it is so already" }],
  });
}

export interface Proposing {
  readonly project: string;
  readonly principal: Principal;
  readonly of: Proposed;
  readonly reason: string;
  readonly also: (tx: Transaction, id: string) => Promise<void>;
}
/** Proposes a change, as it would be made now; its id. */
export async function proposeChange(o: FlagsOptions, asked: Proposing): Promise<string> {
  const { project, principal, of } = asked;
  const { reason: why } = asked;
  const { changes, flags } = await rehearse(o, { project, principal, key: keyOf(of), reason: why }, of.change);
  const id = newId("flp");
  const actor = actorOf(principal);
  const reason = await o.subjects.sealWordsOf(principal.name, asked.reason);
  await o.database.transaction(async (tx) => {
    if ((await countWaiting(tx, project)) >= WAITING_MAX)
      throw new ProblemError("LK_TOO_MANY", {
        detail: `${WAITING_MAX} proposals wait already.`,
        remedy: "Decide some: `latchkey flags proposals`.",
      });
    const { personId: proposer } = principal;
    const read = { differences: changes, flags_changed: flags };
    await insertProposal(tx, { ...of, ...read, id, project, proposed_by: actor, proposer, reason });
    const data = { proposal: id, ...toldOf(of), kind: of.change.kind, reason, paths: pathsOf(changes) };
    await record(tx, { type: "flags.proposal.created", subject: subjectOf(of), project, actor, data });
    await asked.also(tx, id);
  });
  return id;
}
/** An entry holds 64 KiB. */
const pathsOf = (changes: readonly Change[]) => changes.slice(0, 200).map((one) => one.path.slice(0, 80));

export interface Deciding {
  readonly project: string;
  readonly principal: Principal;
  readonly id: string;
  readonly decision: "approve" | "reject" | "withdraw";
  readonly reason: string;
  readonly also: (tx: Transaction) => Promise<void>;
}
/** Agrees to a proposal, which applies it in the same transaction; or rejects or withdraws it. */
export async function decideProposal(o: FlagsOptions, asked: Deciding): Promise<void> {
  const { project, principal, id, decision } = asked;
  const proposal = await findProposal(o.database.db, project, id);
  if (!proposal) throw noProposal(id);
  checkWho(proposal, principal, decision);
  const actor = actorOf(principal);
  const reason = await o.subjects.sealWordsOf(principal.name, asked.reason);
  const close = async (tx: Transaction): Promise<void> => {
    const now = await lockProposal(tx, project, id);
    if (now?.state !== "waiting") throw decidedAlready(now);
    await closeProposal(tx, id, { state: STATES[decision], by: actor, reason });
    const data = { proposal: id, ...toldOf(proposal), kind: proposal.change.kind, reason };
    const type = `flags.proposal.${EVENTS[decision]}`;
    await record(tx, { type, subject: subjectOf(proposal), project, actor, data });
    await asked.also(tx);
  };
  if (decision !== "approve") return o.database.transaction(close);
  const { differences, flags_changed, proposed_by } = proposal;
  const read = { changes: differences, flags: flags_changed };
  let isWritten = false;
  const applied = async (tx: Transaction): Promise<void> => {
    await close(tx);
    isWritten = true;
  };
  await change(
    o,
    {
      ...{ project, principal, key: keyOf(proposal), reason: proposal.reason, also: async () => {} },
      under: { kind: "approval", ...read, proposal: id, proposedBy: proposed_by as Actor, applied },
    },
    proposal.change,
  );
  if (isWritten) return;
  // A change that would do nothing any more is not written, and agrees to nothing: it is said so.
  const now = await findProposal(o.database.db, project, id);
  throw now?.state === "waiting"
    ? new ProblemError("LK_FLAG_CHANGED", {
        detail: `"${keyOf(proposal)}" is as it was proposed already: somebody else did it.`,
        remedy: "Withdraw it.",
      })
    : decidedAlready(now);
}
const decidedAlready = (now: ProposalRow | null): ProblemError =>
  new ProblemError("LK_FLAG_PROPOSAL", { detail: `It was ${now?.state ?? "removed"} already.` });
const STATES = { approve: "applied", reject: "rejected", withdraw: "withdrawn" } as const;
const EVENTS = { approve: "approved", reject: "rejected", withdraw: "withdrawn" } as const;

export const noProposal = (id: string) =>
  new ProblemError("LK_NOT_FOUND", {
    detail: `There is no proposal "${id}".`,
    remedy: "`latchkey flags proposals` lists them.",
  });

export const isOwn = (row: Pick<ProposalRow, "proposer" | "proposed_by">, principal: Principal): boolean =>
  row.proposer !== null ? row.proposer === principal.personId : row.proposed_by.id === principal.id;

/** Nobody agrees to what they proposed, and only people agree. */
function checkWho(row: ProposalRow, principal: Principal, decision: Deciding["decision"]): void {
  const own = isOwn(row, principal);
  const refuse = (detail: string, remedy: string) => new ProblemError("LK_FLAG_PROPOSAL", { detail, remedy });
  if (row.state !== "waiting") throw refuse(`It was ${row.state} already.`, "Propose it again if it is still wanted.");
  if (decision === "withdraw") {
    if (!own) throw refuse("Somebody else proposed it.", "Reject it, with a reason.");
    return;
  }
  if (own) throw refuse("You proposed it: somebody else decides.", "Ask another person; you can withdraw it.");
  if (principal.personId === null) throw refuse("Only a person decides.", "Sign in, or use a token of your own.");
}
