import { type Comparison, compare } from "@latchkey/core/delivery/migrations/baseline";
import type { ParsedFile } from "@latchkey/core/delivery/migrations/lint";
import { expectedOf, type Untold } from "@latchkey/core/delivery/migrations/objects";
import type {
  DatabaseTrouble,
  MigrationFile,
  MigrationReader,
  Migrator,
} from "@latchkey/core/delivery/migrations/ports";
import type { Migration } from "@latchkey/core/delivery/migrations/schema";
import type { Actor } from "@latchkey/core/delivery/rollout";
import type { Result } from "@latchkey/core/shared/result";
import { lockEnvironment } from "../catalog/index.ts";
import { record } from "../ledger/index.ts";
import type { Transaction, Transactions } from "../platform/database.ts";
import { ProblemError } from "../platform/problems.ts";
import { type BaselineRow, baselineOf, beginBaseline, deleteBaseline, moveBaseline } from "./baselines.store.ts";
import { activeDeployments } from "./deployments.store.ts";
import { adoptApplied, type SchemaPlace, schemaOf } from "./migrations.store.ts";

export interface BaselineParts {
  readonly database: Transactions;
  readonly reader: MigrationReader;
  readonly migrator: Migrator;
}
export interface BaselineWish {
  readonly place: SchemaPlace;
  readonly url: string;
  readonly files: readonly MigrationFile[];
  readonly accept: boolean;
  readonly dryRun: boolean;
  /** Sealed. */
  readonly reason: string;
  readonly actor: Actor;
}
export interface Baselined extends Comparison {
  readonly state: "compared" | "differs" | "baselined" | "was_baselined";
  readonly untold: readonly Untold[];
}
type Also = (tx: Transaction) => Promise<void>;

export const unfinishedWords = ({ service, environment }: SchemaPlace): string =>
  `A baseline of ${environment} was begun and not finished. Run \`latchkey migrations baseline ${service}\` again, with or without --undo.`;

/**
 * Takes files as applied that were run by hand. Written here before it is in the workload's database, so that it can be asked
 * again after a crash; until it is finished no migration runs.
 */
export async function takeBaseline(parts: BaselineParts, wish: BaselineWish, also: Also): Promise<Baselined> {
  const { database, migrator } = parts;
  const { place, url } = wish;
  const files = wish.files.map(({ file, sha256 }) => ({ file, sha256, phase: "expand" as const }));
  const looked = await look(parts, wish);
  const before = await baselineOf(database.db, place);
  if (before?.state === "taken" && isSame(before.files, files)) return { ...looked, state: "was_baselined" };
  if (wish.dryRun) return { ...looked, state: "compared" };
  if (looked.differences.length > 0 && !wish.accept) return { ...looked, state: "differs" };
  const data = { ...named(place), files: files.map(({ file, sha256 }) => ({ file, sha256 })) };
  await database.transaction(async (tx) => {
    await checkFree(tx, place);
    const now = await baselineOf(tx, place);
    if (now?.state === "taken")
      throw refused(
        `${place.environment} has a baseline of ${now.files.length} files already.`,
        "Undo it first: add --undo.",
      );
    await beginBaseline(tx, place, {
      files,
      differences: looked.differences,
      asked_by: wish.actor,
      reason: wish.reason,
    });
    await note(tx, "delivery.baseline.begun", place, wish.actor, {
      ...data,
      ...{ differences: looked.differences, reason: wish.reason },
    });
  });
  const ran = answerOf(await migrator.markBaseline(url, files));
  await database.transaction(async (tx) => {
    await lockEnvironment(tx, place.project, place.service, place.environment);
    if (ran !== null) {
      await deleteBaseline(tx, place, []);
      await note(tx, "delivery.baseline.refused", place, wish.actor, { ...data, ran });
      return;
    }
    if (!(await moveBaseline(tx, place, "taking", "taken"))) return;
    await adoptApplied(tx, place, files);
    await note(tx, "delivery.baseline.taken", place, wish.actor, data);
    await also(tx);
  });
  if (ran !== null) throw ranWords(ran, "A baseline is for what was there before the first migration.");
  return { ...looked, state: "baselined" };
}

/** Takes it back, while nothing ran after it. */
export async function undoBaseline(
  { database, migrator }: Pick<BaselineParts, "database" | "migrator">,
  wish: Pick<BaselineWish, "place" | "url" | "reason" | "actor">,
  also: Also,
): Promise<void> {
  const { place } = wish;
  const data = { ...named(place), reason: wish.reason };
  const before = await database.transaction(async (tx) => {
    await checkFree(tx, place);
    const now = await baselineOf(tx, place);
    if (!now) throw refused(`${place.environment} has no baseline.`, "There is nothing to take back.");
    const later = await ranSince(tx, place, now);
    if (later !== null) throw ranWords(later, "What runs after a baseline builds on it.");
    await moveBaseline(tx, place, "taken", "undoing");
    await moveBaseline(tx, place, "taking", "undoing");
    await note(tx, "delivery.baseline.undo_begun", place, wish.actor, data);
    return now;
  });
  const ran = answerOf(await migrator.forgetBaseline(wish.url));
  await database.transaction(async (tx) => {
    await lockEnvironment(tx, place.project, place.service, place.environment);
    if (ran !== null) {
      await moveBaseline(tx, place, "undoing", "taken");
      return;
    }
    await deleteBaseline(tx, place, before.files);
    await note(tx, "delivery.baseline.undone", place, wish.actor, data);
    await also(tx);
  });
  if (ran !== null) throw ranWords(ran, "What runs after a baseline builds on it.");
}

/** What the files make, held against what the database has. */
async function look({ reader, migrator }: BaselineParts, wish: BaselineWish): Promise<Baselined> {
  const parsed: ParsedFile[] = [];
  for (const file of wish.files) {
    const read = await reader.parse(file);
    if (!read.ok) throw invalid("files", read.error, "Mend it, or leave it out of the folder.");
    parsed.push(read.value);
  }
  const expected = expectedOf(parsed);
  const has = answerOf(await migrator.objects(wish.url));
  return { ...compare(expected, has), untold: expected.untold, state: "compared" };
}

/** Holds the environment: what deploys or migrates takes the same lock. */
async function checkFree(tx: Transaction, place: SchemaPlace): Promise<void> {
  await lockEnvironment(tx, place.project, place.service, place.environment);
  const isDeploying = (await activeDeployments(tx)).some(
    (d) => d.project === place.project && d.service === place.service && d.environment === place.environment,
  );
  const running = (await schemaOf(tx, place)).find(({ state }) => state === "running");
  if (isDeploying || running)
    throw new ProblemError("LK_BUSY", {
      detail: isDeploying
        ? `A deployment to ${place.environment} is under way, which may migrate.`
        : `${running?.file} is running, or may have run.`,
    });
}

async function ranSince(tx: Transaction, place: SchemaPlace, { files }: BaselineRow): Promise<string | null> {
  const own = new Set(files.map(({ file }) => file));
  return (await schemaOf(tx, place)).find((row) => row.state === "applied" && !own.has(row.file))?.file ?? null;
}

const isSame = (a: readonly Migration[], b: readonly Migration[]): boolean =>
  a.length === b.length && a.every((m, i) => m.file === b[i]?.file && m.sha256 === b[i]?.sha256);
const named = ({ service, environment }: SchemaPlace) => ({ service, environment });

/** What a database answered; else a problem that says why it did not. */
export function answerOf<T>(asked: Result<T, DatabaseTrouble>): T {
  if (asked.ok) return asked.value;
  if (asked.error.kind === "unreachable" || asked.error.kind === "locked")
    throw new ProblemError("LK_UNAVAILABLE", { detail: asked.error.words });
  throw new ProblemError("LK_WORKLOAD_DATABASE", { detail: asked.error.words });
}

const refused = (detail: string, remedy: string): ProblemError => invalid("environment", detail, remedy);
const invalid = (field: string, detail: string, remedy: string): ProblemError =>
  new ProblemError("LK_INVALID", { detail, remedy, fields: [{ field, message: detail }] });
const ranWords = (file: string, why: string): ProblemError =>
  new ProblemError("LK_MIGRATED", { detail: `${file} has run in this database. ${why}` });

const note = (
  tx: Transaction,
  type: string,
  place: SchemaPlace,
  actor: Actor,
  data: Readonly<Record<string, unknown>>,
): Promise<unknown> => record(tx, { type, subject: `service/${place.service}`, project: place.project, actor, data });
