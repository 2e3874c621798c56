import type { Bench, Figure } from "../figure.ts";
import { fuzzApi } from "./api.ts";
import { fuzzGateway } from "./gateway.ts";

/** The topic `fuzz`: requests that nobody would send, to every route of the server and to the gateway. */
export const PARTS = ["api", "gateway"] as const;

export async function benchFuzz(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const wanted = (part: (typeof PARTS)[number]) => only.length === 0 || only.includes(part);
  const figures: Figure[] = [];
  if (wanted("api")) figures.push(...(await fuzzApi(bench)));
  if (wanted("gateway")) figures.push(...(await fuzzGateway(bench)));
  return figures;
}
