import { couldNotRun, type GateFigure, type GateJudgement, judgeFigures } from "./judgement.ts";

/** Lines of a file, by number: how often each was run. */
export type LineHits = ReadonlyMap<number, number>;

/** Coverage by line. A summary has counts alone: what changed can't be judged by it. */
export type CoverageEvidence =
  | { readonly kind: "lines"; readonly files: ReadonlyMap<string, LineHits> }
  | { readonly kind: "summary"; readonly lines: number; readonly hit: number };

/** Numbers of the lines that a change adds or rewrites, by path from the repository's root. */
export type ChangedLines = ReadonlyMap<string, ReadonlySet<number>>;

export interface CoveragePolicy {
  /** Percent of all lines, 0 to 100. */
  readonly floorPercent: number;
  /** Percent of the lines that the change touches; null: not asked for. */
  readonly changedFloorPercent: number | null;
  /** By how many percentage points coverage may fall below what it was; null: by any. */
  readonly mayDropPoints: number | null;
}

export interface CoverageContext {
  /** What the release that serves had, in percent; null when it is not known. */
  readonly beforePercent: number | null;
  /** null when nobody could say what changed. */
  readonly changed: ChangedLines | null;
}

interface Count {
  lines: number;
  hit: number;
}
const percentOf = ({ lines, hit }: Count): number => (100 * hit) / lines;
const asText = (percent: number): string => `${(Math.floor(percent * 100) / 100).toFixed(2)} %`;

export function totalOf(evidence: CoverageEvidence): Count {
  if (evidence.kind === "summary") return { lines: evidence.lines, hit: evidence.hit };
  const total = { lines: 0, hit: 0 };
  for (const hits of evidence.files.values())
    for (const n of hits.values()) {
      total.lines += 1;
      if (n > 0) total.hit += 1;
    }
  return total;
}

/**
 * The report's name of a changed file. Tools write absolute paths, or paths from a package's folder: the file is meant
 * whose path ends as the other does, whole folders at a time; the longest such path where there are several.
 */
function findFile(files: ReadonlyMap<string, LineHits>, path: string): string | null {
  let best: string | null = null;
  for (const name of files.keys()) {
    const isSame = name === path || name.endsWith(`/${path}`) || path.endsWith(`/${name}`);
    if (isSame && (best === null || name.length > best.length)) best = name;
  }
  return best;
}

interface Uncovered extends Count {
  readonly missing: readonly string[];
}

/** Coverage of changed lines: those that the report knows as code. Comments and files it does not measure count for nothing. */
export function changedCoverage(files: ReadonlyMap<string, LineHits>, changed: ChangedLines): Uncovered {
  const total = { lines: 0, hit: 0 };
  const missing: string[] = [];
  for (const [path, lines] of changed) {
    const hits = files.get(findFile(files, path) ?? "");
    if (!hits) continue;
    const bare: number[] = [];
    for (const line of lines) {
      const n = hits.get(line);
      if (n === undefined) continue;
      total.lines += 1;
      if (n > 0) total.hit += 1;
      else bare.push(line);
    }
    if (bare.length > 0) missing.push(`${path}: not covered ${ranges(bare)}`);
  }
  return { ...total, missing };
}

/** "lines 3, 7-9". */
function ranges(lines: readonly number[]): string {
  const sorted = [...lines].sort((a, b) => a - b);
  const parts: [number, number][] = [];
  for (const line of sorted) {
    const last = parts.at(-1);
    if (last && line === last[1] + 1) last[1] = line;
    else parts.push([line, line]);
  }
  const words = parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
  return `${sorted.length === 1 ? "line" : "lines"} ${words}`;
}

/**
 * Passes when all lines reach the floor, the changed ones reach theirs, and the whole has not dropped. Where a figure that
 * the policy asks for can't be worked out, the gate could not run; a first release has nothing to drop from.
 */
export function judgeCoverage(
  evidence: CoverageEvidence,
  policy: CoveragePolicy,
  context: CoverageContext,
): GateJudgement {
  const total = totalOf(evidence);
  if (total.lines === 0) return couldNotRun("The report covers no line: nothing was measured.");
  const percent = percentOf(total);
  const figures: GateFigure[] = [
    {
      name: "lines",
      value: percent,
      unit: "percent",
      limit: policy.floorPercent,
      holds: percent >= policy.floorPercent,
    },
  ];
  const why = figures[0]?.holds
    ? []
    : [`${asText(percent)} of all lines are covered; the floor is ${policy.floorPercent} %.`];
  const dropped = judgeDrop(percent, policy, context);
  if (dropped) {
    figures.push(dropped);
    if (!dropped.holds)
      why.push(
        `Coverage fell from ${asText(context.beforePercent ?? 0)} to ${asText(percent)}; it may fall by ${policy.mayDropPoints} points.`,
      );
  }
  let missing: readonly string[] = [];
  if (policy.changedFloorPercent !== null) {
    if (evidence.kind === "summary")
      return couldNotRun(
        "A summary has no lines: changed lines can't be judged by it. Report lcov or Cobertura instead.",
      );
    if (context.changed === null)
      return couldNotRun("What changed is not known, so that changed lines can't be judged.");
    const changed = changedCoverage(evidence.files, context.changed);
    missing = changed.missing;
    if (changed.lines > 0) {
      const value = percentOf(changed);
      const holds = value >= policy.changedFloorPercent;
      figures.push({ name: "changed lines", value, unit: "percent", limit: policy.changedFloorPercent, holds });
      if (!holds)
        why.push(
          `${asText(value)} of the ${changed.lines} changed lines are covered; the floor is ${policy.changedFloorPercent} %.`,
        );
    }
  }
  return judgeFigures(figures, `${asText(percent)} of all lines are covered.`, why, missing);
}

function judgeDrop(percent: number, policy: CoveragePolicy, context: CoverageContext): GateFigure | null {
  if (policy.mayDropPoints === null || context.beforePercent === null) return null;
  const limit = context.beforePercent - policy.mayDropPoints;
  // Percentages come from division twice, of other numbers: what differs by rounding alone is no drop.
  return { name: "no drop", value: percent, unit: "percent", limit, holds: percent >= limit - 1e-9 };
}
