import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { GATE_KINDS, GateConfig } from "@latchkey/api/gates";
import { afterAll, describe, expect, it } from "vitest";
import { readServices } from "./load.ts";

const text = readFileSync(join(dirname(fileURLToPath(import.meta.url)), "../../../docs/guides/gates.md"), "utf8");
const scratch = mkdtempSync(join(tmpdir(), "latchkey-gates-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("the guide to gates", () => {
  it("has an example that is taken as it stands", async () => {
    const [, example] = /```ts\n([\s\S]*?)```/.exec(text) ?? [];
    const file = join(scratch, "latchkey.config.ts");
    writeFileSync(
      file,
      `export default { name: "shop", source: ".", build: ["make"],\n${example?.replace(/;\s*$/, "")} };`,
    );
    const [service] = await readServices(file);
    expect(service?.gates.map(({ kind }) => kind ?? "command")).toEqual(["command", "tests", "size"]);
  });
  it.each(GATE_KINDS)("tells of %s", (kind) => {
    expect(text).toContain(`\`${kind}\``);
  });
});

const mistakesOf = (gate: object): string[] =>
  GateConfig.safeParse({ name: "gate", ...gate }).error?.issues.map(
    ({ path, message }) => `${path.join(".")} ${message}`,
  ) ?? [];
const command = ["make"];

describe("a gate's configuration", () => {
  it("of before means the same: a command with five minutes", () => {
    expect(GateConfig.parse({ name: "gate", command })).toEqual({
      ...{ name: "gate", command, required: true, timeoutMs: 300_000 },
    });
  });
  it("has days where people or pipelines answer", () => {
    const sevenDays = 7 * 86_400_000;
    expect(GateConfig.parse({ name: "gate", kind: "tests", from: "ci" }).timeoutMs).toBe(sevenDays);
    expect(GateConfig.parse({ name: "gate", kind: "approval" }).timeoutMs).toBe(sevenDays);
  });
  it.each<[object, RegExp]>([
    [{}, /^command is missing/],
    [{ kind: "tests" }, /^command is missing/],
    [{ kind: "tests", command }, /^report is missing/],
    [{ kind: "tests", from: "ci", report: "a.xml" }, /^report is not for evidence that a pipeline sends/],
    [{ command, report: "a.xml" }, /^report is not for a gate of kind command/],
    [{ kind: "coverage", command, report: "a", minimumTests: 1 }, /^minimumTests is not for a gate of kind coverage/],
    [{ kind: "licences", command, report: "a" }, /^permit is missing, and deny too/],
    [{ kind: "size" }, /^limits is missing/],
    [{ kind: "http" }, /^url is missing/],
    [{ kind: "http", url: "http://example.com/" }, /^url must begin with https/],
    [{ kind: "window" }, /^allow is missing, and freezes too/],
    [
      { kind: "window", allow: [{ days: ["mon"], from: "17:00", to: "09:00", timeZone: "UTC" }] },
      /^allow.0.to must be later than from/,
    ],
    [
      { kind: "window", allow: [{ days: ["mon"], from: "09:00", to: "17:00", timeZone: "Mars/Base" }] },
      /^allow.0.timeZone must be an IANA time zone/,
    ],
    [{ kind: "error_budget" }, /^minimumPercent is missing/],
    [{ command, timeoutMs: 7_200_000 }, /^timeoutMs must be at most 3600000/],
    [{ command, colour: "red" }, /colour/],
  ])("%j is refused by the field's name, with what to do", (gate, words) => {
    expect(mistakesOf(gate)[0]).toMatch(words);
  });
  it("may ask this machine in clear", () => {
    expect(mistakesOf({ kind: "http", url: "http://127.0.0.1:9000/check" })).toEqual([]);
  });
});
