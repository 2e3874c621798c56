import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** What a provider shows of a pull request before it is merged. */
export interface Preview {
  readonly service: string;
  readonly pullRequest: number;
  readonly address: string;
}
/** The previews of a project's services that are ready, the newest of each first. */
export const previewsOf = operation("previewsOf", async (db: Executor, project: string): Promise<Preview[]> => {
  const found = await sql<{ service: string; pull_request: number; address: string }>`
    select t.service, (d ->> 'pullRequest')::integer as pull_request, d ->> 'address' as address
    from target_route t cross join lateral jsonb_array_elements(t.deploys) with ordinality as listed(d, place)
    where t.project = ${project} and d ->> 'state' = 'ready' and d ->> 'pullRequest' is not null and d ->> 'address' is not null
    order by t.service, t.environment, place`.execute(db);
  return found.rows.map((row) => ({ service: row.service, pullRequest: row.pull_request, address: row.address }));
});
