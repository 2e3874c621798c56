import type { ProviderDeploy } from "@latchkey/api/targets";
import type { Generation } from "@latchkey/core/delivery/generation";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import type { Place } from "./targets.store.ts";

/** What an environment was asked for last, and how many milliseconds ago by the database's clock; null before the first time. */
export const askedOf = operation(
  "askedOf",
  async (db: Executor, place: Place): Promise<{ readonly generation: Generation; readonly forMs: number } | null> => {
    const found = await sql<{ asked_epoch: number; asked_n: number; for_ms: number }>`select asked_epoch, asked_n,
        (extract(epoch from now() - asked_at) * 1000)::double precision as for_ms
      from target_route where project = ${place.project} and service = ${place.service} and environment = ${place.environment}`.execute(
      db,
    );
    const [row] = found.rows;
    return row ? { generation: { epoch: row.asked_epoch, n: row.asked_n }, forMs: row.for_ms } : null;
  },
);

export const saveDeploys = operation(
  "saveDeploys",
  async (db: Executor, place: Place, deploys: readonly ProviderDeploy[]): Promise<void> => {
    await sql`update target_route set deploys = ${JSON.stringify(deploys)}::jsonb
      where project = ${place.project} and service = ${place.service} and environment = ${place.environment}
        and deploys <> ${JSON.stringify(deploys)}::jsonb`.execute(db);
  },
);

export interface SiteRow extends Place {
  readonly site_id: string;
  readonly was_locked: boolean;
}
/** How a site was before Latchkey locked it: only the first word counts. */
export const rememberSite = operation(
  "rememberSite",
  async (db: Executor, siteId: string, place: Place, wasLocked: boolean): Promise<void> => {
    await sql`insert into netlify_site (site_id, project, service, environment, was_locked)
      values (${siteId}, ${place.project}, ${place.service}, ${place.environment}, ${wasLocked})
      on conflict (site_id) do update set project = excluded.project, service = excluded.service, environment = excluded.environment
      where (netlify_site.project, netlify_site.service, netlify_site.environment)
        is distinct from (excluded.project, excluded.service, excluded.environment)`.execute(db);
  },
);
export const listSites = operation("listSites", async (db: Executor): Promise<SiteRow[]> => {
  return (await sql<SiteRow>`select * from netlify_site order by site_id`.execute(db)).rows;
});
export const forgetSite = operation("forgetSite", async (db: Executor, siteId: string): Promise<void> => {
  await sql`delete from netlify_site where site_id = ${siteId}`.execute(db);
});

/** False where the delivery has come before. */
export const takeNetlifyDelivery = operation(
  "takeNetlifyDelivery",
  async (db: Executor, digest: string): Promise<boolean> => {
    const stored = await sql`insert into netlify_delivery (digest) values (${digest})
      on conflict (digest) do nothing returning 1`.execute(db);
    return stored.rows.length > 0;
  },
);

/** Edges send a batch again within seconds, and Netlify a webhook within hours. Counts are kept as the gateways' are. */
export const forgetOldNetlify = operation("forgetOldNetlify", async (db: Executor): Promise<void> => {
  await sql`delete from netlify_batch where received_at < now() - interval '1 day'`.execute(db);
  await sql`delete from netlify_delivery where received_at < now() - interval '7 days'`.execute(db);
  await sql`delete from netlify_count where updated_at < now() - interval '7 days'`.execute(db);
});
