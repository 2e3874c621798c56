import { join } from "node:path";
import { type GateConfig, gateTimeoutMs } from "@latchkey/api/gates";
import { lintMigration } from "@latchkey/core/delivery/migrations/lint";
import type { MigrationFile, MigrationReader, Migrator } from "@latchkey/core/delivery/migrations/ports";
import { changedFile, contractedBeyond, pendingOf } from "@latchkey/core/delivery/migrations/schema";
import { lockEnvironment } from "../catalog/index.ts";
import type { Transactions } from "../platform/database.ts";
import { baselineOf } from "./baselines.store.ts";
import { unfinishedWords } from "./baselines.ts";
import type { GateContext, GateOutcome, GateRunner } from "./gate-runner.ts";
import { adoptApplied, migrationsOf, saveMigrations, schemaOf, textOf } from "./migrations.store.ts";
import { beginAndRun, contractedWords, FORWARD } from "./migrations.ts";

export interface MigrationsParts {
  readonly database: Transactions;
  readonly reader: MigrationReader;
  readonly migrator: Migrator;
  /** Where the database of a gate's environment is; null where the variable that it names is not set. */
  readonly urlOf: (gate: GateConfig, service: string, environment: string) => Promise<string | null>;
}

const outcome = (status: "passed" | "failed" | "could_not_run", words: string, details: readonly string[] = []) =>
  ({ status, words, details: [...details], figures: [] }) satisfies GateOutcome;

/**
 * Before the canary starts: reads the release's migrations, refuses dangerous ones, and runs what only adds. Asked last, so
 * that a release whose other gates fail changes no schema. Asked twice, it does what is left.
 */
export const migrationsGate = (parts: MigrationsParts): GateRunner => ({
  isOfTheMoment: true,
  run: async (gate, context) => {
    const { release, deployment } = context;
    if (release === null) return outcome("could_not_run", "There is no release whose migrations could be read.");
    const files = await filesOf(parts, gate, context, release.id);
    if (typeof files === "string") return outcome("could_not_run", files);
    const place = { project: deployment.project, service: deployment.service, environment: deployment.environment };
    const url = await parts.urlOf(gate, place.service, place.environment);
    if (url === null)
      return outcome(
        "could_not_run",
        `${gate.databaseUrlVariable} is not set where the server runs. Set it to the database's URL.`,
      );
    const applied = await parts.migrator.applied(url);
    if (!applied.ok) return outcome("could_not_run", applied.error.words);
    const known = await parts.database.transaction(async (tx) => {
      // A contract begins under this lock: it sees this deployment, or is seen here.
      await lockEnvironment(tx, place.project, place.service, place.environment);
      const baseline = await baselineOf(tx, place);
      if (baseline !== null && baseline.state !== "taken") return null;
      await adoptApplied(tx, place, applied.value);
      return schemaOf(tx, place);
    });
    if (known === null) return outcome("could_not_run", unfinishedWords(place));
    const changed = changedFile(files, known);
    if (changed)
      return outcome(
        "failed",
        `${changed.file} was changed after it ran. Put it back as it was, and write what is new into a new file.`,
      );
    const contracted = contractedBeyond(files, known);
    if (contracted)
      return outcome(
        "failed",
        `LK_SCHEMA_CONTRACTED: ${contractedWords(release.number, place.environment, contracted.file)} ${FORWARD}`,
      );
    const dangers = await dangersOf(
      parts,
      files.filter(({ file }) => !known.some((k) => k.file === file && k.state === "applied")),
    );
    if (dangers.length > 0)
      return outcome(
        "failed",
        `${dangers.length === 1 ? "A statement is" : `${dangers.length} statements are`} dangerous while older releases are served: ${dangers[0]}`,
        dangers,
      );
    return run(parts, { gate, place, url, files, releaseId: release.id, known });
  },
});

async function run(
  parts: MigrationsParts,
  w: {
    readonly gate: GateConfig;
    readonly place: { project: string; service: string; environment: string };
    readonly url: string;
    readonly files: readonly MigrationFile[];
    readonly releaseId: string;
    readonly known: Parameters<typeof pendingOf>[1];
  },
): Promise<GateOutcome> {
  const { place, url, releaseId } = w;
  const ran: string[] = [];
  for (const { file } of pendingOf(w.files, w.known, "expand")) {
    const whole = w.files.find((f) => f.file === file);
    if (!whole) continue;
    const why = await beginAndRun(parts.database, parts.migrator, {
      ...{ place, url, file: whole, releaseId, timeoutMs: gateTimeoutMs(w.gate) },
    });
    if (why !== null) return outcome("failed", why, ran);
    ran.push(`${file} ran`);
  }
  const waiting = pendingOf(w.files, w.known, "contract").map(
    ({ file }) => `${file} waits for the end of the rollback window`,
  );
  const words =
    ran.length === 0
      ? "The schema has all that this release needs."
      : `${ran.length} ${ran.length === 1 ? "migration" : "migrations"} ran.`;
  return outcome("passed", words, [...ran, ...waiting]);
}

/** A release's migrations: those written down when it was first asked for, else those in the folder that it was built from. */
async function filesOf(
  parts: MigrationsParts,
  gate: GateConfig,
  { folder }: GateContext,
  releaseId: string,
): Promise<readonly MigrationFile[] | string> {
  const { db } = parts.database;
  if ((await migrationsOf(db, releaseId)) === null) {
    const read = await parts.reader.read(join(folder, gate.folder ?? ""));
    if (!read.ok) return read.error;
    await parts.database.transaction((tx) => saveMigrations(tx, releaseId, read.value));
  }
  const files: MigrationFile[] = [];
  for (const known of (await migrationsOf(db, releaseId)) ?? [])
    files.push({ ...known, text: (await textOf(db, known.sha256)) ?? "" });
  return files;
}

async function dangersOf(parts: MigrationsParts, files: readonly MigrationFile[]): Promise<readonly string[]> {
  const dangers: string[] = [];
  for (const file of files) {
    const parsed = await parts.reader.parse(file);
    if (!parsed.ok) dangers.push(parsed.error);
    else for (const f of lintMigration(parsed.value)) dangers.push(`${f.file}:${f.line} ${f.rule}: ${f.words}`);
  }
  return dangers;
}
