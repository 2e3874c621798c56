import type { ErrorBudget } from "@latchkey/core/delivery/gates/error-budget";
import type { Differences, GateCaller, ReportDesk, Reports, Sizes } from "@latchkey/core/delivery/gates/evidence-ports";
import type { Builder } from "@latchkey/core/delivery/ports";
import type { Transactions } from "../platform/database.ts";
import { type ApprovalGateParts, approvalGate } from "./approval-gate.ts";
import { commandGate } from "./command-gate.ts";
import { errorBudgetGate } from "./error-budget-gate.ts";
import { flagsGate } from "./flags-gate.ts";
import type { GateRunners } from "./gate-runner.ts";
import { httpGate } from "./http-gate.ts";
import { type MigrationsParts, migrationsGate } from "./migrations-gate.ts";
import { reportGate } from "./report-gate.ts";
import { coverageJudge, findingsJudge, licencesJudge, testsJudge } from "./report-judges.ts";
import { sizeGate } from "./size-gate.ts";
import { windowGate } from "./window-gate.ts";
import { zeroTouchGate } from "./zero-touch-gate.ts";

export interface GateParts {
  readonly builder: Pick<Builder, "gate" | "changesBetween">;
  readonly database: Transactions;
  readonly reports: Reports;
  readonly desk: Pick<ReportDesk, "judge">;
  readonly differences: Differences;
  readonly sizes: Sizes;
  readonly caller: GateCaller;
  readonly baseUrl: string;
  readonly errorBudget: ErrorBudget;
  readonly migrations: Omit<MigrationsParts, "database">;
  readonly openNames: ApprovalGateParts["openNames"];
  readonly cameToBranch: ApprovalGateParts["cameToBranch"];
}

/** One runner for each kind of gate: another kind is a line here and one in packages/api/src/gates.ts. */
export const gateRunners = (parts: GateParts): GateRunners => ({
  command: commandGate(parts.builder),
  tests: reportGate(parts, testsJudge(parts)),
  coverage: reportGate(parts, coverageJudge(parts)),
  findings: reportGate(parts, findingsJudge(parts)),
  licences: reportGate(parts, licencesJudge(parts)),
  size: sizeGate(parts.sizes),
  http: httpGate(parts),
  approval: approvalGate(parts),
  window: windowGate,
  error_budget: errorBudgetGate(parts.errorBudget),
  zero_touch: zeroTouchGate(parts),
  flags: flagsGate(parts),
  migrations: migrationsGate({ ...parts.migrations, database: parts.database }),
});
