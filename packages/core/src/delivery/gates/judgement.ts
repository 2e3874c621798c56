/** What a gate's evidence comes to. A report that can't be read, or that covers nothing, is no pass: it could not run. */
export interface GateJudgement {
  readonly status: "passed" | "failed" | "could_not_run";
  /** One sentence for people. */
  readonly words: string;
  readonly figures: readonly GateFigure[];
  /** What to mend, most important first: at most `DETAILS_MAX` lines. */
  readonly details: readonly string[];
}

export interface GateFigure {
  readonly name: string;
  readonly value: number;
  readonly unit: "count" | "percent" | "bytes";
  /** What the policy allows; null where it sets none. */
  readonly limit: number | null;
  readonly holds: boolean;
}

/** A page of them is what people read; the report has the rest. */
export const DETAILS_MAX = 50;

export function firstOf(details: readonly string[]): readonly string[] {
  if (details.length <= DETAILS_MAX) return details;
  const rest = details.length - (DETAILS_MAX - 1);
  return [...details.slice(0, DETAILS_MAX - 1), `and ${rest} more`];
}

/** Fails when a figure does not hold, and says which. */
export function judgeFigures(
  figures: readonly GateFigure[],
  passed: string,
  failed: readonly string[],
  details: readonly string[] = [],
): GateJudgement {
  const isGood = figures.every((figure) => figure.holds);
  return {
    status: isGood ? "passed" : "failed",
    words: isGood ? passed : failed.join(" "),
    figures,
    details: firstOf(details),
  };
}

export const couldNotRun = (words: string): GateJudgement => ({
  status: "could_not_run",
  words,
  figures: [],
  details: [],
});

/** "1 test", "2 tests". */
export const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
