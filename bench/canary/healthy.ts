import { CELLS, type Cell, keyOf } from "./cells.ts";
import type { Results } from "./results.ts";

/** More than one healthy release in ten: what such a rule "finds" is no finding. */
const OFTEN = 0.1;

/** Whether a rule also rolls back healthy releases at the rate and error ratio of a cell; false where that was not played. */
export function blamesHealthy(results: Results, cell: Cell, rule: string): boolean {
  const same = CELLS.find(
    (c) =>
      c.part === "false-rollbacks" &&
      c.model.harm === undefined &&
      c.requestsPerSecond === cell.requestsPerSecond &&
      c.model.baseline.errorRatio === cell.model.baseline.errorRatio,
  );
  const s = same ? results.cells[keyOf(same)]?.[rule] : undefined;
  return s !== undefined && s.rolledBack > OFTEN * s.runs;
}
