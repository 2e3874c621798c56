import type { Bench, Figure } from "../figure.ts";
import { measureEvaluation } from "./evaluate.ts";

/** The topic `flags`: what an evaluation costs beside the evaluators of others. */
export const FLAGS_PARTS = ["evaluate"] as const;

export async function benchFlags(bench: Bench): Promise<Figure[]> {
  return measureEvaluation(bench);
}
