import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { administer } from "../../testing/database.ts";
import { removeDirectory, temporaryDirectory } from "../../testing/directory.ts";
import { until } from "../../testing/until.ts";
import { startTimeOf } from "../adapters/local/process-table.ts";
import { ensurePostgres, keepPostgres, stopPostgres } from "./embedded.ts";

const log = pino({ level: "silent" });
const dir = temporaryDirectory();
const pidFile = join(dir, "postgres", "data", "postmaster.pid");
const pid = () => Number(readFileSync(pidFile, "utf8").split("\n")[0]);
const start = () => ensurePostgres({ dir, log });
let url: string;

beforeAll(async () => {
  // What an initdb leaves behind that was cut short: the start must not stumble over it.
  mkdirSync(join(dir, "postgres", "data.new"), { recursive: true });
  writeFileSync(join(dir, "postgres", "data.new", "leftover"), "");
  url = (await start()).url;
  await administer(url, (client) => client.query("create table kept (n integer); insert into kept values (42)"));
});
afterAll(async () => {
  await stopPostgres(dir);
  removeDirectory(dir);
});
const kept = () => administer(url, async (client) => (await client.query("select n from kept")).rows);

describe("the embedded PostgreSQL", () => {
  it("is found again by a second start, not started twice", async () => {
    const before = pid();
    expect((await start()).url).toBe(url);
    expect(pid()).toBe(before);
  });

  it("keeps its address and data over a stop and a start", async () => {
    const before = pid();
    await stopPostgres(dir);
    expect(startTimeOf(before)).toBeNull();
    expect((await start()).url).toBe(url);
    expect(await kept()).toEqual([{ n: 42 }]);
  });

  it("keeps what was committed when it is killed", async () => {
    const before = pid();
    process.kill(before, "SIGKILL");
    await until("it is gone", () => startTimeOf(before) === null);
    expect(existsSync(pidFile)).toBe(true);
    await start();
    expect(await kept()).toEqual([{ n: 42 }]);
  });

  it("is started again, at its address, when it ends while a server uses it", async () => {
    const letGo = keepPostgres({ dir, log });
    for (const signal of ["SIGKILL", "SIGINT"] as const) {
      const before = pid();
      process.kill(before, signal);
      await until("another runs", () => existsSync(pidFile) && pid() !== before && startTimeOf(pid()) !== null);
      await until("it answers", () => kept().catch(() => null));
      expect(await kept()).toEqual([{ n: 42 }]);
    }
    await letGo();
    const last = pid();
    await stopPostgres(dir);
    expect(startTimeOf(last)).toBeNull();
    await start();
  });

  it("never touches the process that has its pid by now", async () => {
    await stopPostgres(dir);
    // The stale file names this test's own process: a stop that believed it would end the run.
    writeFileSync(pidFile, `${process.pid}\n${join(dir, "postgres", "data")}\n`);
    await stopPostgres(dir);
    expect(existsSync(pidFile)).toBe(false);
    writeFileSync(pidFile, `${process.pid}\n`);
    await start();
    expect(pid()).not.toBe(process.pid);
    expect(await kept()).toEqual([{ n: 42 }]);
  });

  it("admits nobody without its password", async () => {
    const address = new URL(url);
    address.password = "wrong";
    await expect(administer(address.toString(), async () => {})).rejects.toThrow("password authentication failed");
    expect(address.hostname).toBe("127.0.0.1");
  });
});
