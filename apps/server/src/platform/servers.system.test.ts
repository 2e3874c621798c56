import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type TestDatabase, testDatabase } from "../testing/database.ts";
import { until } from "../testing/until.ts";
import { beat, checkFolder, keepRegistered, livingServers, Unfit } from "./servers.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase();
});
afterEach(() => database.drop());
const log = pino({ level: "silent" });
const server = (id: string, over: object = {}) => ({
  ...{ id, version: "1.0.0", newestMigration: "0020-servers.sql", machine: "m1", sharedFolder: "dir_1" },
  ...over,
});
const names = async () => (await livingServers(database.db)).map(({ id }) => id);

describe("the servers on a database", () => {
  it("are those that were heard of lately; one that stops is gone at once", async () => {
    const one = await keepRegistered(database, log, server("srv_1"));
    await beat(database.db, server("srv_2"), true);
    expect(await names()).toEqual(["srv_1", "srv_2"]);
    await database.pool.query("update server set seen_at = now() - interval '11 seconds' where id = 'srv_2'");
    expect(await names()).toEqual(["srv_1"]);
    await one.stop();
    expect(await names()).toEqual([]);
  });

  it("are back when they are heard of again", async () => {
    const one = await keepRegistered(database, log, server("srv_1"));
    await database.pool.query("update server set seen_at = now() - interval '1 hour'");
    await until("it has told again that it lives", async () => (await names()).includes("srv_1"));
    await one.stop();
  });

  it("must see the same folder: one that sees another is refused, with the name of the one that is there", async () => {
    const two = server("srv_2", { sharedFolder: "dir_2" });
    await expect(checkFolder(database.db, two, "/data")).resolves.toBeUndefined();
    await beat(database.db, server("srv_1"), true);
    await expect(checkFolder(database.db, two, "/data")).rejects.toThrow(/srv_1 .*than \/data.*--shared-dir/);
    await expect(checkFolder(database.db, server("srv_2"), "/data")).resolves.toBeUndefined();
  });

  it("are told when they can go on no more, and may not even start then", async () => {
    const told: Unfit[] = [];
    let isFit = true;
    const look = async () => {
      if (!isFit) throw new Unfit("a newer one was here");
    };
    const one = await keepRegistered(database, log, server("srv_1"), look, (error) => told.push(error));
    isFit = false;
    await until("it was told", () => told[0]?.message === "a newer one was here");
    await one.stop();
    await expect(keepRegistered(database, log, server("srv_2"), look)).rejects.toThrow("a newer one was here");
    expect(await names()).toEqual([]);
  });
});
