import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ReportDesk } from "@latchkey/core/delivery/gates/evidence-ports";
import type { ReportTask } from "@latchkey/core/delivery/gates/reports";
import { reportDesk } from "../../apps/server/src/platform/adapters/reports/desk.ts";
import { type Bench, type Figure, figure, quantile, sleep } from "../figure.ts";

/** Reports as large as gates read them, one after the other, in one process; and whoever asks that process for something. */
const BYTES = 9_900_000;
const BYTES_QUICK = 1_500_000;
const TIMES = 3;
const ASKED_EVERY_MS = 5;
/** What people do not notice. Two cores, of which the reading takes one. */
const P99_BELOW_MS = 100;

interface Report {
  readonly name: string;
  readonly task: ReportTask;
  readonly text: string;
}

function reportsOf(bytes: number): Report[] {
  const many = (one: (i: number) => string, between = ""): string => {
    const parts: string[] = [];
    for (let size = 0; size < bytes; size += (parts.at(-1)?.length ?? 0) + between.length)
      parts.push(one(parts.length));
    return parts.join(between);
  };
  const cases = many(
    (i) => `<testcase classname="a suite of ${i % 97}" name="does what is asked of it, ${i}" time="0.1"/>`,
  );
  const lines = many((i) => `DA:${i + 1},1\n`);
  const parts = many((i) => `{"name":"part-${i}","version":"1.0.0","licenses":[{"license":{"id":"MIT"}}]}`, ",");
  return [
    {
      name: "JUnit",
      task: { kind: "tests", policy: { minimumTests: 1, maximumSkipped: null } },
      text: `<testsuite>${cases.slice(0, cases.lastIndexOf("<"))}</testsuite>`,
    },
    {
      name: "lcov",
      task: {
        ...{ kind: "coverage", beforePercent: null, diff: null },
        policy: { floorPercent: 80, changedFloorPercent: null, mayDropPoints: null },
      },
      text: `SF:a.ts\n${lines}end_of_record\n`,
    },
    {
      name: "CycloneDX",
      task: { kind: "licences", policy: { allow: ["MIT"], deny: [], unknown: "fail", except: [] } },
      text: `{"bomFormat":"CycloneDX","components":[${parts}]}`,
    },
  ];
}

export async function measureReports(bench: Bench): Promise<Figure[]> {
  const file = pathToFileURL(join(bench.root, "apps", "server", "dist", "report-worker.mjs"));
  const code = async () => ({ file });
  const inLoop = reportDesk({ atOnceBytes: Number.POSITIVE_INFINITY }, code);
  const figures: Figure[] = [];
  for (const report of reportsOf(bench.quick ? BYTES_QUICK : BYTES)) {
    if (bench.signal.aborted) break;
    const size = `${(report.text.length / 1e6).toFixed(1)} MB of ${report.name}`;
    bench.say(`Judging ${size} in the loop, then in threads ...`);
    const before = await waitsWhile(bench, inLoop, report);
    const after = await waitsWhile(bench, reportDesk({}, code), report);
    const peer = (value: number) => ({ peer: { name: "read in the loop", value } });
    figures.push(
      figure(`whoever asks the process while ${size} are judged waits, p99`, after.p99, "ms", {
        ...{ below: P99_BELOW_MS, ratioBelow: 1 },
        ...peer(before.p99),
      }),
      figure("the same, at most", after.most, "ms", peer(before.most)),
      figure("until it is judged, median", after.judged, "ms", peer(before.judged)),
    );
  }
  return figures;
}

/** How long those wait who come at a steady rate: until the loop next turns, also those who come while it stands still. */
async function waitsWhile(bench: Bench, desk: ReportDesk, { task, text }: Report) {
  const ages = async () => ({ firstSeenMs: new Map<string, number>(), nowMs: 0 });
  const turns: number[] = [];
  const turning = setInterval(() => turns.push(performance.now()), 1);
  const took: number[] = [];
  await sleep(100);
  const begun = performance.now();
  for (let i = 0; i < TIMES && !bench.signal.aborted; i++) {
    const bytes = Buffer.from(text);
    const at = performance.now();
    const judged = await desk.judge(task, [{ path: "The report", bytes }], ages);
    if (judged.status !== "passed") throw new Error(judged.words);
    took.push(performance.now() - at);
    // As another request would: what is next does not begin in the same turn.
    await sleep(20);
  }
  const ended = performance.now();
  clearInterval(turning);
  desk.abort();
  const waits: number[] = [];
  let next = 0;
  for (let due = begun; due < ended; due += ASKED_EVERY_MS) {
    while (next < turns.length && (turns[next] ?? 0) < due) next += 1;
    waits.push((turns[next] ?? ended) - due);
  }
  return { p99: quantile(waits, 0.99), most: Math.max(...waits), judged: quantile(took, 0.5) };
}
