import type { Builder } from "@latchkey/core/delivery/ports";
import { commandGate } from "./command-gate.ts";
import { type GateRunners, unavailable } from "./gate-runner.ts";

export interface GateParts {
  readonly builder: Pick<Builder, "gate">;
}

/** One runner for each kind of gate: another kind is a line here and one in packages/api/src/gates.ts. */
export const gateRunners = ({ builder }: GateParts): GateRunners => ({
  command: commandGate(builder),
  tests: unavailable("reader of test reports"),
  coverage: unavailable("reader of coverage reports"),
  findings: unavailable("reader of findings"),
  licences: unavailable("reader of licences"),
  size: unavailable("measure of sizes"),
  http: unavailable("caller of other systems"),
  approval: unavailable("approvals"),
  window: unavailable("windows"),
  error_budget: unavailable("error budgets"),
});
