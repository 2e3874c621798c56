import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceConfigInput } from "@latchkey/api/models";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DeploymentView, Journey } from "../testing/journey.ts";

let journey: Journey;
beforeAll(async () => {
  journey = await Journey.begin();
});
afterAll(() => journey.end());

type Gate = NonNullable<ServiceConfigInput["gates"]>[number];
const app = (path: string): string => join(journey.workload.root, "app", path);
/** Files as a gate's command will find them, and write them out again: the report is made by the command. */
const COPY = ["node", "-e", "const f=require('node:fs');f.writeFileSync('report',f.readFileSync('prepared'))"];
const EXIT_1 = [...COPY.slice(0, 2), `${COPY[2]};process.exit(1)`];

/** Ships a release through one gate whose command writes `report`; the gate as it ended. */
async function gateOf(gate: Omit<Gate, "name">, report: string): Promise<DeploymentView["gates"][number]> {
  writeFileSync(app("prepared"), report);
  await journey.workload.apply({ gates: [{ name: "gate", report: "report", command: COPY, ...gate }] });
  const id = await journey.ship({}, { ifBusy: "queue" });
  const ended = await journey.untilDeployment(
    id,
    "failed_gate",
    "queued",
    "starting",
    "rolling_out",
    "holdback",
    "succeeded",
  );
  const [seen] = ended.gates;
  if (!seen) throw new Error("the deployment has no gate");
  expect(ended.status === "failed_gate").toBe(seen.status !== "passed");
  if (ended.status === "failed_gate") expect(ended.words).toContain(seen.words.replace(/^It /, ""));
  return seen;
}
const figure = (gate: DeploymentView["gates"][number], name: string) => gate.figures.find((one) => one.name === name);

const junit = (cases: string): string => `<testsuites><testsuite name="sums">${cases}</testsuite></testsuites>`;
const GOOD = '<testcase name="adds"/><testcase name="takes away"/>';
const BAD = '<testcase name="divides"><failure message="by zero"/></testcase>';

describe("tests", () => {
  it("pass by what their report says", async () => {
    const gate = await gateOf({ kind: "tests", owner: "web team" }, junit(GOOD));
    expect(gate).toMatchObject({ status: "passed", kind: "tests", owner: "web team", words: "2 tests passed." });
    expect(figure(gate, "tests")).toMatchObject({ value: 2, limit: 1, holds: true });
  });

  it.each<[string, Partial<Gate>, string, string, RegExp]>([
    ["that fail", { command: EXIT_1 }, junit(GOOD + BAD), "failed", /1 of 3 tests failed/],
    ["of which too few ran", { minimumTests: 3 }, junit(GOOD), "failed", /Only 2 tests ran/],
    ["whose command fails beside its report", { command: EXIT_1 }, junit(GOOD), "failed", /exit code 1, although/],
    ["of which none ran", {}, junit(""), "could_not_run", /no tests/],
    ["whose report was cut short", {}, junit(GOOD).slice(0, 60), "could_not_run", /report is no XML/],
    ["whose report is another tool's", {}, '{"version":"2.1.0","runs":[]}', "could_not_run", /no Vitest or Jest/],
    ["whose command can't start", { command: ["no-such-tool"] }, junit(GOOD), "could_not_run", /not be started/],
    [
      "that never end",
      { command: ["node", "-e", "setTimeout(()=>{},1e9)"], timeoutMs: 1_000 },
      "",
      "timed_out",
      /within 1 s/,
    ],
  ])("%s do not pass", async (_, over, report, status, words) => {
    const gate = await gateOf({ kind: "tests", ...over } as Gate, report);
    expect(gate.status).toBe(status);
    expect(gate.words).toMatch(words);
  });

  it("name what failed", async () => {
    const gate = await gateOf({ kind: "tests", command: EXIT_1 }, junit(GOOD + BAD));
    expect(gate.details).toEqual(["divides: by zero"]);
  });

  it("do not pass by a report of before, nor without one", async () => {
    const idle = ["node", "-e", "0"];
    writeFileSync(app("report"), junit(GOOD));
    const stale = await gateOf({ kind: "tests", command: idle }, "");
    expect(stale).toMatchObject({ status: "could_not_run" });
    expect(stale.words).toContain("from before");
    rmSync(app("report"));
    expect((await gateOf({ kind: "tests", command: idle }, "")).words).toContain("did not write report");
  });
});

describe("findings", () => {
  const sarif = (...levels: string[]): string =>
    JSON.stringify({
      version: "2.1.0",
      runs: [
        {
          tool: { driver: { name: "scanner" } },
          results: levels.map((level, i) => ({
            ruleId: `rule-${i}`,
            level: level === "critical" ? "error" : level,
            message: { text: "found" },
            ...(level === "critical" ? { properties: { "security-severity": "9.8" } } : {}),
          })),
        },
      ],
    });

  it("that are new and not critical may stand, although the scanner fails", async () => {
    const gate = await gateOf({ kind: "findings", command: EXIT_1 }, sarif("error", "note"));
    expect(gate).toMatchObject({ status: "passed" });
    expect(figure(gate, "high")).toMatchObject({ value: 1 });
  });
  it("that are critical, or whose severity may not stand, stop a release", async () => {
    expect(await gateOf({ kind: "findings" }, sarif("critical"))).toMatchObject({ status: "failed" });
    expect(await gateOf({ kind: "findings", highHours: 0 }, sarif("error"))).toMatchObject({ status: "failed" });
  });
  it("stop a release when they are older than they may be", async () => {
    // The scan before has seen it.
    await gateOf({ kind: "findings", highHours: 24 }, sarif("error"));
    const gate = await gateOf({ kind: "findings", highHours: 0.000001 }, sarif("error"));
    expect(gate).toMatchObject({ status: "failed" });
    expect(gate.words).toContain("older than");
  });
});

describe("licences", () => {
  const bom = (...licences: string[]): string =>
    JSON.stringify({
      bomFormat: "CycloneDX",
      components: licences.map((id, i) => ({
        name: `part-${i}`,
        version: "1",
        licenses: id ? [{ license: { id } }] : [],
      })),
    });
  it("are permitted or not", async () => {
    expect(await gateOf({ kind: "licences", permit: ["MIT"] }, bom("MIT"))).toMatchObject({ status: "passed" });
    expect(await gateOf({ kind: "licences", permit: ["MIT"] }, bom("MIT", "GPL-3.0-only"))).toMatchObject({
      status: "failed",
      details: ["part-1 1: GPL-3.0-only"],
    });
    expect(await gateOf({ kind: "licences", deny: ["GPL-3.0-only"] }, bom(""))).toMatchObject({ status: "failed" });
  });
});

describe("size", () => {
  it("is measured on the release's own files", async () => {
    const gate = { kind: "size" as const, report: undefined, command: undefined };
    const limit = (files: string, maximumBytes: number) => ({
      ...gate,
      limits: [{ files, maximumBytes, measure: "gzip" as const }],
    });
    expect(await gateOf(limit("public/**/*.js", 1_000), "")).toMatchObject({ status: "passed" });
    expect(await gateOf(limit("public/**/*.js", 1), "")).toMatchObject({ status: "failed" });
    expect(await gateOf(limit("public/*.css", 1_000), "")).toMatchObject({ status: "could_not_run" });
  });
});

describe("coverage", () => {
  let shipped: Journey;
  beforeAll(async () => {
    shipped = await Journey.begin();
  });
  afterAll(() => shipped.end());
  const lcov = (hits: readonly number[]): string =>
    `SF:server.mjs\n${hits.map((n, i) => `DA:${i + 1},${n}`).join("\n")}\nend_of_record\n`;
  const inApp = (path: string): string => join(shipped.workload.root, "app", path);
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.org", ...args], {
      cwd: shipped.workload.root,
    });

  /** What passes serves before this answers. */
  async function gateOfServed(
    over: Omit<Gate, "name">,
    hits: readonly number[],
  ): Promise<DeploymentView["gates"][number]> {
    writeFileSync(inApp("prepared"), lcov(hits));
    await shipped.workload.apply({
      gates: [{ name: "gate", report: "report", command: COPY, kind: "coverage", ...over }],
    });
    const id = await shipped.ship({}, { strategy: "all_at_once" });
    const ended = await shipped.untilDeployment(id, "failed_gate", "starting", "rolling_out", "succeeded");
    if (ended.status !== "failed_gate") await shipped.drive(await shipped.rolloutOf(id), {}, "completed");
    const [seen] = (await shipped.deployment(id)).gates;
    if (!seen) throw new Error("the deployment has no gate");
    return seen;
  }

  it("has a floor, and may not drop below what serves", async () => {
    const over = { floorPercent: 50 };
    expect(await gateOfServed(over, [1, 0, 0])).toMatchObject({ status: "failed" });
    expect(figure(await gateOfServed(over, [1, 1, 1, 0]), "lines")).toMatchObject({ value: 75, limit: 50 });
    const dropped = await gateOfServed(over, [1, 1, 0]);
    expect(dropped).toMatchObject({ status: "failed" });
    expect(dropped.words).toContain("fell from 75.00 % to 66.66 %");
    expect(await gateOfServed({ ...over, mayDropPoints: 10 }, [1, 1, 0])).toMatchObject({ status: "passed" });
  });

  it("of changed lines is of those since the commit that serves", async () => {
    const over = { floorPercent: 0, changedFloorPercent: 100, mayDropPoints: 100 };
    expect(await gateOfServed(over, [1])).toMatchObject({ status: "could_not_run" });
    git("init", "-q");
    git("add", ".");
    git("commit", "-qm", "first");
    expect(await gateOfServed({ floorPercent: 0, mayDropPoints: 100 }, [1])).toMatchObject({ status: "passed" });
    // Line 1 of the server's file is new, and nobody ran it.
    writeFileSync(inApp("server.mjs"), `globalThis.changed = true;\n${readFileSync(inApp("server.mjs"), "utf8")}`);
    const failed = await gateOfServed(over, [0, 1, 1]);
    expect(failed).toMatchObject({ status: "failed", details: ["app/server.mjs: not covered line 1"] });
    const passed = await gateOfServed(over, [1, 0, 0]);
    expect(figure(passed, "changed lines")).toMatchObject({ value: 100, holds: true });
  });
});
