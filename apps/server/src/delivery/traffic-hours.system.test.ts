import type { GatewayReport } from "@latchkey/api/gateway";
import { HOUR_MS } from "@latchkey/core/analysis/planning/hours";
import { seeded } from "@latchkey/core/shared/random";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { saveReport } from "./gateways.store.ts";
import { TrafficHoursController } from "./traffic-hours.controller.ts";
import { forgetOldTraffic, rollUpTraffic, trafficOfWeek } from "./traffic-hours.store.ts";

const place = { service: "shop", environment: "production" };
let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase();
});
afterEach(() => database.drop());

/** A gateway whose counters grow, as a report carries them. */
class Edge {
  readonly counters = new Map<string, GatewayReport["counters"][number]>();
  readonly #boot: string;
  #sequence = 0;
  constructor(boot: string) {
    this.#boot = boot;
  }
  answer(requests: number, errors: number, routeClass: "api" | "asset" | "document" = "api", n = 1): void {
    const key = `${routeClass} ${n}`;
    const before = this.counters.get(key);
    this.counters.set(key, {
      ...place,
      ...{ generation: { epoch: 1, n }, releaseId: "rel_1", arm: "baseline" as const, routeClass },
      requests: (before?.requests ?? 0) + requests,
      errors: (before?.errors ?? 0) + errors,
      latency: { "106": (before?.latency["106"] ?? 0) + requests },
      ...{ pageViews: 0, pageErrors: 0, users: "" },
    });
  }
  report = (): Promise<boolean> =>
    database.transaction((tx) =>
      saveReport(tx, {
        ...{ gateway: "edge", boot: this.#boot, sequence: ++this.#sequence, at: new Date().toISOString() },
        ...{ applied: { epoch: 1, n: 1 }, residentBytes: 1, counters: [...this.counters.values()] },
      }),
    );
}

const rollUp = () => database.transaction((tx) => rollUpTraffic(tx));
const hours = async () => {
  const { rows } = await database.pool.query(
    "select hour, requests::int, errors::int, latency from traffic_hour order by hour",
  );
  return rows as { hour: Date; requests: number; errors: number; latency: Record<string, number> }[];
};
const sums = async () => {
  const all = await hours();
  const sum = (of: (h: (typeof all)[number]) => number) => all.reduce((n, h) => n + of(h), 0);
  return {
    requests: sum((h) => h.requests),
    errors: sum((h) => h.errors),
    answered: sum((h) => h.latency["106"] ?? 0),
  };
};
const moveBack = (interval: string) =>
  database.owner.pool.query(`update traffic_rolled_up set at = at - interval '${interval}'`);

describe("traffic by the hour", () => {
  it("begins with marks alone: of what is older nobody knows when it came", async () => {
    const edge = new Edge("b1");
    edge.answer(500, 5);
    await edge.report();
    expect(await rollUp()).toBe(0);
    edge.answer(20, 1);
    await edge.report();
    expect(await rollUp()).toBe(20);
    expect(await sums()).toEqual({ requests: 20, errors: 1, answered: 20 });
  });

  it("counts every request once, whatever dies in between and whoever does it again", async () => {
    await rollUp();
    const random = seeded(4);
    const edges = [new Edge("b1"), new Edge("b2")];
    const counted = { requests: 0, errors: 0, answered: 0 };
    for (let round = 0; round < 40; round++) {
      for (const edge of edges) {
        const requests = Math.floor(random() * 9);
        const errors = Math.floor(random() * (requests + 1));
        const isAsset = random() < 0.2;
        edge.answer(requests, errors, isAsset ? "asset" : "document", 1 + Math.floor(round / 10));
        if (!isAsset) {
          counted.requests += requests;
          counted.errors += errors;
          counted.answered += requests;
        }
        await edge.report();
      }
      const chance = random();
      if (chance < 0.25) {
        // Dies before the commit: nothing of it is left.
        const dies = database.transaction(async (tx) => {
          await rollUpTraffic(tx);
          throw new Error("killed");
        });
        await expect(dies).rejects.toThrow("killed");
      } else if (chance < 0.5) {
        // PostgreSQL ends its connection in the middle of it.
        const client = await database.owner.pool.connect();
        const cut = database.transaction(async (tx) => {
          await rollUpTraffic(tx);
          await client.query(
            "select pg_terminate_backend(pid) from pg_locks where relation = 'traffic_rolled_up'::regclass and pid <> pg_backend_pid()",
          );
        });
        await expect(cut).rejects.toThrow();
        client.release();
      } else if (chance < 0.75) await Promise.all([rollUp(), rollUp(), rollUp()]);
      else await rollUp();
    }
    await rollUp();
    expect(await sums()).toEqual(counted);
    // It committed, but whoever asked was not told: once more finds nothing new.
    expect(await rollUp()).toBe(0);
    expect(await sums()).toEqual(counted);
  });

  it("puts what came while no server was there evenly into the hours of that time", async () => {
    await rollUp();
    const edge = new Edge("b1");
    edge.answer(4_000, 40);
    await edge.report();
    await moveBack("4 hours");
    await rollUp();
    const all = await hours();
    expect(all.length).toBeGreaterThanOrEqual(4);
    for (const h of all.slice(1, -1)) expect(h).toMatchObject({ requests: 1_000, errors: 10 });
    expect(await sums()).toEqual({ requests: 4_000, errors: 40, answered: 4_000 });
  });

  it("knows a counter again that was deleted after a long rest and reported anew", async () => {
    await rollUp();
    const edge = new Edge("b1");
    edge.answer(10, 0);
    await edge.report();
    await rollUp();
    await database.owner.pool.query("delete from arm_counter");
    edge.answer(1, 0);
    await edge.report();
    expect(await rollUp()).toBe(1);
  });

  it("reads only the counters that have moved", async () => {
    const edge = new Edge("b1");
    for (let n = 1; n <= 300; n++) edge.answer(1, 0, "api", n);
    await edge.report();
    await rollUp();
    await database.owner.pool.query(`update arm_counter set updated_at = now() - interval '1 day';
      insert into arm_counter (gateway, boot, service, environment, generation_epoch, generation_n, release_id, arm, route_class, requests, errors, latency, page_views, page_errors, users, updated_at)
        select 'old', 'b', 'shop', 'production', 1, n, 'rel', 'baseline', 'api', 1, 0, '{}', 0, 0, '', now() - interval '1 day' from generate_series(1, 20000) n`);
    await database.owner.pool.query("analyze arm_counter");
    const { rows } = await database.owner.pool.query(
      "explain (format json) select * from arm_counter where updated_at > now() - interval '3 minutes'",
    );
    expect(JSON.stringify(rows)).toContain("arm_counter_by_age");
  });

  it("is given as every hour since the first, quiet ones too, without the one that runs", async () => {
    const at = (ago: number) => new Date(Math.floor(Date.now() / HOUR_MS) * HOUR_MS - ago * HOUR_MS);
    const put = (ago: number, requests: number) =>
      database.owner.pool.query("insert into traffic_hour values ('shop', 'production', $1, $2, 0, '{}')", [
        at(ago),
        requests,
      ]);
    await put(0, 7);
    expect((await trafficOfWeek(database.db, place)).map((h) => h.requests)).toEqual([7]);
    await put(4, 40);
    await put(2, 20);
    await put(24 * 8, 80);
    expect((await trafficOfWeek(database.db, place)).map((h) => h.requests)).toEqual([40, 0, 20, 0]);
    await put(24 * 36, 360);
    await forgetOldTraffic(database.db);
    expect((await hours()).map((h) => h.requests)).toEqual([80, 40, 20, 7]);
  });

  it("is kept by the server that decides, and by no other", async () => {
    const edge = new Edge("b1");
    let [fence, guards]: [number | null, boolean] = [1, true];
    const lease = { fence: () => fence, guards: async () => guards };
    const controller = new TrafficHoursController({ database, log: pino({ level: "silent" }), lease });
    await controller.tick();
    edge.answer(5, 0);
    await edge.report();
    fence = null;
    await controller.tick();
    [fence, guards] = [1, false];
    await controller.tick();
    expect(await hours()).toEqual([]);
    guards = true;
    await controller.tick();
    expect(await sums()).toMatchObject({ requests: 5 });
  });
});
