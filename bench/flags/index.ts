import type { Bench, Figure } from "../figure.ts";
import { measureAgreement } from "./agree.ts";
import { measureEvaluation } from "./evaluate.ts";
import { measureExperiments } from "./experiments.ts";
import { measureOfrep } from "./ofrep.ts";

/** The topic `flags`: what an evaluation costs beside the evaluators of others, what applications wait for, and what a rollout's watch is worth. */
export const FLAGS_PARTS = ["evaluate", "agree", "ofrep", "experiments"] as const;

export async function benchFlags(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const is = (part: (typeof FLAGS_PARTS)[number]) => only.length === 0 || only.includes(part);
  return [
    ...(is("evaluate") ? await measureEvaluation(bench) : []),
    ...(is("agree") ? measureAgreement(bench) : []),
    ...(is("ofrep") ? await measureOfrep(bench) : []),
    ...(is("experiments") ? await measureExperiments(bench) : []),
  ];
}
