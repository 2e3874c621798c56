import type { FlagChangedSince } from "@latchkey/api/flags-back";
import type { Actor } from "@latchkey/core/delivery/rollout";
import { type PutBack, putBack, type Standing } from "@latchkey/core/flags/put-back";
import type { Executor, Transaction } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { checkFlag } from "./checks.ts";
import { placeRollout, rolloutRules, writeVersion } from "./flags.controller.ts";
import {
  dropRollouts,
  type FlagRow,
  findFlag,
  rolloutsOf,
  saveSwitch,
  switchesOf,
  takeFlagGeneration,
} from "./flags.store.ts";
import { protectedEnvironments } from "./proposals.store.ts";
import { flagsChangedAfter } from "./put-back.store.ts";
import { flagOf, rolloutOf } from "./stored.ts";

/** Which flags, and back to when. */
export interface FlagsSince {
  readonly project: string;
  readonly environment: string;
  readonly since: Date;
  /** What was switched off or killed since stays so. */
  readonly keepsOff: boolean;
}
interface Compared {
  readonly row: FlagRow;
  readonly fromVersion: number | null;
  readonly outcome: Exclude<PutBack, { kind: "same" }>;
}

/** The flags that answer otherwise in an environment than they did at a time, and what putting each back would change. */
export async function flagsChangedSince(db: Executor, asked: FlagsSince): Promise<FlagChangedSince[]> {
  return (await compare(db, asked)).map(({ row, fromVersion, outcome }) => ({
    flag: row.key,
    version: row.version,
    fromVersion,
    isPutBack: outcome.kind === "back",
    words: outcome.words,
    changes: outcome.kind === "back" ? [...outcome.changes] : [],
  }));
}

async function compare(db: Executor, asked: FlagsSince): Promise<Compared[]> {
  const { project, environment, since } = asked;
  // Where turning on takes two persons, none of them does it by a rollback.
  const keepsOff = asked.keepsOff || (await protectedEnvironments(db, project)).includes(environment);
  const compared: Compared[] = [];
  for (const was of await flagsChangedAfter(db, project, since)) {
    const row = await findFlag(db, project, was.flag);
    if (!row) continue;
    const keys = [was.flag];
    const now: Standing = {
      flag: flagOf(row, await switchesOf(db, project, keys)),
      rollouts: (await rolloutsOf(db, project, keys)).map(rolloutOf),
    };
    const then: Standing | null = was.definition && {
      flag: flagOf({ key: was.flag, definition: was.definition, archived_at: null }),
      rollouts: was.rollouts,
    };
    const outcome = putBack(environment, now, then, { keepsOff });
    if (outcome.kind !== "same") compared.push({ row, fromVersion: was.version, outcome });
  }
  return compared;
}

export interface PutBackRequest extends FlagsSince {
  /** Versions that whoever asks has looked at: a flag that is at another one by now is left. Undefined: all are put back. */
  readonly seen: Readonly<Record<string, number>> | undefined;
  readonly actor: Actor;
  /** Sealed. */
  readonly reason: string;
  readonly deploymentId: string;
}
export interface FlagsOutcome {
  readonly putBack: { readonly flag: string; readonly version: number; readonly words: string }[];
  readonly left: { readonly flag: string; readonly words: string }[];
}
const MEANWHILE = "somebody changed it meanwhile: look at it yourself";

/**
 * Puts flags back in one environment as they were at a time, in the transaction of whoever asks: all of them with it, or none.
 * What can't be put back is left and told; it holds nothing else up.
 */
export async function putFlagsBack(tx: Transaction, asked: PutBackRequest): Promise<FlagsOutcome> {
  const done: FlagsOutcome = { putBack: [], left: [] };
  if ((await compare(tx, asked)).length === 0) return done;
  // Under the lock of the project's flags it is looked at again: nobody changes one in between.
  await takeFlagGeneration(tx, asked.project);
  let open: Compared[] = [];
  for (const one of await compare(tx, asked)) {
    const isNewer = asked.seen !== undefined && asked.seen[one.row.key] !== one.row.version;
    if (one.outcome.kind === "left" || isNewer)
      done.left.push({ flag: one.row.key, words: isNewer ? MEANWHILE : one.outcome.words });
    else open.push(one);
  }
  // One may need another to be back first: again, for as long as that helps.
  for (let before = -1; open.length > 0 && open.length !== before; ) {
    before = open.length;
    const held: Compared[] = [];
    const whys: string[] = [];
    for (const one of open) {
      const why = await write(tx, asked, one, done);
      if (why !== null) whys.push(why) && held.push(one);
    }
    open = held;
    if (open.length === before)
      for (const [i, { row }] of open.entries()) done.left.push({ flag: row.key, words: whys[i] ?? "" });
  }
  return done;
}

/** Null once it is written, or why the flag can't be as it was, beside the others as they are. */
async function write(
  tx: Transaction,
  asked: PutBackRequest,
  { row, outcome }: Compared,
  done: FlagsOutcome,
): Promise<string | null> {
  if (outcome.kind !== "back") return outcome.words;
  const { project, environment, actor, deploymentId } = asked;
  const { key, manager, archived_at: archivedAt } = row;
  try {
    await checkFlag(tx, project, outcome.flag);
  } catch (error) {
    if (error instanceof ProblemError) return error.message;
    throw error;
  }
  const { environments } = outcome.flag;
  const isEnabled = environments[environment]?.isEnabled ?? false;
  await saveSwitch(tx, project, { flag: key, environment, is_enabled: isEnabled });
  const words = `Put back by the rollback ${deploymentId}`;
  const standing = await rolloutsOf(tx, project, [key]);
  for (const { rule, percent, state } of outcome.rollouts ?? []) {
    const known = standing.find((one) => one.environment === environment && one.rule === rule);
    await placeRollout(tx, { project, flag: key, environment, rule }, known, { percent, state, words });
  }
  const { key: _, isArchived: __, ...definition } = flagOf(row, await switchesOf(tx, project, [key]));
  const whole = { ...row.definition, ...definition, environments } as FlagRow["definition"];
  await dropRollouts(tx, project, key, rolloutRules(whole));
  const version = await writeVersion(
    tx,
    { project, key, actor, reason: `Rollback ${deploymentId}: ${asked.reason}`, correlation: deploymentId },
    { verb: "restored", before: row, definition: whole, manager, archivedAt, changes: outcome.changes },
  );
  done.putBack.push({ flag: key, version, words: outcome.words });
  return null;
}
