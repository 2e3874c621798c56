import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { until } from "../testing/until.ts";
import { claim, giveUp, keepLease, noteWatched, vacantBefore } from "./leases.ts";

let database: TestDatabase;
const LONG_MS = 3_600_000;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** As if the time had passed: the database's clock is the only one that counts. */
const expire = (name: string) =>
  database.pool.query("update lease set expires_at = now() - interval '1 second' where name = $1", [name]);

describe("a lease", () => {
  it("is one owner's, however many ask at once", async () => {
    const owners = Array.from({ length: 12 }, (_, i) => `owner-${i}`);
    const fences = await Promise.all(owners.map((owner) => claim(database.db, "contended", owner, LONG_MS)));
    expect(fences.filter((fence) => fence !== null)).toEqual([1]);
  });

  it("keeps its fence while it is renewed, and has a new one with each change of owner", async () => {
    const by = (owner: string) => claim(database.db, "fenced", owner, LONG_MS);
    expect([await by("a"), await by("a"), await by("b")]).toEqual([1, 1, null]);
    await expire("fenced");
    expect([await by("b"), await by("a")]).toEqual([2, null]);
    await giveUp(database.db, "fenced", "a");
    expect(await by("a")).toBeNull();
    await giveUp(database.db, "fenced", "b");
    expect(await by("a")).toBe(3);
  });

  it("has a new fence when its owner let it expire: somebody may have had it in between", async () => {
    expect(await claim(database.db, "lapsed", "a", LONG_MS)).toBe(1);
    await expire("lapsed");
    expect(await claim(database.db, "lapsed", "a", LONG_MS)).toBe(2);
  });

  it("comes back at once to a new life of its owner, under a new fence", async () => {
    expect(await claim(database.db, "reborn", "a", LONG_MS)).toBe(1);
    expect(await claim(database.db, "reborn", "a", LONG_MS, true)).toBe(2);
    expect(await claim(database.db, "reborn", "b", LONG_MS, true)).toBeNull();
  });
});

describe("the time that nobody watched", () => {
  it("is not forgotten with a holder that died before it looked, and over once one has", async () => {
    const vacant = async (owner: string): Promise<number> => {
      const fence = await claim(database.db, "dark", owner, LONG_MS);
      return vacantBefore(database.db, "dark", fence ?? 0);
    };
    const away = (seconds: number) =>
      database.pool.query("update lease set expires_at = now() - make_interval(secs => $1) where name = 'dark'", [
        seconds,
      ]);
    expect(await vacant("a")).toBe(0);
    await away(400);
    // It takes the lease, and is killed before it has looked at anything.
    expect(await vacant("b")).toBeGreaterThanOrEqual(400_000);
    await away(1);
    expect(await vacant("c")).toBeGreaterThanOrEqual(401_000);
    await noteWatched(database.db, "dark", "b", 2);
    expect(await vacant("c")).toBeGreaterThanOrEqual(401_000);
    await noteWatched(database.db, "dark", "c", 3);
    await away(2);
    expect(Math.round((await vacant("d")) / 1_000)).toBe(2);
  });
});

describe("keeping a lease", () => {
  const log = pino({ level: "silent" });

  it("holds it until it is released, and another takes it over then", async () => {
    const first = await keepLease(database, log, "kept", "server-1");
    const second = await keepLease(database, log, "kept", "server-2");
    expect([first.held(), second.held()]).toEqual([true, false]);
    expect([first.fence(), second.fence()]).toEqual([1, null]);
    await first.release();
    expect(first.held()).toBe(false);
    await until("the other has it", () => second.held());
    expect(second.fence()).toBe(2);
    await second.release();
  });

  it("does not hold what it could not renew", async () => {
    const lost = await keepLease(database, log, "stolen", "server-1");
    await database.pool.query(
      "update lease set owner = 'thief', expires_at = now() + interval '1 hour' where name = 'stolen'",
    );
    await until("it has noticed", () => !lost.held());
    expect(lost.fence()).toBeNull();
    await lost.release();
    const { rows } = await database.pool.query("select owner from lease where name = 'stolen' and expires_at > now()");
    expect(rows).toEqual([{ owner: "thief" }]);
  });
});
