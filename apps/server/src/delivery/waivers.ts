import type { ServiceRow } from "../catalog/index.ts";
import type { Executor } from "../platform/database.ts";
import type { GateRow } from "./deployments.store.ts";
import { waiverInForce } from "./waivers.store.ts";

/** The waiver of a service's gate that is in force, as a deployment keeps it. */
export async function standingWaiver(
  db: Executor,
  service: ServiceRow,
  gate: string,
  couldNotRun: boolean,
): Promise<GateRow["waiver"]> {
  const row = await waiverInForce(db, { project: service.project, service: service.name, gate, couldNotRun });
  return row && { id: row.id, by: row.waived_by.name, reason: row.reason, until: row.until.toISOString() };
}
