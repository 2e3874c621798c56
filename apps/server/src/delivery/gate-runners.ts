import type { ErrorBudget } from "@latchkey/core/delivery/gates/error-budget";
import type { Builder } from "@latchkey/core/delivery/ports";
import type { Transactions } from "../platform/database.ts";
import { type ApprovalGateParts, approvalGate } from "./approval-gate.ts";
import { commandGate } from "./command-gate.ts";
import { errorBudgetGate } from "./error-budget-gate.ts";
import { type GateRunners, unavailable } from "./gate-runner.ts";
import { windowGate } from "./window-gate.ts";

export interface GateParts {
  readonly database: Transactions;
  readonly builder: Pick<Builder, "gate" | "changesBetween">;
  readonly errorBudget: ErrorBudget;
  readonly openNames: ApprovalGateParts["openNames"];
}

/** One runner for each kind of gate: another kind is a line here and one in packages/api/src/gates.ts. */
export const gateRunners = ({ database, builder, errorBudget, openNames }: GateParts): GateRunners => ({
  command: commandGate(builder),
  tests: unavailable("reader of test reports"),
  coverage: unavailable("reader of coverage reports"),
  findings: unavailable("reader of findings"),
  licences: unavailable("reader of licences"),
  size: unavailable("measure of sizes"),
  http: unavailable("caller of other systems"),
  approval: approvalGate({ database, builder, openNames }),
  window: windowGate,
  error_budget: errorBudgetGate(errorBudget),
});
