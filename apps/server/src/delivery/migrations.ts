import type { MigrationFile, Migrator } from "@latchkey/core/delivery/migrations/ports";
import type { SchemaState } from "@latchkey/core/delivery/migrations/schema";
import { contractedBeyond } from "@latchkey/core/delivery/migrations/schema";
import { type Actor, SYSTEM_ACTOR } from "@latchkey/core/delivery/rollout";
import { record } from "../ledger/index.ts";
import type { Executor, Transactions } from "../platform/database.ts";
import { beginMigration, endMigration, migrationsOf, type SchemaPlace, schemaOf } from "./migrations.store.ts";

export interface MigrationRun {
  readonly place: SchemaPlace;
  readonly url: string;
  readonly file: MigrationFile;
  readonly releaseId: string;
  readonly timeoutMs: number;
  readonly actor?: Actor;
}

/** Runs a file that was begun, and writes what became of it. Null when it is applied; else why not. */
export async function runMigration(
  database: Transactions,
  migrator: Migrator,
  run: MigrationRun,
): Promise<string | null> {
  const { place, file, releaseId } = run;
  const outcome = await migrator.apply(run.url, file, run.timeoutMs);
  // What nobody knows stays `running`: asked again, the database tells.
  if (outcome.kind === "lost") return `${file.file}: the connection was lost; it is asked for again. ${outcome.words}`;
  const isApplied = outcome.kind === "applied";
  const words = isApplied ? "" : outcome.words;
  const durationMs = isApplied ? outcome.durationMs : null;
  await database.transaction(async (tx) => {
    const state = isApplied ? ("applied" as const) : ("failed" as const);
    if (!(await endMigration(tx, place, file.file, { state, words, durationMs }))) return;
    await record(tx, {
      type: isApplied ? "delivery.migration.applied" : "delivery.migration.failed",
      subject: `service/${place.service}`,
      project: place.project,
      actor: run.actor ?? SYSTEM_ACTOR,
      correlation: releaseId,
      data: {
        ...{ service: place.service, environment: place.environment, releaseId },
        ...{ file: file.file, phase: file.phase, sha256: file.sha256, durationMs, words },
        ...(outcome.kind === "failed" ? { trouble: outcome.trouble } : {}),
      },
    });
  });
  return isApplied ? null : `${file.file} failed: ${words}${words.endsWith(".") ? "" : "."}`;
}

/** Writes that a file is about to run, then runs it. */
export async function beginAndRun(
  database: Transactions,
  migrator: Migrator,
  run: MigrationRun,
): Promise<string | null> {
  await database.transaction((tx) => beginMigration(tx, run.place, run.file, run.releaseId));
  return runMigration(database, migrator, run);
}

/** The contract over which a release can't be served any more; null when there is none. */
export async function whyContracted(db: Executor, place: SchemaPlace, releaseId: string): Promise<SchemaState | null> {
  return contractedBeyond((await migrationsOf(db, releaseId)) ?? [], await schemaOf(db, place));
}

export const contractedWords = (number: number | string, environment: string, file: string): string =>
  `Release ${number} needs a schema that ${environment} does not have any more: ${file} has taken away what it reads.`;
export const FORWARD = "Roll forward: mend it in a new release. Going back further does not help.";
