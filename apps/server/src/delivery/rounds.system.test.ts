import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Clock } from "../platform/clock.ts";
import { keepLease } from "../platform/leases.ts";
import { Loop } from "../platform/loop.ts";
import { LoopWatch } from "../platform/loop-watch.ts";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { until } from "../testing/until.ts";
import { runRounds } from "./rounds.controller.ts";

const log = pino({ level: "silent" });
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** Time that passes when the test says so; the database's passes by itself. */
class HandClock implements Clock {
  #atMs = 0;
  #due: { readonly atMs: number; readonly fn: () => void }[] = [];

  now = () => this.#atMs;
  monotonic = () => this.#atMs;
  after = (ms: number, fn: () => void) => {
    const one = { atMs: this.#atMs + ms, fn };
    this.#due.push(one);
    return () => {
      this.#due = this.#due.filter((other) => other !== one);
    };
  };
  /** Lets time pass in small steps, and what is asked for in between be answered. */
  async pass(ms: number): Promise<void> {
    for (const end = this.#atMs + ms; this.#atMs < end; ) {
      this.#atMs += 100;
      const now = this.#due.filter(({ atMs }) => atMs <= this.#atMs);
      this.#due = this.#due.filter((one) => !now.includes(one));
      for (const { fn } of now) fn();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
const expire = () =>
  database.pool.query("update lease set expires_at = now() - interval '1 second' where owner = 'this one'");

describe("a loop of rollouts that hangs", () => {
  it("loses its server the lease, so that another one watches, and has it again when it goes on", async () => {
    const clock = new HandClock();
    const watch = new LoopWatch(clock);
    const lease = await keepLease(database, log, "delivery", "this one", clock, watch);
    let isHanging = false;
    let goOn = () => {};
    const rollouts = {
      tick: () =>
        isHanging
          ? new Promise<void>((resolve) => {
              goOn = resolve;
            })
          : Promise.resolve(),
    };
    const loop = new Loop({ log, clock, of: "the delivery controllers" });
    const idle = { tick: async () => false };
    runRounds(loop, clock, { lease, deployments: idle, rollouts, target: { tend: async () => {} }, watch });
    await clock.pass(120_000);
    await until("it is renewed", async () => {
      await clock.pass(2_000);
      return lease.held();
    });
    const fence = lease.fence();

    isHanging = true;
    await clock.pass(120_000);
    expect(watch.hangs()).toBe(true);
    expect(lease.held()).toBe(false);
    // What was asked for before it hung may still be on its way to the database, and prolong it once more.
    await expire();
    const other = await keepLease(database, log, "delivery", "another");
    await until("another one watches", async () => {
      if (!other.held()) await expire();
      return other.held();
    });
    const others = other.fence() ?? 0;
    expect(others).toBeGreaterThan(fence ?? 0);

    isHanging = false;
    await other.release();
    goOn();
    await until("it watches again", async () => {
      await clock.pass(1_000);
      return lease.held();
    });
    expect(lease.fence()).toBeGreaterThan(others);
    const stopped = loop.stop();
    await clock.pass(1_000);
    await stopped;
    await lease.release();
  });
});
