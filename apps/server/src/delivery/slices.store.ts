import type { ArmCounter } from "@latchkey/api/gateway";
import { type HalvedSlice, type Variation, variationOf } from "@latchkey/core/analysis/variation";
import { type Histogram, mergeHistograms, subtractHistogram } from "@latchkey/core/shared/histogram";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** As long as the usual look: what differs from slice to slice is what differs from look to look. */
export const SLICE_SECONDS = 2;
/** A quarter of an hour: 450 slices show a stall that comes in one of a hundred four times, and are half a megabyte. */
export const SLICES_KEPT = 450;

/** What one report adds to a release's slice. The half is null where the gateway doesn't tell visitors apart. */
export interface SliceGrowth {
  readonly service: string;
  readonly environment: string;
  readonly releaseId: string;
  readonly latency: Histogram;
  readonly halfLatency: Histogram | null;
}

/** What counters were answered since the counts before (null for a new counter), one sum for each release. */
export function growthInSlice(
  grown: readonly { readonly now: ArmCounter; readonly before: Pick<ArmCounter, "latency" | "halfLatency"> | null }[],
): SliceGrowth[] {
  const sums = new Map<string, SliceGrowth>();
  for (const { now, before } of grown) {
    if (now.routeClass === "asset") continue;
    const { service, environment, releaseId } = now;
    const key = JSON.stringify([service, environment, releaseId]);
    const sum = sums.get(key) ?? { service, environment, releaseId, latency: {}, halfLatency: {} };
    // Of counters that stood before halves were told, nobody knows which of the answers were in it.
    const isKnown = now.halfLatency !== undefined && (before === null || before.halfLatency !== undefined);
    const half = isKnown ? subtractHistogram(now.halfLatency ?? {}, before?.halfLatency ?? {}) : null;
    sums.set(key, {
      ...sum,
      latency: mergeHistograms(sum.latency, subtractHistogram(now.latency, before?.latency ?? {})),
      halfLatency: half === null || sum.halfLatency === null ? null : mergeHistograms(sum.halfLatency, half),
    });
  }
  return [...sums.values()].filter((g) => Object.keys(g.latency).length > 0);
}

const added = (a: string, b: string) =>
  sql`(select coalesce(jsonb_object_agg(key, n), '{}') from (select key, sum(value::bigint) as n
    from (select * from jsonb_each_text(${sql.raw(a)}) union all select * from jsonb_each_text(${sql.raw(b)})) both_of group by key) summed)`;

/** Adds what a gateway's report brought to the slice that it came in, within the report's transaction. */
export async function addToSlice(tx: Executor, gateway: string, growth: readonly SliceGrowth[]): Promise<void> {
  for (const g of growth) {
    const half = g.halfLatency === null ? null : JSON.stringify(g.halfLatency);
    await sql`insert into arm_slice (service, environment, release_id, gateway, place, slice, latency, half_latency)
      select ${g.service}, ${g.environment}, ${g.releaseId}, ${gateway}, slice % ${SLICES_KEPT}, slice, ${JSON.stringify(g.latency)}::jsonb, ${half}::jsonb
      from (select floor(extract(epoch from now()) / ${SLICE_SECONDS})::bigint as slice) at_now
      on conflict (service, environment, release_id, gateway, place) do update set slice = excluded.slice,
        latency = case when arm_slice.slice = excluded.slice then ${added("arm_slice.latency", "excluded.latency")} else excluded.latency end,
        half_latency = case when arm_slice.slice <> excluded.slice then excluded.half_latency
          when arm_slice.half_latency is null or excluded.half_latency is null then null
          else ${added("arm_slice.half_latency", "excluded.half_latency")} end`.execute(tx);
  }
}

/** A release's last slices of which the halves are known on all gateways, oldest first. */
export const halvedSlices = operation(
  "halvedSlices",
  async (db: Executor, service: string, environment: string, releaseId: string): Promise<HalvedSlice[]> => {
    const found = await sql<{ slice: string; latency: Histogram; half_latency: Histogram | null }>`
      select slice, latency, half_latency from arm_slice
      where service = ${service} and environment = ${environment} and release_id = ${releaseId}
        and slice > floor(extract(epoch from now()) / ${SLICE_SECONDS})::bigint - ${SLICES_KEPT}
      order by slice, gateway`.execute(db);
    return slicesOf(found.rows.map((r) => ({ slice: r.slice, latency: r.latency, halfLatency: r.half_latency })));
  },
);

/** Several gateways' rows, in order of time, brought together. */
export function slicesOf(
  rows: readonly { slice: string | number; latency: Histogram; halfLatency: Histogram | null }[],
): HalvedSlice[] {
  const slices = new Map<string | number, HalvedSlice | null>();
  for (const { slice, latency, halfLatency } of rows) {
    const sum = slices.get(slice);
    if (sum === null || halfLatency === null) slices.set(slice, null);
    else
      slices.set(slice, {
        first: mergeHistograms(sum?.first ?? {}, halfLatency),
        second: mergeHistograms(sum?.second ?? {}, subtractHistogram(latency, halfLatency)),
      });
  }
  return [...slices.values()].flatMap((s) => s ?? []);
}

/** How the looks of the release differ that a canary is about to be compared with; null where too little is known of it. */
export async function variationBefore(
  db: Executor,
  service: string,
  environment: string,
  baselineId: string | null,
  floorMs: number,
): Promise<Variation | null> {
  if (baselineId === null) return null;
  const variation = variationOf(await halvedSlices(db, service, environment, baselineId), floorMs);
  return variation.pairs > 0 ? variation : null;
}

/** Rings of releases that no longer answer. */
export const forgetOldSlices = operation("forgetOldSlices", async (db: Executor): Promise<void> => {
  await sql`delete from arm_slice where slice < floor(extract(epoch from now()) / ${SLICE_SECONDS})::bigint - ${SLICES_KEPT}`.execute(
    db,
  );
});
