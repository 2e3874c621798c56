import { getHeapStatistics } from "node:v8";
import type { Answer } from "@latchkey/api/client";
import { worstPressure } from "@latchkey/core/shared/pressure";
import { sql } from "kysely";
import { type NotificationFigures, QUEUE_MAX } from "../catalog/index.ts";
import type { StreamFigures } from "../ledger/index.ts";
import { type Database, type Executor, WAITING_MAX } from "../platform/database.ts";
import { diskOf, SAMPLE_EVERY_S, type Vitals } from "../platform/vitals.ts";
import { listGateways } from "./gateways.store.ts";
import { healthFigures } from "./health.figures.ts";
import { currentGeneration } from "./routing.view.ts";

export interface HealthSources {
  readonly database: Database;
  readonly vitals: Vitals;
  readonly stream: () => StreamFigures;
  readonly notifications: () => NotificationFigures;
  readonly dir: string;
  /** What leases call this server. */
  readonly owner: string;
}

/** How near this server is to its limits. */
export async function viewHealth(o: HealthSources): Promise<Answer<"getHealth">> {
  const { db, pool } = o.database;
  // One after another: this must not take the last connections of a pool that is in need.
  const gateways = await listGateways(db);
  const newest = await currentGeneration(db);
  const postgres = await postgresNow(db);
  const lease = await leaseNow(db, "delivery");
  const live = gateways.filter((g) => g.live);
  const heap = getHeapStatistics();
  const newestSample = o.vitals.samples.at(-1);
  const stream = o.stream();
  const figures = healthFigures({
    samples: o.vitals.samples,
    worst: (name) => o.vitals.worst(name),
    sum: (name) => o.vitals.sum(name),
    memory: {
      heapPart: heap.used_heap_size / heap.heap_size_limit,
      residentBytes: process.memoryUsage.rss(),
      heapLimitBytes: heap.heap_size_limit,
    },
    pool: {
      inUse: pool.totalCount - pool.idleCount,
      max: pool.options.max,
      waiting: pool.waitingCount,
      waitingMax: WAITING_MAX,
    },
    stream: { clients: stream.clients, clientsMax: stream.clientsMax, dropped: stream.dropped.stalled },
    outbox: { length: newestSample?.outboxLength ?? 0, oldestS: newestSample?.outboxOldestS ?? 0 },
    gateways: {
      live: live.length,
      known: gateways.length,
      behind: live.filter((g) => g.applied_epoch !== newest.epoch || g.applied_n < newest.n).length,
    },
    postgres,
    notifications: { ...o.notifications(), queueMax: QUEUE_MAX },
    disk: diskOf(o.dir),
  });
  return {
    at: new Date().toISOString(),
    everyS: SAMPLE_EVERY_S,
    state: worstPressure(figures.map((f) => f.state)),
    figures,
    lease: lease && {
      heldHere: lease.owner === o.owner,
      owner: lease.owner,
      fence: Number(lease.fence),
      live: lease.live,
    },
  };
}

async function postgresNow(db: Executor): Promise<{ connections: number; connectionsMax: number }> {
  const found = await sql<{ used: string; max: string }>`select
    (select count(*) from pg_stat_activity where backend_type = 'client backend') as used,
    current_setting('max_connections') as max`.execute(db);
  return { connections: Number(found.rows[0]?.used ?? 0), connectionsMax: Number(found.rows[0]?.max ?? 0) };
}

async function leaseNow(db: Executor, name: string) {
  const found = await sql<{
    owner: string;
    fence: string;
    live: boolean;
  }>`select owner, fence, expires_at > now() as live
    from lease where name = ${name}`.execute(db);
  return found.rows[0] ?? null;
}
