import type { GateJudgement } from "@latchkey/core/delivery/gates/judgement";
import type { ReportTask } from "@latchkey/core/delivery/gates/reports";
import { afterAll, describe, expect, it } from "vitest";
import { reportDesk } from "./desk.ts";

const desk = reportDesk();
afterAll(() => desk.abort());

const NO_AGES = async () => ({ firstSeenMs: new Map<string, number>(), nowMs: 0 });
const tests: ReportTask = { kind: "tests", policy: { minimumTests: 1, maximumSkipped: null } };
const coverage: ReportTask = {
  kind: "coverage",
  policy: { floorPercent: 80, changedFloorPercent: 100, mayDropPoints: 0 },
  beforePercent: null,
  diff: "diff --git a/f.ts b/f.ts\n--- a/f.ts\n+++ b/f.ts\n@@ -0,0 +1,1 @@\n+1\n",
};
const licences: ReportTask = { kind: "licences", policy: { allow: ["MIT"], deny: [], unknown: "fail", except: [] } };
const findings: ReportTask = { kind: "findings", policy: { critical: 0, high: 24, medium: null, low: null } };

const judged = (task: ReportTask, text: string, ages = NO_AGES, on = desk): Promise<GateJudgement> =>
  on.judge(task, [{ path: "report", bytes: Buffer.from(text) }], ages);
const much = (one: (i: number) => string, bytes: number): string => {
  const parts: string[] = [];
  for (let [i, size] = [0, 0]; size < bytes; i++) size += parts[parts.push(one(i)) - 1]?.length ?? 0;
  return parts.join("");
};
const MB = 1_000_000;

describe("a large report", () => {
  const cases: [string, ReportTask, () => string, RegExp][] = [
    [
      "JUnit",
      tests,
      () =>
        `<testsuite>${much((i) => `<testcase classname="sums of all kinds ${i % 99}" name="adds up ${i} and one more to what it should be" time="0.0${i}"/>`, 9.5 * MB)}</testsuite>`,
      /^\d{5,} tests passed\.$/,
    ],
    [
      "Vitest",
      tests,
      () =>
        `{"testResults":[{"status":"passed","assertionResults":[${much((i) => `${i ? "," : ""}{"status":"passed","fullName":"adds ${i}"}`, 10 * MB)}]}]}`,
      /^\d{5,} tests passed\.$/,
    ],
    ["lcov", coverage, () => `SF:f.ts\n${much((i) => `DA:${i + 1},1\n`, 10 * MB)}end_of_record\n`, /^100\.00 %/],
    [
      "Cobertura",
      coverage,
      () =>
        `<coverage><class filename="f.ts"><lines>${much((i) => `<line number="${i + 1}" hits="1" branch="false" condition-coverage="100"/>`, 9.5 * MB)}</lines></class></coverage>`,
      /^100\.00 %/,
    ],
    [
      "CycloneDX",
      licences,
      () =>
        `{"bomFormat":"CycloneDX","components":[${much((i) => `${i ? "," : ""}{"name":"part-${i}","version":"1.0.0","licenses":[{"license":{"id":"MIT"}}]}`, 10 * MB)}]}`,
      /^All \d{5,} components may be used\.$/,
    ],
    [
      "SARIF",
      findings,
      () =>
        `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scanner"}},"results":[${much((i) => `${i ? "," : ""}{"ruleId":"rule-${i}","level":"note","message":{"text":"${"found ".repeat(80)}"}}`, 10 * MB)}]}]}`,
      /^\d{5} findings, none/,
    ],
  ];
  it.each(cases)("of %s is judged while the server goes on", async (_, task, text, words) => {
    const report = text();
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 1);
    const outcome = await judged(task, report);
    clearInterval(turning);
    expect(outcome.words).toMatch(words);
    expect(outcome.status).toBe("passed");
    // Read where it came in, it would have let through none at all.
    expect(turns).toBeGreaterThan(20);
  });

  it("asks for the ages of its findings where they are kept", async () => {
    const results = much(
      (i) => `${i ? "," : ""}{"ruleId":"r${i}","level":"error","message":{"text":"found"}}`,
      100_000,
    );
    const asked: string[] = [];
    const outcome = await desk.judge(
      findings,
      [
        {
          path: "report",
          bytes: Buffer.from(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"s"}},"results":[${results}]}]}`),
        },
      ],
      async (keys) => {
        asked.push(...keys);
        return { firstSeenMs: new Map(keys.slice(0, 3).map((key) => [key, 0])), nowMs: 25 * 3_600_000 };
      },
    );
    expect(asked.length).toBeGreaterThan(1_000);
    expect(outcome.words).toBe("3 high findings older than 24 hours.");
  });
});

describe("a hostile report", () => {
  const deep = (n: number) => `${'{"components":['.repeat(n)}${"]}".repeat(n)}`;
  it.each<[string, ReportTask, () => string, RegExp]>([
    [
      "of entities that grow",
      tests,
      () =>
        `<!DOCTYPE a [<!ENTITY a "${"b".repeat(1_000)}">${much((i) => `<!ENTITY a${i} "&a;&a;&a;&a;">`, MB)}]><testsuite>&a9;</testsuite>`,
      /report (declares things in its document type|is no XML)/,
    ],
    ["nested without end, in XML", tests, () => `${"<a>".repeat(MB)}${"</a>".repeat(MB)}`, /deep|memory|within/],
    [
      "nested without end, in JSON",
      licences,
      () => `{"bomFormat":"CycloneDX","components":[${deep(300_000)}]}`,
      /report is nested too deep|memory/,
    ],
    [
      "of millions of tests",
      tests,
      () => `<testsuite>${"<testcase/>".repeat(900_000)}</testsuite>`,
      /passed|memory|within/,
    ],
    ["above what is read", tests, () => `<testsuite>${"<testcase/>".repeat(2 * MB)}</testsuite>`, /10 MB/],
  ])("%s gets an answer, and the server goes on", async (_, task, text, words) => {
    expect((await judged(task, text())).words).toMatch(words);
  });

  const large = `<testsuite>${much((i) => `<testcase name="${i}"/>`, MB)}</testsuite>`;
  it("that takes too long could not run, and leaves no thread behind", async () => {
    const impatient = reportDesk({ timeMs: 1, threads: 1 });
    for (let i = 0; i < 2; i++)
      expect(await judged(tests, large, NO_AGES, impatient)).toMatchObject({
        status: "could_not_run",
        words: "report could not be read within 0.001 s.",
      });
  });
  it("that takes too much memory could not run", async () => {
    expect(await judged(tests, large, NO_AGES, reportDesk({ memoryMb: 16 }))).toMatchObject({
      status: "could_not_run",
      words: "report takes more than the 16 MB of memory that a report may.",
    });
  });
  it("is not begun once the server stops, and what waits for it gets an answer", async () => {
    const one = reportDesk({ threads: 1 });
    const all = [1, 2, 3].map(() => judged(tests, large, NO_AGES, one));
    one.abort();
    for (const outcome of await Promise.all(all)) expect(outcome.status).toBe("could_not_run");
  });
  it("waits for its turn, and more than the limit are refused", async () => {
    const one = reportDesk({ threads: 1, queue: 2 });
    const all = await Promise.all([1, 2, 3, 4].map(() => judged(tests, large, NO_AGES, one)));
    expect(all.map(({ status }) => status)).toEqual(["passed", "passed", "passed", "could_not_run"]);
  });
});
