import type { Bench, Figure } from "../figure.ts";
import { measureEvaluation } from "./evaluate.ts";
import { measureExperiments } from "./experiments.ts";

/** The topic `flags`: what an evaluation costs beside the evaluators of others, and what a rollout's watch is worth. */
export const FLAGS_PARTS = ["evaluate", "experiments"] as const;

export async function benchFlags(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const is = (part: (typeof FLAGS_PARTS)[number]) => only.length === 0 || only.includes(part);
  return [
    ...(is("evaluate") ? await measureEvaluation(bench) : []),
    ...(is("experiments") ? await measureExperiments(bench) : []),
  ];
}
