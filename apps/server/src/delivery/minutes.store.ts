import type { ArmCounter } from "@latchkey/api/gateway";
import { clusteringOf, type HalvedMinute, SPLIT_MINUTES } from "@latchkey/core/analysis/dispersion";
import type { Clustering } from "@latchkey/core/analysis/types";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** What one report adds to a release's minute. The halves are null where the gateway doesn't tell visitors apart. */
export interface MinuteGrowth {
  readonly service: string;
  readonly environment: string;
  readonly releaseId: string;
  readonly requests: number;
  readonly errors: number;
  readonly unitErrors: number;
  readonly pageViews: number;
  readonly pageErrors: number;
  readonly halfErrors: number | null;
  readonly halfUnitErrors: number | null;
  readonly unitPageErrors: number | null;
  readonly halfPageErrors: number | null;
  readonly halfUnitPageErrors: number | null;
}
type Counted = Pick<
  ArmCounter,
  | "requests"
  | "errors"
  | "unitErrors"
  | "unitPageErrors"
  | "pageViews"
  | "pageErrors"
  | "halfErrors"
  | "halfUnitErrors"
  | "halfPageErrors"
  | "halfUnitPageErrors"
>;

/** By how much counters have grown, one sum for each release: from the counts before, null for a new counter. */
export function growthInMinute(
  grown: readonly { readonly now: ArmCounter; readonly before: Counted | null }[],
): MinuteGrowth[] {
  const sums = new Map<string, MinuteGrowth>();
  for (const { now, before } of grown) {
    if (now.routeClass === "asset") continue;
    const up = (a: number, b = 0) => Math.max(0, a - b);
    const half = (a: number | undefined, b: number | undefined, sum: number | null = 0) =>
      a === undefined || sum === null ? null : sum + up(a, b);
    const requests = up(now.requests, before?.requests);
    const errors = up(now.errors, before?.errors);
    const pageViews = up(now.pageViews, before?.pageViews);
    const pageErrors = up(now.pageErrors, before?.pageErrors);
    if (requests + errors + pageViews + pageErrors === 0) continue;
    const { service, environment, releaseId } = now;
    const key = JSON.stringify([service, environment, releaseId]);
    const sum = sums.get(key);
    sums.set(key, {
      ...{ service, environment, releaseId },
      requests: (sum?.requests ?? 0) + requests,
      errors: (sum?.errors ?? 0) + errors,
      unitErrors: (sum?.unitErrors ?? 0) + up(now.unitErrors ?? now.errors, before?.unitErrors ?? before?.errors),
      pageViews: (sum?.pageViews ?? 0) + pageViews,
      pageErrors: (sum?.pageErrors ?? 0) + pageErrors,
      halfErrors: half(now.halfErrors, before?.halfErrors, sum?.halfErrors),
      halfUnitErrors: half(now.halfUnitErrors, before?.halfUnitErrors, sum?.halfUnitErrors),
      unitPageErrors: half(now.unitPageErrors, before?.unitPageErrors, sum?.unitPageErrors),
      halfPageErrors: half(now.halfPageErrors, before?.halfPageErrors, sum?.halfPageErrors),
      halfUnitPageErrors: half(now.halfUnitPageErrors, before?.halfUnitPageErrors, sum?.halfUnitPageErrors),
    });
  }
  return [...sums.values()];
}

/** Adds what a gateway's report brought to the minute that it came in, within the report's transaction. */
export async function addToMinute(tx: Executor, gateway: string, growth: readonly MinuteGrowth[]): Promise<void> {
  for (const g of growth) {
    await sql`insert into arm_minute (service, environment, release_id, minute, gateway, requests, errors, unit_errors, page_views, page_errors, half_errors, half_unit_errors,
        unit_page_errors, half_page_errors, half_unit_page_errors)
      values (${g.service}, ${g.environment}, ${g.releaseId}, date_trunc('minute', now()), ${gateway}, ${g.requests}, ${g.errors}, ${g.unitErrors},
        ${g.pageViews}, ${g.pageErrors}, ${g.halfErrors}, ${g.halfUnitErrors}, ${g.unitPageErrors}, ${g.halfPageErrors}, ${g.halfUnitPageErrors})
      on conflict (service, environment, release_id, minute, gateway) do update set
        requests = arm_minute.requests + excluded.requests, errors = arm_minute.errors + excluded.errors,
        unit_errors = arm_minute.unit_errors + excluded.unit_errors, page_views = arm_minute.page_views + excluded.page_views,
        page_errors = arm_minute.page_errors + excluded.page_errors, half_errors = arm_minute.half_errors + excluded.half_errors,
        half_unit_errors = arm_minute.half_unit_errors + excluded.half_unit_errors,
        unit_page_errors = arm_minute.unit_page_errors + excluded.unit_page_errors,
        half_page_errors = arm_minute.half_page_errors + excluded.half_page_errors,
        half_unit_page_errors = arm_minute.half_unit_page_errors + excluded.half_unit_page_errors`.execute(tx);
  }
}

/** A release's last minutes of which the halves are known, oldest first. */
export const halvedMinutes = operation(
  "halvedMinutes",
  async (db: Executor, service: string, environment: string, releaseId: string): Promise<HalvedMinute[]> => {
    const found = await sql<
      Record<"errors" | "unit_errors" | "half_errors" | "half_unit_errors", string> &
        Record<"page_errors" | "unit_page_errors" | "half_page_errors" | "half_unit_page_errors", string | null>
    >`
      select sum(errors) as errors, sum(unit_errors) as unit_errors, sum(half_errors) as half_errors, sum(half_unit_errors) as half_unit_errors,
        case when bool_and(unit_page_errors is not null and half_page_errors is not null and half_unit_page_errors is not null) then sum(page_errors) end as page_errors,
        sum(unit_page_errors) as unit_page_errors, sum(half_page_errors) as half_page_errors, sum(half_unit_page_errors) as half_unit_page_errors
      from arm_minute where service = ${service} and environment = ${environment} and release_id = ${releaseId}
        and minute > now() - make_interval(mins => ${SPLIT_MINUTES}) and half_errors is not null and half_unit_errors is not null
      group by minute order by minute`.execute(db);
    return found.rows.map((row) => ({
      errors: Number(row.errors),
      unitErrors: Number(row.unit_errors),
      halfErrors: Number(row.half_errors),
      halfUnitErrors: Number(row.half_unit_errors),
      pages:
        row.page_errors === null
          ? null
          : {
              errors: Number(row.page_errors),
              unitErrors: Number(row.unit_page_errors),
              halfErrors: Number(row.half_page_errors),
              halfUnitErrors: Number(row.half_unit_page_errors),
            },
    }));
  },
);

/** How errors cluster on the release that a canary is about to be compared with; null where too little is known of it. */
export async function clusteringBefore(
  db: Executor,
  service: string,
  environment: string,
  baselineId: string | null,
): Promise<Clustering | null> {
  return baselineId === null ? null : clusteringOf(await halvedMinutes(db, service, environment, baselineId));
}

/** Kept a week, as the counters are. */
export const forgetOldMinutes = operation("forgetOldMinutes", async (db: Executor): Promise<void> => {
  await sql`delete from arm_minute where minute < now() - interval '7 days'`.execute(db);
});
