import { afterAll, describe, expect, it } from "vitest";
import { removeDirectory, temporaryDirectory } from "../../../testing/directory.ts";
import { until } from "../../../testing/until.ts";
import { baseEnvironment, runCommand } from "./command.ts";
import { startTimeOf } from "./process-table.ts";

const dir = temporaryDirectory();
afterAll(() => removeDirectory(dir));
const node = (script: string, timeoutMs = 20_000, more: { signal?: AbortSignal } = {}) =>
  runCommand(["node", "-e", script], { cwd: dir, env: baseEnvironment(), timeoutMs, ...more });

/** Prints its child's pid, then both stay for ever. */
const FAMILY = `const child = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  console.log("child=" + child.pid + ";"); setInterval(() => {}, 1000)`;
const childIn = (output: string): number => Number(/child=(\d+);/.exec(output)?.[1]);

describe("a command", () => {
  it("passes with exit code 0 and fails with another, with what it said", async () => {
    expect(await node(`console.log("fine")`)).toEqual({ outcome: "passed", exitCode: 0, output: "fine\n" });
    expect(await node(`console.error("bad"); process.exit(7)`)).toEqual({
      outcome: "failed",
      exitCode: 7,
      output: "bad\n",
    });
  });

  it("that is killed from outside has failed", async () => {
    expect(await node(`process.kill(process.pid, "SIGKILL")`)).toMatchObject({ outcome: "failed", exitCode: null });
  });

  it("could not run when its program or its folder is not there", async () => {
    const missing = await runCommand(["no-such-program-here"], { cwd: dir, env: baseEnvironment(), timeoutMs: 5_000 });
    expect(missing.outcome).toBe("could_not_run");
    expect(missing.output).toContain("no-such-program-here");
    const nowhere = await runCommand(["node", "-e", ""], { cwd: `${dir}/none`, env: {}, timeoutMs: 5_000 });
    expect(nowhere.outcome).toBe("could_not_run");
  });

  it("may be Latchkey's own command line, wherever that is", async () => {
    const ran = await runCommand(["latchkey", "--version"], { cwd: dir, env: {}, timeoutMs: 120_000 });
    expect(ran).toMatchObject({ outcome: "passed", output: expect.stringMatching(/\d+\.\d+\.\d+/) });
  });

  it("is killed at its time limit with everything that it has started", async () => {
    // The limit leaves the family time to come up on a busy machine.
    const result = await node(FAMILY, 3_000);
    expect(result.outcome).toBe("timed_out");
    await until("its child is gone", () => startTimeOf(childIn(result.output)) === null);
  });

  it("is killed when it is called off", async () => {
    const abort = new AbortController();
    const running = node("setInterval(() => {}, 1000)", 20_000, { signal: abort.signal });
    abort.abort();
    expect((await running).outcome).toBe("failed");
  });

  it("keeps the last 20,000 characters of what it says", async () => {
    const { output } = await node(`console.log("x".repeat(50_000) + "the end")`);
    expect(output.length).toBeLessThanOrEqual(20_000);
    expect(output.endsWith("the end\n")).toBe(true);
  });

  it("keeps characters whole whose bytes come in two pieces", async () => {
    const { output } = await node(
      `const euro = Buffer.from("€"); process.stdout.write(euro.subarray(0, 1));
       setTimeout(() => process.stdout.write(euro.subarray(1)), 100)`,
    );
    expect(output).toBe("€");
  });

  it("gets nothing of our environment but where programs are", async () => {
    process.env.LATCHKEY_TEST_SECRET = "hush";
    const { output } = await node("console.log(JSON.stringify(process.env))");
    delete process.env.LATCHKEY_TEST_SECRET;
    expect(output).not.toContain("hush");
    expect(JSON.parse(output)).toHaveProperty("PATH");
  });
});
