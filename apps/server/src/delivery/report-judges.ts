import type { GateConfig } from "@latchkey/api/gates";
import {
  type ChangedLines,
  type CoverageContext,
  type CoverageEvidence,
  judgeCoverage,
} from "@latchkey/core/delivery/gates/coverage";
import { readCobertura, readIstanbulSummary, readLcov } from "@latchkey/core/delivery/gates/coverage-reports";
import type { Differences, ReportFile, Reports } from "@latchkey/core/delivery/gates/evidence-ports";
import { type Finding, GUIDE_FINDING_POLICY, judgeFindings } from "@latchkey/core/delivery/gates/findings";
import { couldNotRun, type GateJudgement } from "@latchkey/core/delivery/gates/judgement";
import { readSarif } from "@latchkey/core/delivery/gates/sarif";
import { type Component, judgeLicences, readCycloneDx } from "@latchkey/core/delivery/gates/sbom";
import { readJUnit, readNodeTest, readVitestJson } from "@latchkey/core/delivery/gates/test-reports";
import { judgeTests, type TestEvidence } from "@latchkey/core/delivery/gates/tests";
import { readDiff } from "@latchkey/core/delivery/gates/unified-diff";
import { err, ok, type Result } from "@latchkey/core/shared/result";
import { findEnvironment } from "../catalog/index.ts";
import type { Transactions } from "../platform/database.ts";
import { findDeployment } from "./deployments.store.ts";
import { seeFindings } from "./finding-ages.store.ts";
import type { GateContext } from "./gate-runner.ts";
import { findRelease } from "./releases.store.ts";
import type { ReportJudge } from "./report-gate.ts";

export interface JudgeParts {
  readonly database: Transactions;
  readonly reports: Pick<Reports, "readXml">;
  readonly differences: Differences;
}

/** A scanner that finds more has found its own mistake. */
const FINDINGS_MAX = 20_000;
const COVERAGE_FLOOR_PERCENT = 80;

/** Reads all files of a gate; the first that can't be read is the answer, with its name. */
function readAll<T>(files: readonly ReportFile[], read: (text: string) => Result<T, string>): Result<T[], string> {
  const all: T[] = [];
  for (const { path, text } of files) {
    const one = read(text);
    if (!one.ok) return err(`${path} ${one.error}`);
    all.push(one.value);
  }
  return ok(all);
}

function readJson(text: string): Result<unknown, string> {
  try {
    return ok(JSON.parse(text.replace(/^\uFEFF/, "")) as unknown);
  } catch {
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

export const testsJudge = ({ reports }: JudgeParts): ReportJudge => ({
  mustExitWell: true,
  judge: async (files, gate) => {
    const read = readAll(files, (text): Result<TestEvidence, string> => {
      if (isXml(text)) {
        const root = reports.readXml(text);
        return root.ok ? readJUnit(root.value) : root;
      }
      // One document is Vitest's or Jest's; events of node:test are one a line.
      const whole = readJson(text);
      return whole.ok && !/^\s*\{"type":"test:/.test(text) ? readVitestJson(whole.value) : readNodeTest(text);
    });
    if (!read.ok) return couldNotRun(read.error);
    const sum = (of: (one: TestEvidence) => number) => read.value.reduce((n, one) => n + of(one), 0);
    const all: TestEvidence = {
      passed: sum((one) => one.passed),
      skipped: sum((one) => one.skipped),
      failed: read.value.flatMap((one) => one.failed),
      broken: read.value.flatMap((one) => one.broken),
      flaky: read.value.flatMap((one) => one.flaky),
    };
    return judgeTests(all, { minimumTests: gate.minimumTests ?? 1, maximumSkipped: gate.maximumSkipped ?? null });
  },
});

export const coverageJudge = (parts: JudgeParts): ReportJudge => ({
  mustExitWell: true,
  judge: async (files, gate, context) => {
    const read = readAll(files, (text): Result<CoverageEvidence, string> => {
      if (!isXml(text)) return /^\uFEFF?\s*\{/.test(text) ? jsonThen(readIstanbulSummary)(text) : readLcov(text);
      const root = parts.reports.readXml(text);
      return root.ok ? readCobertura(root.value) : root;
    });
    if (!read.ok) return couldNotRun(read.error);
    const evidence = mergeCoverage(read.value);
    if (!evidence) return couldNotRun("Some reports are summaries and some have lines: they can't be added up.");
    const policy = {
      floorPercent: gate.floorPercent ?? COVERAGE_FLOOR_PERCENT,
      changedFloorPercent: gate.changedFloorPercent ?? null,
      mayDropPoints: gate.mayDropPoints ?? 0,
    };
    return judgeCoverage(evidence, policy, await coverageContext(parts, gate, context));
  },
});

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

/** What the environment serves now is what a release is compared with. */
async function coverageContext(parts: JudgeParts, gate: GateConfig, context: GateContext): Promise<CoverageContext> {
  const { db } = parts.database;
  const { deployment, service, release, folder } = context;
  const environment = await findEnvironment(db, service.project, service.name, deployment.environment);
  const served = environment?.serving_deployment_id
    ? await findDeployment(db, environment.serving_deployment_id)
    : null;
  const before = served?.gates.find(({ name }) => name === gate.name)?.figures?.find(({ name }) => name === "lines");
  const beforePercent = before?.value ?? null;
  if (gate.changedFloorPercent === undefined) return { beforePercent, changed: null };
  const from = environment?.serving_release_id ? await findRelease(db, environment.serving_release_id) : null;
  // Where the release that serves is of no commit, nobody can say what has changed since.
  if (from && !from.commit_sha) return { beforePercent, changed: null };
  const diff = await parts.differences.diff(
    folder,
    from?.commit_sha ?? null,
    release?.dirty ? null : (release?.commit_sha ?? null),
  );
  const changed: ChangedLines | null = diff === null ? null : readDiff(diff);
  return { beforePercent, changed };
}

export const findingsJudge = ({ database }: JudgeParts): ReportJudge => ({
  mustExitWell: false,
  judge: async (files, gate, { service }): Promise<GateJudgement> => {
    const read = readAll(files, jsonThen(readSarif));
    if (!read.ok) return couldNotRun(read.error);
    const findings: readonly Finding[] = read.value.flat();
    if (findings.length > FINDINGS_MAX)
      return couldNotRun(`The reports have ${findings.length} findings; ${FINDINGS_MAX} are the most that is read.`);
    const of = { project: service.project, service: service.name, gate: gate.name };
    const ages = await database.transaction((tx) =>
      seeFindings(
        tx,
        of,
        findings.map(({ key }) => key),
      ),
    );
    const { critical, high, medium, low } = GUIDE_FINDING_POLICY;
    const own = (hours: number | null | undefined, guide: number | null) => (hours === undefined ? guide : hours);
    const policy = {
      critical: own(gate.criticalHours, critical),
      high: own(gate.highHours, high),
      medium: own(gate.mediumHours, medium),
      low: own(gate.lowHours, low),
    };
    return judgeFindings(findings, policy, ages.firstSeenMs, ages.nowMs);
  },
});

export const licencesJudge = (): ReportJudge => ({
  mustExitWell: false,
  judge: async (files, gate) => {
    const read = readAll(files, jsonThen(readCycloneDx));
    if (!read.ok) return couldNotRun(read.error);
    const components: readonly Component[] = read.value.flat();
    return judgeLicences(components, {
      allow: gate.permit ?? null,
      deny: gate.deny ?? [],
      unknown: gate.unknownLicence ?? "fail",
      except: gate.except ?? [],
    });
  },
});
