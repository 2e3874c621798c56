import type { ArmCounter } from "@latchkey/api/gateway";
import type { EdgeBatch } from "@latchkey/api/netlify";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import { saveReport } from "./gateways.store.ts";
import { EDGE_BOOT } from "./netlify-edge.ts";
import { gatewayOf } from "./serving.view.ts";
import type { Place } from "./targets.store.ts";

interface CountRow {
  readonly generation_epoch: number;
  readonly generation_n: number;
  readonly arm: ArmCounter["arm"];
  readonly release_id: string;
  readonly route_class: ArmCounter["routeClass"];
  readonly requests: string;
  readonly errors: string;
  readonly unit_errors: string;
  readonly latency: Record<string, number>;
}

/**
 * Adds a batch to the counts of a site's edges, which are one gateway to the judge. False where the batch has come before, or
 * where nobody was told of the edges yet: it is sent again then.
 */
export const takeEdgeBatch = operation(
  "takeEdgeBatch",
  async (tx: Executor, place: Place, batch: EdgeBatch, at: Date): Promise<"taken" | "known" | "early"> => {
    const gateway = gatewayOf({ ...place, kind: "netlify" });
    // One batch at a time: their sums are written as the gateway's newest report.
    const standing = await sql<{ applied_epoch: number; applied_n: number; report_sequence: string }>`
      select applied_epoch, applied_n, report_sequence from gateway where id = ${gateway} for update`.execute(tx);
    const [before] = standing.rows;
    if (!before) return "early";
    const fresh = await sql`insert into netlify_batch (edge, sequence) values (${batch.edge}, ${batch.sequence})
      on conflict do nothing returning 1`.execute(tx);
    if (fresh.rows.length === 0) return "known";
    const counters: ArmCounter[] = [];
    for (const row of batch.rows) counters.push(await addRow(tx, place, row));
    await saveReport(tx, {
      gateway,
      boot: EDGE_BOOT,
      sequence: Number(before.report_sequence) + 1,
      at: at.toISOString(),
      applied: { epoch: before.applied_epoch, n: before.applied_n },
      residentBytes: 0,
      counters,
    });
    return "taken";
  },
);

async function addRow(tx: Executor, place: Place, row: EdgeBatch["rows"][number]): Promise<ArmCounter> {
  const { epoch, n } = row.generation;
  const added =
    await sql<CountRow>`insert into netlify_count as c (project, service, environment, generation_epoch, generation_n, arm,
      release_id, route_class, requests, errors, unit_errors, latency)
    values (${place.project}, ${place.service}, ${place.environment}, ${epoch}, ${n}, ${row.arm}, ${row.releaseId}, ${row.routeClass},
      ${row.requests}, ${row.errors}, ${row.unitErrors}, ${JSON.stringify(row.latency)}::jsonb)
    on conflict (project, service, environment, generation_epoch, generation_n, release_id, route_class) do update set
      requests = c.requests + excluded.requests, errors = c.errors + excluded.errors, unit_errors = c.unit_errors + excluded.unit_errors,
      latency = (select coalesce(jsonb_object_agg(key, total), '{}') from (
        select key, sum(value::bigint) as total from (
          select * from jsonb_each_text(c.latency) union all select * from jsonb_each_text(excluded.latency)) sides group by key) summed),
      updated_at = now()
    returning *`.execute(tx);
  const [sum] = added.rows;
  if (!sum) throw new Error("a count was not written");
  return {
    ...{ service: place.service, environment: place.environment, generation: row.generation },
    ...{ arm: sum.arm, releaseId: sum.release_id, routeClass: sum.route_class },
    ...{ requests: Number(sum.requests), errors: Number(sum.errors), unitErrors: Number(sum.unit_errors) },
    ...{ latency: sum.latency, pageViews: 0, pageErrors: 0, users: "" },
  };
}
