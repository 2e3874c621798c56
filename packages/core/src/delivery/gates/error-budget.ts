import { couldNotRun, type GateJudgement } from "./judgement.ts";

/** How much of a service's error budget is left. */
export type BudgetReading =
  | {
      readonly kind: "known";
      /** 1: nothing is spent; 0: all is; below 0: more than all. */
      readonly remainingRatio: number;
    }
  /** `words`: a sentence that says why nobody can tell. */
  | { readonly kind: "unavailable"; readonly words: string };

/** Who knows the error budgets. Never rejects: what can't be told is unavailable. */
export interface ErrorBudget {
  remaining(service: string, environment: string): Promise<BudgetReading>;
}

/** Until a room keeps error budgets: nobody can tell, so that nothing passes by it. */
export const NO_ERROR_BUDGET: ErrorBudget = {
  remaining: async () => ({
    kind: "unavailable",
    words: "This version of Latchkey keeps no error budgets yet. Take the gate away, or make it required: false.",
  }),
};

/** Whether enough is left to take a risk. `minimumPercent` is of the whole budget. What is not known is no pass. */
export function judgeBudget(reading: BudgetReading, minimumPercent: number): GateJudgement {
  if (reading.kind === "unavailable") return couldNotRun(`Unavailable: ${reading.words}`);
  if (!Number.isFinite(reading.remainingRatio))
    return couldNotRun("Unavailable: the error budget could not be worked out.");
  const value = reading.remainingRatio * 100;
  const holds = value >= minimumPercent;
  const left = `${Math.round(value * 10) / 10} % of the error budget is left`;
  return {
    status: holds ? "passed" : "failed",
    words: holds ? `${left}.` : `${left}; it takes ${minimumPercent} %.`,
    figures: [{ name: "error budget left", value, unit: "percent", limit: minimumPercent, holds }],
    details: [],
  };
}
