import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { run } from "./program.ts";
import { processTerminal } from "./terminal.ts";

/** The provider that the server's own tests drive. */
const CLOUD = fileURLToPath(new URL("../../server/src/testing/command-target/cloud.mjs", import.meta.url));
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "latchkey-target-check-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** `spoil`: what comes between a script's answer and whoever reads it, as a filter of the shell, by the call's name. */
async function check(spoil: Readonly<Record<string, string>> = {}, ...more: string[]) {
  const cloud = `CLOUD_DIR='${join(dir, "cloud")}' '${process.execPath}' '${CLOUD}'`;
  const script = (call: string) => ["bash", "-c", spoil[call]?.replace("CLOUD", cloud) ?? cloud];
  const target = {
    ...{ kind: "command", prepare: script("prepare"), retire: script("retire") },
    ...{ route: script("route"), counts: script("counts") },
  };
  const file = join(dir, "latchkey.config.yaml");
  const health = { path: "/healthz", readyTimeoutMs: 10_000 };
  writeFileSync(
    file,
    stringify({ name: "shop", source: ".", build: ["true"], health, targets: { production: target } }),
  );
  const said = { out: "", err: "" };
  const terminal = {
    ...{ ...processTerminal(), cwd: dir, canAsk: false },
    out: (text: string) => {
      said.out += text;
    },
    err: (text: string) => {
      said.err += text;
    },
  };
  const exitCode = await run(["targets", "check", "shop", "-f", file, ...more], terminal);
  return { exitCode, ...said };
}
const calls = () =>
  readFileSync(join(dir, "cloud", "calls.log"), "utf8")
    .trim()
    .split("\n");
const bad = (out: string) => out.split("\n").filter((line) => line.startsWith("BAD"));

describe("latchkey targets check", () => {
  it("finds nothing wrong with scripts that keep the contract, and leaves nothing behind", async () => {
    const { exitCode, out } = await check({}, "--yes");
    expect(bad(out)).toEqual([]);
    expect(exitCode).toBe(0);
    expect(out).toContain("ok   route refuses an older generation");
    expect(calls().filter((line) => line.startsWith("prepare "))).toHaveLength(2);
    expect(calls().filter((line) => line.startsWith("retire "))).toHaveLength(3);
    expect(out).toContain("ok   nothing answers any more");
    expect(readdirSync(join(dir, "cloud")).filter((name) => name.startsWith("latchkey-check-"))).toEqual([]);
    // What one check left of generations does not make the next one fail.
    expect((await check({}, "--yes")).exitCode).toBe(0);
  });

  it("names each promise that is broken", async () => {
    const spoil = {
      // Takes every generation for one that is served.
      route: `jq -c '{version: 1, generation: .generation}'`,
      retire: `CLOUD | sed 's/}/, "done": true}/'`,
    };
    const { exitCode, out } = await check(spoil, "--yes");
    expect(exitCode).toBe(1);
    expect(bad(out).join("\n")).toMatch(/route refuses an older generation: it must end with exit code 3/);
    expect(bad(out).join("\n")).toMatch(/retire ends the release: retire's answer.*done/);
  });

  it("retires what it has begun also where prepare's answer can't be used", async () => {
    const { exitCode, out } = await check({ prepare: "CLOUD; echo ready" }, "--yes");
    expect(exitCode).toBe(1);
    expect(bad(out)).toHaveLength(1);
    expect(bad(out)[0]).toContain("prepare's answer is not JSON");
    expect(calls().filter((line) => line.startsWith("retire rel_check_"))).toHaveLength(3);
  });

  it("runs nothing without a yes, or for another kind of target", async () => {
    const { exitCode, err } = await check();
    expect(exitCode).toBe(2);
    expect(err).toContain("Add --yes");
    expect(() => calls()).toThrow();
  });
});
