import { type GateConfig, gateKind } from "@latchkey/api/gates";
import type { Migrator } from "@latchkey/core/delivery/migrations/ports";
import { type Migration, pendingOf, whyNotContract } from "@latchkey/core/delivery/migrations/schema";
import type { Logger } from "pino";
import {
  type EnvironmentRow,
  environmentsOf,
  lockEnvironment,
  type ServiceRow,
  servicesWith,
} from "../catalog/index.ts";
import type { Clock } from "../platform/clock.ts";
import type { Executor, Transactions } from "../platform/database.ts";
import type { Lease } from "../platform/leases.ts";
import { activeDeployments } from "./deployments.store.ts";
import { gatesFor } from "./gate-runner.ts";
import {
  beginMigration,
  contractWishes,
  deleteContractWish,
  migrationsOf,
  type SchemaPlace,
  schemaOf,
  servedReleases,
  textOf,
} from "./migrations.store.ts";
import { runMigration } from "./migrations.ts";
import { rollbackPolicyOf } from "./rollback-policy.ts";

/** A contract takes what few rows need: longer than this is a person's work. */
const STATEMENT_TIMEOUT_MS = 300_000;

export interface ContractsOptions {
  readonly database: Transactions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly lease: Pick<Lease, "fence" | "guards">;
  readonly migrator: Migrator;
  readonly urlOf: (gate: GateConfig, service: string, environment: string) => Promise<string | null>;
}

/** The gate that migrates an environment's database; null where there is none. */
export const migrationsGateOf = (service: ServiceRow, environment: string): GateConfig | null =>
  gatesFor(service, environment).find((gate) => gateKind(gate) === "migrations") ?? null;

/** The contract that comes next in an environment, and why it waits; null where none is left. */
export async function nextContract(
  db: Executor,
  service: ServiceRow,
  { name, serving_release_id }: Pick<EnvironmentRow, "name" | "serving_release_id">,
  nowMs: number,
): Promise<{ readonly migration: Migration; readonly waits: string | null; readonly hasFailed: boolean } | null> {
  if (serving_release_id === null) return null;
  const place = { project: service.project, service: service.name, environment: name };
  const known = await schemaOf(db, place);
  const migration = pendingOf((await migrationsOf(db, serving_release_id)) ?? [], known, "contract")[0];
  if (!migration) return null;
  const hasFailed = known.some((k) => k.file === migration.file && k.state === "failed");
  return { migration, hasFailed, waits: await whyContractWaits(db, service, place, migration, nowMs) };
}

/** Why a contract can't run in an environment now; null where it can. */
export async function whyContractWaits(
  db: Executor,
  service: ServiceRow,
  place: SchemaPlace,
  migration: Migration,
  nowMs: number,
): Promise<string | null> {
  const isAskedFor = (await contractWishes(db, place)).some(({ file }) => file === migration.file);
  const isUnderWay = (await activeDeployments(db)).some(
    (d) => d.project === place.project && d.service === place.service && d.environment === place.environment,
  );
  const { windowMs } = rollbackPolicyOf(service);
  const reachable = (await servedReleases(db, place, new Date(nowMs - windowMs))).map((row) => ({
    number: row.number,
    migrations: row.files ?? [],
    reachableUntilMs: row.until === null ? null : row.until.getTime() + windowMs,
  }));
  return whyNotContract({ migration, reachable, isUnderWay, isAskedFor, nowMs });
}

/** Runs what takes away from a schema, once no release that visitors may be sent back to needs it. */
export class ContractsController {
  readonly #o: ContractsOptions;

  constructor(options: ContractsOptions) {
    this.#o = options;
  }

  /** One contract of each environment at most; the next round has the next. */
  async tick(): Promise<boolean> {
    const fence = this.#o.lease.fence();
    if (fence === null) return false;
    for (const service of await servicesWith(this.#o.database.db, { gates: [{ kind: "migrations" }] }))
      for (const environment of await environmentsOf(this.#o.database.db, service.project, service.name)) {
        const gate = migrationsGateOf(service, environment.name);
        if (gate) await this.#look(service, environment, gate, fence);
      }
    return false;
  }

  async #look(service: ServiceRow, environment: EnvironmentRow, gate: GateConfig, fence: number): Promise<void> {
    const { database, clock } = this.#o;
    const place: SchemaPlace = { project: service.project, service: service.name, environment: environment.name };
    const wishes = await contractWishes(database.db, place);
    const begun = await database.transaction(async (tx) => {
      if (!(await this.#o.lease.guards(tx, fence))) return null;
      // Who goes back takes the same lock: it sees this file as begun, or this sees its deployment.
      const now = await lockEnvironment(tx, service.project, service.name, environment.name);
      const next = now && (await nextContract(tx, service, now, clock.now()));
      const releaseId = now?.serving_release_id ?? null;
      if (!next || releaseId === null) return null;
      const isRunning = (await schemaOf(tx, place)).some(
        (k) => k.file === next.migration.file && k.state === "running",
      );
      const wish = wishes.find(({ file }) => file === next.migration.file);
      // What may have happened is finished, whatever is under way by now.
      if (!isRunning && (next.waits !== null || (next.hasFailed && !wish))) return null;
      await beginMigration(tx, place, next.migration, releaseId);
      return { migration: next.migration, releaseId, wish };
    });
    if (!begun) return;
    const { migration, releaseId, wish } = begun;
    const [text, url] = [
      await textOf(database.db, migration.sha256),
      await this.#o.urlOf(gate, service.name, environment.name),
    ];
    if (text === null || url === null)
      return this.#o.log.warn({ file: migration.file }, "a contract has no text or no database");
    const why = await runMigration(database, this.#o.migrator, {
      ...{ place, url, file: { ...migration, text }, releaseId, timeoutMs: STATEMENT_TIMEOUT_MS },
      ...(wish ? { actor: wish.asked_by } : {}),
    });
    if (why !== null) this.#o.log.warn({ file: migration.file, why }, "a contract did not run");
    if (wish) await database.transaction((tx) => deleteContractWish(tx, place, migration.file));
  }
}
