import type { GateConfig } from "@latchkey/api/gates";
import type { CoverageContext } from "@latchkey/core/delivery/gates/coverage";
import type { Differences, ReportDesk } from "@latchkey/core/delivery/gates/evidence-ports";
import { GUIDE_FINDING_POLICY } from "@latchkey/core/delivery/gates/findings";
import { findEnvironment } from "../catalog/index.ts";
import type { Transactions } from "../platform/database.ts";
import { findDeployment } from "./deployments.store.ts";
import { seeFindings } from "./finding-ages.store.ts";
import type { GateContext } from "./gate-runner.ts";
import { findRelease } from "./releases.store.ts";
import type { ReportJudge } from "./report-gate.ts";

export interface JudgeParts {
  readonly database: Transactions;
  readonly desk: Pick<ReportDesk, "judge">;
  readonly differences: Differences;
}

const COVERAGE_FLOOR_PERCENT = 80;
/** Only findings have an age. */
const NO_AGES = async () => ({ firstSeenMs: new Map<string, number>(), nowMs: 0 });

export const testsJudge = ({ desk }: JudgeParts): ReportJudge => ({
  mustExitWell: true,
  judge: (files, gate) => {
    const policy = { minimumTests: gate.minimumTests ?? 1, maximumSkipped: gate.maximumSkipped ?? null };
    return desk.judge({ kind: "tests", policy }, files, NO_AGES);
  },
});

export const coverageJudge = (parts: JudgeParts): ReportJudge => ({
  mustExitWell: true,
  judge: async (files, gate, context) => {
    const policy = {
      floorPercent: gate.floorPercent ?? COVERAGE_FLOOR_PERCENT,
      changedFloorPercent: gate.changedFloorPercent ?? null,
      mayDropPoints: gate.mayDropPoints ?? 0,
    };
    const compared = await comparedWith(parts, gate, context);
    return parts.desk.judge({ kind: "coverage", policy, ...compared }, files, NO_AGES);
  },
});

/** What the environment serves now is what a release is compared with. */
async function comparedWith(
  parts: JudgeParts,
  gate: GateConfig,
  context: GateContext,
): Promise<Pick<CoverageContext, "beforePercent"> & { readonly diff: string | null }> {
  const { db } = parts.database;
  const { deployment, service } = context;
  const environment = await findEnvironment(db, service.project, service.name, deployment.environment);
  const served = environment?.serving_deployment_id
    ? await findDeployment(db, environment.serving_deployment_id)
    : null;
  const before = served?.gates.find(({ name }) => name === gate.name)?.figures?.find(({ name }) => name === "lines");
  const beforePercent = before?.value ?? null;
  if (gate.changedFloorPercent === undefined) return { beforePercent, diff: null };
  return { beforePercent, diff: await diffSinceServing(parts, context) };
}

/** What a release changes of what its environment serves; everything where nothing is served. Null where nobody can say. */
export async function diffSinceServing(
  { database, differences }: Pick<JudgeParts, "database" | "differences">,
  { deployment, service, release, folder }: GateContext,
): Promise<string | null> {
  const environment = await findEnvironment(database.db, service.project, service.name, deployment.environment);
  const from = environment?.serving_release_id ? await findRelease(database.db, environment.serving_release_id) : null;
  // Where the release that serves is of no commit, nobody can say what has changed since.
  if (from && !from.commit_sha) return null;
  const to = release?.dirty ? null : (release?.commit_sha ?? null);
  return differences.diff(folder, from?.commit_sha ?? null, to);
}

export const findingsJudge = ({ database, desk }: JudgeParts): ReportJudge => ({
  mustExitWell: false,
  judge: (files, gate, { service }) => {
    const of = { project: service.project, service: service.name, gate: gate.name };
    const { critical, high, medium, low } = GUIDE_FINDING_POLICY;
    const own = (hours: number | null | undefined, guide: number | null) => (hours === undefined ? guide : hours);
    const policy = {
      critical: own(gate.criticalHours, critical),
      high: own(gate.highHours, high),
      medium: own(gate.mediumHours, medium),
      low: own(gate.lowHours, low),
    };
    return desk.judge({ kind: "findings", policy }, files, (keys) =>
      database.transaction((tx) => seeFindings(tx, of, keys)),
    );
  },
});

export const licencesJudge = ({ desk }: JudgeParts): ReportJudge => ({
  mustExitWell: false,
  judge: (files, gate) => {
    const policy = {
      allow: gate.permit ?? null,
      deny: gate.deny ?? [],
      unknown: gate.unknownLicence ?? "fail",
      except: gate.except ?? [],
    };
    return desk.judge({ kind: "licences", policy }, files, NO_AGES);
  },
});
