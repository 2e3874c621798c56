import { createHash } from "node:crypto";
import { DEFINITION_CHARACTERS_MAX, FLAGS_MAX, type FlagDefinition } from "@latchkey/api/flags";
import type { Actor } from "@latchkey/core/delivery/rollout";
import type { FlagTouched } from "@latchkey/core/flags/approval";
import { type Flag, OTHERWISE, type Serve } from "@latchkey/core/flags/model";
import { percentWords } from "@latchkey/core/flags/words";
import { canonicalJson } from "@latchkey/core/shared/canonical-json";
import { type Change, differences } from "@latchkey/core/shared/difference";
import { record, type Subjects } from "../ledger/index.ts";
import { actorOf, type Principal } from "../platform/auth.ts";
import type { Database, Transaction } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { checkApproval, placesToAgree } from "./approvals.ts";
import { checkBuckets, checkFlag } from "./checks.ts";
import { armsOf, currentRuns, endRun } from "./experiments.store.ts";
import {
  countFlags,
  dropRollouts,
  dropSwitches,
  type FlagRow,
  findFlag,
  findVersion,
  type Manager,
  type RolloutRow,
  rolloutsOf,
  type StoredDefinition,
  saveFlag,
  saveRollout,
  saveSwitch,
  saveVersion,
  switchesOf,
  takeFlagGeneration,
  type Verb,
} from "./flags.store.ts";
import { flagOf, percentNow, withSwitches } from "./stored.ts";
import { told } from "./told.ts";

export interface FlagsOptions {
  readonly database: Database;
  readonly subjects: Subjects;
  readonly now: () => number;
}
export interface Asked {
  readonly project: string;
  readonly principal: Principal;
  readonly key: string;
  readonly reason: string;
  /** Runs in the transaction of the change. */
  readonly also: (tx: Transaction) => Promise<void>;
  /** Left out: it is done at once, where nobody else has to agree. */
  readonly under?: Under;
}
/** A change that is only rehearsed, to say what it would change; or one that was proposed, read and agreed to. */
export type Under =
  | { readonly kind: "rehearsal" }
  | {
      readonly kind: "approval";
      readonly changes: readonly Change[];
      /** Of a segment: the flags that were read with it. */
      readonly flags: readonly FlagTouched[];
      readonly proposal: string;
      readonly proposedBy: Actor;
      /** Runs once the change is written; not where nothing had to be changed any more. */
      readonly applied: (tx: Transaction) => Promise<void>;
    };

/** How a rehearsal ends: nothing of it is kept. */
export class Rehearsed extends Error {
  readonly changes: readonly Change[];
  /** Of a segment: the flags whose answers it changes. */
  readonly flags: readonly FlagTouched[];
  constructor(changes: readonly Change[], flags: readonly FlagTouched[] = []) {
    super("the change was rehearsed");
    this.changes = changes;
    this.flags = flags;
  }
}

export const noFlag = (key: string) =>
  new ProblemError("LK_NOT_FOUND", {
    detail: `There is no flag "${key}".`,
    remedy: "`latchkey flags` lists them; `latchkey flags create` makes one.",
  });
const invalid = (field: string, detail: string, message: string) =>
  new ProblemError("LK_INVALID", { detail: `${field}: ${detail}`, fields: [{ field, message }] });

/** What is left out of a definition: a salt of the flag's own, so that no two flags meet the same users. */
export const stored = (key: string, definition: FlagDefinition): StoredDefinition => ({
  ...definition,
  salt: definition.salt ?? key,
});

/** Creates or changes a definition, or only tells what would change. Switches and rollouts stay as they are. */
export async function putFlag(
  o: FlagsOptions,
  asked: Asked & {
    readonly definition: FlagDefinition;
    readonly manager: Manager;
    readonly ifVersion: number | undefined;
    readonly dryRun: boolean;
    /** The hashing or the salt may change, though everybody gets another bucket. */
    readonly rebucket: boolean;
  },
): Promise<{ readonly changes: Change[]; readonly applied: boolean; readonly needsApproval: string[] }> {
  const { key, project } = asked;
  const definition = stored(key, asked.definition);
  if (JSON.stringify(definition).length > DEFINITION_CHARACTERS_MAX)
    throw invalid("definition", `it has more than ${DEFINITION_CHARACTERS_MAX} characters.`, "make it smaller");
  return inChange(o, asked, async (tx, before) => {
    checkVersion(key, before, asked.ifVersion);
    checkManager(before, asked.manager);
    if (before?.archived_at)
      throw invalid("flag", `"${key}" is archived.`, "take it out of the archive first, or choose another key");
    const switches = await switchesOf(tx, project, [key]);
    const now = before && withSwitches(key, before.definition, switches);
    // What a switch says is no part of the definition, once there is one.
    const wanted = before ? withSwitches(key, definition, heldSwitches(key, now)) : definition;
    const changes = differences(now, wanted);
    if (now && !asked.rebucket) checkBuckets(key, now, wanted);
    const isNews = !before || changes.length > 0 || before.manager !== asked.manager;
    await checkFlag(tx, project, flagOf({ key, definition: wanted, archived_at: null }));
    if (!before && (await countFlags(tx, project)) >= FLAGS_MAX)
      throw new ProblemError("LK_TOO_MANY", {
        detail: `There are ${FLAGS_MAX} flags already.`,
        remedy: "Archived ones count too.",
      });
    if (asked.dryRun || !isNews) {
      const places = changes.length > 0 ? await placesToAgree(tx, asked, { before, definition: wanted, changes }) : [];
      return { changes, applied: false, needsApproval: places };
    }
    await write(o, tx, asked, {
      verb: before ? "changed" : "created",
      before,
      definition: wanted,
      manager: asked.manager,
      archivedAt: null,
      changes,
    });
    await dropSwitches(tx, project, key, Object.keys(now?.environments ?? {}));
    await dropRollouts(tx, project, key, rolloutRules(wanted));
    return { changes, applied: true, needsApproval: [] };
  });
}

/** The switches that hold: of environments that are there already. */
const heldSwitches = (flag: string, now: StoredDefinition | null) =>
  Object.entries(now?.environments ?? {}).map(([environment, rules]) => ({
    ...{ flag, environment, is_enabled: rules.isEnabled },
  }));

/** The kill switch. It works whoever manages the definition, and stays when that is applied again. */
export async function switchFlag(
  o: FlagsOptions,
  asked: Asked & { readonly environment: string; readonly isEnabled: boolean },
): Promise<void> {
  const { key, project, environment, isEnabled } = asked;
  await inChange(o, asked, async (tx, before) => {
    const row = there(key, before);
    const switches = await switchesOf(tx, project, [key]);
    const now = withSwitches(key, row.definition, switches);
    const rules = environmentOf(now, key, environment);
    if (rules.isEnabled === isEnabled) return;
    await saveSwitch(tx, project, { flag: key, environment, is_enabled: isEnabled });
    const definition = withSwitches(key, now, [{ flag: key, environment, is_enabled: isEnabled }]);
    const changes = [{ path: `environments.${environment}.isEnabled`, before: rules.isEnabled, after: isEnabled }];
    await write(o, tx, asked, { ...same(row), verb: "switched", before: row, definition, changes });
  });
}

/** Moves the rollout of a rule, or holds, kills or resumes it. */
export async function moveRollout(
  o: FlagsOptions,
  asked: Asked & {
    readonly environment: string;
    readonly rule: string;
    readonly percent: number | undefined;
    readonly state: "running" | "held" | "killed" | "done" | undefined;
  },
): Promise<void> {
  const { key, project, environment, rule } = asked;
  await inChange(o, asked, async (tx, before) => {
    const row = there(key, before);
    const rules = environmentOf(row.definition, key, environment);
    const serve: Serve | undefined =
      rule === OTHERWISE ? rules.otherwise : rules.rules.find((one) => one.id === rule)?.serve;
    if (serve?.kind !== "rollout")
      throw invalid("rule", `"${rule}" of ${key} in ${environment} serves no rollout.`, "name a rule with a rollout");
    const known = (await rolloutsOf(tx, project, [key])).find(
      (one) => one.environment === environment && one.rule === rule,
    );
    const now = { percent: percentNow(serve, known, o.now()), state: known?.state ?? ("running" as const) };
    const next = { percent: asked.percent ?? now.percent, state: asked.state ?? now.state };
    const isKept = asked.state === undefined ? asked.percent === undefined : asked.state !== "held";
    if (now.state === "killed" && !isKept)
      throw invalid("state", "the rollout was killed.", 'give state "running" too, to begin again');
    const changes = differences(now, next, `environments.${environment}.rollouts.${rule}`);
    if (changes.length === 0) return;
    const words = `${stateWords(next.state)} at ${percentWords(next.percent)} by a person`;
    await placeRollout(tx, { project, flag: key, environment, rule }, known, { ...next, words });
    const definition = withSwitches(key, row.definition, await switchesOf(tx, project, [key]));
    await write(o, tx, asked, { ...same(row), verb: "rollout", before: row, definition, changes });
  });
}
interface RolloutPlace {
  readonly project: string;
  readonly flag: string;
  readonly environment: string;
  readonly rule: string;
}
/** Puts a rollout where somebody wants it; its watch counts users from there. */
export async function placeRollout(
  tx: Transaction,
  place: RolloutPlace,
  known: RolloutRow | undefined,
  next: Pick<RolloutRow, "percent" | "state" | "words">,
): Promise<void> {
  const { project, ...of } = place;
  await beginAnew(tx, place, known, next.state);
  const [run] = (await currentRuns(tx, project)).filter(
    (one) => one.flag === of.flag && one.environment === of.environment && one.rule === of.rule,
  );
  const arms = run ? (await armsOf(tx, [run.id])).get(run.id) : undefined;
  const before = { treated_before: arms?.treated.exposed ?? 0, control_before: arms?.control.exposed ?? 0 };
  await saveRollout(tx, project, { ...of, ...next, is_by_person: true, ...before });
}
/** What was killed, or held because its figures were wrong, and goes on: what was counted until then is of another run. */
async function beginAnew(
  tx: Transaction,
  of: RolloutPlace,
  known: RolloutRow | undefined,
  state: RolloutRow["state"],
): Promise<void> {
  const isStopped = known?.state === "killed" || (known?.state === "held" && !known.is_by_person);
  if (isStopped && (state === "running" || state === "done")) await endRun(tx, of, null);
}
const stateWords = (state: string) => `${state.charAt(0).toUpperCase()}${state.slice(1)}`;

export async function archiveFlag(o: FlagsOptions, asked: Asked & { readonly archived: boolean }): Promise<void> {
  const { key, project, archived } = asked;
  await inChange(o, asked, async (tx, before) => {
    const row = there(key, before);
    if ((row.archived_at !== null) === archived) return;
    const archivedAt = archived ? new Date() : null;
    const definition = withSwitches(key, row.definition, await switchesOf(tx, project, [key]));
    await checkFlag(tx, project, flagOf({ key, definition, archived_at: archivedAt }));
    const changes = [{ path: "isArchived", before: !archived, after: archived }];
    const verb = archived ? "archived" : "unarchived";
    await write(o, tx, asked, { ...same(row), verb, before: row, definition, archivedAt, changes });
  });
}

/** Puts a flag back as it was at a version: its definition and its switches. */
export async function restoreFlag(o: FlagsOptions, asked: Asked & { readonly version: number }): Promise<void> {
  const { key, project } = asked;
  await inChange(o, asked, async (tx, before) => {
    const row = there(key, before);
    checkManager(row, "console");
    const old = await findVersion(tx, project, key, asked.version);
    if (!old)
      throw new ProblemError("LK_NOT_FOUND", {
        detail: `The flag "${key}" has no version ${asked.version}.`,
        remedy: `\`latchkey flags history ${key}\` lists them.`,
      });
    const { definition } = old;
    await checkFlag(tx, project, flagOf({ key, definition, archived_at: row.archived_at }));
    const now = withSwitches(key, row.definition, await switchesOf(tx, project, [key]));
    const changes = differences(now, definition);
    if (changes.length === 0) return;
    for (const one of heldSwitches(key, definition)) await saveSwitch(tx, project, one);
    await write(o, tx, asked, { ...same(row), verb: "restored", before: row, definition, changes });
    await dropRollouts(tx, project, key, rolloutRules(definition));
  });
}

/** Changes of one project's flags come one after the other; every server is told when one is done. */
async function inChange<T>(
  o: FlagsOptions,
  asked: Asked,
  work: (tx: Transaction, before: FlagRow | null) => Promise<T>,
): Promise<T> {
  return o.database.transaction(async (tx) => {
    await takeFlagGeneration(tx, asked.project);
    const done = await work(tx, await findFlag(tx, asked.project, asked.key));
    await asked.also(tx);
    return done;
  });
}

export interface Written {
  /** Of the ledger's entry; by the verb where it is left out. */
  readonly type?: string;
  /** What the entry says besides. */
  readonly also?: Readonly<Record<string, unknown>>;
  readonly verb: Verb;
  readonly before: FlagRow | null;
  readonly definition: StoredDefinition;
  readonly manager: Manager;
  readonly archivedAt: Date | null;
  readonly changes: readonly Change[];
}
export const same = (row: FlagRow) => ({ manager: row.manager, archivedAt: row.archived_at });

async function write(o: FlagsOptions, tx: Transaction, asked: Asked, w: Written): Promise<void> {
  const { project, key, principal, under } = asked;
  if (under?.kind === "rehearsal") throw new Rehearsed(w.changes);
  if (under) checkAsRead(key, w.changes, under.changes);
  else await checkApproval(tx, asked, w);
  const actor = actorOf(principal);
  // The reason of what was proposed is sealed already, by who gave it.
  const reason = under ? asked.reason : await o.subjects.sealWordsOf(principal.name, asked.reason);
  const also = under && { ...w.also, proposal: under.proposal, proposedBy: under.proposedBy.name };
  const by = { project, key, actor, reason, ...(under ? { proposedBy: under.proposedBy } : {}) };
  await writeVersion(tx, by, also ? { ...w, also } : w);
  await under?.applied(tx);
}

/** The next version of a flag, in its history and in the ledger. */
export async function writeVersion(
  tx: Transaction,
  by: {
    readonly project: string;
    readonly key: string;
    readonly actor: Actor;
    /** Sealed. */
    readonly reason: string;
    /** The deployment that this belongs to. */
    readonly correlation?: string;
    /** Whose change it is that the actor agreed to. */
    readonly proposedBy?: Actor;
  },
  w: Written,
): Promise<number> {
  const { project, key, actor, reason, correlation, proposedBy } = by;
  const version = (w.before?.version ?? 0) + 1;
  const { definition, manager, changes, verb } = w;
  await saveFlag(tx, { project, key, definition, manager, version, archived_at: w.archivedAt });
  await saveVersion(tx, project, key, {
    ...{ version, verb, definition, changes, reason },
    ...{ by: proposedBy ?? actor, approved_by: proposedBy ? actor : null },
  });
  await record(tx, {
    type: w.type ?? `flags.flag.${verb}`,
    subject: `flag/${key}`,
    project,
    actor,
    ...(correlation === undefined ? {} : { correlation }),
    data: {
      ...{ flag: key, version, manager, reason, ...told(changes), sha256: sha256(canonicalJson(definition)) },
      ...(correlation === undefined ? {} : { withRollback: correlation }),
      ...w.also,
    },
  });
  return version;
}
/** Refuses what would no longer change what was read when it was agreed to. */
export function checkAsRead(key: string, changes: readonly Change[], read: readonly Change[]): void {
  if (canonicalJson(plain(changes)) === canonicalJson(plain(read))) return;
  throw new ProblemError("LK_FLAG_CHANGED", {
    detail: `"${key}" was changed since: this would no longer change what was agreed to.`,
    remedy: "Withdraw it, and propose it again.",
  });
}
/** As the database gives it back: what is undefined is not there. */
const plain = (changes: readonly Change[]) => JSON.parse(JSON.stringify(changes));
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
function there(key: string, row: FlagRow | null): FlagRow {
  if (!row) throw noFlag(key);
  return row;
}
function environmentOf(definition: StoredDefinition, key: string, environment: string) {
  const rules = Object.hasOwn(definition.environments, environment) ? definition.environments[environment] : undefined;
  if (rules) return rules;
  const known = Object.keys(definition.environments).join(", ") || "none";
  throw invalid("environment", `${key} has no environment "${environment}".`, `one of those it has: ${known}`);
}
function checkVersion(key: string, before: FlagRow | null, ifVersion: number | undefined): void {
  if (ifVersion === undefined || ifVersion === (before?.version ?? 0)) return;
  throw new ProblemError("LK_FLAG_CHANGED", {
    detail: before
      ? `The flag "${key}" is at version ${before.version}, not ${ifVersion}.`
      : `There is no flag "${key}" yet.`,
  });
}
/** A definition has one writer, or two would undo each other's work for ever. */
function checkManager(before: FlagRow | null, manager: Manager): void {
  if (!before || before.manager === manager || manager !== "console") return;
  throw new ProblemError("LK_FLAG_MANAGED", {
    detail: `The definition of "${before.key}" is managed by ${before.manager === "code" ? "code" : "Terraform"}.`,
  });
}

/** `production/otherwise`: the rules of a definition that serve a rollout. */
export function rolloutRules(definition: Pick<Flag, "environments">): string[] {
  return Object.entries(definition.environments).flatMap(([environment, rules]) =>
    [...rules.rules, { id: OTHERWISE, serve: rules.otherwise }]
      .filter(({ serve }) => serve.kind === "rollout")
      .map(({ id }) => `${environment}/${id}`),
  );
}
