import type { Answer } from "@latchkey/api/client";
import type { FlagChangedSince, FlagsPutBack } from "@latchkey/api/flags-back";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { findService } from "../catalog/index.ts";
import { type FlagsOutcome, flagsChangedSince, putFlagsBack } from "../flags/index.ts";
import { record } from "../ledger/index.ts";
import type { Executor, Transaction } from "../platform/database.ts";
import { findRollbackFlags, rolloutsBeganAt, saveRollbackFlags } from "./rollback-flags.store.ts";
import { rollbackPolicyOf } from "./rollback-policy.ts";

/** Feature flags with a rollback: decision 0034. */
type Plan = NonNullable<Answer<"planRollback">["flags"]>;
/** Flags that a sentence names. */
const NAMED = 8;

export const count = (n: number): string => (n === 1 ? "1 flag" : `${n} flags`);
const named = (flags: readonly string[]): string =>
  `${flags.slice(0, NAMED).join(", ")}${flags.length > NAMED ? ` and ${flags.length - NAMED} more` : ""}`;

/** The flags that were changed since the first of these deployments began to be rolled out; null where none was. */
export async function planFlags(
  db: Executor,
  place: { readonly project: string; readonly environment: string },
  undone: readonly string[],
): Promise<Plan | null> {
  const since = await rolloutsBeganAt(db, undone);
  if (since === null) return null;
  const items = await flagsChangedSince(db, { ...place, since, keepsOff: false });
  return { since: since.toISOString(), words: changedWords(items), items };
}

function changedWords(items: readonly FlagChangedSince[]): string {
  if (items.length === 0) return "No flag has changed here since the rollout began.";
  const left = items.filter((item) => !item.isPutBack);
  const stay = left.map(({ flag, words }) => `${flag} can't be put back: ${words}.`);
  return [
    `${count(items.length)} changed here since the rollout began: ${named(items.map(({ flag }) => flag))}.`,
    ...stay.slice(0, NAMED),
  ].join(" ");
}

export interface FlagsBackRequest {
  readonly project: string;
  readonly environment: string;
  readonly since: Date;
  /** The deployment that goes back, or whose rollout is turned back. */
  readonly deploymentId: string;
  readonly seen: Readonly<Record<string, number>> | undefined;
  readonly actor: Actor;
  /** Sealed. */
  readonly reason: string;
  /** Nobody has looked at what it turns on. */
  readonly isAutomatic: boolean;
}

/** Puts flags back in the transaction of the rollback, and keeps what became of them. */
export async function rollFlagsBack(tx: Transaction, asked: FlagsBackRequest): Promise<FlagsOutcome> {
  const { project, environment, since, deploymentId, actor, reason, seen, isAutomatic } = asked;
  const outcome = await putFlagsBack(tx, {
    ...{ project, environment, since, deploymentId, actor, reason, seen },
    keepsOff: isAutomatic,
  });
  await saveRollbackFlags(tx, deploymentId, { since, outcome });
  if (outcome.putBack.length + outcome.left.length === 0) return outcome;
  await record(tx, {
    type: "delivery.rollback.flags",
    subject: `deployment/${deploymentId}`,
    project,
    actor,
    correlation: deploymentId,
    data: {
      ...{ environment, since: since.toISOString(), automatic: isAutomatic, words: outcomeWords(outcome) },
      ...{ putBack: outcome.putBack.slice(0, NOTED), left: outcome.left.slice(0, NOTED) },
    },
  });
  return outcome;
}
/** Flags that one entry of the ledger names; each that was put back has an entry of its own. */
const NOTED = 100;

/** Of a rollout that goes back by itself: only where its service is configured so. */
export async function rollFlagsBackByPolicy(
  tx: Transaction,
  rollout: {
    readonly project: string;
    readonly service: string;
    readonly environment: string;
    readonly deployment_id: string;
    readonly started_at: Date;
  },
  by: { readonly actor: Actor; readonly reason: string },
): Promise<void> {
  const service = await findService(tx, rollout.project, rollout.service);
  if (!service || !rollbackPolicyOf(service).withFlags) return;
  await rollFlagsBack(tx, {
    ...{ project: rollout.project, environment: rollout.environment, since: rollout.started_at },
    ...{ deploymentId: rollout.deployment_id, seen: undefined, ...by, isAutomatic: true },
  });
}

function outcomeWords({ putBack, left }: FlagsOutcome): string {
  if (putBack.length + left.length === 0) return "No flag had changed: there was nothing to put back.";
  return [
    ...(putBack.length > 0
      ? [`${count(putBack.length)} put back: ${named(putBack.map(({ flag }) => flag))}.`]
      : ["No flag was put back."]),
    ...putBack.flatMap(({ flag, words }) => (words ? [`${flag}: ${words}.`] : [])).slice(0, NAMED),
    ...left.map(({ flag, words }) => `${flag} was left as it is: ${words}.`).slice(0, NAMED),
  ].join(" ");
}

/** What became of the flags with a rollback; null where none were to be put back. */
export async function viewFlagsBack(db: Executor, deploymentId: string): Promise<FlagsPutBack | null> {
  const row = await findRollbackFlags(db, deploymentId);
  if (!row) return null;
  const { putBack, left } = row.outcome;
  return { since: row.since.toISOString(), words: outcomeWords(row.outcome), putBack: [...putBack], left: [...left] };
}
