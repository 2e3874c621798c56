import type { Bench, Figure } from "../figure.ts";
import { measureProxies } from "./gateway.ts";

/** The topic `foundation`: what the ledger and the gateway cost, and how they do at a year's size. */
const MEASURES = {
  gateway: measureProxies,
} as const satisfies Record<string, (bench: Bench) => Promise<Figure[]>>;
export type FoundationPart = keyof typeof MEASURES;
export const FOUNDATION_PARTS = Object.keys(MEASURES) as FoundationPart[];

export async function benchFoundation(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const part of FOUNDATION_PARTS)
    if (only.length === 0 || only.includes(part)) figures.push(...(await MEASURES[part](bench)));
  return figures;
}
