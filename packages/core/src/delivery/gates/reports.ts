import { err, ok, type Result } from "../../shared/result.ts";
import { type CoverageEvidence, type CoveragePolicy, judgeCoverage } from "./coverage.ts";
import { readCobertura, readIstanbulSummary, readLcov } from "./coverage-reports.ts";
import type { XmlReader } from "./evidence-ports.ts";
import { type Finding, type FindingAges, type FindingPolicy, judgeFindings } from "./findings.ts";
import { couldNotRun, type GateJudgement } from "./judgement.ts";
import { readSarif } from "./sarif.ts";
import { type Component, judgeLicences, type LicencePolicy, readCycloneDx } from "./sbom.ts";
import { readJUnit, readNodeTest, readVitestJson } from "./test-reports.ts";
import { judgeTests, type TestEvidence, type TestPolicy } from "./tests.ts";
import { readDiff } from "./unified-diff.ts";

/** A scanner that finds more has found its own mistake. */
const FINDINGS_MAX = 20_000;

export interface ReportText {
  readonly path: string;
  readonly text: string;
}

/** What is to be judged by a gate's reports: data alone, so that it can be done elsewhere than where it was asked for. */
export type ReportTask =
  | { readonly kind: "tests"; readonly policy: TestPolicy }
  | {
      readonly kind: "coverage";
      readonly policy: CoveragePolicy;
      /** What the release that serves had, in percent; null when it is not known. */
      readonly beforePercent: number | null;
      /** A unified diff of what changed; null when nobody could say. */
      readonly diff: string | null;
    }
  | { readonly kind: "findings"; readonly policy: FindingPolicy }
  | { readonly kind: "licences"; readonly policy: LicencePolicy };

export interface ReportParts {
  readonly readXml: XmlReader;
  /** Since when each finding is known. Asked at most once, and only where there are no more than can be kept. */
  readonly agesOf: (keys: readonly string[]) => Promise<FindingAges>;
}

/** Judges a gate's reports. The first that can't be read is the answer, by its name: it could not run. */
export async function judgeReports(
  task: ReportTask,
  files: readonly ReportText[],
  parts: ReportParts,
): Promise<GateJudgement> {
  switch (task.kind) {
    case "tests":
      return judgeRead(readAll(files, testsIn(parts.readXml)), (all) => judgeTests(sumOf(all), task.policy));
    case "coverage":
      return judgeRead(readAll(files, coverageIn(parts.readXml)), (all) => judgeAllCoverage(task, all));
    case "licences":
      return judgeRead(readAll(files, jsonThen(readCycloneDx)), (all) =>
        judgeLicences(all.flat() as readonly Component[], task.policy),
      );
    case "findings": {
      const read = readAll(files, jsonThen(readSarif));
      if (!read.ok) return couldNotRun(read.error);
      const findings: readonly Finding[] = read.value.flat();
      if (findings.length > FINDINGS_MAX)
        return couldNotRun(`The reports have ${findings.length} findings; ${FINDINGS_MAX} are the most that is read.`);
      const ages = await parts.agesOf(findings.map(({ key }) => key));
      return judgeFindings(findings, task.policy, ages.firstSeenMs, ages.nowMs);
    }
  }
}

const judgeRead = <T>(read: Result<T, string>, judge: (value: T) => GateJudgement): GateJudgement =>
  read.ok ? judge(read.value) : couldNotRun(read.error);

function readAll<T>(files: readonly ReportText[], read: (text: string) => Result<T, string>): Result<T[], string> {
  const all: T[] = [];
  for (const { path, text } of files) {
    const one = readOne(text, read);
    if (!one.ok) return err(`${path} ${one.error}`);
    all.push(one.value);
  }
  return ok(all);
}

/** What is nested without end breaks whoever follows it. */
function readOne<T>(text: string, read: (text: string) => Result<T, string>): Result<T, string> {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof RangeError) return err("is nested too deep, or too large, to be read.");
    throw error;
  }
}

function readJson(text: string): Result<unknown, string> {
  try {
    return ok(JSON.parse(text.replace(/^\uFEFF/, "")) as unknown);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return err("is no JSON, or was cut short.");
  }
}
const isXml = (text: string): boolean => /^\uFEFF?\s*</.test(text);
const jsonThen =
  <T>(read: (report: unknown) => Result<T, string>) =>
  (text: string): Result<T, string> => {
    const json = readJson(text);
    return json.ok ? read(json.value) : json;
  };

const testsIn =
  (readXml: XmlReader) =>
  (text: string): Result<TestEvidence, string> => {
    if (isXml(text)) {
      const root = readXml(text);
      return root.ok ? readJUnit(root.value) : root;
    }
    // One document is Vitest's or Jest's; events of node:test are one a line.
    if (/^\uFEFF?\s*\{"type":"test:/.test(text)) return readNodeTest(text);
    const whole = readJson(text);
    return whole.ok ? readVitestJson(whole.value) : readNodeTest(text);
  };

const coverageIn =
  (readXml: XmlReader) =>
  (text: string): Result<CoverageEvidence, string> => {
    if (!isXml(text)) return /^\uFEFF?\s*\{/.test(text) ? jsonThen(readIstanbulSummary)(text) : readLcov(text);
    const root = readXml(text);
    return root.ok ? readCobertura(root.value) : root;
  };

function sumOf(all: readonly TestEvidence[]): TestEvidence {
  const sum = (of: (one: TestEvidence) => number) => all.reduce((n, one) => n + of(one), 0);
  return {
    passed: sum((one) => one.passed),
    skipped: sum((one) => one.skipped),
    failed: all.flatMap((one) => one.failed),
    broken: all.flatMap((one) => one.broken),
    flaky: all.flatMap((one) => one.flaky),
  };
}

function judgeAllCoverage(
  task: Extract<ReportTask, { kind: "coverage" }>,
  all: readonly CoverageEvidence[],
): GateJudgement {
  const evidence = mergeCoverage(all);
  if (!evidence) return couldNotRun("Some reports are summaries and some have lines: they can't be added up.");
  const changed = task.diff === null ? null : readDiff(task.diff);
  return judgeCoverage(evidence, task.policy, { beforePercent: task.beforePercent, changed });
}

/** A line that several reports know ran when it ran in one. Null where they are of two kinds. */
function mergeCoverage(all: readonly CoverageEvidence[]): CoverageEvidence | null {
  const files = new Map<string, Map<number, number>>();
  let [lines, hit] = [0, 0];
  for (const one of all) {
    if (one.kind === "summary") {
      lines += one.lines;
      hit += one.hit;
      continue;
    }
    for (const [path, hits] of one.files) {
      const known = files.get(path) ?? new Map<number, number>();
      for (const [line, n] of hits) known.set(line, Math.max(n, known.get(line) ?? 0));
      files.set(path, known);
    }
  }
  const summaries = all.filter(({ kind }) => kind === "summary").length;
  if (summaries === all.length) return { kind: "summary", lines, hit };
  return summaries === 0 ? { kind: "lines", files } : null;
}
