import type { ArmCounter, GatewayReport } from "@latchkey/api/gateway";
import type { Cumulative } from "@latchkey/core/delivery/counters";
import type { GatewayCounts } from "@latchkey/core/delivery/gateway-metrics";
import type { Generation } from "@latchkey/core/delivery/generation";
import type { Histogram } from "@latchkey/core/shared/histogram";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";
import { addToMinute, growthInMinute } from "./minutes.store.ts";
import { addToSlice, growthInSlice } from "./slices.store.ts";

/** A gateway that has not been heard of for this long serves by its last table, unseen: it no longer counts as live. */
export const GATEWAY_LIVE_MS = 10_000;

export interface GatewayRow {
  readonly id: string;
  readonly boot: string;
  readonly applied_epoch: number;
  readonly applied_n: number;
  readonly seen_at: Date;
  /** Milliseconds that the clock of its newest report was ahead of the database's; one that came late is behind. */
  readonly clock_ahead_ms: number;
}

/** What a gateway has applied: it only ever grows within a boot. A new boot counts its reports from one again. */
export const seeGateway = operation(
  "seeGateway",
  async (db: Executor, id: string, boot: string, applied: { epoch: number; n: number }): Promise<void> => {
    await sql`insert into gateway (id, boot, applied_epoch, applied_n, seen_at) values (${id}, ${boot}, ${applied.epoch}, ${applied.n}, now())
    on conflict (id) do update set boot = excluded.boot, applied_epoch = excluded.applied_epoch, applied_n = excluded.applied_n, seen_at = now(),
      report_sequence = case when gateway.boot = excluded.boot then gateway.report_sequence else 0 end
    where gateway.boot <> excluded.boot or (gateway.applied_epoch, gateway.applied_n) <= (excluded.applied_epoch, excluded.applied_n)`.execute(
      db,
    );
  },
);

export const liveGateways = operation("liveGateways", async (db: Executor): Promise<GatewayRow[]> => {
  const found = await sql<GatewayRow>`select id, boot, applied_epoch, applied_n, seen_at, clock_ahead_ms from gateway
    where seen_at > now() - make_interval(secs => ${GATEWAY_LIVE_MS / 1000}) order by id`.execute(db);
  return found.rows;
});

/** Every gateway that was heard of within a week, the newest first. */
export const listGateways = operation(
  "listGateways",
  async (db: Executor): Promise<(GatewayRow & { readonly live: boolean; readonly resident_bytes: string })[]> => {
    const found = await sql<
      GatewayRow & { live: boolean; resident_bytes: string }
    >`select id, boot, applied_epoch, applied_n, seen_at, clock_ahead_ms, resident_bytes,
      seen_at > now() - make_interval(secs => ${GATEWAY_LIVE_MS / 1000}) as live
    from gateway where seen_at > now() - interval '7 days' order by seen_at desc limit 100`.execute(db);
    return found.rows;
  },
);

interface Away {
  readonly id: string;
  readonly awayMs: number;
}
/** Gateways that were not heard of for so long, each once until it returns; targets that route by themselves are told of elsewhere. */
export const takeLost = operation("takeLost", async (tx: Executor, afterMs: number): Promise<Away[]> => {
  const found = await sql<{ id: string; away_ms: number }>`update gateway set lost_at = seen_at
    where lost_at is null and id not like '%:%' and seen_at < now() - make_interval(secs => ${afterMs / 1000})
      and seen_at > now() - interval '7 days'
    returning id, (extract(epoch from now() - seen_at) * 1000)::double precision as away_ms`.execute(tx);
  return found.rows.map(({ id, away_ms }) => ({ id, awayMs: Math.round(away_ms) }));
});
/** Those among them that are heard of again. */
export const takeReturned = operation("takeReturned", async (tx: Executor): Promise<Away[]> => {
  const found = await sql<{ id: string; away_ms: number }>`update gateway g set lost_at = null
    from gateway before where before.id = g.id and g.lost_at is not null and g.seen_at > g.lost_at
    returning g.id, (extract(epoch from g.seen_at - before.lost_at) * 1000)::double precision as away_ms`.execute(tx);
  return found.rows.map(({ id, away_ms }) => ({ id, awayMs: Math.round(away_ms) }));
});

/**
 * Stores cumulative counts; a report that arrives late or twice changes nothing. True when it was news. A heartbeat holds
 * every row of the gateway: those that stand still are not written again.
 */
export const saveReport = operation("saveReport", async (tx: Executor, report: GatewayReport): Promise<boolean> => {
  const fresh =
    await sql`insert into gateway (id, boot, applied_epoch, applied_n, seen_at, report_sequence, resident_bytes, clock_ahead_ms)
    values (${report.gateway}, ${report.boot}, ${report.applied.epoch}, ${report.applied.n}, now(), ${report.sequence}, ${report.residentBytes},
      ${Date.parse(report.at)}::double precision - round(extract(epoch from now()) * 1000)::double precision)
    on conflict (id) do update set boot = excluded.boot, applied_epoch = excluded.applied_epoch, applied_n = excluded.applied_n,
      seen_at = now(), report_sequence = excluded.report_sequence, resident_bytes = excluded.resident_bytes, clock_ahead_ms = excluded.clock_ahead_ms
    where gateway.boot <> excluded.boot or gateway.report_sequence < excluded.report_sequence
    returning id`.execute(tx);
  if (fresh.rows.length === 0) return false;
  const grown: { now: ArmCounter; before: CountsBefore | null }[] = [];
  for (const now of report.counters) {
    const before = await saveCounter(tx, report, now);
    if (before !== "unchanged") grown.push({ now, before });
  }
  await addToMinute(tx, report.gateway, growthInMinute(grown));
  await addToSlice(tx, report.gateway, growthInSlice(grown));
  return true;
});

type CountsBefore = Pick<ArmCounter, "requests" | "errors" | "pageViews" | "pageErrors" | "latency" | "halfLatency"> &
  UnitCounts;
type UnitCounts = Partial<
  Record<
    "unitErrors" | "unitPageErrors" | "halfErrors" | "halfUnitErrors" | "halfPageErrors" | "halfUnitPageErrors",
    number
  >
>;

/** Writes one counter; answers what it was before, null where it is new. */
async function saveCounter(
  tx: Executor,
  report: GatewayReport,
  c: ArmCounter,
): Promise<CountsBefore | null | "unchanged"> {
  const saved = await sql<{ before: CountsBefore | null }>`with known as (
      select jsonb_strip_nulls(jsonb_build_object('requests', requests, 'errors', errors, 'pageViews', page_views, 'pageErrors', page_errors,
        'unitErrors', unit_errors, 'unitPageErrors', unit_page_errors, 'halfErrors', half_errors, 'halfUnitErrors', half_unit_errors,
        'halfPageErrors', half_page_errors, 'halfUnitPageErrors', half_unit_page_errors, 'latency', latency, 'halfLatency', half_latency)) as counts
      from arm_counter where gateway = ${report.gateway} and boot = ${report.boot} and service = ${c.service} and environment = ${c.environment}
        and generation_epoch = ${c.generation.epoch} and generation_n = ${c.generation.n} and release_id = ${c.releaseId} and route_class = ${c.routeClass})
    insert into arm_counter (gateway, boot, service, environment, generation_epoch, generation_n, release_id, arm, route_class, requests, errors, latency,
      page_views, page_errors, users, events, unit_errors, unit_page_errors, half_errors, half_unit_errors, half_page_errors,
      half_unit_page_errors, half_latency)
    values (${report.gateway}, ${report.boot}, ${c.service}, ${c.environment}, ${c.generation.epoch}, ${c.generation.n}, ${c.releaseId}, ${c.arm}, ${c.routeClass},
      ${c.requests}, ${c.errors}, ${JSON.stringify(c.latency)}::jsonb, ${c.pageViews}, ${c.pageErrors}, ${c.users},
      ${c.events === undefined ? null : JSON.stringify(c.events)}::jsonb, ${c.unitErrors ?? null}, ${c.unitPageErrors ?? null}, ${c.halfErrors ?? null}, ${c.halfUnitErrors ?? null},
      ${c.halfPageErrors ?? null}, ${c.halfUnitPageErrors ?? null}, ${c.halfLatency === undefined ? null : JSON.stringify(c.halfLatency)}::jsonb)
    on conflict (gateway, boot, service, environment, generation_epoch, generation_n, release_id, route_class) do update set
      requests = excluded.requests, errors = excluded.errors, latency = excluded.latency, page_views = excluded.page_views,
      page_errors = excluded.page_errors, users = excluded.users, events = excluded.events, unit_errors = excluded.unit_errors,
      unit_page_errors = excluded.unit_page_errors, half_errors = excluded.half_errors, half_unit_errors = excluded.half_unit_errors,
      half_page_errors = excluded.half_page_errors, half_unit_page_errors = excluded.half_unit_page_errors, half_latency = excluded.half_latency,
      updated_at = now()
    where arm_counter.requests <= excluded.requests
      and (arm_counter.requests, arm_counter.errors, arm_counter.page_views, arm_counter.page_errors, arm_counter.events)
        is distinct from (excluded.requests, excluded.errors, excluded.page_views, excluded.page_errors, excluded.events)
    returning (select counts from known) as before`.execute(tx);
  const [row] = saved.rows;
  return row === undefined ? "unchanged" : row.before;
}

interface CounterRow {
  readonly gateway: string;
  readonly boot: string;
  readonly generation_epoch: number;
  readonly generation_n: number;
  readonly release_id: string;
  readonly arm: string;
  readonly route_class: string;
  readonly requests: string;
  readonly errors: string;
  readonly latency: Histogram;
  readonly page_views: string;
  readonly page_errors: string;
  readonly users: string;
  readonly unit_errors: string | null;
  readonly unit_page_errors: string | null;
  readonly events: Counter["events"];
}
export interface Counter extends Cumulative, Pick<GatewayCounts, "users" | "events"> {}

/** Counters of a service in an environment since a generation, or of all from one to before another. */
export const countersSince = operation(
  "countersSince",
  async (
    db: Executor,
    service: string,
    environment: string,
    from: Generation,
    before: Generation | null = null,
  ): Promise<Counter[]> => {
    const found =
      await sql<CounterRow>`select gateway, boot, generation_epoch, generation_n, release_id, arm, route_class, requests, errors, latency, page_views, page_errors, users, events, unit_errors, unit_page_errors
    from arm_counter where service = ${service} and environment = ${environment} and (generation_epoch, generation_n) >= (${from.epoch}, ${from.n})
      and (${before === null} or (generation_epoch, generation_n) < (${before?.epoch ?? 0}, ${before?.n ?? 0}))`.execute(
        db,
      );
    // In one order, so that sums of what is read come to the same last bit.
    return found.rows.map(typed).sort((a, b) => (a.key < b.key ? -1 : 1));
  },
);

const typed = (row: CounterRow): Counter => ({
  key: [row.gateway, row.boot, row.generation_epoch, row.generation_n, row.release_id, row.route_class].join("/"),
  generation: { epoch: row.generation_epoch, n: row.generation_n },
  releaseId: row.release_id,
  routeClass: row.route_class,
  requests: Number(row.requests),
  errors: Number(row.errors),
  latency: row.latency,
  pageViews: Number(row.page_views),
  pageErrors: Number(row.page_errors),
  ...(row.unit_errors === null ? {} : { unitErrors: Number(row.unit_errors) }),
  ...(row.unit_page_errors === null ? {} : { unitPageErrors: Number(row.unit_page_errors) }),
  users: row.users,
  events: row.events,
});

/** Counters of all services that a gateway has written within the last seconds. */
export const countersSeenSince = operation(
  "countersSeenSince",
  async (db: Executor, seconds: number): Promise<(Counter & { service: string; environment: string })[]> => {
    const found = await sql<
      CounterRow & { service: string; environment: string }
    >`select gateway, boot, service, environment, generation_epoch, generation_n, release_id, arm, route_class, requests, errors, latency, page_views, page_errors, users, events, unit_errors, unit_page_errors
    from arm_counter where updated_at > now() - make_interval(secs => ${seconds})`.execute(db);
    return found.rows.map((row) => ({ ...typed(row), service: row.service, environment: row.environment }));
  },
);

/** Counters of generations that nobody judges any more; kept a week for the pages of old rollouts. */
export const forgetOldCounters = operation("forgetOldCounters", async (db: Executor): Promise<void> => {
  await sql`delete from arm_counter where updated_at < now() - interval '7 days'`.execute(db);
});
