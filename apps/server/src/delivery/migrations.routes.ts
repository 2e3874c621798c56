import type { SchemaView } from "@latchkey/api/migrations";
import { SHOWN_MAX } from "@latchkey/core/delivery/migrations/baseline";
import { environmentsOf, lockEnvironment } from "../catalog/index.ts";
import { record, type Subjects } from "../ledger/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { servicesIn } from "./asked-for.ts";
import { type BaselineRow, baselineOf } from "./baselines.store.ts";
import { migrationsGateOf, nextContract } from "./contracts.controller.ts";
import { type SchemaRow, saveContractWish, schemaOf } from "./migrations.store.ts";

export interface MigrationRoutesOptions {
  readonly database: Database;
  readonly subjects: Subjects;
  readonly clock: Clock;
}

/** What ran in the databases of services, and a person's word that something goes now. */
export function registerMigrations(http: Http, o: MigrationRoutesOptions): void {
  const { db } = o.database;
  const serviceOf = servicesIn(db);

  route(http, "listMigrations", async ({ project, params }) => {
    const service = await serviceOf(project, params.service);
    const items: SchemaView[] = [];
    for (const environment of await environmentsOf(db, project, service.name)) {
      const gate = migrationsGateOf(service, environment.name);
      if (!gate) continue;
      const place = { project, service: service.name, environment: environment.name };
      const next = await nextContract(db, service, environment, o.clock.now());
      items.push({
        environment: environment.name,
        folder: gate.folder ?? "",
        migrations: (await schemaOf(db, place)).map(present),
        baseline: presentBaseline(await baselineOf(db, place)),
        next: next && { file: next.migration.file, waits: next.waits, failed: next.hasFailed },
      });
    }
    return { items };
  });

  const words = "It runs once no deployment is under way.";
  route(
    http,
    "contractSchema",
    async ({ project, params, body, principal, remember }) => {
      const service = await serviceOf(project, params.service);
      const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
      const actor = { id: principal.id, kind: principal.kind, name: principal.name };
      const place = { project, service: service.name, environment: body.environment };
      await o.database.transaction(async (tx) => {
        const environment = await lockEnvironment(tx, project, service.name, body.environment);
        const next =
          environment && migrationsGateOf(service, body.environment)
            ? await nextContract(tx, service, environment, o.clock.now())
            : null;
        if (next?.migration.file !== body.file)
          throw new ProblemError("LK_INVALID", {
            detail: next
              ? `${next.migration.file} comes before ${body.file} in ${body.environment}, or is the only one left.`
              : `No contract waits in ${body.environment}.`,
            fields: [{ field: "file", message: next?.migration.file ?? "nothing waits here" }],
          });
        await saveContractWish(tx, place, { file: body.file, asked_by: actor, reason });
        await record(tx, {
          type: "delivery.migration.requested",
          subject: `service/${service.name}`,
          project,
          actor,
          data: { service: service.name, environment: body.environment, file: body.file, reason },
        });
        await remember(tx, body.file);
      });
      return { words };
    },
    async () => ({ words }),
  );
}

const present = (row: SchemaRow): SchemaView["migrations"][number] => ({
  ...{ file: row.file, phase: row.phase, sha256: row.sha256, state: row.state, words: row.words },
  releaseId: row.release_id,
  startedAt: row.started_at.toISOString(),
  finishedAt: row.finished_at?.toISOString() ?? null,
  durationMs: row.duration_ms,
});

const presentBaseline = (row: BaselineRow | null): SchemaView["baseline"] =>
  row && {
    ...{ state: row.state, reason: row.reason, by: row.asked_by.name, takenAt: row.taken_at.toISOString() },
    files: row.files.map(({ file }) => file),
    differences: row.differences.slice(0, SHOWN_MAX),
  };
