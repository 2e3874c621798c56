import type { GateConfig } from "@latchkey/api/gates";
import type { BaselineResult } from "@latchkey/api/migrations";
import { migrationOf } from "@latchkey/config/migration-files";
import { SHOWN_MAX } from "@latchkey/core/delivery/migrations/baseline";
import { byName } from "@latchkey/core/delivery/migrations/schema";
import { findEnvironment } from "../catalog/index.ts";
import type { Subjects } from "../ledger/index.ts";
import type { Database } from "../platform/database.ts";
import { type Http, route } from "../platform/http.ts";
import { ProblemError } from "../platform/problems.ts";
import { servicesIn } from "./asked-for.ts";
import { answerOf, type BaselineParts, takeBaseline, undoBaseline } from "./baselines.ts";
import { migrationsGateOf } from "./contracts.controller.ts";
import type { SchemaPlace } from "./migrations.store.ts";

export interface BaselineRoutesOptions extends BaselineParts {
  readonly database: Database;
  readonly subjects: Subjects;
  readonly urlOf: (gate: GateConfig, service: string, environment: string) => Promise<string | null>;
}

/** A schema that was made by hand, taken over and given back. */
export function registerBaselines(http: Http, o: BaselineRoutesOptions): void {
  const databaseOf = workloadDatabases(o);

  route(http, "baselineSchema", async ({ project, params, body, principal, remember }) => {
    const { place, url } = await databaseOf(project, params.service, body.environment);
    const actor = { id: principal.id, kind: principal.kind, name: principal.name };
    const files = body.files.map(({ file, text }) => migrationOf(file, Buffer.from(text))).sort(byName);
    const reason = body.reason === "" ? "" : await o.subjects.sealWordsOf(principal.name, body.reason);
    const wish = { place, url, files, accept: body.accept, dryRun: body.dryRun, reason, actor };
    const made = await takeBaseline(o, wish, (tx) => remember(tx, body.environment));
    return {
      environment: body.environment,
      state: made.state,
      files: files.map(({ file, sha256 }) => ({ file, sha256 })),
      compared: made.compared,
      differences: listed(made.differences),
      unexplained: listed(made.unexplained),
      untold: listed(made.untold),
    } satisfies BaselineResult;
  });

  route(http, "dumpSchema", async ({ project, params, query }) => {
    const { url } = await databaseOf(project, params.service, query.environment);
    return { sql: answerOf(await o.migrator.dump(url)) };
  });

  route(
    http,
    "undoBaseline",
    async ({ project, params, body, principal, remember }) => {
      const { place, url } = await databaseOf(project, params.service, body.environment);
      const actor = { id: principal.id, kind: principal.kind, name: principal.name };
      const reason = await o.subjects.sealWordsOf(principal.name, body.reason);
      await undoBaseline(o, { place, url, reason, actor }, (tx) => remember(tx, body.environment));
      return { words: `The baseline of ${body.environment} is taken back: its files count as not applied.` };
    },
    async (environment) => ({ words: `The baseline of ${environment} is taken back: its files count as not applied.` }),
  );
}

const listed = <T>(items: readonly T[]) => ({ total: items.length, items: items.slice(0, SHOWN_MAX) });

/** The database that a service's gate of kind migrations is for; a problem that says what is missing. */
export const workloadDatabases =
  ({ database: { db }, urlOf }: Pick<BaselineRoutesOptions, "database" | "urlOf">) =>
  async (
    project: string,
    name: string,
    environment: string,
  ): Promise<{ readonly place: SchemaPlace; readonly url: string; readonly gate: GateConfig }> => {
    const service = await servicesIn(db)(project, name);
    const invalid = (field: string, detail: string, remedy: string): ProblemError =>
      new ProblemError("LK_INVALID", { detail, remedy, fields: [{ field, message: detail }] });
    if (!(await findEnvironment(db, project, name, environment)))
      throw invalid("environment", `${name} has no environment ${environment}.`, "Name one of its environments.");
    const gate = migrationsGateOf(service, environment);
    if (!gate)
      throw invalid(
        "environment",
        `${name} has no gate of kind migrations for ${environment}: Latchkey leaves that database alone.`,
        "Add the gate to its configuration, and apply it.",
      );
    const url = await urlOf(gate, name, environment);
    if (url === null)
      throw new ProblemError("LK_UNAVAILABLE", {
        detail: `${gate.databaseUrlVariable} is not set where the server runs.`,
        remedy: "Set it to the database's URL, and start the server again.",
      });
    return { place: { project, service: name, environment }, url, gate };
  };
