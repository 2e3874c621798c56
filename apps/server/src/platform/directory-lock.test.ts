import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeDirectory, temporaryDirectory } from "../testing/directory.ts";
import { startTimeOf } from "./adapters/local/process-table.ts";
import { lockDirectory } from "./directory-lock.ts";

let dir: string;
beforeEach(() => {
  dir = temporaryDirectory();
});
afterEach(() => removeDirectory(dir));
const lockFile = () => join(dir, "server.lock");
const ownedBy = (owner: unknown) => writeFileSync(lockFile(), JSON.stringify(owner));

describe("the lock of a directory", () => {
  it("lets one server in, and the next when it has left", () => {
    const unlock = lockDirectory(dir);
    expect(() => lockDirectory(dir)).toThrow(`process ${process.pid}) uses ${dir}`);
    unlock();
    lockDirectory(dir)();
    expect(existsSync(lockFile())).toBe(false);
  });

  it("is taken over from an owner that is dead", () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    ownedBy({ pid, started: "1" });
    lockDirectory(dir);
    expect(JSON.parse(readFileSync(lockFile(), "utf8"))).toEqual({
      pid: process.pid,
      started: startTimeOf(process.pid),
    });
  });

  it("is taken over when the owner's pid is another process's by now", () => {
    ownedBy({ pid: process.ppid, started: "1" });
    expect(() => lockDirectory(dir)).not.toThrow();
  });

  it.each(["", "{", "null", '{"pid":"x"}'])("is taken over when it holds no owner but %j", (text) => {
    writeFileSync(lockFile(), text);
    expect(() => lockDirectory(dir)).not.toThrow();
  });

  it("is not removed by somebody who no longer owns it", () => {
    const unlock = lockDirectory(dir);
    ownedBy({ pid: process.ppid, started: startTimeOf(process.ppid) });
    unlock();
    expect(existsSync(lockFile())).toBe(true);
  });
});
