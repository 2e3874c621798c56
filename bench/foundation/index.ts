import { measureRollback } from "../delivery/rollback.ts";
import type { Bench, Figure } from "../figure.ts";
import type { Installation } from "../installation.ts";
import { measureAudit } from "./audit.ts";
import { measureProxies } from "./gateway.ts";
import { measureLists } from "./lists.ts";
import { measureMutations } from "./mutations.ts";
import { measurePages } from "./pages.ts";
import { measureProofs } from "./proofs.ts";
import { measureStream } from "./stream.ts";
import { measureVerification } from "./verification.ts";
import { makeYear, withOwn, type Year } from "./year.ts";

/** The topic `foundation`: what the ledger and the gateway cost, and how they do at a year's size. */
type Measure<On extends readonly unknown[]> = (bench: Bench, ...on: On) => Promise<Figure[]>;

/** At the rate of a small team's busiest hour. */
const PER_SECOND = 1_000;
const ALONE: Readonly<Record<string, Measure<[]>>> = { gateway: measureProxies, audit: measureAudit };
const ON_NEW: Readonly<Record<string, Measure<[Installation]>>> = {
  rollback: (bench, installation) => measureRollback(bench, installation, PER_SECOND),
  stream: measureStream,
};
const ON_YEAR: Readonly<Record<string, Measure<[Year]>>> = {
  verification: measureVerification,
  proofs: measureProofs,
  lists: measureLists,
  pages: measurePages,
  mutations: measureMutations,
};
export const FOUNDATION_PARTS = [...Object.keys(ALONE), ...Object.keys(ON_NEW), ...Object.keys(ON_YEAR)];

export async function benchFoundation(bench: Bench, only: readonly string[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  const run = async <On extends readonly unknown[]>(parts: Readonly<Record<string, Measure<On>>>, ...on: On) => {
    for (const [part, measure] of Object.entries(parts))
      if (wanted(part) && !bench.signal.aborted) figures.push(...(await measure(bench, ...on)));
  };
  const wanted = (part: string) => only.length === 0 || only.includes(part);
  await run(ALONE);
  const needsYear = Object.keys(ON_YEAR).some(wanted);
  if (needsYear || Object.keys(ON_NEW).some(wanted))
    await withOwn(bench, async (installation) => {
      await run(ON_NEW, installation);
      if (needsYear) await run(ON_YEAR, await makeYear(bench, installation));
    });
  return figures;
}
