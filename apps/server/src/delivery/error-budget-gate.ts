import { type ErrorBudget, judgeBudget } from "@latchkey/core/delivery/gates/error-budget";
import type { GateRunner } from "./gate-runner.ts";

/** The whole budget, where a gate says no share: a configuration without one is refused before. */
const ALL_PERCENT = 100;

/** Lets a release out only while enough of the error budget is left. It is spent while others wait: asked last. */
export const errorBudgetGate = (budget: ErrorBudget): GateRunner => ({
  isOfTheMoment: true,
  run: async (gate, { deployment }) =>
    judgeBudget(await budget.remaining(deployment.service, deployment.environment), gate.minimumPercent ?? ALL_PERCENT),
});
