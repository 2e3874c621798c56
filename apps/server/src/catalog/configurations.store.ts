import type { ServiceConfig } from "@latchkey/api/models";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** Configurations that are kept of a service, the newest ones. */
const KEPT_MAX = 200;

/** Keeps a configuration as one that was applied now. */
export const keepConfiguration = operation(
  "keepConfiguration",
  async (tx: Executor, of: { readonly project: string; readonly service: string; readonly config: ServiceConfig }) => {
    await sql`insert into service_configuration (project, service, config)
      values (${of.project}, ${of.service}, ${JSON.stringify(of.config)}::jsonb)`.execute(tx);
    await sql`delete from service_configuration where project = ${of.project} and service = ${of.service} and id <= (
      select id from service_configuration where project = ${of.project} and service = ${of.service}
      order by id desc offset ${KEPT_MAX} limit 1)`.execute(tx);
  },
);

/** The configuration that held at a time, as it was written then; null where none so old is kept. */
export const configurationAt = operation(
  "configurationAt",
  async (
    db: Executor,
    of: { readonly project: string; readonly service: string; readonly at: Date },
  ): Promise<unknown> => {
    const found = await sql<{ config: unknown }>`select config from service_configuration
      where project = ${of.project} and service = ${of.service} and applied_at <= ${of.at} order by id desc limit 1`.execute(
      db,
    );
    return found.rows[0]?.config ?? null;
  },
);
