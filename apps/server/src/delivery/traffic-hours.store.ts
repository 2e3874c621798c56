import { addHours, HOUR_MS, type HourTraffic, spreadOverHours } from "@latchkey/core/analysis/planning/hours";
import { type Cumulative, growthOf, type Taken, takenOf } from "@latchkey/core/delivery/counters";
import { estimateDistinct, mergeUsers } from "@latchkey/core/delivery/hyperloglog";
import type { Histogram } from "@latchkey/core/shared/histogram";
import { sql } from "kysely";
import { type Executor, operation } from "../platform/database.ts";

/** Longer than any transaction lives (a statement 15 s, idle 5 s): what was written under an earlier time is visible by then. */
const LATE_SECONDS = 120;
/** Five weeks: the last seven days, and the four weeks before them to compare with. */
const KEPT_DAYS = 35;
const PLANNED_DAYS = 7;

interface CounterRow {
  readonly service: string;
  readonly environment: string;
  readonly gateway: string;
  readonly boot: string;
  readonly generation_epoch: number;
  readonly generation_n: number;
  readonly release_id: string;
  readonly route_class: string;
  readonly requests: string;
  readonly errors: string;
  readonly latency: Histogram;
  readonly taken: Taken[string] | null;
}

type Place = { readonly service: string; readonly environment: string };
type PlacedHour = Place & HourTraffic;

/**
 * Brings the gateways' counters into the hours, within a transaction: what each has grown by since it was last brought in,
 * together with its new mark. Whoever dies before the commit has done nothing; whoever is not sure that it committed does it
 * again and finds nothing new. Answers the requests that were added. One at a time, by the lock of the one row.
 */
export const rollUpTraffic = operation("rollUpTraffic", async (tx: Executor): Promise<number> => {
  const found = await sql<{
    at: Date | null;
    now: Date;
  }>`select at, now() as now from traffic_rolled_up for update`.execute(tx);
  const { at, now } = found.rows[0] ?? { at: null, now: new Date(0) };
  const rows = await movedCounters(tx, at);
  const hours = new Map<string, PlacedHour>();
  for (const row of rows) {
    // Of what was there before the first round nobody knows when it came: it only sets the mark.
    if (at === null || row.route_class === "asset") continue;
    const grown = growthOf(cumulative(row), row.taken ?? undefined);
    if (grown.requests + grown.errors === 0) continue;
    for (const part of spreadOverHours(at.getTime(), now.getTime(), grown)) {
      const key = JSON.stringify([row.service, row.environment, part.hourMs]);
      const known = hours.get(key);
      hours.set(key, {
        service: row.service,
        environment: row.environment,
        ...(known ? addHours(known, part) : part),
      });
    }
  }
  await addToHours(tx, [...hours.values()]);
  await saveMarks(tx, rows);
  await sql`update traffic_rolled_up set at = ${now}`.execute(tx);
  return [...hours.values()].reduce((n, hour) => n + hour.requests, 0);
});

const keyOf = sql<string>`concat_ws('/', gateway, boot, service, environment, generation_epoch, generation_n, release_id, route_class)`;

/** Counters that have moved since then with their marks; all of them where nothing was brought in before. */
async function movedCounters(tx: Executor, since: Date | null): Promise<(CounterRow & { counter: string })[]> {
  const found = await sql<CounterRow & { counter: string }>`select c.*, m.taken from (
      select ${keyOf} as counter, service, environment, gateway, boot, generation_epoch, generation_n, release_id, route_class, requests, errors, latency
      from arm_counter where ${since ? sql`updated_at > ${since}::timestamptz - make_interval(secs => ${LATE_SECONDS})` : sql`true`}) c
    left join traffic_mark m on m.counter = c.counter order by c.counter`.execute(tx);
  return found.rows;
}

const cumulative = (row: CounterRow): Cumulative => ({
  key: "",
  generation: { epoch: row.generation_epoch, n: row.generation_n },
  releaseId: row.release_id,
  routeClass: row.route_class,
  requests: Number(row.requests),
  errors: Number(row.errors),
  latency: row.latency,
  pageViews: 0,
  pageErrors: 0,
});

async function addToHours(tx: Executor, hours: readonly PlacedHour[]): Promise<void> {
  // In one order: two rounds that lock several rows never wait for each other in a circle.
  const sorted = [...hours].sort((a, b) => a.hourMs - b.hourMs || (a.service < b.service ? -1 : 1));
  for (const h of sorted) {
    const hour = new Date(h.hourMs);
    const known = await sql<{ latency: Histogram }>`select latency from traffic_hour
      where service = ${h.service} and environment = ${h.environment} and hour = ${hour}`.execute(tx);
    const before = known.rows[0]?.latency ?? {};
    const { latency } = addHours({ hourMs: h.hourMs, requests: 0, errors: 0, latency: before }, h);
    await sql`insert into traffic_hour (service, environment, hour, requests, errors, latency)
      values (${h.service}, ${h.environment}, ${hour}, ${h.requests}, ${h.errors}, ${JSON.stringify(latency)}::jsonb)
      on conflict (service, environment, hour) do update set requests = traffic_hour.requests + excluded.requests,
        errors = traffic_hour.errors + excluded.errors, latency = excluded.latency`.execute(tx);
  }
}

async function saveMarks(tx: Executor, rows: readonly (CounterRow & { counter: string })[]): Promise<void> {
  const marks = rows.map((row) => ({ counter: row.counter, taken: takenOf(cumulative(row)) }));
  await sql`insert into traffic_mark (counter, taken, seen_at)
    select counter, taken, now() from jsonb_to_recordset(${JSON.stringify(marks)}::jsonb) as m(counter text, taken jsonb)
    on conflict (counter) do update set taken = excluded.taken, seen_at = excluded.seen_at`.execute(tx);
}

/** Hours and marks that nobody asks for any more. A counter that is reported anew after a long rest still finds its mark. */
export const forgetOldTraffic = operation("forgetOldTraffic", async (db: Executor): Promise<void> => {
  await sql`delete from traffic_hour where hour < now() - make_interval(days => ${KEPT_DAYS})`.execute(db);
  await sql`delete from traffic_mark where seen_at < now() - make_interval(days => ${KEPT_DAYS})`.execute(db);
});

/**
 * Every hour of the last seven days from the first with a request on, oldest first; quiet ones are 0. The hour that runs is
 * left out, except where there is no other: then it counts as what it has so far.
 */
export const trafficOfWeek = operation(
  "trafficOfWeek",
  async (db: Executor, { service, environment }: Place): Promise<readonly HourTraffic[]> => {
    const found = await sql<{
      hour: Date;
      requests: string;
      errors: string;
      latency: Histogram;
      now: Date;
    }>`select hour, requests, errors, latency, date_trunc('hour', now()) as now from traffic_hour
      where service = ${service} and environment = ${environment}
        and hour >= date_trunc('hour', now()) - make_interval(days => ${PLANNED_DAYS}) order by hour`.execute(db);
    const rows = found.rows.map((r) => ({
      hourMs: r.hour.getTime(),
      requests: Number(r.requests),
      errors: Number(r.errors),
      latency: r.latency,
    }));
    const first = rows[0];
    const nowMs = found.rows[0]?.now.getTime() ?? 0;
    if (!first || first.hourMs >= nowMs) return rows;
    const known = new Map(rows.map((r) => [r.hourMs, r]));
    return Array.from({ length: (nowMs - first.hourMs) / HOUR_MS }, (_, i) => {
      const hourMs = first.hourMs + i * HOUR_MS;
      return known.get(hourMs) ?? { hourMs, requests: 0, errors: 0, latency: {} };
    });
  },
);

/** How many requests a visitor makes, by the counters of the last week; null where visitors are not told apart. */
export const requestsPerUser = operation(
  "requestsPerUser",
  async (db: Executor, { service, environment }: Place): Promise<number | null> => {
    const found = await sql<{ requests: string; users: string }>`select requests, users from arm_counter
      where service = ${service} and environment = ${environment} and users <> '' and route_class <> 'asset'
        and updated_at > now() - make_interval(days => ${PLANNED_DAYS})
      order by updated_at desc limit 1000`.execute(db);
    const requests = found.rows.reduce((n, row) => n + Number(row.requests), 0);
    const users = Math.round(estimateDistinct(mergeUsers(found.rows.map((row) => row.users))));
    return users > 0 && requests > 0 ? Math.max(1, requests / users) : null;
  },
);
