import type { Bench, Figure } from "../figure.ts";
import { measureAccuracy } from "./accuracy.ts";
import { measureSpeed } from "./speed.ts";

/**
 * The topic `dora`: how near the keys come to the truth of a made-up world, beside the rule by which others link incidents to deployments,
 * and how long they take to work out.
 */
const PARTS: Readonly<Record<string, (bench: Bench) => Figure[]>> = { accuracy: measureAccuracy, speed: measureSpeed };
export const DORA_PARTS = Object.keys(PARTS);

export async function benchDora(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(PARTS))
    if (only.length === 0 || only.includes(name)) figures.push(...measure(bench));
  return figures;
}
