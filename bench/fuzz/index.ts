import type { Bench, Figure } from "../figure.ts";
import { fuzzApi } from "./api.ts";

/** The topic `fuzz`: requests that nobody would send, to every route of the server. */
export const PARTS = ["api"] as const;

export async function benchFuzz(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const wanted = (part: (typeof PARTS)[number]) => only.length === 0 || only.includes(part);
  const figures: Figure[] = [];
  if (wanted("api")) figures.push(...(await fuzzApi(bench)));
  return figures;
}
