import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { removeDirectory, temporaryDirectory } from "../../../testing/directory.ts";
import { until } from "../../../testing/until.ts";
import { end, freePort, isAlive, isFree, launch, startTimeOf, tailOf } from "./process-table.ts";

const dir = temporaryDirectory();
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  removeDirectory(dir);
});
const logFile = join(dir, "logs", "a.log");
const run = (script: string) =>
  launch({ command: ["node", "-e", script], cwd: dir, env: { PATH: process.env.PATH ?? "" }, logFile });
const FOREVER = "setInterval(() => {}, 1000)";

describe("the process table", () => {
  it("starts a process that is found again, and ends it", async () => {
    const identity = await run(FOREVER);
    expect(isAlive(identity)).toBe(true);
    await end(identity, 5_000);
    expect(isAlive(identity)).toBe(false);
  });

  it("kills what ignores SIGTERM once its grace is over, with its whole group", async () => {
    const identity = await run(
      `process.on("SIGTERM", () => {});
       const child = require("node:child_process").spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); ${FOREVER}"]);
       console.log("child " + child.pid);
       ${FOREVER}`,
    );
    const child = Number(await until("the child is there", () => /child (\d+)/.exec(tailOf(logFile, 1_000))?.[1]));
    await end(identity, 100);
    expect(isAlive(identity)).toBe(false);
    await until("its child is gone as well", () => startTimeOf(child) === null);
  });

  it("never touches another process that has the same pid by now", async () => {
    const child = spawn(process.execPath, ["-e", FOREVER], { stdio: "ignore" });
    children.push(child);
    await once(child, "spawn");
    const pid = child.pid ?? 0;
    await end({ pid, started: "12345" }, 0);
    expect(isAlive({ pid, started: startTimeOf(pid) ?? "" })).toBe(true);
    expect(child.exitCode).toBeNull();
  });

  describe("started with a pid file", () => {
    const env = {
      PATH: process.env.PATH ?? "",
      PORT: "4001",
      LATCHKEY_SERVICE: "shop",
      LATCHKEY_ENVIRONMENT: "production",
      LATCHKEY_RELEASE: "shop@1",
    };
    const start = (more: Record<string, string> = {}) =>
      launch({
        command: ["node", "-e", FOREVER],
        cwd: dir,
        env: { ...env, ...more },
        logFile,
        pidFile: join(dir, "logs", "shop.pid"),
      });

    it.runIf(process.platform === "linux")("is taken over by a start that knows nothing of it", async () => {
      const first = await start();
      await until("its pid is noted", () => startTimeOf(Number(readFileSync(join(dir, "logs", "shop.pid"), "utf8"))));
      expect(await start()).toEqual(first);
      await end(first, 0);
    });

    it.runIf(process.platform === "linux")("is ended when another port is wanted", async () => {
      const first = await start();
      await until("its pid is noted", () => startTimeOf(Number(readFileSync(join(dir, "logs", "shop.pid"), "utf8"))));
      const second = await start({ PORT: "4002" });
      expect(isAlive(first)).toBe(false);
      expect(isAlive(second)).toBe(true);
      await end(second, 0);
    });

    it("leaves alone what has the noted pid by now and is another", async () => {
      const other = await run(FOREVER);
      writeFileSync(join(dir, "logs", "shop.pid"), `${other.pid}\n`);
      const own = await start();
      expect(own.pid).not.toBe(other.pid);
      expect(isAlive(other)).toBe(true);
      await Promise.all([end(own, 0), end(other, 0)]);
    });
  });

  it("takes a zombie for dead", async () => {
    // The shell starts a child, becomes another program that never waits for it, and so keeps it as a zombie.
    const shell = spawn("/bin/sh", ["-c", "sleep 0 & echo $!; exec sleep 1000"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    children.push(shell);
    const [out] = (await once(shell.stdout, "data")) as [Buffer];
    const zombie = Number(out.toString());
    await until("the child is a zombie", () => startTimeOf(zombie) === null);
  });

  it("reads the start time of a process whose name holds spaces and brackets", async () => {
    const identity = await run(`process.title = "a) b ) 1 2 3"; ${FOREVER}`);
    expect(startTimeOf(identity.pid)).toBe(identity.started);
    await end(identity, 5_000);
  });

  it("rejects when the program is not there", async () => {
    await expect(
      launch({ command: ["/no/such/program"], cwd: dir, env: {}, logFile: join(dir, "b.log") }),
    ).rejects.toThrow("ENOENT");
  });

  it("knows which ports are free", async () => {
    const port = await freePort();
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    expect(await isFree(port)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await isFree(port)).toBe(true);
    expect(await isFree(80)).toBe(false);
    expect(await isFree(Number.NaN)).toBe(false);
  });

  it("reads the end of a log from a line's start", () => {
    const file = join(dir, "tail.log");
    writeFileSync(file, "first line\nsecond line\nthird line\n");
    expect(tailOf(file, 15)).toBe("third line\n");
    expect(tailOf(file, 1_000)).toContain("first line");
    expect(tailOf(join(dir, "none.log"), 10)).toBe("");
  });
});
