import type { Bench, Figure } from "../figure.ts";
import { measureEvaluation } from "./evaluate.ts";
import { measureSdk } from "./sdk.ts";

/** The topic `flags`: what an evaluation costs beside the evaluators of others; how soon a program has its first value. */
const PARTS: Readonly<Record<string, (bench: Bench) => Promise<Figure[]>>> = {
  evaluate: measureEvaluation,
  sdk: measureSdk,
};
export const FLAGS_PARTS = Object.keys(PARTS);

export async function benchFlags(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(PARTS))
    if (only.length === 0 || only.includes(name)) figures.push(...(await measure(bench)));
  return figures;
}
