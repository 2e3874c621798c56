import type { MigrationPhase } from "./schema.ts";

/** How many files there are of each phase, in words. */
export function phaseWords(phases: readonly MigrationPhase[]): string {
  const contracts = phases.filter((phase) => phase === "contract").length;
  const all = `${phases.length} ${phases.length === 1 ? "migration" : "migrations"}`;
  if (contracts === 0) return all;
  return contracts === phases.length ? `${all}, contract` : `${all}, ${contracts} of them contract`;
}
