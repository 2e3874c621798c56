import type { Bench, Figure } from "../figure.ts";
import { measureAgreement } from "./agree.ts";
import { measureEvaluation } from "./evaluate.ts";
import { measureExperiments } from "./experiments.ts";
import { measureKill } from "./kill.ts";
import { measureOfrep } from "./ofrep.ts";
import { measureSdk } from "./sdk.ts";

/**
 * The topic `flags`: an evaluation beside those of others, whether others agree with ours, what applications wait for, how soon a kill is a value, what a
 * rollout's watch is worth, and what the SDK costs a program.
 */
const PARTS: Readonly<Record<string, (bench: Bench) => Figure[] | Promise<Figure[]>>> = {
  evaluate: measureEvaluation,
  agree: measureAgreement,
  ofrep: measureOfrep,
  kill: measureKill,
  experiments: measureExperiments,
  sdk: measureSdk,
};
export const FLAGS_PARTS = Object.keys(PARTS);

export async function benchFlags(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(PARTS))
    if (only.length === 0 || only.includes(name)) figures.push(...(await measure(bench)));
  return figures;
}
