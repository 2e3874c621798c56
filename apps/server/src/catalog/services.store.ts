import type { ServiceConfig } from "@latchkey/api/models";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import { announce } from "../platform/notifications.ts";
import { keepConfiguration } from "./configurations.store.ts";

export interface ServiceRow {
  readonly project: string;
  readonly name: string;
  readonly config: ServiceConfig;
  readonly config_digest: string;
  readonly manager: "file" | "console" | "terraform";
  readonly root: string;
}
export interface EnvironmentRow {
  readonly project: string;
  readonly service: string;
  readonly name: string;
  readonly epoch: number;
  readonly generation: number;
  readonly serving_release_id: string | null;
  readonly serving_deployment_id: string | null;
}

export const findService = operation(
  "findService",
  async (db: Executor, project: string, name: string): Promise<ServiceRow | null> => {
    const found = await sql<ServiceRow>`select project, name, config, config_digest, manager, root from service
    where project = ${project} and name = ${name}`.execute(db);
    return found.rows[0] ?? null;
  },
);

export const listServices = operation(
  "listServices",
  async (db: Executor, project: string, after: string, limit: number): Promise<ServiceRow[]> => {
    const found = await sql<ServiceRow>`select project, name, config, config_digest, manager, root from service
    where project = ${project} and name > ${after} order by name limit ${limit}`.execute(db);
    return found.rows;
  },
);

export const allServices = operation("allServices", async (db: Executor): Promise<ServiceRow[]> => {
  const found =
    await sql<ServiceRow>`select project, name, config, config_digest, manager, root from service order by project, name`.execute(
      db,
    );
  return found.rows;
});

const SERVICE = sql`project, name, config, config_digest, manager, root`;
/** The services whose configuration holds this part, such as an automatic promotion: what a loop asks for each second. */
export const servicesWith = operation("servicesWith", async (db: Executor, part: object): Promise<ServiceRow[]> => {
  const found = await sql<ServiceRow>`select ${SERVICE} from service
    where config @> ${JSON.stringify(part)}::jsonb order by project, name`.execute(db);
  return found.rows;
});
/** The services that name a target, whichever. */
export const servicesWithTargets = operation("servicesWithTargets", async (db: Executor): Promise<ServiceRow[]> => {
  const found = await sql<ServiceRow>`select ${SERVICE} from service
    where config ? 'target' or config ? 'targets' order by project, name`.execute(db);
  return found.rows;
});
/** Certain services, in no order; those that there are not are left out. */
export const servicesNamed = operation(
  "servicesNamed",
  async (
    db: Executor,
    names: readonly { readonly project: string; readonly service: string }[],
  ): Promise<ServiceRow[]> => {
    if (names.length === 0) return [];
    const found = await sql<ServiceRow>`select ${SERVICE} from service where (project, name) in
      (select * from unnest(${names.map((n) => n.project)}::text[], ${names.map((n) => n.service)}::text[]))`.execute(
      db,
    );
    return found.rows;
  },
);

export const saveService = operation(
  "saveService",
  async (tx: Executor, row: Omit<ServiceRow, "manager">): Promise<void> => {
    await sql`insert into service (project, name, config, config_digest, root)
    values (${row.project}, ${row.name}, ${JSON.stringify(row.config)}::jsonb, ${row.config_digest}, ${row.root})
    on conflict (project, name) do update set config = excluded.config, config_digest = excluded.config_digest,
      root = excluded.root, updated_at = now()`.execute(tx);
    for (const environment of row.config.environments) {
      await sql`insert into environment (project, service, name) values (${row.project}, ${row.name}, ${environment})
      on conflict do nothing`.execute(tx);
    }
    await keepConfiguration(tx, { project: row.project, service: row.name, config: row.config });
  },
);

const ENVIRONMENT = sql`project, service, name, epoch, generation, serving_release_id, serving_deployment_id`;

export const environmentsOf = operation(
  "environmentsOf",
  async (db: Executor, project: string, service: string): Promise<EnvironmentRow[]> => {
    const found = await sql<EnvironmentRow>`select ${ENVIRONMENT} from environment
    where project = ${project} and service = ${service} order by name`.execute(db);
    return found.rows;
  },
);

/** Every environment that serves a release. */
export const servingEnvironments = operation("servingEnvironments", async (db: Executor): Promise<EnvironmentRow[]> => {
  const found = await sql<EnvironmentRow>`select ${ENVIRONMENT} from environment
      where serving_release_id is not null order by project, service, name`.execute(db);
  return found.rows;
});

export const findEnvironment = operation(
  "findEnvironment",
  async (db: Executor, project: string, service: string, name: string): Promise<EnvironmentRow | null> => {
    const found = await sql<EnvironmentRow>`select ${ENVIRONMENT} from environment
    where project = ${project} and service = ${service} and name = ${name}`.execute(db);
    return found.rows[0] ?? null;
  },
);

/** The same with its row locked until the transaction ends: wishes to deploy there are answered one after the other. */
export const lockEnvironment = operation(
  "lockEnvironment",
  async (tx: Executor, project: string, service: string, name: string): Promise<EnvironmentRow | null> => {
    const found = await sql<EnvironmentRow>`select ${ENVIRONMENT} from environment
    where project = ${project} and service = ${service} and name = ${name} for update`.execute(tx);
    return found.rows[0] ?? null;
  },
);

/** Minutes since 2025: the epoch of a restore is the minute of it, so that two restores of one backup differ. */
const EPOCH_OF_NOW = sql`floor(extract(epoch from now() - timestamptz '2025-01-01Z') / 60)::integer`;

/**
 * Begins a new epoch of the routing, beyond `beyond` too: whatever gateways hold by a history that the database has
 * lost is older from now on. Answers the generation that holds then.
 */
export const raiseEpoch = operation(
  "raiseEpoch",
  async (tx: Executor, beyond: number): Promise<{ epoch: number; n: number }> => {
    const raised = await sql<{ epoch: number; n: number }>`update routing_generation
      set epoch = greatest(epoch + 1, ${beyond + 1}, ${EPOCH_OF_NOW}) returning epoch, n`.execute(tx);
    const generation = raised.rows[0];
    if (!generation) throw new Error("the routing has no generation");
    await sql`update environment set epoch = ${generation.epoch}`.execute(tx);
    return generation;
  },
);

/**
 * Takes the next generation of the routing, for one environment: the fence that a gateway compares.
 * The row lock of `routing_generation` orders all routing changes of the installation.
 */
export const takeGeneration = operation(
  "takeGeneration",
  async (
    tx: Executor,
    environment: { project: string; service: string; name: string },
    serving: { releaseId: string | null; deploymentId: string | null } | null,
  ): Promise<{ epoch: number; n: number }> => {
    const taken = await sql<{
      epoch: number;
      n: number;
    }>`update routing_generation set n = n + 1 returning epoch, n`.execute(tx);
    const generation = taken.rows[0] ?? { epoch: 1, n: 1 };
    await sql`update environment set epoch = ${generation.epoch}, generation = ${generation.n}
    where project = ${environment.project} and service = ${environment.service} and name = ${environment.name}`.execute(
      tx,
    );
    if (serving) {
      await sql`update environment set serving_release_id = ${serving.releaseId}, serving_deployment_id = ${serving.deploymentId}
      where project = ${environment.project} and service = ${environment.service} and name = ${environment.name}`.execute(
        tx,
      );
    }
    await announce("routing").execute(tx);
    return generation;
  },
);

/** Which environment of a service is its production: the one of that name, or else the last. */
export const productionOf = ({ environments }: { readonly environments: readonly string[] }): string | undefined =>
  environments.includes("production") ? "production" : environments.at(-1);
/** Which environment the service's own host names lead to: the first, or, where they are a path, its production. */
export const publicEnvironmentOf = (config: ServiceConfig): string | undefined =>
  (config.promotions ?? []).length > 0 ? productionOf(config) : config.environments[0];
/** The same as `productionOf` in SQL, of a service `s`. */
export const PRODUCTION = sql`case when s.config -> 'environments' ? 'production' then 'production' else s.config -> 'environments' ->> -1 end`;
